"""Disturb this project's tools on purpose, and count what becomes of their work.

python tools/fault_campaign.py --short
python tools/fault_campaign.py --record docs/results/fault_campaign.json

They are killed with kill -9 while they write, convert, pretrain, export, test and judge; they get a full disk and
folders that cannot be written to; a file of theirs vanishes; one bit of a checkpoint, an info file or a point file is
flipped. Right is the result of the undisturbed tool bit for bit, or one line that says what is wrong, with nothing
lost. Exit status 1 where anything was lost, silently wrong or a traceback. The same command goes on after an end."""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve the other job
os.environ.setdefault('GOMP_SPINCOUNT', '1000')  # but for a moment: docs/benchmarks.md
os.environ.setdefault('PYTORCH_NVML_BASED_CUDA_CHECK', '1')  # the other way to ask for a GPU takes it from children

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch

import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.engine.arguments import at_least
from dos_mm3d.engine.launch import run_tool
from dos_mm3d.files import check_output, check_writable, holds_record, home_path, output_path, write_json
from dos_mm3d.studies.faults.plan import campaign
from dos_mm3d.studies.faults.report import build_record, faults_of, table
from dos_mm3d.studies.runner import Study
from dos_mm3d.studies.runner.record import commit
from dos_mm3d.studies.runner.tool import run_study_tool, typed_command


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--out', type=home_path, default=ROOT / 'work_dirs' / 'fault_campaign', help='folder of all cases'
    )
    parser.add_argument('--seed', type=at_least(0), default=0, help='of every moment and place')
    parser.add_argument('--short', action='store_true', help='a dozen cases of all kinds, about a minute')
    parser.add_argument('--workers', type=at_least(1), default=2, help='cases side by side (default 2)')
    parser.add_argument('--record', type=output_path, help='JSON file for all cases, also written to the folder')
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    """Run what is left, write the record, print the table."""
    cells = campaign(args.out, seed=args.seed, commit=commit(ROOT), short=args.short)
    study = Study(cells, args.out, title='fault campaign', retry_failed=True)
    with study.locked() as children:
        study.run(children, workers=args.workers)
    record = build_record(study, seed=args.seed, short=args.short, command=typed_command('fault_campaign'))
    for path in filter(None, (args.out / 'fault_campaign.json', args.record)):
        write_json(path, record)
    print(f'\n{table(record)}\n')
    if faults := faults_of(record):
        print('\n'.join(faults))
        raise SystemExit(1)


def main() -> None:
    """Work in the repository: the tools, and what they name, are relative to it."""
    args = parse_args()
    args.out = args.out.resolve()
    args.record = args.record and args.record.resolve()
    if args.record:
        check_output(args.record, ours=holds_record('campaign', 'cases'))  # hours before it is written
    check_writable(args.out, 'Name another folder with --out, or free some space')
    os.chdir(ROOT)
    torch.set_num_threads(1)  # a forked child waits for ever for OpenMP threads that this process had
    run_study_tool('fault_campaign', lambda: run(args))


if __name__ == '__main__':
    run_tool(main)
