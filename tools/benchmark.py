"""Measures one part: `python tools/benchmark.py {conv,head,backbone,data,waymo} [--json FILE]`, see `PART --help`."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import backbone, conv, data, head, waymo


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


if __name__ == '__main__':
    arguments = parse_arguments()
    arguments.run(arguments)
