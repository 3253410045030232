"""Run a ladder of pretraining configs on the embedded data set and report what each row buys.

python tools/ablate.py configs/ablations/ladder.py [--seeds 3] [--steps N] [--out DIR] [--options] [--rows NAME ...]

A cell is one row with one seed: pretraining by tools/train.py, then the linear probe of its checkpoint. Finished cells
are not run again, interrupted ones go on: give the same command once more. Settings are chosen on the validation
scenes; --split test scores the same checkpoints on the test scenes, once.
"""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers

import argparse
import signal
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.engine.config_overrides import add_overrides
from dos_mm3d.engine.launch import run_tool
from dos_mm3d.probe.probe import ProbeSettings
from dos_mm3d.studies.ablation.cells import SPLITS, Cell
from dos_mm3d.studies.ablation.jobs import Commands
from dos_mm3d.studies.ablation.ladder import LadderSettings, needs_handcrafted, run_ladder
from dos_mm3d.studies.ablation.ladder_file import Ladder, read_ladder
from dos_mm3d.studies.ablation.text import summary

PROBE = [sys.executable, '-m', 'dos_mm3d.studies.ablation.probe']


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
    parser.add_argument('--workers', type=int, default=2, help='cells side by side, one thread each')
    parser.add_argument('--split', choices=SPLITS, default='validation', help='scenes that are scored')
    parser.add_argument('--again', action='store_true', help='replace a finished record of the test split')
    parser.add_argument('--retry-failed', action='store_true', help='run failed and collapsed cells once more')
    parser.add_argument('--scans', type=int, default=ProbeSettings.scans_per_draw, help='labelled scans of a draw')
    parser.add_argument('--draws', type=int, default=ProbeSettings.n_draws, help='draws of the labelled scans')
    parser.add_argument('--bn-scans', type=int, default=40, help="scans for the random networks' BatchNorm statistics")
    add_overrides(parser, '--cfg-options', 'values for every row alike')
    args = parser.parse_args()
    for name in ('seeds', 'steps', 'workers', 'option_seeds', 'scans', 'draws', 'bn_scans'):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be at least 1, got {getattr(args, name)}')
    return args


def settings_of(args: argparse.Namespace) -> LadderSettings:
    """The arguments, checked against the ladder."""
    ladder = read_ladder(args.ladder)
    return LadderSettings(
        ladder=ladder,
        rows=ladder.select(args.rows, options=args.options),
        out=args.out,
        seeds=args.seeds,
        option_seeds=args.option_seeds,
        steps=args.steps,
        split=args.split,
        overrides=args.cfg_options,
        protocol=ProbeSettings(scans_per_draw=args.scans, n_draws=args.draws),
        bn_scans=args.bn_scans,
        workers=args.workers,
        retry_failed=args.retry_failed,
        again=args.again,
    )


def commands(settings: LadderSettings) -> Commands:
    """The tools that do the work, as a user would call them."""
    protocol = ['--scans', str(settings.protocol.scans_per_draw), '--draws', str(settings.protocol.n_draws)]
    common = ['--split', settings.split, *protocol]
    ladder: Ladder = settings.ladder

    def train(config: Path, work_dir: Path) -> list[str]:
        return [sys.executable, 'tools/train.py', str(config), '--work-dir', str(work_dir), '--resume']

    def probe_cell(cell: Cell, checkpoint: Path, out: Path) -> list[str]:
        extra = ['--handcrafted'] if needs_handcrafted(ladder, cell.row) else []
        return [*PROBE, 'cell', str(cell.config_file), str(checkpoint), '--out', str(out), *common, *extra]

    def probe_baselines(config: Path, out: Path) -> list[str]:
        extra = ['--seeds', str(settings.seeds), '--bn-scans', str(settings.bn_scans)]
        return [*PROBE, 'baselines', str(config), '--out', str(out), *common, *extra]

    return Commands(train, probe_cell, probe_baselines)


def interrupt(number: int, frame: object) -> None:
    """A polite end from outside is treated like Ctrl-C."""
    raise KeyboardInterrupt


def main() -> None:
    """Run, report, print the tables."""
    args = parse_args()
    args.ladder, args.out = args.ladder.resolve(), args.out.resolve()
    os.chdir(ROOT)  # the ladder's configs, and what they name, are relative to it
    signal.signal(signal.SIGTERM, interrupt)
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated')  # mmengine: at every base `mmdet3d::`
    settings = settings_of(args)
    try:
        record = run_ladder(settings, commands(settings))
    except KeyboardInterrupt:
        print('\nablate: ended; finished cells are kept, the same command goes on from here', file=sys.stderr)
        raise SystemExit(130) from None
    files = ', '.join(str(settings.record_file.with_suffix(suffix)) for suffix in ('.json', '.md', '.png'))
    print(f'\n{summary(record)}\n\n{files}')


if __name__ == '__main__':
    run_tool(main)
