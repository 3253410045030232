"""The nuScenes detection protocol: mmdet3d's voxel-0.075 CenterPoint with all labels and with 20 %."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import DATASETS
from mmdet3d.structures.ops.box_np_ops import points_in_rbbox
from mmengine.runner import Runner
from mmengine.utils import get_installed_path

from tests.helpers.detectors import load, moved, tiny, without_scope

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs/centerpoint'
UPSTREAM = Path(get_installed_path('mmdet3d')) / '.mim/configs/centerpoint'
ALL, FEW = FOLDER / 'centerpoint_voxel0075_nuscenes.py', FOLDER / 'centerpoint_voxel0075_nuscenes_20percent.py'
JOINT = FOLDER / 'centerpoint_voxel01_nuscenes_joint.py'

# voxels five times as wide, which a CPU can step; a multiple of 16 of them in the range
COARSE_M, CELLS = [0.375, 0.375, 0.2], 288
COARSE = {
    'model.data_preprocessor.voxel_layer.voxel_size': COARSE_M,
    'model.pts_middle_encoder.sparse_shape': [41, CELLS, CELLS],
    'model.pts_bbox_head.bbox_coder.voxel_size': COARSE_M[:2],
    'model.train_cfg.pts.grid_size': [CELLS, CELLS, 40],
    'model.train_cfg.pts.voxel_size': COARSE_M,
    'model.test_cfg.pts.voxel_size': COARSE_M[:2],
}


def training_set(path: Path, root: Path, pipeline: list | None = None):
    """The training data of a config on a miniature, class-balanced resampling and pasted objects included."""
    cfg = load(path)
    dataset = moved(cfg._cfg_dict, 'data/nuscenes/', f'{root}/').train_dataloader.dataset
    if pipeline is not None:
        dataset.get('dataset', dataset).update(pipeline=pipeline, filter_empty_gt=False)
    np.random.seed(0)
    return DATASETS.build(dataset)


def test_with_all_labels_the_config_is_mmdet3ds_own():
    ours = load(ALL)
    theirs = load(UPSTREAM / 'centerpoint_voxel0075_second_secfpn_8xb4-cyclic-20e_nus-3d.py')
    for key in ('model', 'train_dataloader', 'test_dataloader', 'test_evaluator', 'optim_wrapper', 'param_scheduler'):
        assert without_scope(ours[key]) == without_scope(theirs[key]), key
    assert ours.train_dataloader.dataset.type == 'CBGSDataset' and ours.sweeps_num + 1 == 10


@pytest.mark.parametrize('path', [ALL, FEW], ids=lambda path: path.stem)
def test_with_dos_weights_nothing_else_differs(path):
    plain, child = load(path), load(path.with_stem(f'{path.stem}_dos'))
    differing = {key for key in child.keys() | plain.keys() if child.get(key) != plain.get(key)}
    assert differing == {'load_from'} and child.load_from == 'work_dirs/dos_second_voxel0075_nuscenes/backbone.pth'


def test_with_few_labels_only_the_training_data_differ():
    few, every = load(FEW), load(ALL)
    differing = {key for key in few.keys() | every.keys() if few.get(key) != every.get(key)}
    assert differing == {'train_dataloader', 'train_pipeline', 'load_interval'}
    types = [step.type for step in few.train_dataloader.dataset.pipeline]
    wanted = [step.type for step in every.train_dataloader.dataset.dataset.pipeline]
    assert 'ObjectSample' in wanted and types == [name for name in wanted if name != 'ObjectSample']
    assert 'CBGSDataset' not in str(few.train_dataloader.dataset)


def test_every_class_is_drawn_equally_often(synthetic_nuscenes):
    """CBGS on the miniature: mmdet3d draws for each class as many frames as for any other."""
    dataset = training_set(ALL, synthetic_nuscenes, pipeline=[])
    labelled = [len([i for i in range(4) if c in dataset.dataset.get_cat_ids(i)]) for c in range(10)]
    each = sum(labelled) / 10  # a tenth of the pairs of a frame and a class in it
    assert len(dataset) > 4 and abs(len(dataset) - 10 * each) <= 10
    assert set(dataset.sample_indices) <= set(range(4))


def test_pasted_objects_come_from_the_database_that_create_data_writes(synthetic_nuscenes):
    pipeline = load(ALL).train_pipeline[:4]
    assert pipeline[3].type == 'ObjectSample'
    pipeline = moved(pipeline, 'data/nuscenes/', f'{synthetic_nuscenes}/')
    with_objects = training_set(ALL, synthetic_nuscenes, pipeline).dataset
    without = training_set(ALL, synthetic_nuscenes, copy.deepcopy(pipeline[:3])).dataset
    pasted = 0
    for index in range(len(without)):
        before, after = without.prepare_data(index), with_objects.prepare_data(index)
        n_before = len(before['gt_labels_3d'])
        assert np.array_equal(after['gt_labels_3d'][:n_before], before['gt_labels_3d'])
        boxes = after['gt_bboxes_3d'].tensor[n_before:, :7].numpy()
        inside = points_in_rbbox(after['points'].tensor[:, :3].numpy(), boxes)  # (points, boxes)
        assert (inside.sum(0) >= 4).all(), 'a pasted box without the points of its object'
        pasted += len(boxes)
    assert pasted > 0


def test_pasted_or_not_points_come_in_the_channels_of_joint_pretraining(synthetic_nuscenes):
    dataset = training_set(JOINT, synthetic_nuscenes)
    points = dataset[0]['inputs']['points']
    assert points.shape[1] == 5 and points[:, 3].min() >= 0
    assert 0.5 < points[:, 3].max() <= 1 and points[:, 3].mean() > 0.02


@pytest.mark.parametrize('path', [ALL, pytest.param(FEW, marks=pytest.mark.slow)], ids=lambda path: path.stem)
def test_two_steps_on_coarse_cells(path, synthetic_nuscenes, tmp_path, recorded):
    cfg = load(path)
    cfg.merge_from_dict(COARSE)
    whole = cfg.train_dataloader.dataset
    small = tiny(cfg, synthetic_nuscenes, tmp_path)
    if path == ALL:  # with its class-balanced resampling, which `tiny` takes away
        small.train_dataloader.dataset = moved(whole, 'data/nuscenes/', f'{synthetic_nuscenes}/')
    runner = Runner.from_cfg(small)
    runner.train()
    assert len(recorded) == 2
    assert all(torch.isfinite(torch.tensor(value)) for losses in recorded for value in losses.values())
