"""Convert public Point Transformer V3 weights (PTv3, Sonata, Concerto, Utonia) for the PTv3 of this package.

    dos-mm3d convert pointcept sonata.pth work_dirs/sonata.pth
    dos-mm3d convert pointcept pretraining.pth work_dirs/teacher.pth --branch teacher

Takes the published {config, state_dict} files and those that Pointcept writes while it trains or pretrains. The latter
have no config, and tensors show neither heads nor the length of attention's sequences:

    dos-mm3d convert pointcept model_best.pth work_dirs/ptv3.pth --config semseg-pt-v3m1-0-base.py
    dos-mm3d convert pointcept model_best.pth work_dirs/ptv3.pth --heads 2 4 8 16 32 --patch-size 1024

Nothing in these files is executed. The result is what `init_cfg=dict(type='Pretrained', checkpoint=...)` of PTv3 takes.
"""

import argparse
import pprint
import sys
from typing import Any

from ..export.pointcept import BRANCHES, convert_pointcept
from ..export.pointcept_config import read_published
from ..files import home_path, output_path
from ..functional.serialization import CURVES


def make_parser(**more: Any) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description='Convert public Point Transformer V3 weights.', **more)
    parser.add_argument('checkpoint', type=home_path, help='file of PTv3, Sonata, Concerto or Utonia')
    parser.add_argument('out', type=output_path, help='file to write, e.g. work_dirs/sonata.pth')
    parser.add_argument('--branch', choices=BRANCHES, help='side of a pretraining file (default student)')
    parser.add_argument('--condition', type=int, help="which training set's norms, in files of several (PPT)")
    settings = parser.add_argument_group('settings that a file without a config does not show; one number a level')
    settings.add_argument('--config', type=home_path, help="of Pointcept's training: .py, which is not run, or .json")
    settings.add_argument('--heads', nargs='+', type=int, metavar='N', help='of the encoder, finest level first')
    settings.add_argument('--decoder-heads', nargs='+', type=int, metavar='N', help='of the decoder')
    settings.add_argument('--patch-size', nargs='+', type=int, metavar='N', help='one number for all levels, or each')
    settings.add_argument('--strides', nargs='+', type=int, metavar='N', help='of the poolings, likewise (default 2)')
    settings.add_argument('--orders', nargs='+', metavar='CURVE', help=f'of {", ".join(CURVES)} (default all)')
    return parser


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of the model, under the names of published configs."""
    options = {
        'enc_num_head': args.heads,
        'dec_num_head': args.decoder_heads,
        'enc_patch_size': one_or_all(args.patch_size),
        'stride': one_or_all(args.strides),
        'order': args.orders,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return {**(read_published(args.config) if args.config else {}), **given}


def one_or_all(numbers: list[int] | None) -> int | list[int] | None:
    """A single number stands for all levels."""
    return numbers[0] if numbers is not None and len(numbers) == 1 else numbers


def main() -> None:
    args = make_parser().parse_args()
    given = given_settings(args)
    done = convert_pointcept(args.checkpoint, args.out, branch=args.branch, condition=args.condition, given=given)
    print(done.report())
    print('settings: ' + ', '.join(f'{name} ({origin})' for name, origin in done.origins.items()))
    for warning in done.warnings:
        print(f'WARNING: {warning}', file=sys.stderr)
    if done.missing:
        print('WARNING: the missing tensors, nothing that is learnt, stay as the model is initialised', file=sys.stderr)
    print(f'wrote {args.out}: {done.parameters} numbers for this model:')
    model = {**done.model, 'init_cfg': dict(type='Pretrained', checkpoint=str(args.out))}
    print(pprint.pformat(model, width=110, compact=True, sort_dicts=False))
