"""The scans in the reports: classes, clusters and softmaps of what teacher and student make of them."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import save_checkpoint

from dos_mm3d.studies.protocols.datasets import dataset_named
from dos_mm3d.studies.protocols.linear_probe import LinearProbe
from dos_mm3d.studies.protocols.sources import Source

CONFIG = Path(__file__).resolve().parents[2] / 'configs/dos/dos_second_synthetic.py'


@pytest.mark.parametrize('exported', [False, True])
def test_two_scans_with_all_that_is_known(exported: bool, synthetic_nuscenes: Path, tmp_path: Path) -> None:
    (page, _) = linear_probe_page(synthetic_nuscenes, tmp_path, exported=exported)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    names = [sweep['name'] for sweep in data['sweeps']]
    assert names[0] == 'scan 0' and len(set(names)) == 2
    assert [kind['kind'] for kind in data['categories']] == ['label', 'cluster']
    assert 'driveable surface' in data['categories'][0]['names']
    assert data['kinds'] == ([] if exported else ['teacher', 'teacher, Zipf-Sinkhorn', 'student'])
    assert len(data['prototypes']) == (0 if exported else 8)


def linear_probe_page(world: Path, folder: Path, *, exported: bool) -> tuple[str, str]:
    """Of an untrained checkpoint."""
    init_default_scope('mmdet3d')
    cfg = Config.fromfile(CONFIG)
    torch.manual_seed(0)
    checkpoint = folder / 'iter_1.pth'
    save_checkpoint({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': {'iter': 1}}, str(checkpoint))
    source = Source('synthetic', 0, checkpoint, CONFIG, cfg.to_dict(), exported=exported)
    dataset = dataset_named('synthetic').at(str(world))
    asked: Any = SimpleNamespace(
        args=SimpleNamespace(sources=[source], split='test'), plans=[SimpleNamespace(dataset=dataset)]
    )
    (found,) = LinearProbe.pages(asked).values()
    return found
