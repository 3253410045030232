"""Fixtures that several test folders share."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

if not torch.cuda.is_available():
    os.environ.setdefault('TRITON_INTERPRET', '1')  # read when Triton is imported, by whichever test is the first

from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.miniatures.worlds import (
    WORLDS,
    config_world,
    kitti_world,
    nuscenes_world,
    objects_world,
    scannet_world,
    semantickitti_world,
    waymo_world,
)


@pytest.fixture(autouse=True)
def mmdet3d_scope() -> None:
    """Every test starts in mmdet3d's registry: a Runner of an earlier test may have left another one behind."""
    scope = DefaultScope.get_current_instance()
    if scope is None or scope.scope_name != 'mmdet3d':
        init_default_scope('mmdet3d')


@pytest.fixture
def same_threads_afterwards() -> Iterator[None]:
    """torch's random numbers from a seed, and its number of threads as before, whatever a test makes of them."""
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='session')
def synthetic_nuscenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of `nuscenes_world`, written once for a test session, all xdist workers together. Read only: a test that
    changes files copies them first."""
    return _once(tmp_path_factory, 'synthetic_nuscenes', nuscenes_world)


@pytest.fixture(scope='session')
def synthetic_kitti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of `kitti_world`, written once for a test session. Read only."""
    return _once(tmp_path_factory, 'synthetic_kitti', kitti_world)


@pytest.fixture(scope='session')
def synthetic_semantickitti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of `semantickitti_world`, written once for a test session. Read only."""
    return _once(tmp_path_factory, 'synthetic_semantickitti', semantickitti_world)


@pytest.fixture(scope='session')
def synthetic_waymo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of `waymo_world`, written once for a test session. Read only."""
    return _once(tmp_path_factory, 'synthetic_waymo', waymo_world)


@pytest.fixture(scope='session')
def synthetic_scannet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of `scannet_world`, written once for a test session. Read only."""
    return _once(tmp_path_factory, 'synthetic_scannet', scannet_world)


@pytest.fixture(scope='session')
def synthetic_objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of `objects_world`, written once for a test session. Read only."""
    return _once(tmp_path_factory, 'synthetic_objects', objects_world)


@pytest.fixture(scope='session')
def config_worlds(
    tmp_path_factory: pytest.TempPathFactory,
    synthetic_nuscenes: Path,
    synthetic_kitti: Path,
    synthetic_semantickitti: Path,
    synthetic_waymo: Path,
    synthetic_scannet: Path,
    synthetic_objects: Path,
) -> dict[str, Path]:
    """Data set -> root of the miniature that configs are checked on. Read only."""
    whole = dict(
        nuscenes=synthetic_nuscenes,
        kitti=synthetic_kitti,
        semantickitti=synthetic_semantickitti,
        waymo=synthetic_waymo,
        scannet=synthetic_scannet,
        objects=synthetic_objects,
    )

    def copied(name: str) -> Callable[[Path], Path]:
        return lambda folder: config_world(name, folder, whole[name])

    return {name: _once(tmp_path_factory, f'config_{name}', copied(name)) for name in WORLDS}


def _once(tmp_path_factory: pytest.TempPathFactory, name: str, build: Callable[[Path], Path]) -> Path:
    """The folder that `build` fills, shared by all xdist workers."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get('PYTEST_XDIST_WORKER'):
        base = base.parent
    root, done = base / name, base / f'{name}.done'
    with (base / f'{name}.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            build(root)
            done.touch()
    return root


@pytest.fixture
def tiny_pretraining(tmp_path: Path) -> Callable[..., Runner]:
    """Builds the runner of a pretraining config at a size that one CPU core steps: ``build(config, data_root)``.

    steps: length of the run; max_points: of a view; views: place of TwoViews in the pipeline; options: further
    overrides, as --cfg-options writes them.
    """

    def build(
        config: Path,
        data_root: Path,
        *,
        steps: int = 2,
        max_points: int = 3000,
        views: int = 0,
        options: dict[str, Any] | None = None,
    ) -> Runner:
        tiny = {
            'data_root': f'{data_root}/',
            'max_iters': steps,
            'batch_size': 1,
            'work_dir': str(tmp_path),
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            f'train_dataloader.dataset.pipeline.{views}.max_points': max_points,
            'default_hooks.logger.interval': 1,
            'env_cfg.dist_cfg.backend': 'gloo',
            'experiment_name': f'{config.stem}_{tmp_path.name}',
        }
        return Runner.from_cfg(load_with_overrides(config, tiny | (options or {})))

    return build
