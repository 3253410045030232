"""Run a ladder of pretraining configs on the embedded data set and report what each row buys.

python tools/ablate.py configs/ablations/ladder.py [--seeds 3] [--steps N] [--out DIR] [--options] [--rows NAME ...]

A row with one seed is two cells: pretraining by tools/train.py, then the linear probe of its checkpoint. Finished cells
are not run again, interrupted ones go on: give the same command once more. Settings are chosen on the validation
scenes; --split test scores the same checkpoints on the test scenes, once.
"""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.engine.config_overrides import add_overrides
from dos_mm3d.engine.launch import run_tool
from dos_mm3d.probe.probe import ProbeSettings
from dos_mm3d.studies.ablation.ladder import LadderSettings, run_ladder
from dos_mm3d.studies.ablation.ladder_file import read_ladder
from dos_mm3d.studies.ablation.text import summary
from dos_mm3d.studies.runner.tool import add_study_arguments, require_positive, run_study_tool, study_arguments, tell


def parse_args() -> argparse.Namespace:
    """What to run, how long, and where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('ladder', type=Path, help='ladder file, e.g. configs/ablations/ladder.py')
    parser.add_argument('--seeds', type=int, default=3, help='seeds 0, 1, ... of every row')
    parser.add_argument('--steps', type=int, help='steps of pretraining; default: what the configs say')
    parser.add_argument('--out', type=Path, default=ROOT / 'work_dirs' / 'ladder', help='default work_dirs/ladder')
    parser.add_argument('--rows', nargs='+', metavar='NAME', help='only these rows or options')
    parser.add_argument('--options', action='store_true', help='also the options, single changes of one row')
    parser.add_argument('--option-seeds', type=int, default=1, help='seeds of every option')
    add_study_arguments(parser, workers=2)
    parser.add_argument('--scans', type=int, default=ProbeSettings.scans_per_draw, help='labelled scans of a draw')
    parser.add_argument('--draws', type=int, default=ProbeSettings.n_draws, help='draws of the labelled scans')
    parser.add_argument('--bn-scans', type=int, default=40, help="scans for the random networks' BatchNorm statistics")
    add_overrides(parser, '--cfg-options', 'values for every row alike')
    args = parser.parse_args()
    require_positive(parser, args)
    return args


def settings_of(args: argparse.Namespace) -> LadderSettings:
    """The arguments, checked against the ladder."""
    ladder = read_ladder(args.ladder)
    return LadderSettings(
        ladder=ladder,
        rows=ladder.select(args.rows, options=args.options),
        out=args.out,
        option_seeds=args.option_seeds,
        probe=ProbeSettings(scans_per_draw=args.scans, n_draws=args.draws),
        bn_scans=args.bn_scans,
        **study_arguments(args, 'ablate'),
    )


def run(args: argparse.Namespace) -> None:
    """Run, report, print the tables."""
    settings = settings_of(args)
    tell(summary(run_ladder(settings)), settings.record_file)


def main() -> None:
    """Work in the repository: the ladder's configs, and what they name, are relative to it."""
    args = parse_args()
    args.ladder, args.out = args.ladder.resolve(), args.out.resolve()
    os.chdir(ROOT)
    run_study_tool('ablate', lambda: run(args))


if __name__ == '__main__':
    run_tool(main)
