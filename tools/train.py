"""Train what a config describes: tools/train.py CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--cfg-options K=V]."""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers

import argparse

from mmengine.config import Config

import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.engine import launch, work_dir
from dos_mm3d.engine.compiling import check_compile
from dos_mm3d.engine.custom_keys import check_custom_keys
from dos_mm3d.engine.hooks import GoOnHook
from dos_mm3d.export.loading import require_fit, warn_of_other_input


def parse_args() -> argparse.Namespace:
    """The arguments of mmdet3d's tools/train.py."""
    parser = argparse.ArgumentParser(description='Train what a config describes')
    launch.add_common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from this checkpoint, or without a value from the newest whole one of the work_dir',
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (needs a GPU)')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
    return parser.parse_args()


def apply_training_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Write --amp and --auto-scale-lr into the config."""
    if args.amp:
        launch.enable_amp(cfg)
    launch.require_gpu_for_amp(cfg)
    if args.auto_scale_lr:
        launch.enable_auto_scale_lr(cfg)


def main() -> None:
    """Look at the data; in a work_dir that is this run's alone build the runner, check what it starts from, train."""
    args = parse_args()
    cfg = launch.load_config(args)
    launch.require_parts(cfg, args.config, 'train')
    apply_training_arguments(cfg, args)
    check_compile(cfg)
    launch.check_data(cfg, 'train_dataloader', 'val_dataloader')
    with work_dir.held(cfg.work_dir):
        work_dir.choose_start(cfg, args.resume)
        runner = launch.build_runner(cfg)
        work_dir.require_same_start(cfg)
        check_custom_keys(runner.model, cfg, args.cfg_options)
        if cfg.get('resume'):
            runner.register_hook(GoOnHook(cfg.load_from))
        elif weights := cfg.get('load_from') or pretrained_weights(cfg):
            require_fit(runner.model, weights)
            warn_of_other_input(cfg, weights)
        if args.auto_scale_lr:
            launch.scale_peak_rates(runner)
        runner.train()


def pretrained_weights(cfg: Config) -> str | None:
    """The file that the model itself loads, if any."""
    init_cfg = cfg.model.get('init_cfg') or {}
    return init_cfg['checkpoint'] if init_cfg.get('type') == 'Pretrained' else None


if __name__ == '__main__':
    launch.run_tool(main, in_ranks=True)
