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

from dos_mm3d.datasets.label_shares import leaf
from dos_mm3d.studies.protocols.datasets import dataset_named
from dos_mm3d.studies.protocols.linear_probe import LinearProbe
from dos_mm3d.studies.protocols.sources import Source
from dos_mm3d.studies.protocols.training_config import last_checkpoint
from dos_mm3d.studies.protocols.training_page import trained_page

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CONFIG = CONFIGS / 'dos/dos_second_synthetic.py'


@pytest.mark.parametrize('exported', [False, True])
def test_two_scans_with_all_that_is_known(exported: bool, synthetic_nuscenes: Path, tmp_path: Path) -> None:
    (page, _) = linear_probe_page(synthetic_nuscenes, tmp_path, exported=exported)
    data = data_of(page)
    names = [sweep['name'] for sweep in data['sweeps']]
    assert names[0] == 'scan 0' and len(set(names)) == 2
    assert [kind['kind'] for kind in data['categories']] == ['label', 'cluster']
    assert 'driveable surface' in data['categories'][0]['names']
    assert data['kinds'] == ([] if exported else ['teacher', 'teacher, Zipf-Sinkhorn', 'student'])
    assert len(data['prototypes']) == (0 if exported else 8)


TRAINED = {
    'segmentation': 'segmentation/minkunet_small_synthetic',
    'detection': 'centerpoint/centerpoint_small_synthetic',
}


@pytest.mark.parametrize('task', TRAINED)
def test_scored_samples_under_every_trained_model(task: str, synthetic_nuscenes: Path, tmp_path: Path) -> None:
    folders = {
        name: trained_cell(task, synthetic_nuscenes, tmp_path / name) for name in ('scratch', 'from DOS', 'gone')
    }
    next(folders['gone'].glob('run/*.pth')).unlink()
    (page, _) = trained_page(task, folders)
    data = data_of(page)
    names = [sweep['name'] for sweep in data['sweeps']]
    if task == 'segmentation':
        assert [kind['kind'] for kind in data['categories']] == ['true', 'scratch', 'from DOS']
        assert data['categories'][2]['names'][10] == 'driveable surface' and len(set(names)) == len(names) == 2
        true, *predicted = data['sweeps'][0]['categories']
        assert len({len(one) for one in (true, *predicted)}) == 1 and true not in predicted
    else:
        assert [name.split(', ')[1] for name in names] == ['scratch', 'from DOS'] * 2
        assert all(sweep['boxes'][0] for sweep in data['sweeps'])
    assert trained_page(task, {'gone': folders['gone']}) is None


def trained_cell(task: str, world: Path, folder: Path) -> Path:
    """As a training leaves it; untrained, of a seed of its own."""
    init_default_scope('mmdet3d')
    cfg = Config.fromfile(CONFIGS / f'{TRAINED[task]}.py')
    leaf(cfg.test_dataloader.dataset).data_root = f'{world}/'
    (folder / 'run').mkdir(parents=True)
    cfg.dump(str(folder / 'config.py'))
    torch.manual_seed(len(folder.name))
    save_checkpoint({'state_dict': MODELS.build(cfg.model).state_dict()}, str(last_checkpoint(cfg, folder / 'run')))
    return folder


def data_of(page: str) -> dict[str, Any]:
    """What the page shows."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page)[1])


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
        shown=source, args=SimpleNamespace(split='test'), plans=[SimpleNamespace(dataset=dataset)]
    )
    (found,) = LinearProbe.pages(asked).values()
    return found
