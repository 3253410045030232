"""Test a checkpoint with the test set and the metrics of a config: dos-mm3d test CONFIG CHECKPOINT [--metrics FILE]."""

import argparse
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process

from ..engine import launch
from ..engine.metric_tasks import metrics_of
from ..engine.ranks import is_first_rank
from ..engine.trained_config import warn_of_other_settings
from ..engine.work_dir import ELSEWHERE
from ..errors import InputError
from ..export.loading import require_fit
from ..files import check_output, check_writable, holds_numbers, holds_record, nan_to_none, output_path, write_json
from ..metrics.confusion import ConfusionMatrix
from ..progress import announce
from ..studies.project import config_file


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """The arguments of mmdet3d's tools/test.py that need no screen. more: arguments of ArgumentParser."""
    parser = argparse.ArgumentParser(description='Test a checkpoint', **more)
    launch.add_common_arguments(parser, config_file)
    parser.add_argument('checkpoint', type=os.path.expanduser, help='checkpoint file, or address')
    parser.add_argument('--tta', action='store_true', help="the config's test-time augmentation")
    parser.add_argument('--metrics', type=output_path, help='JSON file for the metrics')
    parser.add_argument('--confusion', type=output_path, help='JSON file for the confusion matrix of a segmentation')
    return parser


def augment_tests(cfg: Config, source: Path) -> None:
    """Show every scan many times, and average the answers."""
    if missing := [key for key in ('tta_pipeline', 'tta_model') if cfg.get(key) is None]:
        raise InputError(f'{source}: --tta needs {", ".join(missing)} in the config; there is none')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)


def add_confusion(cfg: Config, out: Path) -> None:
    """Count the confusion matrix beside the config's own metrics."""
    counted = ConfigDict(type=ConfusionMatrix.__name__, out_file=str(out))
    cfg.test_evaluator = [*metrics_of(cfg.test_evaluator), counted]


def main() -> None:
    """Build the runner, check that the checkpoint is one of this model, test."""
    args = make_parser().parse_args()
    cfg = launch.load_config(args)
    launch.require_parts(cfg, args.config, 'test')
    for out, ours in ((args.metrics, holds_numbers), (args.confusion, holds_record('classes', 'confusion'))):
        if out is not None:
            check_output(out, args.config, args.checkpoint, ours=ours)
    if args.metrics and args.confusion and args.metrics.resolve() == args.confusion.resolve():
        raise InputError(f'{args.metrics}: --metrics and --confusion name this one file; name two')
    if args.tta:
        augment_tests(cfg, args.config)
    if args.confusion is not None:
        add_confusion(cfg, args.confusion)
    cfg.load_from = args.checkpoint
    cfg.resume = False
    check_writable(cfg.work_dir, ELSEWHERE)
    launch.check_data(cfg, 'test_dataloader')
    if is_first_rank():
        where = args.metrics or cfg.work_dir
        announce(f'test: {args.checkpoint} on the test frames of {args.config}; results: {where}')
    runner = launch.build_runner(cfg)
    require_fit(runner.model, args.checkpoint, complete=True)
    warn_of_other_settings(args.checkpoint, cfg)
    metrics = runner.test()
    if args.metrics is not None and is_main_process():
        write_json(args.metrics, nan_to_none(metrics))
