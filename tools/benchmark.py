"""Measures one part: `python tools/benchmark.py {conv,head,backbone,data,waymo} [--json FILE]`, see `PART --help`."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.errors import InputError
from tools.benchmarks import backbone, conv, data, head, waymo


def parse_arguments() -> argparse.Namespace:
    """The part, and its own arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest='part', required=True)
    conv.add_arguments(parts.add_parser('conv', help='sparse convolution on the CPU against spconv'))
    head.add_arguments(parts.add_parser('head', help='softmap loss: streaming against N x K matrices, time and memory'))
    backbone.add_arguments(parts.add_parser('backbone', help='forward and backward of every backbone on a sweep'))
    data.add_arguments(parts.add_parser('data', help='loading, views, masking, packing of one scan on one core'))
    waymo.add_arguments(parts.add_parser('waymo', help='the Waymo detection metric, 10 000 frames'))
    return parser.parse_args()


def main() -> None:
    """Run the part that was named."""
    arguments = parse_arguments()
    counts = {name: getattr(arguments, name, 1) for name in ('repeats', 'threads')}
    for name, found in counts.items():
        if min(found if isinstance(found, list) else [found]) < 1:
            raise InputError(f'--{name} {found}: wanted at least 1')
    arguments.run(arguments)


if __name__ == '__main__':
    run_tool(main)
