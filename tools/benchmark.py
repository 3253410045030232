"""Measures single parts: `python tools/benchmark.py conv [--sweep FILE]`, `python tools/benchmark.py head`."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import conv, head


def parse_arguments() -> argparse.Namespace:
    """The part, and its own arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest='part', required=True)
    conv.add_arguments(parts.add_parser('conv', help='sparse convolution on the CPU against spconv'))
    head.add_arguments(parts.add_parser('head', help='softmap loss: streaming against N x K matrices, time and memory'))
    return parser.parse_args()


if __name__ == '__main__':
    arguments = parse_arguments()
    arguments.run(arguments)
