"""Train what a config describes: tools/train.py CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--cfg-options K=V]."""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers

import argparse

from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.engine import launch
from dos_mm3d.export.loading import require_fit


def parse_args() -> argparse.Namespace:
    """The arguments of mmdet3d's tools/train.py."""
    parser = argparse.ArgumentParser(description='Train what a config describes')
    launch.add_common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from this checkpoint, or without a value from the latest one of the work_dir',
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (needs a GPU)')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
    return parser.parse_args()


def apply_training_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Write --amp, --auto-scale-lr and --resume into the config."""
    if args.amp:
        launch.enable_amp(cfg)
    launch.require_gpu_for_amp(cfg)
    if args.auto_scale_lr:
        launch.enable_auto_scale_lr(cfg)
    if args.resume == 'auto':
        # nothing to go on from, as at the first start of a job that always says --resume: load_from stays
        cfg.resume = find_latest_checkpoint(cfg.work_dir) is not None
        cfg.load_from = None if cfg.resume else cfg.get('load_from')
    elif args.resume is not None:
        cfg.resume, cfg.load_from = True, args.resume


def main() -> None:
    """Build the runner, check the weights it starts from, train."""
    args = parse_args()
    cfg = launch.load_config(args)
    apply_training_arguments(cfg, args)
    launch.check_data(cfg, 'train_dataloader', 'val_dataloader')
    runner = launch.build_runner(cfg)
    start = cfg.get('load_from') or (find_latest_checkpoint(cfg.work_dir) if cfg.get('resume') else None)
    if cfg.get('resume') and start:
        launch.require_resumable(start)
    if start:
        require_fit(runner.model, start)
    elif (init_cfg := cfg.model.get('init_cfg') or {}) and init_cfg.get('type') == 'Pretrained':
        require_fit(runner.model, init_cfg['checkpoint'])
    if args.auto_scale_lr:
        launch.scale_peak_rates(runner)
    runner.train()


if __name__ == '__main__':
    launch.run_tool(main)
