"""What a config trains on, as pictures: dos-mm3d browse CONFIG [--output-dir FOLDER] [--num N]."""

import argparse
from pathlib import Path
from typing import Any

from ..engine import launch
from ..errors import InputError
from ..files import check_output, check_writable, holds_picture, home_path
from ..studies.project import config_file
from ..studies.seeing.samples import browse
from ..visualization.style import write_png


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """A config, which samples, where the pictures go."""
    parser = argparse.ArgumentParser(description='Draw what a config trains on: views and masks, boxes, labels', **more)
    launch.add_common_arguments(parser, config_file)
    parser.add_argument('--output-dir', type=home_path, help='folder to write; default: browse in the work_dir')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='loader of the config')
    parser.add_argument('--position', type=int, default=0, help='first draw of the stream, or first sample')
    parser.add_argument('--num', type=int, default=1, help='how many')
    parser.add_argument('--seed', type=int, default=0, help='of the stream of a pretraining')
    return parser


def main() -> None:
    """Build the data set, draw, write PNG; no screen is needed."""
    args = make_parser().parse_args()
    for name, least in (('position', 0), ('num', 1), ('seed', 0)):
        if getattr(args, name) < least:
            raise InputError(f'--{name} {getattr(args, name)}: wanted {least} or more')
    cfg = launch.load_config(args)
    loader = f'{args.split}_dataloader'
    if not cfg.get(loader):
        raise InputError(f'{args.config}: has no {loader}; wanted another --split')
    folder = args.output_dir or Path(cfg.work_dir) / 'browse'
    check_writable(folder)
    launch.check_data(cfg, loader)
    numbers = range(args.position, args.position + args.num)
    for number, (said, pictures) in zip(numbers, browse(cfg, loader, numbers, args.seed)):
        print(said)
        for kind, figure in pictures.items():
            path = folder / f'{number:06d}_{kind}.png'
            check_output(path, args.config, ours=holds_picture)
            print(f'  {write_png(figure, path)}')
