"""Train what a config describes: dos-mm3d train CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--cfg-options K=V]."""

import argparse
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device

from ..engine import launch, work_dir
from ..engine.compiling import check_compile
from ..engine.counting import check_counting, other_length
from ..engine.custom_keys import check_custom_keys
from ..engine.hooks import GoOnHook, require_moved_teacher
from ..engine.ranks import is_first_rank
from ..engine.trained_config import warn_of_other_heads
from ..export.loading import require_fit, warn_of_other_input
from ..progress import announce, say
from ..studies.project import config_file


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """The arguments of mmdet3d's tools/train.py. more: arguments of ArgumentParser."""
    parser = argparse.ArgumentParser(description='Train what a config describes', **more)
    launch.add_common_arguments(parser, config_file)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from this checkpoint, or without a value from the newest whole one of the work_dir',
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (needs a GPU)')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
    return parser


def apply_training_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Write --amp and --auto-scale-lr into the config."""
    if args.amp:
        launch.enable_amp(cfg)
    launch.require_gpu_for_amp(cfg)
    if args.auto_scale_lr:
        launch.enable_auto_scale_lr(cfg)


def main() -> None:
    """Look at the data; in a work_dir that is this run's alone build the runner, check what it starts from, train."""
    args = make_parser().parse_args()
    cfg = launch.load_config(args)
    launch.require_parts(cfg, args.config, 'train')
    apply_training_arguments(cfg, args)
    check_compile(cfg)
    check_counting(cfg)
    launch.check_data(cfg, 'train_dataloader', 'val_dataloader')
    with work_dir.held(cfg.work_dir):
        work_dir.choose_start(cfg, args.resume)
        if is_first_rank():
            announce(plan(cfg, args.config))
        runner = launch.build_runner(cfg)
        require_moved_teacher(runner)
        work_dir.require_same_start(cfg)
        check_custom_keys(runner.model, cfg, args.cfg_options)
        if note := other_length(cfg, args.cfg_options):
            runner.logger.warning(note)
        if cfg.get('resume'):
            runner.register_hook(GoOnHook(cfg.load_from))
        elif weights := cfg.get('load_from') or pretrained_weights(cfg):
            require_fit(runner.model, weights)
            warn_of_other_input(cfg, weights)
            warn_of_other_heads(weights, cfg)
        if args.auto_scale_lr:
            launch.scale_peak_rates(runner)
        try:
            runner.train()
        except KeyboardInterrupt:
            say(f'\nended; with --resume the run goes on from the newest checkpoint in {cfg.work_dir}')
            raise


def plan(cfg: Config, path: Path) -> str:
    """What will be trained, how long, and where the results will be."""
    length = cfg.train_cfg.get('max_iters') or cfg.train_cfg.get('max_epochs')
    unit = 'steps' if cfg.train_cfg.get('max_iters') else 'epochs'
    goes_on = f', going on from {cfg.load_from}' if cfg.get('resume') else ''
    return (
        f'train: {path}, {length} {unit} on {get_device()}{goes_on}; how long: "eta" in the log, once some steps are '
        f'done; results: {cfg.work_dir}'
    )


def pretrained_weights(cfg: Config) -> str | None:
    """The file that the model itself loads, if any."""
    init_cfg = cfg.model.get('init_cfg') or {}
    return init_cfg['checkpoint'] if init_cfg.get('type') == 'Pretrained' else None
