"""Judge a pretraining checkpoint by one protocol of the paper, with its scratch baselines in the same table.

python tools/run_protocol.py linear_probe --dataset synthetic --checkpoint CKPT [--seeds 3] [--split test]
python tools/run_protocol.py few_shot --dataset semantickitti --checkpoint CKPT0 CKPT1 CKPT2 --config CONFIG
python tools/run_protocol.py cross_domain --checkpoint nuscenes=CKPT semantickitti=CKPT

Writes <name>_<dataset>.json, .md and .png into work_dirs/protocols/<name>_<dataset>/. Give the same command once more
to go on after an end: finished cells are not run again. Settings are chosen on the validation split; --split test
scores the same once. What each protocol is: docs/protocols.md.
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
from dos_mm3d.files import home_path
from dos_mm3d.studies.protocols import PROTOCOLS, Protocol, ProtocolArguments
from dos_mm3d.studies.protocols.runner import record_file, run_protocol
from dos_mm3d.studies.protocols.sources import read_datasets, read_sources
from dos_mm3d.studies.runner.tool import (
    add_study_arguments,
    named_path,
    require_positive,
    run_study_tool,
    study_arguments,
    tell,
)

COMMON = (
    'name', 'dataset', 'checkpoint', 'config', 'data_root', 'seeds', 'steps', 'out', 'split', 'workers', 'share_cpus',
    'again', 'retry_failed', 'cfg_options', 'pretraining_options',
)  # fmt: skip


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """The protocol's name first, then what all protocols share and its own sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = parser.add_subparsers(dest='name', required=True, metavar='NAME', help=', '.join(PROTOCOLS))
    for protocol in PROTOCOLS.values():
        one = names.add_parser(protocol.name, help=protocol.title, description=protocol.__doc__)
        add_common_arguments(one, protocol)
        protocol.add_arguments(one.add_argument_group(f'sizes of {protocol.name}'))
    args = parser.parse_args(arguments)
    require_positive(parser, args)
    return args


def add_common_arguments(parser: argparse.ArgumentParser, protocol: type[Protocol]) -> None:
    """What every protocol takes."""
    add = parser.add_argument
    several = protocol.several_datasets
    wanted = 'default: what the checkpoints name' if several else 'required'
    add('--dataset', nargs='+' if several else 1, required=not several, metavar='D', help=f'data set; {wanted}')
    add(
        '--checkpoint', nargs='+', default=[], metavar='[A=]PATH',
        help='pretraining checkpoints; several are runs with other seeds; A: what it was pretrained on',
    )  # fmt: skip
    add('--config', nargs='+', default=[], metavar='[A=]PATH', help='pretraining configs; default: beside checkpoints')
    add('--data-root', nargs='+', default=[], metavar='D=PATH', help='where data sets are; default data/...')
    add('--seeds', type=int, default=3, help='seeds of what has no checkpoint, 0, 1, ...')
    add('--out', type=home_path, help='folder; default work_dirs/protocols/NAME_D')
    add_study_arguments(parser, workers=1)
    add_overrides(parser, '--pretraining-options', 'values of pretraining configs')


def arguments_of(args: argparse.Namespace) -> ProtocolArguments:
    """Names looked up, checkpoints checked against their configs."""
    datasets = read_datasets(args.dataset, args.checkpoint, args.data_root)
    one = datasets[0] if len(datasets) == 1 else None
    names = '_'.join(dataset.name for dataset in datasets)
    return ProtocolArguments(
        datasets=datasets,
        sources=read_sources(args.checkpoint, args.config, one, args.pretraining_options),
        out=args.out or ROOT / 'work_dirs' / 'protocols' / f'{args.name}_{names}',
        options={name: value for name, value in vars(args).items() if name not in COMMON},
        **study_arguments(args, 'run_protocol'),
    )


def absolute(args: argparse.Namespace) -> None:
    """Paths are relative to where the user is; configs name theirs relative to the repository."""
    for name in ('checkpoint', 'config', 'data_root'):
        found = map(named_path, getattr(args, name))
        setattr(args, name, [f'{label}={path.resolve()}' if label else str(path.resolve()) for label, path in found])
    args.out = args.out and args.out.resolve()


def run(args: argparse.Namespace) -> None:
    """Check, run, print the table."""
    protocol = PROTOCOLS[args.name](arguments_of(args))
    for source in protocol.args.sources:
        print(f'[{protocol.name}: {source.checkpoint}, pretrained on {source.dataset} with {source.config_file}]')
    tell(protocol.tables(run_protocol(protocol)), record_file(protocol))


def main() -> None:
    """Work in the repository: configs, and what they name, are relative to it."""
    args = parse_args()
    absolute(args)
    os.chdir(ROOT)
    run_study_tool('run_protocol', lambda: run(args))


if __name__ == '__main__':
    run_tool(main)
