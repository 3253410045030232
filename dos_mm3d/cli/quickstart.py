"""From nothing to a fine-tuned model: data, converter, DOS pretraining, export, linear probe, few labels, report.

dos-mm3d quickstart [--backbone second|minkunet|ptv3] [--fresh] [--tiny] [--finetune-seeds N]

Every cell calls the tool that a user would call, and prints its command. A cell that is finished and whose inputs have
not changed is not done again; an interrupted pretraining goes on where it was. Cells that do not wait for each other
run side by side: the linear probe beside the fine-tuning."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..engine.arguments import add_quiet
from ..files import check_writable, home_path
from ..progress import announce, say
from ..studies.quickstart.cells import quickstart_cells
from ..studies.quickstart.choices import BACKBONES, Quickstart, Size, tiny_size
from ..studies.quickstart.report import write_report
from ..studies.runner import Study
from ..units import duration

SIDE_BY_SIDE = 2
WHOLE_RUN_S = 1713
"""Of the SparseEncoder and one pair of fine-tunings, in docs/results/quickstart.json."""


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """What to pretrain, where to work, and how much to do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, **more)
    parser.add_argument(
        '--backbone',
        choices=list(BACKBONES),
        default='second',
        help='second and ptv3 end in detection, minkunet in segmentation; default second',
    )
    parser.add_argument('--fresh', action='store_true', help='do finished cells again')
    parser.add_argument(
        '--tiny', action='store_true', help='a few steps on a few scenes: tests the chain, not the method'
    )
    parser.add_argument(
        '--finetune-seeds',
        type=int,
        choices=range(1, 11),
        metavar='1..10',
        default=1,
        help='pairs of fine-tuning runs, about 10 minutes each',
    )
    parser.add_argument(
        '--work-dir', type=home_path, help='default work_dirs/quickstart, with _<backbone> and _tiny where asked for'
    )
    add_quiet(parser)
    return parser


def default_work_dir(args: argparse.Namespace) -> Path:
    """One folder for every kind of quickstart."""
    parts = ['quickstart', *([args.backbone] if args.backbone != 'second' else []), *(['tiny'] if args.tiny else [])]
    return Path('work_dirs') / '_'.join(parts)


def run_all(args: argparse.Namespace, work: Path) -> None:
    """All cells, then the report."""
    size = tiny_size(work) if args.tiny else Size()
    quickstart = Quickstart(work, BACKBONES[args.backbone], size, args.finetune_seeds)
    announce(plan(quickstart, tiny=args.tiny))
    study = Study(quickstart_cells(quickstart), work, title='quickstart')
    with study.locked() as children:
        if args.fresh:
            study.forget()
        for cell in study.cells:
            if found := study.result(cell.name):
                took = f'done before, in {duration(found["seconds"])}; inputs are unchanged (--fresh does it again)'
                say(f'  {cell.title}: {took}')
        study.run(children, workers=SIDE_BY_SIDE, threads=None)
        say('  report')
        seconds = {cell.name: study.result(cell.name)['seconds'] for cell in study.cells}
        print(write_report(quickstart, seconds))


def plan(quickstart: Quickstart, *, tiny: bool) -> str:
    """What will be done, how long that takes, and where the results will be."""
    known = quickstart.choice == BACKBONES['second'] and quickstart.n_seeds == 1 and not tiny
    time = f'about {duration(WHOLE_RUN_S)} on two CPU cores' if known else 'the time left is told as it goes'
    return (
        f'quickstart: embedded data in {quickstart.size.data}, pretraining, linear probe, {quickstart.choice.model} '
        f'with few labels; {time}; results: {quickstart.root / "report.html"}'
    )


def main() -> int:
    """Run all; an interruption says how to go on."""
    args = make_parser().parse_args()
    try:
        work = args.work_dir or default_work_dir(args)
        check_writable(work, 'Name another --work-dir, or free some space')
        run_all(args, work)
    except KeyboardInterrupt:
        print('\nquickstart: interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0
