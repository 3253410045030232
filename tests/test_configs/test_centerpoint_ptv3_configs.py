"""CenterPoint over PTv3: grid, map and head agree, the encoder is that of pretraining, and Waymo is trained on."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import DATASETS
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from dos_mm3d.engine.config_overrides import load_with_overrides

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAMES = ('centerpoint_ptv3_small_synthetic', 'centerpoint_ptv3_nuscenes', 'centerpoint_ptv3_waymo')
WAYMO = CONFIGS / 'centerpoint/centerpoint_ptv3_waymo.py'
# levels and wiring at a width, and on a grid, that a CPU can step
TINY = {
    'point_cloud_range': [-51.2, -51.2, -2.0, 51.2, 51.2, 4.0],
    'voxel_size': [0.4, 0.4, 0.4],
    'model.pts_bbox_head.bbox_coder.max_num': 50,  # of 8 x 8 places
    'model.pts_middle_encoder.ptv3.encoder.channels': [16, 16, 32, 32, 64],
    'model.pts_middle_encoder.ptv3.encoder.heads': [1, 1, 2, 2, 4],
}


def load(name: str, folder: str = 'centerpoint') -> Config:
    return Config.fromfile(CONFIGS / folder / f'{name}.py')


@pytest.mark.parametrize('name', NAMES)
def test_grid_map_and_head_are_of_one_geometry(name):
    model = load(name).model
    layer, middle, head = model.data_preprocessor.voxel_layer, model.pts_middle_encoder, model.pts_bbox_head
    assert middle.point_cloud_range == layer.point_cloud_range == model.train_cfg.pts.point_cloud_range
    assert middle.voxel_size == layer.voxel_size == model.train_cfg.pts.voxel_size
    ratio = middle.map_stride * model.pts_backbone.layer_strides[0] / model.pts_neck.upsample_strides[0]
    assert ratio == model.train_cfg.pts.out_size_factor
    for places in (head.bbox_coder, model.test_cfg.pts):
        assert (places.voxel_size, places.out_size_factor) == (layer.voxel_size[:2], ratio)
    low, high = torch.tensor(layer.point_cloud_range).view(2, 3)
    wanted = ((high - low) / torch.tensor(layer.voxel_size)).round().int().tolist()
    assert model.train_cfg.pts.grid_size == wanted
    assert not any(cells % int(ratio) for cells in wanted[:2]), 'the map would be cut off'
    assert model.pts_backbone.in_channels == middle.ptv3.decoder.channels[0]


@pytest.mark.parametrize(
    ('detector', 'pretraining'),
    [
        ('centerpoint_ptv3_nuscenes', 'dos_ptv3_nuscenes'),
        ('centerpoint_ptv3_small_synthetic', 'dos_ptv3_synthetic'),
    ],
)
def test_encoder_and_its_input_are_those_of_pretraining(detector, pretraining):
    ours, theirs = load(detector), load_with_overrides(CONFIGS / f'dos/{pretraining}.py', {})
    ptv3 = {name: value for name, value in ours.model.pts_middle_encoder.ptv3.items() if name != 'decoder'}
    assert ptv3 == theirs.model.backbone.ptv3
    assert ours.model.pts_voxel_encoder == theirs.model.backbone.voxel_encoder
    for key in ('input_channels', 'point_cloud_range', 'voxel_size'):
        assert ours[key] == theirs[key]
    layers = (cfg.model.data_preprocessor.voxel_layer for cfg in (ours, theirs))
    assert len({layer.max_num_points for layer in layers}) == 1


@pytest.mark.parametrize('name', NAMES)
def test_child_with_weights_differs_in_load_from_only(name):
    base, child = load(name), load(f'{name}_dos')
    assert child.model == base.model and child.train_dataloader == base.train_dataloader
    assert base.load_from is None and child.load_from.endswith('backbone.pth')


@pytest.fixture(scope='session')
def tiny_waymo(tmp_path_factory) -> Path:
    """Two frames in mmdet3d 1.4's Waymo layout: ground, boxes of points, labels of three classes."""
    root = tmp_path_factory.mktemp('waymo')
    (root / 'training/velodyne').mkdir(parents=True)
    frames = []
    for number in range(2):
        random = np.random.default_rng(number)
        boxes = np.c_[
            random.uniform(-40, 40, (6, 2)), np.zeros(6), random.uniform((3, 1.5, 1.4), (5, 2, 2), (6, 3)), np.ones(6)
        ]
        ground = np.c_[random.uniform(-60, 60, (1500, 2)), random.normal(-0.5, 0.05, 1500)]
        objects = (boxes[:, None, :3] + random.uniform(-1, 1, (6, 100, 3))).reshape(-1, 3)
        xyz = np.concatenate((ground, objects))
        # intensity has outliers in the thousands; the sixth column is not read
        rest = np.c_[random.lognormal(-1, 2, len(xyz)) * 100, random.uniform(0, 1.5, len(xyz)), np.zeros(len(xyz))]
        np.c_[xyz, rest].astype(np.float32).tofile(root / f'training/velodyne/{number}.bin')
        instances = [
            dict(bbox_3d=box.tolist(), bbox_label_3d=i % 3, bbox_label=i % 3, num_lidar_pts=100, group_id=i)
            for i, box in enumerate(boxes)
        ]
        frames.append(
            dict(
                sample_idx=number,
                timestamp=number,
                context_name='segment',
                lidar_points=dict(num_pts_feats=6, lidar_path=f'{number}.bin'),
                images={},
                instances=instances,
            )
        )
    info = dict(metainfo=dict(categories=dict(Car=0, Pedestrian=1, Cyclist=2), dataset='waymo'), data_list=frames)
    for split in ('train', 'val'):
        (root / f'waymo_infos_{split}.pkl').write_bytes(pickle.dumps(info))
    return root


