"""Judge a pretraining checkpoint by one protocol of the paper, with its scratch baselines in the same table.

dos-mm3d probe linear_probe --dataset synthetic --checkpoint CKPT [--seeds 3] [--split test]
dos-mm3d probe few_shot --dataset semantickitti --checkpoint CKPT0 CKPT1 CKPT2 --config CONFIG
dos-mm3d probe cross_domain --checkpoint nuscenes=CKPT semantickitti=CKPT
dos-mm3d probe few_shot --dataset range_nuscenes --train-root A --test-root B --checkpoint synthetic=CKPT
dos-mm3d probe object_svm --dataset modelnet40 scanobjectnn --checkpoint dual=CKPT0 dual=CKPT1 mpm=CKPT

Writes <name>_<dataset>.json, .md, .png and .html into work_dirs/protocols/<name>_<dataset>/. Give the same command once
more to go on after an end: finished cells are not run again. Settings are chosen on the validation split; --split test
scores the same once. What each protocol is: docs/protocols.md.
"""

import argparse
from pathlib import Path
from typing import Any

from ..engine.arguments import Gathered, add_quiet
from ..engine.config_overrides import add_overrides
from ..errors import InputError
from ..files import check_output, holds_record, home_path, output_path, write_json
from ..progress import announce
from ..studies.protocols import PROTOCOLS, Protocol, ProtocolArguments
from ..studies.protocols.datasets import DATASETS, DataSet
from ..studies.protocols.folder_sets import FOLDER_SETS, Probed, read_folder_set
from ..studies.protocols.objects.data import read_object_data
from ..studies.protocols.objects.sources import read_object_sources
from ..studies.protocols.probing import add_folder_arguments
from ..studies.protocols.runner import record_file, run_protocol
from ..studies.protocols.sources import Source, read_datasets, read_sources
from ..studies.runner.tool import (
    add_study_arguments,
    named_path,
    require_finished,
    require_positive,
    run_study_tool,
    study_arguments,
    tell,
)

