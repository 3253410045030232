"""A cell of the protocols that train: one downstream model from one start with one seed, trained, tested, read back."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import read_json
from ...metrics.confusion import iou_percent, miou_percent, read_confusion
from ..runner import Cell, content_hash
from ..runner.config_file import write_config
from ..runner.devkit import SUMMARY, read_devkit_summary
from ..runner.scalars import last_scalars
from ..runner.start_record import FILE as START_FILE
from .base import Source
from .downstream import export_once
from .training_config import cell_config, each_evaluator, last_checkpoint, moved

WAYMO_CLASSES = ('vehicle', 'pedestrian', 'cyclist')


@dataclass(frozen=True)
class Labels:
    """What is trained on, one column of the table.

    Args:
        percent: of the labels.
        sequences: names, None as the config says.
        n_sequences: how many.
        of: sequences that there are.
        frames: key frames, or scans, in them.
    """

    percent: float
    sequences: tuple[str, ...] | None
    n_sequences: int
    of: int
    frames: int

    @property
    def name(self) -> str:
        return f'labels_{self.percent:g}'.replace('.', 'p')


@dataclass(frozen=True)
class Training:
    """What all cells of a call share.

    Args:
        task: 'segmentation' or 'detection'.
        recipe: of :data:`downstream.CONFIGS`.
        config: resolved, in its final length.
        root: of the data.
        ann_file: infos of the training split.
        data_hash: of the data set.
        test_sequences: that are scored, of the training split; None for the official test set.
        processes: of each training.
        encoder_prefixes: of the names of weights that pretraining gives.
        out: folder of the protocol.
    """

    task: str
    recipe: str
    config: Mapping[str, Any]
    root: str
    ann_file: str
    data_hash: str
    test_sequences: tuple[str, ...] | None
    processes: int
    encoder_prefixes: tuple[str, ...]
    out: Path


def training_cell(training: Training, labels: Labels, start: str, source: Source | None, seed: int) -> Cell:
    """Training and test of one model. start: name of the row.  source: where the weights come from, None: scratch."""
    elsewhere = moved(training.config, training.root.rstrip('/'), 'DATA')
    return Cell(
        name=f'{start}_{labels.name}_seed{seed}',
        depends_on={
            'recipe': training.recipe,
            'config_hash': content_hash(elsewhere),
            'data_hash': training.data_hash,
            'weights': None if source is None else source.sha256,
            'seed': seed,
            'train_sequences': _list(labels.sequences),
            'test_sequences': _list(training.test_sequences),
            'processes': training.processes,
        },
        prepare=partial(write_cell_config, training, labels, source, seed),
        commands=partial(cell_commands, training),
        collect=COLLECT[training.task],
    )


def _list(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def write_cell_config(training: Training, labels: Labels, source: Source | None, seed: int, folder: Path) -> None:
    """The cell's config as plain assignments, and the weights that it names."""
    weights = None if source is None else export_once(source, training.task, training.out)
    config = cell_config(
        training.config,
        seed=seed,
        weights=None if weights is None else str(weights.file.resolve()),
        train_sequences=_list(labels.sequences),
        test_sequences=_list(training.test_sequences),
        train_ann_file=training.ann_file,
        paste=pastes(training, labels),
        encoder_prefixes=training.encoder_prefixes,
    )
    prefix = folder.resolve() / 'test'
    config['test_evaluator'] = each_evaluator(config['test_evaluator'], lambda one: with_devkit_files(one, prefix))
    write_config(folder / 'config.py', config)


def pastes(training: Training, labels: Labels) -> bool:
    """Whether all that objects are pasted from is labelled, and none of it is scored."""
    return labels.n_sequences == labels.of and training.test_sequences is None


def with_devkit_files(evaluator: Mapping[str, Any], prefix: Path) -> Mapping[str, Any]:
    """nuScenes' evaluator keeps the devkit's files: they hold what --metrics does not."""
    return {**evaluator, 'jsonfile_prefix': str(prefix)} if evaluator.get('type') == 'NuScenesMetric' else evaluator


def cell_commands(training: Training, folder: Path) -> list[list[str]]:
    """Train, going on where it was interrupted; test."""
    folder = folder.resolve()
    config, run = folder / 'config.py', folder / 'run'
    train = [sys.executable, 'tools/train.py', config]
    if training.processes > 1:
        train = ['bash', 'tools/dist_train.sh', config, training.processes]
    test = [sys.executable, 'tools/test.py', config, last_checkpoint(training.config, run)]
    test += ['--work-dir', folder / 'test_log', '--metrics', folder / 'metrics.json']
    if training.task == 'segmentation':
        test += ['--confusion', folder / 'confusion.json']
    return [[*map(str, train), '--work-dir', str(run), '--resume'], [*map(str, test)]]


def collect_segmentation(folder: Path) -> dict[str, Any]:
    """mIoU and IoU per class in percent, from the confusion matrix: the mean is over classes that have points."""
    classes, confusion = read_confusion(folder / 'confusion.json')
    values = {'miou': miou_percent(confusion)}
    return {
        'values': values,
        'per_class': dict(zip(classes, iou_percent(confusion).tolist())),
        'confusion': confusion.tolist(),
        **_what_all_have(folder, values),
    }


def collect_detection(folder: Path) -> dict[str, Any]:
    """mAP, NDS and AP per class in percent, and the true-positive errors, by the devkit; of Waymo what its metric
    says."""
    if not (folder / 'test' / SUMMARY).is_file():
        return collect_waymo(folder)
    summary = read_devkit_summary(folder / 'test')
    values = {key: 100 * summary[key] for key in ('mAP', 'NDS')}
    return {
        'values': values,
        'per_class': {name: 100 * ap for name, ap in summary['AP'].items()},
        'errors': summary['errors'],
        **_what_all_have(folder, values),
    }


def collect_waymo(folder: Path) -> dict[str, Any]:
    """AP and APH at both levels, means over the classes, and LEVEL_1 AP per class, in percent; every breakdown is among
    `metrics`. ValueError for a metric that is neither nuScenes' nor Waymo's."""
    metrics = read_json(folder / 'metrics.json')
    keys = {f'L{level} {name}': f'Waymo/LEVEL_{level}/m{name}' for level in (1, 2) for name in ('AP', 'APH')}
    if missing := [key for key in keys.values() if key not in metrics]:
        raise InputError(f"{folder / 'metrics.json'}: has neither nuScenes' numbers nor {missing[0]}")
    classes = {name: f'Waymo/OBJECT_TYPE_TYPE_{name.upper()}_LEVEL_1/AP' for name in WAYMO_CLASSES}
    values = {title: 100 * metrics[key] for title, key in keys.items()}
    return {
        'values': values,
        'per_class': {name: 100 * metrics[key] for name, key in classes.items() if key in metrics},
        **_what_all_have(folder, values),
    }


def _what_all_have(folder: Path, values: Mapping[str, float]) -> dict[str, Any]:
    return {
        'said': ', '.join(f'{name} {value:.1f}' for name, value in values.items()),
        'metrics': read_json(folder / 'metrics.json'),
        'start': read_json(folder / 'run' / START_FILE),
        'training': last_scalars(folder / 'run'),
    }


COLLECT: dict[str, Callable[[Path], dict[str, Any]]] = {
    'segmentation': collect_segmentation,
    'detection': collect_detection,
}
