"""Predicted and true boxes: dos-mm3d detections CONFIG CHECKPOINT... [--out-dir FOLDER] [--num N]."""

import argparse
from pathlib import Path
from typing import Any

from ..engine import launch
from ..engine.trained_config import warn_of_other_settings
from ..errors import InputError
from ..files import check_output, check_writable, holds_picture, home_path, write_together
from ..studies.project import config_file
from ..studies.seeing.detections import (
    LEAST_SCORE,
    TITLE,
    by_name,
    detect,
    draw_detected,
    found_by,
    viewed_detections,
)
from ..visualization.rerun_file import holds_recording, load_rerun, rerun_recording
from ..visualization.style import to_png
from ..visualization.viewer import holds_page, viewer_page


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """A detector, which samples, where the pictures go. more: arguments of ArgumentParser."""
    parser = argparse.ArgumentParser(description='Draw predicted and true boxes, and a page to turn them in', **more)
    launch.add_common_arguments(parser, config_file)
    parser.add_argument('checkpoints', nargs='+', type=home_path, help='of this config; several stand side by side')
    parser.add_argument('--out-dir', type=home_path, help='folder to write; default: detections in the work_dir')
    parser.add_argument('--split', choices=['val', 'test'], default='test', help='loader of the config')
    parser.add_argument('--position', type=int, default=0, help='first sample')
    parser.add_argument('--num', type=int, default=2, help='how many')
    parser.add_argument('--score', type=float, default=LEAST_SCORE, help='least score of what the page shows at first')
    parser.add_argument('--rrd', action='store_true', help='a recording for Rerun, too (pip install "dos_mm3d[rerun]")')
    return parser


def check_args(args: argparse.Namespace) -> None:
    """Before anything is read or computed."""
    for name, least in (('position', 0), ('num', 1)):
        if getattr(args, name) < least:
            raise InputError(f'--{name} {getattr(args, name)}: wanted {least} or more')
    if not 0 <= args.score <= 1:
        raise InputError(f'--score {args.score}: wanted a number from 0 to 1')
    if args.rrd:
        load_rerun()


def main() -> None:
    """Detect, write; no screen is needed."""
    args = make_parser().parse_args()
    check_args(args)
    cfg = launch.load_config(args)
    loader = f'{args.split}_dataloader'
    if not cfg.get(loader):
        raise InputError(f'{args.config}: has no {loader}; wanted another --split, or the config of a detector')
    folder = args.out_dir or Path(cfg.work_dir) / 'detections'
    numbers = range(args.position, args.position + args.num)
    pictures = [folder / f'{number:06d}_boxes.png' for number in numbers]
    page, recording = folder / 'detections.html', folder / 'detections.rrd'
    check_writable(folder)
    ours = {page: holds_page(TITLE), recording: holds_recording, **dict.fromkeys(pictures, holds_picture)}
    for path, is_ours in ours.items():
        check_output(path, args.config, *args.checkpoints, ours=is_ours)
    launch.check_data(cfg, loader)
    for checkpoint in args.checkpoints:
        warn_of_other_settings(checkpoint, cfg)
    samples = list(detect(cfg, loader, by_name(args.checkpoints), numbers))
    viewed = viewed_detections(samples, args.score)
    written = {path: to_png(draw_detected(one)) for path, one in zip(pictures, samples)}
    written |= {page: viewer_page(*viewed).encode(), recording: rerun_recording(*viewed) if args.rrd else None}
    write_together(written)
    for number, one in zip(numbers, samples):
        counts = ', '.join(
            f'{name} {int((found.scores_3d >= args.score).sum())}' for name, found in found_by(one).items()
        )
        print(f'{number} {one.file.name}: {len(one.truth.boxes)} true boxes; score at least {args.score:g}: {counts}')
    print('written: ' + ', '.join(str(path) for path, content in written.items() if content is not None))
