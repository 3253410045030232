"""From nothing to a fine-tuned model: data, converter, DOS pretraining, export, linear probe, few labels, report.

python tools/quickstart.py [--backbone second|minkunet|ptv3] [--fresh] [--tiny] [--finetune-seeds N]

Every cell calls the tool that a user would call, and prints its command. A cell that is finished and whose inputs have
not changed is not done again; an interrupted pretraining goes on where it was. Cells that do not wait for each other
run side by side: the linear probe beside the fine-tuning."""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # for all tools below: threads that spin starve loader workers
sys.path.insert(0, str(ROOT))

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.files import check_writable, home_path
from dos_mm3d.studies.quickstart.cells import quickstart_cells
from dos_mm3d.studies.quickstart.choices import BACKBONES, Quickstart, Size, tiny_size
from dos_mm3d.studies.quickstart.report import write_report
from dos_mm3d.studies.runner import Study

SIDE_BY_SIDE = 2


def parse_args() -> argparse.Namespace:
    """What to pretrain, where to work, and how much to do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    return parser.parse_args()


def default_work_dir(args: argparse.Namespace) -> Path:
    """One folder for every kind of quickstart."""
    parts = ['quickstart', *([args.backbone] if args.backbone != 'second' else []), *(['tiny'] if args.tiny else [])]
    return Path('work_dirs') / '_'.join(parts)


def run_all(args: argparse.Namespace, work: Path) -> None:
    """All cells, then the report."""
    size = tiny_size(work) if args.tiny else Size()
    quickstart = Quickstart(work, BACKBONES[args.backbone], size, args.finetune_seeds)
    study = Study(quickstart_cells(quickstart), work, title='quickstart')
    with study.locked() as children:
        if args.fresh:
            study.forget()
        for cell in study.cells:
            if found := study.result(cell.name):
                took = f'done before, in {found["seconds"]:.0f} s; inputs are unchanged (--fresh does it again)'
                print(f'  {cell.title}: {took}')
        study.run(children, workers=SIDE_BY_SIDE, threads=None)
        print('  report')
        seconds = {cell.name: study.result(cell.name)['seconds'] for cell in study.cells}
        print(write_report(quickstart, seconds))


def main() -> int:
    """Run all; an interruption says how to go on."""
    args = parse_args()
    os.chdir(ROOT)
    try:
        work = args.work_dir or default_work_dir(args)
        check_writable(work, 'Name another --work-dir, or free some space')
        run_all(args, work)
    except KeyboardInterrupt:
        print('\nquickstart: interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    run_tool(main)
