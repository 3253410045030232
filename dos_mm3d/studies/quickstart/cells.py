"""The cells of tools/quickstart.py, each the tools that a user would call, for one of the backbones."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...engine.config_overrides import load_with_overrides
from ...errors import MissingFileError
from ...files import write_text
from ..protocols.training_config import last_checkpoint
from ..runner import Cell, Study, files_sha256
from .choices import Choice, Size
from .finetune_record import RunFolders

# what changes there changes no training of a quickstart
NOT_TRAINING = ('probe', 'metrics', 'miniatures', 'studies', 'visualization', 'ablations', 'backbones')
SEED = 0


def quickstart_cells(size: Size, folders: RunFolders) -> list[Cell]:
    """All cells, from the data set to the fine-tuned models; those that wait for nothing run side by side."""
    write, convert = data_cells(size)
    pretrain, export, probe = encoder_cells(size, folders, convert)
    scratch = finetune_cell(size, folders, 'scratch', convert)
    return [write, convert, pretrain, scratch, export, probe, finetune_cell(size, folders, 'dos', export)]


def seconds_of(study: Study) -> dict[str, float]:
    """Seconds of every finished cell, and of `all`: of the longest chain of cells that wait for each other."""
    seconds = {cell.name: study.result(cell.name)['seconds'] for cell in study.cells}
    ends: dict[str, float] = {}
    for cell in study.cells:
        ends[cell.name] = seconds[cell.name] + max((ends[before.name] for before in cell.after), default=0.0)
    return {'all': max(ends.values()), **seconds}


def tool_cell(
    name: str,
    title: str,
    commands: Sequence[Sequence[str]],
    sources: Iterable[Path],
    outputs: Iterable[Path],
    *,
    after: tuple[Cell, ...] = (),
    place: str | None = None,
    configs: Mapping[str, str] | None = None,
) -> Cell:
    """A cell that is done again when its commands or the sources that they run have changed.

    Args:
        sources: files, and folders of Python files, that decide what the commands compute.
        place: folder of what the cell alone writes; default one that holds no more than its log.
        configs: name -> text of the config files that are written into the folder for the commands.
    """
    configs = configs or {}
    return Cell(
        name=name,
        title=title,
        depends_on={'commands': commands, 'configs': configs, 'sources': files_sha256(sorted(files_below(sources)))},
        commands=lambda folder: commands,
        prepare=partial(write_configs, configs),
        after=after,
        place=Path(place or f'logs/{name}'),
        outputs=tuple(outputs),
        needed=True,
    )


def files_below(paths: Iterable[Path]) -> set[Path]:
    """The files among the paths, and the Python files below the folders among them; FileNotFoundError for neither."""
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise MissingFileError(f'{path}: the quickstart runs it, and it is not there')
        found |= set(path.rglob('*.py')) if path.is_dir() else {path}
    return found


def write_configs(configs: Mapping[str, str], folder: Path) -> None:
    """Write the config files of a cell."""
    for name, text in configs.items():
        write_text(folder / name, text)


def tool(name: str, *arguments: str | Path) -> list[str]:
    """The command line of one of our tools."""
    return [sys.executable, f'tools/{name}.py', *map(str, arguments)]


def options(values: Mapping[str, Any]) -> list[str]:
    """--cfg-options, where there is something to override."""
    return ['--cfg-options', *(f'{key}={value}' for key, value in values.items())] if values else []


def training_sources() -> list[Path]:
    """Code and configs that decide what a training computes, bases included."""
    return sorted(
        path for folder in ('dos_mm3d', 'configs') for path in Path(folder).iterdir() if path.name not in NOT_TRAINING
    )


def data_cells(size: Size) -> tuple[Cell, Cell]:
    """Write the embedded data set, convert it."""
    command = tool('create_synthetic', '--out', size.data, '--seed', '0', *size.create, '--force')
    sources, written = [Path('dos_mm3d/miniatures')], [size.data / 'synthetic.json']
    write = tool_cell('data', 'writing the embedded data set', [command], sources, written)
    command = tool('create_data', 'nuscenes', '--root-path', size.data)
    sources = [Path('dos_mm3d/datasets/nuscenes/convert.py'), Path('tools/create_data.py')]
    infos = [size.data / f'nuscenes_infos_{split}.pkl' for split in ('train', 'val')]
    return write, tool_cell('convert', "mmdet3d's nuScenes converter", [command], sources, infos, after=(write,))


def encoder_cells(size: Size, folders: RunFolders, convert: Cell) -> tuple[Cell, Cell, Cell]:
    """Pretrain without labels, going on from the last checkpoint where it was interrupted; export the teacher; probe
    teacher and student beside every baseline."""
    values = options({'randomness.seed': SEED, **size.pretrain})
    pretrain = tool_cell(
        'pretrain',
        'DOS pretraining of the encoder, without labels',
        [tool('train', folders.choice.pretrain_config, '--work-dir', folders.pretrain, '--resume', *values)],
        training_sources(),
        [folders.checkpoint],
        after=(convert,),
        place='pretrain',
    )
    export = tool_cell(
        'export',
        'export of the teacher for mmdet3d',
        [tool('export_backbone', folders.checkpoint, folders.exported)],
        [Path('tools/export_backbone.py')],
        [folders.exported],
        after=(pretrain,),
        place='export',
    )
    arguments = [folders.choice.pretrain_config, folders.checkpoint, '--out', folders.probe, *size.probe, *values]
    probe = tool_cell(
        'probe',
        'linear probe on frozen features',
        [tool('linear_probe', *arguments)],
        [Path('dos_mm3d/probe'), Path('dos_mm3d/metrics'), Path('tools/linear_probe.py')],
        [folders.probe],
        after=(pretrain,),
        place='probe',
    )
    return pretrain, export, probe


def finetune_cell(size: Size, folders: RunFolders, start: str, before: Cell) -> Cell:
    """Fine-tune and test with few labels for every seed; `start` is 'scratch', or 'dos' with the exported weights."""
    choice, name = folders.choice, f'{folders.choice.task}_{start}'
    exported = folders.exported if start == 'dos' else None
    commands, configs, metrics = [], {}, []
    for seed in folders.seeds:
        file, run = f'seed{seed}.py', folders.finetuned(start, seed)
        configs[file] = child_config(choice.finetune_config, run.parent, seed, exported)
        commands += finetune_commands(choice, size, run.parent / file, run)
        metrics.append(run / 'metrics.json')
    return tool_cell(
        name,
        f'{choice.model} with few labels, from {"DOS weights" if exported else "scratch"}, {len(metrics)} seed(s)',
        commands,
        [*training_sources(), Path('dos_mm3d/studies/runner/start_record.py')],
        metrics,
        after=(before,),
        place=name,
        configs=configs,
    )


def finetune_commands(choice: Choice, size: Size, config: Path, folder: Path) -> list[list[str]]:
    """Train, then test."""
    trained = load_with_overrides(choice.finetune_config, size.finetune)
    # the devkit's own files stay, for the pictures
    keep = {'test_evaluator.jsonfile_prefix': folder / 'test'} if choice.task == 'detection' else {}
    test = ['--work-dir', folder / 'test_log', '--metrics', folder / 'metrics.json']
    return [
        tool('train', config, '--work-dir', folder, *options(size.finetune)),
        tool('test', config, last_checkpoint(trained, folder), *test, *options({**size.finetune, **keep})),
    ]


def child_config(base: Path, folder: Path, seed: int, weights: Path | None) -> str:
    """The fine-tuning config with a seed, a record of how it starts, and the weights that it starts from, if any."""
    text = (
        f'_base_ = {os.path.relpath(base, folder)!r}\n'
        "custom_imports = dict(imports=['dos_mm3d', 'dos_mm3d.studies.runner.start_record'], "
        'allow_failed_imports=False)\n'
        "custom_hooks = [dict(type='StartRecordHook')]\n"
        f'randomness = dict(seed={seed})\n'
    )
    return text + (f'load_from = {str(weights)!r}\n' if weights else '')
