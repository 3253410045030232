"""Run a ladder of pretraining configs on the embedded data set and report what each row buys.

python tools/ablate.py configs/ablations/ladder.py [--seeds 3] [--steps N] [--out DIR] [--options] [--rows NAME ...]

A row with one seed is two cells: pretraining by tools/train.py, then the linear probe of its checkpoint. Finished cells
are not run again, interrupted ones go on: give the same command once more. Settings are chosen on the validation
scenes; --split test scores the same checkpoints on the test scenes, once.
"""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers
os.environ.setdefault('GOMP_SPINCOUNT', '1000')  # but for a moment: docs/benchmarks.md

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.engine.config_overrides import add_overrides
from dos_mm3d.engine.launch import run_tool
from dos_mm3d.files import home_path
from dos_mm3d.studies.protocols.ladder import LadderProtocol, ladder_arguments
from dos_mm3d.studies.protocols.ladder_file import read_ladder
from dos_mm3d.studies.protocols.runner import record_file, run_protocol
from dos_mm3d.studies.runner.tool import (
    add_study_arguments,
    require_finished,
    require_positive,
    run_study_tool,
    study_arguments,
    tell,
)


def parse_args() -> argparse.Namespace:
    """What to run, how long, and where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('ladder', type=home_path, help='ladder file, e.g. configs/ablations/ladder.py')
    parser.add_argument('--seeds', type=int, default=3, help='seeds 0, 1, ... of every row')
    parser.add_argument('--steps', type=int, help='steps of pretraining; default: what the configs say')
    parser.add_argument('--out', type=home_path, default=ROOT / 'work_dirs' / 'ladder', help='default work_dirs/ladder')
    add_study_arguments(parser, workers=2)
    LadderProtocol.add_arguments(parser)
    add_overrides(parser, '--cfg-options', 'values for every row alike')
    args = parser.parse_args()
    require_positive(parser, args)
    return args


def run(args: argparse.Namespace) -> None:
    """Run, report, print the tables."""
    study = study_arguments(args, 'ablate')
    protocol = LadderProtocol(ladder_arguments(read_ladder(args.ladder), vars(args), out=args.out, **study))
    record = run_protocol(protocol)
    tell(protocol.tables(record), record_file(protocol))
    require_finished(record)


def main() -> None:
    """Work in the repository: the ladder's configs, and what they name, are relative to it."""
    args = parse_args()
    args.ladder, args.out = args.ladder.resolve(), args.out.resolve()
    os.chdir(ROOT)
    run_study_tool('ablate', lambda: run(args))


if __name__ == '__main__':
    run_tool(main)