@pytest.fixture
def waymo_runner(tiny_waymo, tmp_path) -> Runner:
    cfg = load_with_overrides(WAYMO, TINY)
    for dataset in (cfg.train_dataloader.dataset.dataset, cfg.test_dataloader.dataset):
        dataset.update(data_root=str(tiny_waymo), load_interval=1)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.update(work_dir=str(tmp_path), experiment_name=tmp_path.name, param_scheduler=[], randomness=dict(seed=0))
    cfg.update(test_evaluator=[])
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    cfg.optim_wrapper.optimizer.lr = 1e-3
    cfg.default_hooks = ConfigDict(checkpoint=None)
    cfg.log_processor = dict(by_epoch=False)
    return Runner.from_cfg(cfg)


def test_waymo_config_trains_two_steps_and_predicts(waymo_runner):
    model = waymo_runner.model
    before = {name: value.clone() for name, value in model.named_parameters()}
    waymo_runner.train()
    for name in ('task0.loss_heatmap', 'task0.loss_bbox'):
        values = waymo_runner.message_hub.get_scalar(f'train/{name}').data[0]
        assert len(values) == 2 and np.isfinite(values).all() and (values > 0).all()
    still = [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
    assert still == []
    model.pts_bbox_head.bbox_coder.score_threshold = 0.0
    loader = waymo_runner.build_dataloader(waymo_runner.cfg.test_dataloader)
    with torch.no_grad():
        samples = [sample for batch in loader for sample in model.eval().test_step(batch)]
    assert len(samples) == 2
    for sample in samples:
        found = sample.pred_instances_3d
        assert len(found.bboxes_3d) > 0 and found.bboxes_3d.tensor.shape[1] == 7
        assert set(found.labels_3d.tolist()) <= {0, 1, 2}


def test_waymo_intensity_is_squashed_before_the_model_sees_it(waymo_runner, tiny_waymo):
    dataset = DATASETS.build(waymo_runner.cfg.train_dataloader.dataset)
    points = dataset[0]['inputs']['points']
    raw = np.fromfile(tiny_waymo / 'training/velodyne/0.bin', dtype=np.float32).reshape(-1, 6)
    assert raw[:, 3].max() > 100 and points.shape[1] == 5
    assert points[:, 3].min() >= 0 and points[:, 3].max() <= 1
