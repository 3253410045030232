"""Fixtures that several test folders share."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner

from dos_mm3d.datasets.nuscenes_prep import prepare_nuscenes
from dos_mm3d.datasets.semantickitti_prep import prepare_semantickitti
from dos_mm3d.datasets.synthetic.semantickitti_writer import KittiPlan, write_semantickitti
from dos_mm3d.datasets.synthetic.writer import Plan, write_dataset
from dos_mm3d.engine.config_overrides import load_with_overrides

TINY_PLAN = Plan(seed=0, train_scenes=2, val_scenes=2, seconds=1.0)
TINY_KITTI = KittiPlan(seed=0, train_sequences=2, test_sequences=1, seconds=0.2, columns=160)


@pytest.fixture(autouse=True)
def mmdet3d_scope() -> None:
    """Every test starts in mmdet3d's registry: a Runner of an earlier test may have left another one behind."""
    scope = DefaultScope.get_current_instance()
    if scope is None or scope.scope_name != 'mmdet3d':
        init_default_scope('mmdet3d')


@pytest.fixture(scope='session')
def synthetic_nuscenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny embedded data set, written and converted once for a test session, all xdist workers together.

    2 train and 2 val scenes of 20 sweeps, 2 key frames each. Read only: a test that changes files copies them first."""

    def build(root: Path) -> None:
        write_dataset(root, TINY_PLAN, workers=2)
        prepare_nuscenes(root)

    return _once(tmp_path_factory, 'synthetic_nuscenes', build)


@pytest.fixture(scope='session')
def synthetic_semantickitti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny embedded SemanticKITTI, written and converted once for a test session.

    Sequences 00, 01 (train), 08 (val) and 11 (test, no labels), 2 scans each of some 8000 points. Read only."""

    def build(root: Path) -> None:
        write_semantickitti(root, TINY_KITTI, workers=1)
        prepare_semantickitti(root)

    return _once(tmp_path_factory, 'synthetic_semantickitti', build)


def _once(tmp_path_factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
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

    steps: length of the run; max_points: of a view; options: further overrides, as --cfg-options writes them.
    """

    def build(
        config: Path, data_root: Path, *, steps: int = 2, max_points: int = 3000, options: dict[str, Any] | None = None
    ) -> Runner:
        tiny = {
            'data_root': f'{data_root}/',
            'max_iters': steps,
            'batch_size': 1,
            'work_dir': str(tmp_path),
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'train_dataloader.dataset.pipeline.0.max_points': max_points,
            'default_hooks.logger.interval': 1,
            'env_cfg.dist_cfg.backend': 'gloo',
            'experiment_name': f'{config.stem}_{tmp_path.name}',
        }
        return Runner.from_cfg(load_with_overrides(config, tiny | (options or {})))

    return build
