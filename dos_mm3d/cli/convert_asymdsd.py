"""Convert a public checkpoint of AsymDSD into one of this package, or one of this package into a public one.

    dos-mm3d convert asymdsd AsymDSD-S.ckpt work_dirs/asymdsd_s.pth
    dos-mm3d convert asymdsd work_dirs/asymdsd_s/iter_2000.pth work_dirs/public.ckpt

Which of the two it is, the sizes (S, B, others) and the form (dual, MPM, CLS) follow from the names and shapes of the
tensors. Nothing in the file is executed. Tensors keep their numbers, so that the way back gives the same ones.
"""

import argparse
import pprint
import sys
from typing import Any

from ..engine.arguments import at_least
from ..export.asymdsd import convert_asymdsd
from ..files import home_path, output_path


def make_parser(**more: Any) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description='Convert checkpoints of AsymDSD, both ways.', **more)
    parser.add_argument('checkpoint', type=home_path, help='public checkpoint, or one of this package')
    parser.add_argument('out', type=output_path, help='file to write')
    parser.add_argument(
        '--heads', type=at_least(1), help='of the encoder (default: what the file says, or one for each 64 channels)'
    )
    parser.add_argument('--predictor-heads', type=at_least(1), help='of the predictor, likewise')
    return parser


def main() -> None:
    args = make_parser().parse_args()
    done = convert_asymdsd(args.checkpoint, args.out, heads=args.heads, predictor_heads=args.predictor_heads)
    print(done.report())
    for warning in done.warnings:
        print(f'WARNING: {warning}', file=sys.stderr)
    if done.missing:
        print('WARNING: the missing tensors are not in the file', file=sys.stderr)
    print(f'wrote {args.out}: {done.parameters} numbers for this model:')
    print(pprint.pformat(done.model, width=110, compact=True, sort_dicts=False))
