"""A config at the size of a miniature data set: its own model, data set classes, pipelines, loops, hooks and metrics.

Only what says how much is changed, here and nowhere else: the folder of the data, batches of two at most, two steps,
data loaders in this process; on a CPU the range of some, and half precision. Weights to start from are left out, and
checkpoints are not written."""

import contextlib
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device

from ...compat.spconv import MAX_CPU_CELLS
from ...datasets.file_check import data_sets_in
from ...datasets.semantickitti.classes import SPLITS
from ...engine.config_overrides import load_with_overrides
from ...errors import InputError
from ...models.preprocessors.views import stated_grid
from ..runner.config_file import with_texts

STEPS = 2
MOST_IN_BATCH = 2
NEAR_M = [-25.6, -25.6, -5.0, 25.6, 25.6, 8.0]
READERS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator')
# data/NAME and data/synthetic_NAME, with the folder that mmdet3d's Waymo form has below it; every set of objects is
# prepared alike; data/sweeps and data/zoo_world: any folder
DATA_PATH = re.compile(
    r'(?:\./)?data/(?:(?:synthetic_)?(nuscenes|kitti|semantickitti|scannet)|waymo/kitti_format|synthetic_(waymo)|'
    r'(?P<objects>modelnet40|scanobjectnn|shapenet|object_crops|synthetic_objects)|(sweeps|zoo_world))(?=/|$)'
)

ANY_FOLDER = DATA_PATH.groups


def is_config(path: Path, folder: Path) -> bool:
    """Whether a .py file below the folder of all configs is one to run, not a part of others (`_base_...`)."""
    return not any(part.startswith('_base_') for part in path.relative_to(folder).parts)


def data_sets_of(cfg: Config) -> list[str]:
    """Sorted names of the data sets that a config's loaders and metrics read; 'sweeps' is any folder of sweeps."""
    used = [cfg.get(key) for key in READERS]  # not what a base has left behind
    return sorted({name for text in _texts(used) if (name := _data_set(text)) is not None})


def small_config(path: Path, worlds: Mapping[str, Path], work_dir: Path) -> Config:
    """The config of ``path`` on the miniatures of ``worlds`` (data set -> root), to be trained for STEPS and tested.

    ValueError where it names no data set, or one that has no miniature."""
    cfg, most_in_batch = _load(path)
    roots = {**worlds, 'sweeps': worlds['nuscenes'] / 'sweeps'} if 'nuscenes' in worlds else worlds
    named = data_sets_of(cfg)
    if not named or set(named) - set(roots):
        raise InputError(f'{path}: names data of {named}; wanted data_root below data/ of {sorted(roots)}')
    cfg = Config(with_texts(cfg._cfg_dict, lambda text: _moved(text, roots)), filename=str(path))
    _shrink_data(cfg, most_in_batch)
    _shrink_training(cfg)
    cfg.update(work_dir=str(work_dir), experiment_name=f'{path.stem}_{work_dir.name}', randomness=dict(seed=0))
    cfg.update(load_from=None, resume=False, val_cfg=None, val_dataloader=None, val_evaluator=None)
    for part in (cfg.model, cfg.model.get('backbone') or {}):
        part.pop('init_cfg', None)
    return cfg


def _load(path: Path) -> tuple[Config, int]:
    """The config, and the scans of a batch. On a CPU, Point Transformer V3 with more cells than spconv tells apart
    there gets a nearer range; where that changes nothing, as the range is a room's, one scan."""
    cfg = load_with_overrides(path, {})
    if get_device() != 'cpu' or 2 * MOST_IN_BATCH * _cells_of_ptv3(cfg) < MAX_CPU_CELLS:  # pretraining has two views
        return cfg, MOST_IN_BATCH
    with contextlib.suppress(InputError):  # a config without a range
        near = load_with_overrides(path, {'point_cloud_range': NEAR_M})
        if _cells_of_ptv3(near) < _cells_of_ptv3(cfg):
            return near, MOST_IN_BATCH
    return cfg, 1


def _cells_of_ptv3(cfg: Config) -> int:
    """Cells of a scan's grid; 0 for other networks and where the points themselves bound it."""
    preprocessor = (cfg.get('model') or {}).get('data_preprocessor', {})
    if preprocessor.get('voxel_layer') is None or not any(text.startswith('PTv3') for text in _texts(cfg.model)):
        return 0
    return math.prod(stated_grid(preprocessor).shape)


def _data_set(text: str) -> str | None:
    match = DATA_PATH.match(text)
    if match is None:
        return None
    if match['objects']:
        return 'objects'
    return 'sweeps' if match.lastindex == ANY_FOLDER else next((name for name in match.groups() if name), 'waymo')


def _texts(value: Any) -> list[str]:
    """All texts in nested containers."""
    found: list[str] = []
    with_texts(value, lambda text: found.append(text) or text)
    return found


def _moved(path: str, roots: Mapping[str, Path]) -> str:
    """A path to a data set of `roots` leads there; every other text stays."""
    name = _data_set(path)
    return path if name not in roots else f'{roots[name]}{DATA_PATH.sub("", path, count=1)}'


def _shrink_data(cfg: Config, most_in_batch: int) -> None:
    """Small batches from this process, of what the miniature holds."""
    for loader in (cfg.train_dataloader, cfg.get('test_dataloader')):
        if loader is None:
            continue
        loader.update(num_workers=0, persistent_workers=False, batch_size=min(loader.batch_size, most_in_batch))
        loader.pop('prefetch_factor', None)
        for dataset in data_sets_in(loader.dataset):
            _fit(dataset)


def _fit(dataset: ConfigDict) -> None:
    """Ask for no more scenes, frames or sequences than a miniature has."""
    for key in ('labelled_scenes', 'load_interval'):
        if dataset.get(key) is not None:
            dataset[key] = 1
    if dataset.get('time_lag') is not None:
        dataset['time_lag'] = 'zero'  # the fifth column of single sweeps of nuScenes is the ring
    if dataset.type == 'ObjectClouds' and not set(dataset.get('sets', ['.'])) <= set(os.listdir(dataset.data_root)):
        dataset['sets'] = ['clean']
    if 'segments' in dataset:
        dataset['segments'] = None  # all that there are
    if 'sequences' in dataset or dataset.type == 'SemanticKittiSweeps':
        present = {path.name for path in Path(dataset.data_root, 'sequences').iterdir()}
        wanted = dataset.get('sequences', SPLITS['train'])
        dataset['sequences'] = [number for number in wanted if f'{int(number):02d}' in present]


def _shrink_training(cfg: Config) -> None:
    """STEPS iterations; schedules stay as long as they are, and are left after that many."""
    loop = cfg.train_cfg
    if loop.get('by_epoch') or 'max_epochs' in loop:
        cfg.train_cfg = ConfigDict(type='IterBasedTrainLoop', max_iters=STEPS)
    else:
        loop.update(max_iters=STEPS)
    wrapper = cfg.optim_wrapper
    wrapper.pop('accumulative_counts', None)
    if wrapper.get('type') == 'AmpOptimWrapper' and get_device() == 'cpu':  # which it refuses
        wrapper.type = 'OptimWrapper'
        for key in ('loss_scale', 'dtype'):
            wrapper.pop(key, None)
    hooks = {**cfg.get('default_hooks', {}), 'checkpoint': None, 'logger': dict(type='LoggerHook', interval=1)}
    cfg.default_hooks = ConfigDict(hooks)
    cfg.log_processor = ConfigDict(by_epoch=False)
