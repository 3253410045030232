"""Projects that knew nothing of this package load its weights and train, most of them without importing it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.files import read_checkpoint
from tests.helpers import existing_projects as texts
from tests.helpers.round_trip import randomise, save_as_runner_does

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/dos'
LEARNING_RATE = 1e-6  # that of texts.SHORT


class Project(NamedTuple):
    """config: text, with a place for the data. pretraining: the config that its weights come from, and overrides.
    part, prefix: what `init_cfg` belongs to, '' for the detector, whose parts are no BaseModules."""

    config: str
    pretraining: str
    overrides: dict
    part: str = ''
    prefix: str | None = None


SMALL_HEAD = {'model.projector.hidden_channels': 8, 'model.head.num_prototypes': 4}
DETECTION = texts.DETECTION_DATA + texts.SHORT
PROJECTS = dict(
    second=Project(texts.SPARSE_ENCODER + DETECTION, 'dos_second_nuscenes', SMALL_HEAD),
    pillars=Project(texts.PILLARS + DETECTION, 'dos_pillars_nuscenes', SMALL_HEAD),
    minkunet=Project(
        texts.MINKUNET + texts.SHORT, 'dos_minkunet_semantickitti', SMALL_HEAD, 'backbone', prefix='backbone.'
    ),
    ptv3=Project(
        texts.PTV3 + DETECTION,
        'dos_ptv3_synthetic',
        SMALL_HEAD,
        'pts_middle_encoder',
        prefix='pts_middle_encoder.',
    ),
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory, synthetic_nuscenes) -> Path:
    """The projects' folder: a training script, data, and weights where a test has put them."""
    path = tmp_path_factory.mktemp('project')
    (path / 'cpu_only.py').write_text(texts.CPU_ONLY)
    (path / 'train.py').write_text(texts.TRAIN)
    (path / 'nuscenes').symlink_to(synthetic_nuscenes)
    texts.write_semantickitti(path / 'kitti')
    return path


def weights_of(folder: Path, name: str) -> Path:
    """The exported weights of a project's pretraining, every value its own."""
    path = folder / f'{name}.exported.pth'
    if not path.exists():
        project = PROJECTS[name]
        cfg = load_with_overrides(CONFIGS / f'{project.pretraining}.py', project.overrides)
        torch.manual_seed(100)
        model = MODELS.build(cfg.model)
        randomise(model)
        export_backbone(save_as_runner_does(model, cfg.pretty_text, path.with_suffix('.ckpt')), path)
    return path


def write_config(folder: Path, name: str, way: str) -> str:
    """Write a project's config with the weights loaded in one of two ways; its name."""
    project, weights = PROJECTS[name], weights_of(folder, name)
    loading = dict(
        load_from=texts.LOAD_FROM.format(weights=weights),
        init_cfg=texts.init_cfg(project.part, weights, project.prefix),
    )
    data_root = folder / ('kitti' if name == 'minkunet' else 'nuscenes')
    (folder / f'{name}_{way}.py').write_text(project.config.format(data_root=f'{data_root}/') + loading[way])
    return f'{name}_{way}'


def train(folder: Path, *runs: tuple[str, str]) -> str:
    """Train projects, (name, way) each, one after the other in a process of their own; its last line."""
    names = [write_config(folder, *run) for run in runs]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}  # without our repairs spconv's CPU kernels race
    done = subprocess.run(
        [sys.executable, 'train.py', *names], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name, way in runs:
        assert_started_from_weights(folder, name, way)
    return done.stdout.splitlines()[-1]


def assert_started_from_weights(folder: Path, name: str, way: str) -> None:
    """After two steps of 1e-6 the weights are those of the file but for 2e-6; BatchNorm has counted two batches."""
    found = read_checkpoint(folder / f'{name}_{way}.pth')
    moved = []
    for key, value in read_export(weights_of(folder, name))['state_dict'].items():
        value = value.permute(4, 0, 1, 2, 3) if value.ndim == 5 else value
        if key.endswith('num_batches_tracked'):
            assert found[key] == value + 2, key
        elif 'running' not in key:
            assert (found[key] - value).abs().max() <= 2.1 * LEARNING_RATE, key
            moved.append(not torch.equal(found[key], value))
    assert len(moved) > 10 and all(moved), 'some weights were not trained'


def test_mmdet3ds_own_models_need_no_line_of_ours(folder):
    assert train(folder, ('second', 'load_from'), ('minkunet', 'init_cfg')) == 'dos_mm3d is absent'


@pytest.mark.slow
def test_mmdet3ds_own_models_in_the_other_ways(folder):
    runs = (('second', 'init_cfg'), ('minkunet', 'load_from'), ('pillars', 'load_from'), ('pillars', 'init_cfg'))
    assert train(folder, *runs) == 'dos_mm3d is absent'


def test_ptv3_takes_one_line(folder):
    assert texts.PTV3.count('dos_mm3d') == 1
    assert train(folder, ('ptv3', 'load_from'), ('ptv3', 'init_cfg')) == 'dos_mm3d is imported'


def test_the_config_for_weights_of_a_folder_feeds_four_columns(folder):
    """That of docs/use_in_your_project.md, where LoadPointsFromMultiSweeps fails if the file has four columns, too."""
    page = (CONFIGS.parents[1] / 'docs' / 'use_in_your_project.md').read_text()
    (text,) = (block for block in re.findall(r'```python\n(.*?)```', page, re.DOTALL) if 'UnitIntensity' in block)
    (folder / 'four.py').write_text(text)
    cfg = Config.fromfile(folder / 'four.py')
    init_default_scope('mmdet3d')
    assert MODELS.build(cfg.model.pts_middle_encoder).in_channels == cfg.model.pts_voxel_encoder.num_features == 4
    train, test = cfg.train_dataloader.dataset.dataset, cfg.test_dataloader.dataset
    paste = train.pipeline.pop([step.type for step in train.pipeline].index('ObjectSample'))
    assert paste.db_sampler.points_loader.use_dim == [0, 1, 2, 3]
    for dataset in (train, test):
        dataset.update(data_root=f'{folder}/nuscenes/')
        points = DATASETS.build(dataset)[0]['inputs']['points']
        assert points.shape[1] == 4
        assert points[:, 3].min() >= 0 and 0.1 < points[:, 3].max() <= 1


def test_a_project_without_weights_starts_elsewhere(folder):
    """The check above can fail: the same PTv3, untrained."""
    config = folder / f'{write_config(folder, "ptv3", "load_from")}.py'
    config.write_text(config.read_text().split('load_from =')[0])
    torch.save(MODELS.build(Config.fromfile(config).model).state_dict(), folder / 'ptv3_none.pth')
    with pytest.raises(AssertionError, match='pts_middle_encoder'):
        assert_started_from_weights(folder, 'ptv3', 'none')
