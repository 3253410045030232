"""Fixtures that several test folders share."""

import fcntl
import os
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope, init_default_scope

from dos_mm3d.datasets.nuscenes_prep import prepare_nuscenes
from dos_mm3d.datasets.synthetic.writer import Plan, write_dataset

TINY_PLAN = Plan(seed=0, train_scenes=2, val_scenes=2, seconds=1.0)


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
    base = tmp_path_factory.getbasetemp()
    if os.environ.get('PYTEST_XDIST_WORKER'):
        base = base.parent
    root, done = base / 'synthetic_nuscenes', base / 'synthetic_nuscenes.done'
    with (base / 'synthetic_nuscenes.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            write_dataset(root, TINY_PLAN, workers=2)
            prepare_nuscenes(root)
            done.touch()
    return root
