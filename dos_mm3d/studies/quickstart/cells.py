"""The cells of tools/quickstart.py, each the tools that a user would call."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...engine.config_overrides import load_with_overrides
from ...errors import MissingFileError
from ..protocols.training_config import last_checkpoint
from ..runner import Cell, Study, files_sha256
from .choices import SEED, Quickstart

# what changes there changes no training of a quickstart
NOT_TRAINING = ('probe', 'metrics', 'miniatures', 'studies', 'visualization', 'ablations', 'backbones')
RECORD_HOOK = 'dos_mm3d.studies.runner.start_record'


def quickstart_cells(quickstart: Quickstart) -> list[Cell]:
    """All cells, from the data set to the fine-tuned models; those that wait for nothing run side by side."""
    write, convert = data_cells(quickstart)
    pretrain, export, probe = encoder_cells(quickstart, convert)
    scratch = finetune_cell(quickstart, 'scratch', convert)
    return [write, convert, pretrain, scratch, export, probe, finetune_cell(quickstart, 'dos', export)]


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
) -> Cell:
    """A cell that is done again when its commands or the sources that they run have changed.

    Args:
        sources: files, and folders of Python files, that decide what the commands compute.
        place: folder of what the cell alone writes; default one that holds no more than its log.
    """
    return Cell(
        name=name,
        title=title,
        depends_on={'commands': commands, 'sources': files_sha256(sorted(files_below(sources)))},
        commands=lambda folder: commands,
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


def tool(name: str, *arguments: str | Path, options: Mapping[str, Any]) -> list[str]:
    """The command line of one of our tools. options: values for its config, --cfg-options."""
    values = [f'{key}={value}' for key, value in options.items()]
    return [sys.executable, f'tools/{name}.py', *map(str, arguments), *(['--cfg-options', *values] if values else [])]


def training_sources() -> list[Path]:
    """Code and configs that decide what a training computes, bases included."""
    return [
        path for folder in ('dos_mm3d', 'configs') for path in Path(folder).iterdir() if path.name not in NOT_TRAINING
    ]


def data_cells(quickstart: Quickstart) -> tuple[Cell, Cell]:
    """Write the embedded data set, convert it."""
    size = quickstart.size
    command = tool('create_synthetic', '--out', size.data, '--seed', SEED, *size.create, '--force', options={})
    sources, written = [Path('dos_mm3d/miniatures')], [size.data / 'synthetic.json']
    write = tool_cell('data', 'writing the embedded data set', [command], sources, written)
    command = tool('create_data', 'nuscenes', '--root-path', size.data, options={})
    sources = [Path('dos_mm3d/datasets/nuscenes/convert.py'), Path('tools/create_data.py')]
    infos = [size.data / f'nuscenes_infos_{split}.pkl' for split in ('train', 'val')]
    return write, tool_cell('convert', "mmdet3d's nuScenes converter", [command], sources, infos, after=(write,))


def encoder_cells(quickstart: Quickstart, convert: Cell) -> tuple[Cell, Cell, Cell]:
    """Pretrain without labels, going on from the last checkpoint where it was interrupted; export the teacher; probe
    teacher and student beside every baseline."""
    config, checkpoint = quickstart.choice.pretrain_config, quickstart.checkpoint
    options = {'randomness.seed': SEED, **quickstart.size.pretrain}
    pretrain = tool_cell(
        'pretrain',
        'DOS pretraining of the encoder, without labels',
        [tool('train', config, '--work-dir', checkpoint.parent, '--resume', options=options)],
        training_sources(),
        [checkpoint],
        after=(convert,),
        place='pretrain',
    )
    export = tool_cell(
        'export',
        'export of the teacher for mmdet3d',
        [tool('export_backbone', checkpoint, quickstart.exported, options={})],
        [Path('tools/export_backbone.py')],
        [quickstart.exported],
        after=(pretrain,),
        place='export',
    )
    arguments = [config, checkpoint, '--out', quickstart.probe, *quickstart.size.probe]
    probe = tool_cell(
        'probe',
        'linear probe on frozen features',
        [tool('linear_probe', *arguments, options=options)],
        [Path('dos_mm3d/probe'), Path('dos_mm3d/metrics'), Path('tools/linear_probe.py')],
        [quickstart.probe],
        after=(pretrain,),
        place='probe',
    )
    return pretrain, export, probe


def finetune_cell(quickstart: Quickstart, start: str, before: Cell) -> Cell:
    """Fine-tune and test with few labels for every seed; `start` is 'scratch', or 'dos' with the exported weights."""
    runs = [quickstart.finetuned(start, seed) for seed in quickstart.seeds]
    weights = {'load_from': quickstart.exported} if start == 'dos' else {}
    words = f'from {"DOS weights" if weights else "scratch"}, {len(runs)} seed(s)'
    commands = [
        finetune_commands(quickstart, run, {'randomness.seed': seed, **weights})
        for run, seed in zip(runs, quickstart.seeds)
    ]
    return tool_cell(
        runs[0].parent.name,
        f'{quickstart.choice.model} with few labels, {words}',
        [command for pair in commands for command in pair],
        [*training_sources(), Path('dos_mm3d/studies/runner/start_record.py')],
        [run / 'metrics.json' for run in runs],
        after=(before,),
        place=runs[0].parent.name,
    )


def finetune_commands(quickstart: Quickstart, run: Path, start: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Train, then test. start: options that the runs differ in."""
    config, options = quickstart.choice.finetune_config, quickstart.size.finetune
    recorded = {
        'custom_imports.imports': f'dos_mm3d,{RECORD_HOOK}',
        'default_hooks.start_record.type': 'StartRecordHook',
    }
    # the devkit's own files stay, for the pictures
    keep = {'test_evaluator.jsonfile_prefix': run / 'test'} if quickstart.choice.task == 'detection' else {}
    checkpoint = last_checkpoint(load_with_overrides(config, options), run)
    folders = ['--work-dir', run / 'test_log', '--metrics', run / 'metrics.json']
    return (
        tool('train', config, '--work-dir', run, options={**options, **recorded, **start}),
        tool('test', config, checkpoint, *folders, options={**options, **keep}),
    )
