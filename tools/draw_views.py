"""Draw what teacher and student see of one scan: tools/draw_views.py CONFIG PICTURE [--position N]."""

import argparse

from mmdet3d.registry import DATASETS, MODELS

import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.datasets.stream import Draw
from dos_mm3d.engine import launch
from dos_mm3d.errors import InputError
from dos_mm3d.files import check_output, holds_picture, home_path
from dos_mm3d.visualization.features_pca import draw_views_from_above
from dos_mm3d.visualization.style import write_png


def parse_args() -> argparse.Namespace:
    """A pretraining config, the file to write, which draw of the stream."""
    parser = argparse.ArgumentParser(description='Draw what teacher and student see of one scan')
    launch.add_common_arguments(parser)
    parser.add_argument('picture', type=home_path, help='PNG file to write')
    parser.add_argument('--position', type=int, default=0, help='which draw of the stream with seed 0')
    return parser.parse_args()


def main() -> None:
    """One draw of the config's data, with its augmentation and its mask."""
    args = parse_args()
    check_output(args.picture, args.config, ours=holds_picture)
    if args.position < 0:
        raise InputError(f'--position {args.position}: wanted 0 or more')
    cfg = launch.load_config(args)
    if not {'backbone', 'projector', 'data_preprocessor'} <= set(cfg.get('model') or {}):
        raise InputError(f'{args.config}: pretrains nothing, so it has no views; wanted a config as in configs/dos')
    launch.check_data(cfg, 'train_dataloader')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.grid = MODELS.build(cfg.model).grid
    draw = Draw(0, args.position)
    points, file = dataset.load(dataset.index_of(draw))
    pair = dataset[draw]['views']
    write_png(draw_views_from_above(points, {'View a': pair.a, 'View b': pair.b}), args.picture)
    print(f'{args.picture}: two views of {file}')


if __name__ == '__main__':
    launch.run_tool(main)
