"""CenterPoint over PTv3: grid, map and head agree, and the encoder is that of pretraining."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from dos_mm3d.engine.config_overrides import load_with_overrides

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAMES = ('centerpoint_ptv3_small_synthetic', 'centerpoint_ptv3_nuscenes', 'centerpoint_ptv3_waymo')


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
