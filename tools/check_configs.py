"""Build configs, train them for two steps and test them once, each on the miniature of its data set.

python tools/check_configs.py CONFIG [CONFIG ...]
python tools/check_configs.py --all [--jobs 2] [--record docs/results/config_check.json] [--resume]

Data set classes, pipelines, models, loops and metrics are the config's own; data are small, so is the batch. Exit
status 1 where a config fails; its error is printed, its log is below --work-dir."""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve the other job
os.environ.setdefault('GOMP_SPINCOUNT', '1000')  # but for a moment: docs/benchmarks.md
os.environ.setdefault('PYTORCH_NVML_BASED_CUDA_CHECK', '1')  # the other way to ask for a GPU takes it from children

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch
from mmengine.config import Config

import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.engine.arguments import at_least
from dos_mm3d.engine.launch import run_tool
from dos_mm3d.errors import MissingFileError
from dos_mm3d.files import check_output, check_writable, holds_record, home_path, output_path, write_json
from dos_mm3d.miniatures.worlds import WORLDS, config_world
from dos_mm3d.studies.config_check.check import check_all, failures, table
from dos_mm3d.studies.config_check.shrink import data_sets_of, is_config
from dos_mm3d.studies.runner.record import commit, machine, versions

CONFIGS = ROOT / 'configs'


def parse_args() -> argparse.Namespace:
    """The arguments; asks for configs or --all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', type=home_path, metavar='CONFIG')
    parser.add_argument('--all', action='store_true', help='every config below configs/')
    parser.add_argument('--jobs', type=at_least(1), default=2, help='configs at a time (default: 2)')
    parser.add_argument('--record', type=output_path, help='JSON file for commit, device, seconds and every outcome')
    parser.add_argument('--work-dir', type=home_path, default=ROOT / 'work_dirs' / 'config_check', help='for logs')
    parser.add_argument('--resume', action='store_true', help='leave out what passed in --work-dir with this commit')
    args = parser.parse_args()
    if bool(args.configs) == args.all:
        parser.error('name configs, or give --all')
    return args


def wanted_configs(args: argparse.Namespace) -> dict[str, Path]:
    """Path below configs/ -> file."""
    paths = sorted(path for path in CONFIGS.rglob('*.py') if is_config(path, CONFIGS)) if args.all else args.configs
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise MissingFileError(f'{", ".join(missing)}: no such config; give the path of a .py file')
    return {os.path.relpath(path.resolve(), CONFIGS): path.resolve() for path in paths}


def needed_worlds(configs: Iterable[Path]) -> list[str]:
    """Names of the miniatures that configs are checked on."""
    names = set()
    for path in configs:
        with contextlib.suppress(Exception):  # a config that cannot be read is a finding of its check
            names |= set(data_sets_of(Config.fromfile(path)))
    return sorted({'nuscenes' if name == 'sweeps' else name for name in names} & WORLDS.keys())


def main() -> None:
    """Write the miniatures that the configs need, check all, print the table."""
    args = parse_args()
    torch.set_num_threads(1)  # a forked child waits for ever for OpenMP threads that this process had
    configs, start = wanted_configs(args), time.monotonic()
    if args.record is not None:
        check_output(args.record, *configs.values(), ours=holds_record('configs', 'resumed'))
    check_writable(args.work_dir, 'Name another --work-dir, or free some space')  # before miniatures are written
    with tempfile.TemporaryDirectory(prefix='miniatures_') as folder:
        worlds = {name: config_world(name, Path(folder, name)) for name in needed_worlds(configs.values())}
        outcomes = check_all(configs, worlds, args.work_dir, jobs=args.jobs, commit=commit(ROOT), resume=args.resume)
    print(table(outcomes))
    if args.record is not None:
        facts = {'date': date.today().isoformat(), 'commit': commit(ROOT), 'versions': versions(), **machine()}
        facts |= {'jobs': args.jobs, 'seconds': round(time.monotonic() - start), 'resumed': args.resume}
        facts['passed'] = len(outcomes) - len(failures(outcomes))
        write_json(args.record, {**facts, 'configs': outcomes})
    if failures(outcomes):
        raise SystemExit(1)


if __name__ == '__main__':
    run_tool(main)
