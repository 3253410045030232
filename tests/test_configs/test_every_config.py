"""Every config is known to tools/check_configs.py and named as its data are; one for each data set and backbone is
built, stepped twice and tested, the wide ones only among the slow tests. All: tools/check.sh --all-configs."""

import re
from functools import cache
from pathlib import Path

import pytest
from mmengine.config import Config

import dos_mm3d  # noqa: F401  (registers our classes)
from dos_mm3d.files import read_json
from dos_mm3d.miniatures.worlds import WORLDS
from dos_mm3d.studies.config_check.check import SEEN, check_config
from dos_mm3d.studies.config_check.shrink import READERS, data_sets_of, is_config

FOLDER = Path(__file__).resolve().parents[2] / 'configs'
CONFIGS = sorted(path for path in FOLDER.rglob('*.py') if is_config(path, FOLDER))
# what a name says about the data
DATA_SETS = {'nuscenes', 'kitti', 'waymo', 'semantickitti', 'scannet', 'scannet200'}
OF_OBJECTS = {'shapenet', 'modelnet40', 'scanobjectnn', 'crops'}  # all in one form, that of one miniature
OTHERS = {'synthetic', 'joint', 'folder'}
FOLDERS_ONLY = 'zoo'  # of the world that is a folder of sweeps, and of any other
EMBEDDED_ONLY = ('ablations', 'backbones')  # rows and lists of them, all on the embedded nuScenes
# the quickest of every kind, see kind_of; the slow ones are wide, or tests of their own step their like
ONE_OF_EACH = [
    'asymdsd/asymdsd_tiny_synthetic.py',
    'centerpoint/centerpoint_small_kitti.py',
    'dos/dos_cylinder3d_synthetic.py',
    'dos/dos_pillars_synthetic.py',
    'dos/dos_second_folder.py',
    'dos/dos_second_scannet.py',
    'dos/dos_second_semantickitti.py',
    'dos/dos_spvcnn_synthetic.py',
    'dos/dos_voxelnet_synthetic_kitti.py',
    'second/second_small_kitti.py',
    'segmentation/minkunet_semantickitti.py',
    'segmentation/minkunet_small_synthetic.py',
    'segmentation/ptv3_linear_probe_synthetic.py',
    'segmentation/spvcnn_semantickitti.py',
    'zoo/zoo_minkunet.py',
    'zoo/zoo_ptv3.py',
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in (
            'dos/dos_second_joint.py',
            'dos/dos_minkunet_joint.py',
            'centerpoint/centerpoint_small_synthetic.py',
            'centerpoint/centerpoint_voxel01_waymo.py',
            'dos/dos_cylinder3d_semantickitti.py',
            'dos/dos_ptv3_joint.py',
            'segmentation/minkunet_scannet200.py',
            'segmentation/minkunet_waymo.py',
            'segmentation/ptv3_linear_probe_scannet.py',
            'segmentation/ptv3_linear_probe_semantickitti.py',
            'segmentation/ptv3_linear_probe_waymo.py',
        )
    ),
]


@cache
def loaded(path: Path) -> Config:
    return Config.fromfile(path)


def kind_of(path: Path) -> tuple[str, ...] | None:
    """Data sets and backbone of a config; None for a list of rows."""
    cfg = loaded(path)
    if 'model' not in cfg:
        return None
    backbone = cfg.model.get('backbone') or cfg.model.get('pts_middle_encoder') or cfg.model.get('encoder')
    return *data_sets_of(cfg), re.sub('Backbone|Adapter|MiddleEncoder', '', backbone['type'])


def texts(value: object) -> list[str]:
    """Every text in nested containers."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_config_is_known_to_the_checker_and_named_as_its_data_are(path):
    cfg = loaded(path)
    if 'model' not in cfg:
        assert all((FOLDER.parent / row.config).is_file() for row in cfg.rows)
        return
    named = set(data_sets_of(cfg))
    assert named and named <= WORLDS.keys() | {'sweeps'}
    synthetic = any(text.startswith('data/synthetic_') for text in texts([cfg.get(key) for key in READERS]))
    if path.parent.name in EMBEDDED_ONLY:
        assert named == {'nuscenes'} and synthetic
        return
    if path.parent.name == FOLDERS_ONLY:
        assert named == {'sweeps'} and not synthetic
        return
    said = set(path.stem.split('_')) & (DATA_SETS | OF_OBJECTS | OTHERS)
    assert said, f'name it after its data: one of {sorted(DATA_SETS | OF_OBJECTS | OTHERS)}'
    assert synthetic == ('synthetic' in said)
    if 'folder' in said:
        assert named == {'sweeps'}
    elif path.parent.name == 'asymdsd':
        assert named == {'objects'}
    elif not said & DATA_SETS:
        assert len(named) > 1 if 'joint' in said else named == {'nuscenes'}
    else:
        assert named == {name.removesuffix('200') for name in said & DATA_SETS}


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_config_that_trains_says_when_it_waits_for_data(path):
    cfg = loaded(path)
    # spvcnn_semantickitti is mmdet3d's own config but for the backbone
    if 'train_dataloader' in cfg and path.stem != 'spvcnn_semantickitti':
        assert cfg.default_hooks.get('data_wait') == dict(type='DataWaitHook')


def test_one_of_each_kind_is_run():
    kinds = {kind_of(path) for path in CONFIGS} - {None}
    names = {name if isinstance(name, str) else name.values[0] for name in ONE_OF_EACH}
    missing = kinds - {kind_of(FOLDER / name) for name in names}
    assert not missing, 'add a config of these kinds to ONE_OF_EACH'


@pytest.mark.parametrize('name', ONE_OF_EACH)
def test_one_config_of_each_kind_trains_two_steps_and_is_tested(name, config_worlds, tmp_path):
    check_config(FOLDER / name, config_worlds, tmp_path, threads=1)
    assert {'losses', 'parameters'} <= read_json(tmp_path / SEEN).keys()
