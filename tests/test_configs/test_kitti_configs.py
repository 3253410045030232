"""KITTI: pretraining has the encoder, channels and voxels of its detector; the detectors are mmdet3d's, as they are."""

from pathlib import Path

import pytest
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config

from dos_mm3d.datasets.label_shares import frames_by_sequence
from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.export.backbone import read_export
from dos_mm3d.export.loading import fit_report
from tests.helpers.detectors import without_scope
from tests.helpers.round_trip import fixtures_of, mmdet3d_config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
DETECTOR = {
    'dos_second_kitti': 'centerpoint/centerpoint_voxel01_kitti.py',
    'dos_second_synthetic_kitti': 'centerpoint/centerpoint_small_kitti.py',
    'dos_voxelnet_kitti': 'second/second_kitti.py',
    'dos_voxelnet_synthetic_kitti': 'second/second_small_kitti.py',
}
UPSTREAM = 'second/second_hv_secfpn_8xb6-80e_kitti-3d-3class.py'

pretrained, exported = fixtures_of(CONFIGS / 'dos/dos_voxelnet_synthetic_kitti.py')


@pytest.mark.parametrize('name', DETECTOR)
def test_pretraining_has_the_encoder_voxels_and_channels_of_its_detector(name):
    ours, theirs = Config.fromfile(CONFIGS / f'dos/{name}.py'), Config.fromfile(CONFIGS / DETECTOR[name])
    for key in ('input_channels', 'voxel_size'):
        assert list(ours[key]) == list(theirs[key]), key
    prefix = '' if 'voxelnet' in name else 'pts_'
    backbone, detector = ours.model.backbone, theirs.model
    assert backbone.voxel_encoder == detector[f'{prefix}voxel_encoder']
    # the grids differ: a detector looks where the camera does
    shapes = [part.pop('sparse_shape') for part in (backbone.middle_encoder, detector[f'{prefix}middle_encoder'])]
    assert backbone.middle_encoder == detector[f'{prefix}middle_encoder'] and shapes[0][0] == shapes[1][0] == 41
    for cfg, shape in zip((ours, theirs), shapes):
        low, high = cfg.point_cloud_range[:3], cfg.point_cloud_range[3:]
        cells = [round((b - a) / size) for a, b, size in zip(low, high, cfg.voxel_size)]
        assert shape == [cells[2] + 1, cells[1], cells[0]]
        layer = cfg.model.data_preprocessor.voxel_layer
        assert list(layer.point_cloud_range) == list(cfg.point_cloud_range)
        assert list(layer.voxel_size) == list(cfg.voxel_size)
    assert ours.point_cloud_range[0] < 0 == theirs.point_cloud_range[0], 'pretraining sees all round'
    assert ours.point_cloud_range[5] >= theirs.point_cloud_range[5]
    assert layer.max_num_points == ours.model.data_preprocessor.voxel_layer.max_num_points


@pytest.mark.parametrize('name', ['dos_second_kitti', 'dos_voxelnet_kitti'])
def test_pretraining_leaves_the_scored_frames_out(name):
    dataset = Config.fromfile(CONFIGS / f'dos/{name}.py').train_dataloader.dataset
    assert (dataset.type, dataset.data_root, list(dataset.leave_out)) == ('KittiSweeps', 'data/kitti/', ['val'])
    moved = load_with_overrides(CONFIGS / f'dos/{name}.py', {'data_root': 'x/', 'leave_out': []}).train_dataloader
    assert (moved.dataset.data_root, moved.dataset.leave_out) == ('x/', [])


def test_second_is_mmdet3ds_own():
    ours, theirs = Config.fromfile(CONFIGS / 'second/second_kitti.py'), mmdet3d_config(UPSTREAM)
    for key in ('model', 'train_dataloader', 'test_dataloader', 'test_evaluator', 'optim_wrapper', 'param_scheduler'):
        assert without_scope(ours[key]) == without_scope(theirs[key]), key


@pytest.mark.parametrize('name', sorted(set(DETECTOR.values())))
def test_all_of_a_detectors_data_follow_the_command_line(name):
    cfg = load_with_overrides(CONFIGS / name, {'data_root': 'elsewhere/'})
    train, test = cfg.train_dataloader.dataset.dataset, cfg.test_dataloader.dataset
    assert train.data_root == test.data_root == 'elsewhere/'
    assert cfg.test_evaluator.ann_file == 'elsewhere/kitti_infos_val.pkl'
    assert train.data_prefix.pts == test.data_prefix.pts == 'training/velodyne_reduced', 'what the camera sees'
    pasting = [step.db_sampler for step in train.pipeline if step.type == 'ObjectSample']
    assert len(pasting) == (0 if 'small' in name else 1)
    assert all((one.data_root, one.info_path) == ('elsewhere/', 'elsewhere/kitti_dbinfos_train.pkl') for one in pasting)


def test_a_share_of_the_labels_is_of_frames(synthetic_kitti):
    cfg = load_with_overrides(CONFIGS / 'second/second_small_kitti.py', {'data_root': f'{synthetic_kitti}/'})
    dataset = cfg.train_dataloader.dataset.dataset
    assert frames_by_sequence(dataset) == {'000000': 1, '000001': 1}
    one = DATASETS.build(dict(type='SequenceShare', dataset=dataset, sequences=['000001']))
    assert [entry['lidar_points']['lidar_path'][-10:] for entry in map(one.get_data_info, range(len(one)))] == [
        '000001.bin'
    ]


def test_weights_fit_unmodified_second_and_nothing_else_of_it(exported):
    cfg = mmdet3d_config(UPSTREAM)
    model = MODELS.build(cfg.model)
    report = fit_report(model, read_export(exported)['state_dict'])
    encoder = {name for name in model.state_dict() if name.startswith('middle_encoder.')}
    assert set(report.matched) == encoder and not report.unexpected and not report.wrong_shape
