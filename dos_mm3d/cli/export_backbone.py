"""Export a pretrained encoder as plain mmdet3d weights.

    dos-mm3d export work_dirs/dos/iter_1000.pth work_dirs/dos/backbone.pth

The result is what `load_from` takes in a config of the mmdet3d model whose backbone it is; of AsymDSD, what `init_cfg`
of a PatchEncoder takes.
"""

import argparse
from typing import Any

from ..errors import InputError
from ..export.backbone import BRANCHES, TASKS, export_backbone
from ..export.object_encoder import export_object_encoder, holds_object_encoder
from ..files import home_path, output_path


def make_parser(**more: Any) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description='Export a pretrained encoder as plain mmdet3d weights.', **more)
    parser.add_argument('checkpoint', type=home_path, help='pretraining checkpoint written by tools/train.py')
    parser.add_argument('out', type=output_path, help='file to write, e.g. backbone.pth')
    parser.add_argument(
        '--branch', choices=BRANCHES, default='teacher', help='whose weights and BatchNorm statistics (default teacher)'
    )
    parser.add_argument(
        '--for',
        dest='task',
        choices=TASKS,
        help='names of which model, where the backbone fits both (PTv3: detection by default)',
    )
    parser.add_argument(
        '--half',
        action='store_true',
        help='store large tensors in half precision, refused where features change by more than 1e-3 (relative) on the '
        'sweeps of the pretraining, which must be there',
    )
    return parser


def main() -> None:
    args = make_parser().parse_args()
    if holds_object_encoder(args.checkpoint):
        if args.task or args.half:
            raise InputError(f'{args.checkpoint}: holds an encoder of objects, for which --for and --half are not')
        report = export_object_encoder(args.checkpoint, args.out, branch=args.branch)
        use = f"init_cfg=dict(type='Pretrained', checkpoint='{args.out}')` of a PatchEncoder (docs/objects.md"
    else:
        report = export_backbone(args.checkpoint, args.out, branch=args.branch, task=args.task, half=args.half)
        use = f'--cfg-options load_from={args.out}` (docs/use_in_your_project.md'
    for name, value in report.items():
        print(f'{name:>18}: {value}')
    print(f'wrote {args.out}; use it with `{use})')
