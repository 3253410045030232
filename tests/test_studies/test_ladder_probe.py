"""The probes of the ladder on a tiny world: which rows, which scenes, and that baselines need no checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from dos_mm3d.datasets.nuscenes.classes import CLASSES, read_class_table
from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.probe.checkpoint import TEST_INFOS, scans_of, scans_of_split
from dos_mm3d.probe.probe import ProbeSettings
from dos_mm3d.studies.ablation.cells import BASELINE_ROWS, CELL_ROWS
from dos_mm3d.studies.ablation.classes import label_counts
from dos_mm3d.studies.ablation.probe import answer

ROOT = Path(__file__).resolve().parents[2]


def request(config: Path, rows: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What a cell asks for, through JSON, at the smallest sizes."""
    asked = {'config': str(config), 'checkpoint': None, 'split': 'test', 'rows': rows}
    asked |= {'settings': asdict(ProbeSettings(scans_per_draw=1, n_draws=1)), 'random_seeds': 0, 'batch_norm_scans': 0}
    return json.loads(json.dumps(asked | more))


@pytest.fixture(scope='module')
def config(synthetic_nuscenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('ladder_probe') / 'config.py'
    overrides = {'data_root': f'{synthetic_nuscenes}/'}
    load_with_overrides(ROOT / 'configs/dos/dos_second_synthetic.py', overrides).dump(path)
    return path


def test_a_cell_is_probed_with_its_own_rows(config: Path, tmp_path: Path) -> None:
    init_default_scope('mmdet3d')
    model = MODELS.build(Config.fromfile(config).model)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    found = answer(request(config, CELL_ROWS, checkpoint=str(tmp_path / 'model.pth')))['rows']
    assert set(found) == {'teacher', 'teacher_raw', 'student'}
    assert all(0 < row['miou'] < 100 for row in found.values())
    # an untrained student and its teacher are the same network
    assert found['teacher']['miou'] == found['student']['miou']


def test_baselines_need_no_checkpoint(config: Path) -> None:
    found = answer(request(config, BASELINE_ROWS, random_seeds=2, batch_norm_scans=1))
    assert set(found['rows']) == set(BASELINE_ROWS)
    assert len(found['rows']['random_raw_handcrafted']['seeds']) == 2
    assert found['split']['scored_scans'] == 4
    assert set(found['class_points']) == set(CLASSES)


def test_points_per_class_are_those_of_the_label_files(config: Path, synthetic_nuscenes: Path) -> None:
    cfg = Config.fromfile(config)
    table = read_class_table(next(synthetic_nuscenes.glob('v1.0-*')) / 'category.json')
    scans = scans_of(cfg, TEST_INFOS, None).scans
    stored = [
        np.fromfile(scans.label_files[Path(path).name], np.uint8)
        for path in np.array(scans.sweeps.table.paths)[scans.sweeps.frames]
    ]
    labels = table[np.concatenate(stored)]
    assert list(label_counts(scans).values()) == [int((labels == i + 1).sum()) for i in range(len(CLASSES))]


def test_splits_share_no_scene(config: Path) -> None:
    train, scored = scans_of_split(Config.fromfile(config), 'test')
    assert not set(train.scans.sweeps.table.paths) & set(scored.scans.sweeps.table.paths)
