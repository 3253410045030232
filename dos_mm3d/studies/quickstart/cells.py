"""The cells of tools/quickstart.py, each the tools that a user would call."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import InputError, MissingFileError
from ...files import read_json
from ..project import CONFIGS, PACKAGE, tool_command
from ..runner import Cell, files_sha256
from .choices import SEED, Quickstart

# what changes there changes no training of a quickstart
NOT_TRAINING = ('probe', 'metrics', 'miniatures', 'studies', 'cli', 'visualization', 'ablations', 'backbones', '.mim')
PROTOCOLS = PACKAGE / 'studies' / 'protocols'


def quickstart_cells(quickstart: Quickstart) -> list[Cell]:
    """All cells, from the data set to the fine-tuned models; those that wait for nothing run side by side."""
    write, convert = data_cells(quickstart)
    pretrain, export = encoder_cells(quickstart, convert)
    return [write, convert, pretrain, export, *protocol_cells(quickstart, pretrain)]


def tool_cell(
    quickstart: Quickstart,
    name: str,
    title: str,
    command: Sequence[str],
    sources: Iterable[Path],
    outputs: Iterable[Path],
    *,
    place: str | None = None,
    **more: Any,
) -> Cell:
    """A cell that is done again when its command or the sources that it runs have changed, wherever the folder lies.

    Args:
        quickstart: whose cell it is.
        name: of the cell.
        title: for the reader.
        command: of one of our tools.
        sources: files, and folders of Python files, that decide what the command computes.
        outputs: what it writes.
        place: folder of what the cell alone writes; default one that holds no more than its log.
        more: arguments of Cell.
    """
    words = [word.replace(str(quickstart.root), '...') for word in command[1:]]
    return Cell(
        name=name,
        title=title,
        depends_on={'command': words, 'sources': files_sha256(sorted(files_below(sources)))},
        commands=lambda folder: [command],
        place=Path(place or f'logs/{name}'),
        outputs=tuple(outputs),
        needed=True,
        **more,
    )


def files_below(paths: Iterable[Path]) -> set[Path]:
    """The files among the paths, and the Python files below the folders among them; FileNotFoundError for neither."""
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise MissingFileError(f'{path}: the quickstart runs it, and it is not there')
        found |= set(path.rglob('*.py')) if path.is_dir() else {path}
    return found


def tool(name: str, *arguments: str | Path, options: Mapping[str, Any]) -> list[str]:
    """The command line of one of our tools. options: values for its config, --cfg-options."""
    values = [f'{key}={value}' for key, value in options.items()]
    return tool_command(name, *arguments, *(['--cfg-options', *values] if values else []))


def training_sources() -> list[Path]:
    """Code and configs that decide what a training computes, bases included."""
    return [path for folder in (PACKAGE, CONFIGS) for path in folder.iterdir() if path.name not in NOT_TRAINING]


def data_cells(quickstart: Quickstart) -> tuple[Cell, Cell]:
    """Write the embedded data set, convert it."""
    cell, size = partial(tool_cell, quickstart), quickstart.size
    command = tool('synthetic', '--out', size.data, '--seed', str(SEED), *size.create, '--force', options={})
    sources, written = [PACKAGE / 'miniatures'], [size.data / 'synthetic.json']
    write = cell('data', 'writing the embedded data set', command, sources, written)
    command = tool('data', 'nuscenes', '--root-path', size.data, options={})
    sources = [PACKAGE / 'datasets' / 'nuscenes' / 'convert.py', PACKAGE / 'cli' / 'create_data.py']
    infos = [size.data / f'nuscenes_infos_{split}.pkl' for split in ('train', 'val')]
    return write, cell('convert', "mmdet3d's nuScenes converter", command, sources, infos, after=(write,))


def encoder_cells(quickstart: Quickstart, convert: Cell) -> tuple[Cell, Cell]:
    """Pretrain without labels, going on from the last checkpoint where it was interrupted; export the teacher."""
    cell, config, checkpoint = partial(tool_cell, quickstart), quickstart.choice.pretrain_config, quickstart.checkpoint
    options = {'randomness.seed': SEED, **quickstart.size.pretrain}
    command = tool('train', config, '--work-dir', checkpoint.parent, '--resume', options=options)
    title, more = 'DOS pretraining of the encoder, without labels', {'after': (convert,), 'place': 'pretrain'}
    pretrain = cell('pretrain', title, command, training_sources(), [checkpoint], **more)
    command = tool('export', checkpoint, quickstart.exported, options={})
    title, more = 'export of the teacher for mmdet3d', {'after': (pretrain,), 'place': 'export'}
    sources = [PACKAGE / 'cli' / 'export_backbone.py']
    return pretrain, cell('export', title, command, sources, [quickstart.exported], **more)


def protocol_cells(quickstart: Quickstart, pretrain: Cell) -> tuple[Cell, Cell]:
    """The linear probe beside every baseline, and the model with few labels from scratch and from DOS weights."""
    choice, size = quickstart.choice, quickstart.size
    sources = [PROTOCOLS, PACKAGE / 'probe', PACKAGE / 'metrics']
    title = 'linear probe on frozen features'
    probe = protocol_cell(quickstart, 'linear_probe', title, pretrain, size.probe, sources, {})
    arguments = ('--downstream', choice.finetune_config, '--seeds', quickstart.n_seeds, '--workers', 2, '--share-cpus')
    if choice.protocol == 'detection':
        arguments += ('--shares',)  # none: the config says how few labels
    sources = [*training_sources(), PROTOCOLS, PACKAGE / 'studies' / 'runner' / 'start_record.py']
    title = f'{choice.model} with few labels, from scratch and from DOS weights, {quickstart.n_seeds} seed(s)'
    return probe, protocol_cell(quickstart, choice.protocol, title, pretrain, arguments, sources, size.finetune)


def protocol_cell(
    quickstart: Quickstart,
    name: str,
    title: str,
    pretrain: Cell,
    arguments: Iterable[Any],
    sources: Iterable[Path],
    options: Mapping[str, Any],
) -> Cell:
    """A protocol of the pretrained checkpoint on the test split.

    arguments: of tools/run_protocol.py, its own sizes.  options: values for the config that it trains.
    """
    record = quickstart.record(name)
    data = ('--dataset', 'synthetic', '--data-root', f'synthetic={quickstart.size.data}')
    how = (
        '--checkpoint',
        quickstart.checkpoint,
        '--split',
        'test',
        '--again',
        '--retry-failed',
        '--out',
        record.parent,
    )
    command = tool('probe', name, *data, *how, *map(str, arguments), options=options)
    more = {'after': (pretrain,), 'place': name, 'collect': lambda folder: require_finished(record)}
    return tool_cell(quickstart, name, title, command, sources, [record], **more)


def require_finished(record: Path) -> dict[str, Any]:
    """InputError with its message where a cell of a protocol gave no number."""
    for cell in read_json(record)['cells']:
        if cell['status'] != 'finished':
            raise InputError(f'{cell["name"]} {cell["status"]}: {cell.get("message", "")}')
    return {}
