"""What a config is on a miniature: smaller data and fewer steps, the same model and pipelines."""

from pathlib import Path

import pytest
from mmengine.config import Config

import dos_mm3d  # noqa: F401  (registers our classes)
from dos_mm3d.studies.config_check.shrink import data_sets_of, is_config, small_config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture
def worlds(tmp_path) -> dict[str, Path]:
    (tmp_path / 'semantickitti/sequences/01').mkdir(parents=True)
    return {name: tmp_path / name for name in ('nuscenes', 'semantickitti', 'waymo')}


@pytest.mark.parametrize(
    ('text', 'names'),
    [
        ('data/nuscenes/', ['nuscenes']),
        ('./data/synthetic_nuscenes/nuscenes_infos_val.pkl', ['nuscenes']),
        ('data/waymo/kitti_format/waymo_infos_val.pkl', ['waymo']),
        ('data/synthetic_waymo', ['waymo']),
        ('data/waymo/waymo_format/gt.bin', []),
        ('data/sweeps', ['sweeps']),
        ('data/nuscenes_like', []),
        ('somewhere/data/nuscenes', []),
    ],
)
def test_paths_say_which_data_set_they_lead_to(text, names):
    assert data_sets_of(Config(dict(data_root='data/scannet', train_dataloader=[dict(path=text)]))) == names


def test_parts_of_other_configs_are_not_configs():
    assert is_config(CONFIGS / 'dos/x_nuscenes.py', CONFIGS)
    assert not is_config(CONFIGS / 'segmentation/_base_/nuscenes.py', CONFIGS)
    assert not is_config(CONFIGS / 'ptv3/_base_sizes.py', CONFIGS)


@pytest.mark.parametrize(
    'name',
    ['segmentation/ptv3_finetune_nuscenes', 'centerpoint/centerpoint_voxel01_nuscenes', 'dos/dos_second_nuscenes'],
)
def test_model_and_pipelines_are_the_configs_own(name, worlds, tmp_path):
    path = CONFIGS / f'{name}.py'
    small, full = small_config(path, worlds, tmp_path), Config.fromfile(path)
    assert small.model == full.model
    moved = repr(small.get('train_pipeline')).replace(str(worlds['nuscenes']), 'data/nuscenes')
    assert moved == repr(full.get('train_pipeline'))
    assert not data_sets_of(small), 'a path still leads to the real data'
    assert small.train_cfg.max_iters == 2 and small.load_from is None
    assert small.train_dataloader.batch_size == min(2, full.train_dataloader.batch_size)


def test_only_sequences_that_are_there_are_asked_for(worlds, tmp_path):
    small = small_config(CONFIGS / 'dos/dos_minkunet_semantickitti.py', worlds, tmp_path)
    assert [int(number) for number in small.train_dataloader.dataset.sequences] == [1]


@pytest.mark.parametrize(
    ('name', 'same_range', 'batch'),
    [
        ('dos/dos_ptv3_semantickitti', False, 2),  # its own range of 200 m
        ('dos/dos_ptv3_nuscenes', False, 2),  # mmdet3d's range, in a base of another package
        ('dos/dos_minkunet_semantickitti', True, 2),  # another network
    ],
)
def test_on_a_cpu_ptv3_gets_no_more_cells_than_spconv_counts(name, same_range, batch, worlds, tmp_path, monkeypatch):
    monkeypatch.setattr('dos_mm3d.studies.config_check.shrink.get_device', lambda: 'cpu')
    path = CONFIGS / f'{name}.py'
    small, full = small_config(path, worlds, tmp_path), Config.fromfile(path)
    ranges = [cfg.model.data_preprocessor.voxel_layer.point_cloud_range for cfg in (small, full)]
    assert (list(ranges[0]) == list(ranges[1])) == same_range
    assert same_range or list(small.point_cloud_range) == list(ranges[0]), 'what is derived from the range follows'
    assert small.train_dataloader.batch_size == batch


def test_a_config_without_a_miniature_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"names data of \['nuscenes'\]; wanted .* of \['waymo'\]"):
        small_config(CONFIGS / 'dos/dos_second_nuscenes.py', {'waymo': tmp_path}, tmp_path)
