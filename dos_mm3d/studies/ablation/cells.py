"""The cells of a ladder: a row pretrained with a seed, its probe after it, and the baselines that all rows share."""

import copy
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...engine.config_overrides import load_with_overrides
from ...errors import InputError
from ...files import read_json, write_json
from ...probe.probe import ProbeSettings
from ...probe.rows import FIXED, RANDOM
from ..protocols.datasets import DataSet, dataset_named
from ..runner import Cell, content_hash
from ..runner.config_file import write_config
from ..runner.scalars import last_scalars
from .ladder_file import LadderRow

SET_BY_LADDER = ('max_iters', 'train_cfg.max_iters', 'randomness.seed', 'work_dir')
CELL_ROWS = {'teacher': ['teacher'], 'teacher_raw': ['teacher', 'raw'], 'student': ['student']}
HANDCRAFTED_ROW = {'teacher_raw_handcrafted': ['teacher', 'pillars', 'raw']}
BASELINE_ROWS = {**FIXED, **RANDOM}


def pretrain_cell(row: LadderRow, config: Mapping[str, Any], seed: int) -> Cell:
    """Pretraining of a row's resolved config with a seed; it leaves `run` with its last checkpoint."""
    config = copy.deepcopy(dict(config))
    config['randomness'] = {**config.get('randomness', {}), 'seed': seed}
    return Cell(
        name=f'{row.name}_seed{seed}',
        depends_on={'config_hash': content_hash(config), 'data_hash': dataset_of(config).hash()},
        prepare=lambda folder: write_config(folder / 'config.py', config),
        commands=lambda folder: [train_command(folder)],
        collect=collect_pretraining,
    )


def collect_pretraining(folder: Path) -> dict[str, Any]:
    """What the run logged last. Its other checkpoints are removed: a ladder has many cells."""
    kept = last_checkpoint(folder)
    for other in kept.parent.glob('iter_*.pth'):
        if other.name != kept.name:
            other.unlink()
    return {**last_scalars(folder / 'run'), 'said': 'pretrained'}


def last_checkpoint(folder: Path) -> Path:
    """Of the pretraining in a cell's folder, as mmengine's `last_checkpoint` names it."""
    return Path((folder / 'run' / 'last_checkpoint').read_text().strip())


def row_probe_cell(pretraining: Cell, out: Path, *, split: str, settings: ProbeSettings, handcrafted: bool) -> Cell:
    """The probe of what a pretraining cell leaves.

    Args:
        pretraining: of the row.
        out: folder of the ladder.
        split: that is scored.
        settings: of the probe.
        handcrafted: whether the teacher is probed with the pillar statistics beside it too.
    """
    rows = {**CELL_ROWS, **(HANDCRAFTED_ROW if handcrafted else {})}
    request = {'split': split, 'settings': asdict(settings), 'rows': rows, 'random_seeds': 0, 'batch_norm_scans': 0}
    trained = pretraining.folder(out)

    def prepare(folder: Path) -> None:
        paths = {'config': str(trained / 'config.py'), 'checkpoint': str(last_checkpoint(trained))}
        write_json(folder / 'request.json', {**request, **paths})

    return _probe_cell(f'{pretraining.name}_{split}', request, prepare, after=(pretraining,))


def baseline_cell(
    config: Mapping[str, Any], *, split: str, settings: ProbeSettings, random_seeds: int, batch_norm_scans: int
) -> Cell:
    """The rows that no pretraining changes; without them no row can be judged.

    They depend on the data, the encoder and the probe; steps, seeds and losses of the config do not matter.
    """
    counts = {'random_seeds': random_seeds, 'batch_norm_scans': batch_norm_scans}
    request = {'split': split, 'settings': asdict(settings), 'rows': BASELINE_ROWS, **counts}
    depends_on = {
        **request,
        'backbone': config['model']['backbone'],
        'data_preprocessor': config['model']['data_preprocessor'],
        'num_sweeps': config['train_dataloader']['dataset']['num_sweeps'],
        'data_hash': dataset_of(config).hash(),
    }

    def prepare(folder: Path) -> None:
        write_config(folder / 'config.py', config)
        write_json(folder / 'request.json', {**request, 'config': str(folder / 'config.py'), 'checkpoint': None})

    return _probe_cell(f'baselines_{split}', depends_on, prepare, needed=True)


def _probe_cell(name: str, depends_on: Mapping[str, Any], prepare: Callable[[Path], None], **more: Any) -> Cell:
    """prepare: writes the request.  more: arguments of Cell."""
    return Cell(name, depends_on, lambda folder: [probe_command(folder)], collect_probe, prepare, **more)


def collect_probe(folder: Path) -> dict[str, Any]:
    """Every row's numbers, and of the baselines facts about the data; the line of progress tells the teacher's."""
    found = read_json(folder / 'probe.json')
    teacher = found['rows'].get('teacher')
    return {**found, 'said': f'{teacher["miou"]:.1f} mIoU' if teacher else 'done'}


def train_command(folder: Path) -> list[str]:
    """Pretraining of a cell's config, going on where it was interrupted."""
    arguments = [folder / 'config.py', '--work-dir', folder / 'run', '--resume']
    return [sys.executable, 'tools/train.py', *map(str, arguments)]


def probe_command(folder: Path) -> list[str]:
    """The probe that a cell's request asks for."""
    arguments = [folder / 'request.json', '--out', folder / 'probe.json']
    return [sys.executable, '-m', 'dos_mm3d.studies.ablation.probe', *map(str, arguments)]


def resolve_config(row: LadderRow, *, steps: int | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The row's config with `max_iters` and the command line's values in place, logging its last step.

    steps None: as many as the config says. ValueError where an override is the ladder's business, or where the config
    does not follow its `max_iters`.
    """
    if taken := sorted(set(overrides) & set(SET_BY_LADDER)):
        raise InputError(f'--cfg-options {", ".join(taken)}: the ladder sets it; use --steps, --seeds, --out')
    cfg = load_with_overrides(row.config, {**overrides, **({} if steps is None else {'max_iters': steps})})
    found = cfg.train_cfg.max_iters
    if steps is not None and found != steps:
        raise InputError(
            f'{row.config}: trains {found} steps whatever max_iters is; wanted a top-level variable max_iters that '
            'train_cfg.max_iters and the schedules are made from'
        )
    logger = cfg.default_hooks.logger
    logger.interval = math.gcd(logger.interval, found)
    return cfg.to_dict()


def dataset_of(config: Mapping[str, Any]) -> DataSet:
    """What is pretrained on and probed: the embedded nuScenes, or whatever lies in its place."""
    return dataset_named('synthetic').at(config['train_dataloader']['dataset']['data_root'])
