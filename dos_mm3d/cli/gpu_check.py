"""Does this GPU machine work? A line for each check, PASS, FAIL or SKIP; exit status 1 where one fails.

dos-mm3d gpu-check [--out work_dirs/gpu_check] [--only environment ops training/second] [--minutes 8]
dos-mm3d gpu-check --record     # on a CPU: the losses that GPUs are compared with, anew

Nothing is downloaded: data are ray-cast on the spot. It takes at most --minutes. Without a GPU it says which checks
need one, and runs the others. Lines, and what to do about them: docs/gpu.md."""

import argparse
import os
from datetime import date
from typing import Any

import torch

from ..engine.arguments import at_least
from ..errors import InputError
from ..files import check_writable, home_path, write_json
from ..studies.gpu_check.check import FAIL, Check, Place
from ..studies.gpu_check.expected import record_losses
from ..studies.gpu_check.plan import all_checks
from ..studies.gpu_check.run import run_checks, table
from ..studies.gpu_check.training import EXPECTED
from ..studies.project import ROOT
from ..studies.runner.record import commit_of_package, versions
from ..studies.runner.tool import typed_command


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """Which checks, where, how long. more: arguments of ArgumentParser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, **more)
    out = home_path('work_dirs/gpu_check')
    parser.add_argument('--out', type=home_path, default=out, help=f'folder of record, logs and data; default: {out}')
    parser.add_argument('--only', nargs='+', metavar='CHECK', help='stages, or checks of them, by name; default: all')
    parser.add_argument('--minutes', type=at_least(1), default=8, help='for all checks (default: 8)')
    parser.add_argument('--record', action='store_true', help='record the expected losses instead, on a CPU')
    return parser


def chosen(names: list[str] | None) -> list[Check]:
    """The checks that are named, and the data where they may be read; InputError for an unknown name."""
    checks = all_checks()
    known = {part for check in checks for part in (check.name, check.name.partition('/')[0])}
    if unknown := sorted(set(names or ()) - known):
        raise InputError(f'--only {" ".join(unknown)}: no such check; wanted some of {", ".join(sorted(known))}')
    wanted = known if names is None else {*names, 'data'}
    return [check for check in checks if {check.name, check.name.partition('/')[0]} & wanted]


def main() -> int:
    """Run the checks where the configs are that they read; print lines and table, write the record."""
    args = make_parser().parse_args()
    place = Place(torch.device('cuda' if torch.cuda.is_available() else 'cpu'), args.out.resolve())
    checks, command = chosen(args.only), typed_command('gpu_check')
    check_writable(place.folder, 'Name another folder with --out, or free some space')
    os.chdir(ROOT)
    if args.record:
        record_losses(EXPECTED, place)
        print(EXPECTED)
        return 0
    torch.set_num_threads(1)  # a forked child waits for ever for OpenMP threads that this process had
    lines = run_checks(checks, place, seconds=60 * args.minutes, tell=lambda line: print(line, flush=True))
    facts = {'device': str(place.device), 'date': date.today().isoformat(), 'command': command}
    facts |= {'commit': commit_of_package(), 'versions': versions(), 'checks': [vars(line) for line in lines]}
    write_json(record := place.folder / 'gpu_check.json', facts)
    print(f'\n{table(lines)}\n\n{record}')
    return int(any(line.outcome == FAIL for line in lines))