COMMON = (
    'name', 'dataset', 'checkpoint', 'config', 'data_root', 'seeds', 'steps', 'out', 'split', 'workers', 'share_cpus',
    'again', 'retry_failed', 'cfg_options', 'pretraining_options', 'record',
)  # fmt: skip


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """The protocol's name first, then what all protocols share and its own sizes. more: arguments of ArgumentParser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, **more)
    names = parser.add_subparsers(dest='name', required=True, metavar='NAME', help=', '.join(PROTOCOLS))
    for protocol in PROTOCOLS.values():
        one = names.add_parser(protocol.name, help=protocol.title, description=protocol.__doc__)
        add_common_arguments(one, protocol)
        protocol.add_arguments(one.add_argument_group(f'sizes of {protocol.name}'))
    return parser


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; numbers that cannot be are a usage error, as argparse's own."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    require_positive(parser, args)
    return args


def add_common_arguments(parser: argparse.ArgumentParser, protocol: type[Protocol]) -> None:
    """What every protocol takes."""
    add = parser.add_argument
    several = protocol.several_datasets
    wanted = 'default: what the checkpoints name' if several else 'required'
    what = 'prepared set of objects, below data/ or at --data-root' if protocol.objects else f'data set; {wanted}'
    add('--dataset', action=Gathered, nargs='+' if several else 1, required=not several, metavar='D', help=what)
    named = 'its row of the table' if protocol.objects else 'what it was pretrained on'
    add(
        '--checkpoint', action=Gathered, nargs='+', default=[], metavar='[A=]PATH',
        help=f'pretraining checkpoints; several are runs with other seeds; A: {named}',
    )  # fmt: skip
    add(
        '--data-root',
        action=Gathered,
        nargs='+',
        default=[],
        metavar='D=PATH',
        help='where data sets are; default data/...',
    )
    add('--seeds', type=int, default=3, help='seeds of what has no checkpoint, 0, 1, ...')
    add('--out', type=home_path, help='folder; default work_dirs/protocols/NAME_D')
    add(
        '--record',
        type=output_path,
        metavar='FILE',
        help='the record once more, when all is done; in docs/results for tables',
    )
    if protocol.folder_sets:
        add_folder_arguments(parser.add_argument_group(f'folders of frames: {", ".join(FOLDER_SETS)}'))
    add_study_arguments(parser, workers=1)
    add_quiet(parser)
    if protocol.objects:
        parser.set_defaults(config=[])  # their checkpoints carry what is read of it
    else:
        add(
            '--config',
            action=Gathered,
            nargs='+',
            default=[],
            metavar='[A=]PATH',
            help='pretraining configs; default: beside them',
        )
        add_overrides(parser, '--pretraining-options', 'values of pretraining configs')


def arguments_of(args: argparse.Namespace) -> ProtocolArguments:
    """Names looked up, checkpoints checked against their configs."""
    objects = PROTOCOLS[args.name].objects
    datasets = read_object_data(args.dataset, args.data_root) if objects else datasets_of(args)
    names = '_'.join(dataset.name for dataset in datasets)
    return ProtocolArguments(
        datasets=datasets,
        sources=read_object_sources(args.checkpoint) if objects else sources_of(args, datasets),
        out=args.out or Path('work_dirs', 'protocols', f'{args.name}_{names}'),
        options={name: value for name, value in vars(args).items() if name not in COMMON},
        **study_arguments(args, 'run_protocol'),
    )


def sources_of(args: argparse.Namespace, datasets: tuple[Probed, ...]) -> tuple[Source, ...]:
    """The checkpoints of sweeps, each with its config."""
    # frames in folders are what a checkpoint is judged on; nobody says by them what it was pretrained on
    one = datasets[0] if len(datasets) == 1 and isinstance(datasets[0], DataSet) else None
    ranks = getattr(args, 'intensity_ranks', False)
    return read_sources(args.checkpoint, args.config, one, args.pretraining_options, force_ranks=ranks)


def datasets_of(args: argparse.Namespace) -> tuple[Probed, ...]:
    """What is judged on: the data sets of the command line, or a set of frames in folders."""
    name = args.dataset[0] if args.dataset and len(args.dataset) == 1 else ''
    if unknown := sorted(set(args.dataset or ()) - set(DATASETS) - set(FOLDER_SETS)):
        raise InputError(f'no data set {unknown[0]!r}; wanted one of {", ".join(sorted({**DATASETS, **FOLDER_SETS}))}')
    if not PROTOCOLS[args.name].folder_sets:
        if wrong := sorted(set(args.dataset or ()) & set(FOLDER_SETS)):
            can = ', '.join(protocol.name for protocol in PROTOCOLS.values() if protocol.folder_sets)
            raise InputError(f'--dataset {wrong[0]} is for {can}; {args.name} needs a whole data set')
        return read_datasets(args.dataset, args.checkpoint, args.data_root)
    folders = (args.train_root, args.test_root, args.embedded_root)
    found = read_folder_set(name, *(path and str(path) for path in folders))
    if found is None:
        return read_datasets(args.dataset, args.checkpoint, args.data_root)
    if args.data_root:
        raise InputError(
            f'--data-root {args.data_root[0]}: it is not used; {name} lies in --train-root and --test-root'
        )
    return (found,)


def run(args: argparse.Namespace) -> None:
    """Check, run, print the table."""
    if args.record:  # hours before it is written
        check_output(
            args.record,
            *(named_path(text)[1] for text in (*args.checkpoint, *args.config)),
            ours=holds_record(protocol=args.name),
        )
    protocol = PROTOCOLS[args.name](arguments_of(args))
    for source in protocol.args.sources:
        announce(f'{protocol.name}: {source.told}')
    announce(f'{protocol.name}: {protocol.title}; the time left is told as it goes; results: {record_file(protocol)}')
    record = run_protocol(protocol)
    tell(protocol.tables(record), record_file(protocol))
    if args.record:
        write_json(args.record, record)
    require_finished(record)


def main() -> None:
    """Read the command line; an end from outside keeps what is finished."""
    args = parse_args()
    run_study_tool('run_protocol', lambda: run(args))
