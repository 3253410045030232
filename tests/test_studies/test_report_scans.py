"""The scans in the quickstart's report: classes, clusters and softmaps of what teacher and student make of them."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import save_checkpoint

from dos_mm3d.models.preprocessors.views import stated_grid
from dos_mm3d.probe.scans import KeyFrames, ProbeScans
from dos_mm3d.studies.quickstart.pictures import scans_page

CONFIG = Path(__file__).resolve().parents[2] / 'configs/dos/dos_second_synthetic.py'


def test_two_scans_with_all_that_is_known(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    init_default_scope('mmdet3d')
    cfg = Config.fromfile(CONFIG)
    torch.manual_seed(0)
    checkpoint = tmp_path / 'iter_1.pth'
    save_checkpoint({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': {'iter': 1}}, str(checkpoint))
    scans = ProbeScans(
        KeyFrames(str(synthetic_nuscenes), 'nuscenes_infos_val.pkl', num_sweeps=1),
        stated_grid(cfg.model.data_preprocessor),
    )
    quickstart = SimpleNamespace(pretrain_config=cfg, checkpoint=checkpoint, scans=lambda part: scans)
    data = json.loads(re.search(r'id="data">(.*?)</script>', scans_page(quickstart))[1])
    assert [sweep['name'] for sweep in data['sweeps']] == ['test scan 0', f'test scan {len(scans) - 1}']
    assert [kind['kind'] for kind in data['categories']] == ['label', 'cluster']
    assert 'drivable surface' in data['categories'][0]['names']
    assert data['kinds'] == ['teacher', 'teacher, Zipf-Sinkhorn', 'student']
    assert len(data['prototypes']) == 8
