"""Measures one part of the package: `python tools/benchmark.py PART [--json FILE]`, see `--help` and `PART --help`."""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # as in tools/train.py, and before libgomp loads
os.environ.setdefault('GOMP_SPINCOUNT', '1000')  # but for a moment: docs/benchmarks.md

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.errors import InputError
from dos_mm3d.files import check_output, holds_record, output_path, write_json
from dos_mm3d.studies.runner import describe_machine
from tools.benchmarks import backbone, conv, data, head, ranks, step

PARTS = {'conv': conv, 'head': head, 'backbone': backbone, 'data': data, 'step': step, 'ranks': ranks}


def parse_args() -> argparse.Namespace:
    """The part, and its own arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parsers = parser.add_subparsers(dest='part', required=True)
    for name, part in PARTS.items():
        own = parsers.add_parser(name, help=part.__doc__, description=part.__doc__)
        part.add_arguments(own)
        own.add_argument('--json', type=output_path, help='write the record to this file')
    return parser.parse_args()


def main() -> None:
    """Run the part that was named, and write its record where one was asked for."""
    arguments = parse_args()
    for name in ('repeats', 'threads', 'steps', 'batch_sizes'):
        found = getattr(arguments, name, 1)
        if min(found if isinstance(found, list) else [found]) < 1:
            raise InputError(f'--{name.replace("_", "-")} {found}: wanted at least 1')
    if arguments.json:
        check_output(arguments.json, getattr(arguments, 'sweep', None), ours=holds_record(benchmark=arguments.part))
    record = PARTS[arguments.part].run(arguments)
    if arguments.json:
        write_json(arguments.json, {'benchmark': arguments.part} | record | describe_machine())


if __name__ == '__main__':
    run_tool(main)
