"""A backbone says, when its model is built, that it was made for another grid than that of the voxel layer."""

import json
from pathlib import Path

import pytest
import torch
from mmdet3d.models import SparseEncoder
from mmdet3d.models.data_preprocessors.voxelize import VoxelizationByGridShape
from mmdet3d.registry import MODELS
from mmengine.registry import init_default_scope
from spconv.pytorch import SparseConvTensor

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.engine.detector_grid import check_grid
from dos_mm3d.errors import UserError
from dos_mm3d.models.backbones import SparseEncoderBackbone
from dos_mm3d.models.backbones.sparse_grid import sizes_along

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CENTERPOINT = dict(
    type='SparseEncoder',
    in_channels=4,
    output_channels=12,
    base_channels=4,
    block_type='basicblock',
    order=('conv', 'norm', 'act'),
    encoder_channels=((4, 4, 6), (6, 6, 8), (8, 8, 10), (10, 10)),
    encoder_paddings=((0, 0, 1), (0, 0, 1), (0, 0, [0, 1, 1]), (0, 0)),
)
SECOND = dict(type='SparseEncoder', in_channels=4, encoder_paddings=((1,), (1, 1, 1), (1, 1, 1), ((0, 1, 1), 1, 1)))


def backbone(shape: list[int]) -> SparseEncoderBackbone:
    torch.manual_seed(0)
    return SparseEncoderBackbone(dict(type='HardSimpleVFE', num_features=4), {**CENTERPOINT, 'sparse_shape': shape})


def layer(cells_z: int, cells: int = 32) -> VoxelizationByGridShape:
    """Voxels of 0.2 m."""
    bounds = [0, 0, 0, 0.2 * cells, 0.2 * cells, 0.2 * cells_z]
    return VoxelizationByGridShape(bounds, max_num_points=5, voxel_size=[0.2, 0.2, 0.2])


@pytest.mark.parametrize('shape', [[40, 32, 32], [41, 32, 32]])
def test_the_shape_of_the_voxels_with_or_without_head_room_is_taken(shape):
    backbone(shape).require_grid(layer(40))


@pytest.mark.parametrize('shape', [[42, 32, 32], [39, 32, 32], [41, 32, 64], [41, 16, 32], [32, 32, 41]])
def test_another_sparse_shape_is_refused(shape):
    with pytest.raises(UserError, match=r'sparse_shape .*has \[40, 32, 32\] .*wanted \[41, 32, 32\]'):
        backbone(shape).require_grid(layer(40))


@pytest.mark.parametrize('cells', [1, 10, 20, 23])
def test_too_few_voxels_for_the_strides_are_refused_with_how_many_would_do(cells):
    with pytest.raises(UserError, match=rf'{cells} voxels along z \(.*wanted at least 24, of {cells / 120:.3g} m'):
        backbone([cells + 1, 32, 32]).require_grid(layer(cells))
    backbone([25, 32, 32]).require_grid(layer(24))


@pytest.mark.parametrize('settings', [CENTERPOINT, SECOND])
@pytest.mark.parametrize('cells', [25, 41, 48])
def test_the_sizes_of_stages_are_those_that_spconv_computes(settings, cells):
    encoder: SparseEncoder = MODELS.build({**settings, 'sparse_shape': [cells, 32, 32]})
    sites = torch.cartesian_prod(*map(torch.arange, (1, cells, 3, 3))).int()
    x = encoder.conv_input(SparseConvTensor(torch.rand(len(sites), 4), sites, encoder.sparse_shape, 1))
    found = []
    for stage in (*encoder.encoder_layers, encoder.conv_out):
        x = stage(x)
        found.append(x.spatial_shape)
    assert [sizes_along(encoder, axis, size) for axis, size in enumerate([cells, 32, 32])] == [*map(list, zip(*found))]


@torch.no_grad()
def test_a_voxel_that_the_last_layer_does_not_see_has_zeros_there():
    """conv_out of 32 voxels along z is one cell, over the lowest 28: upstream nothing sees a point above."""
    net = backbone([33, 32, 32]).eval()
    voxels = torch.tensor([[0, 3, 8, 8], [0, 31, 20, 20]], dtype=torch.int32)
    given = dict(voxels=torch.rand(2, 1, 4) + 1, num_points=torch.ones(2), coors=voxels)
    low, high = net(given, torch.tensor([[0, 1, 4, 4], [0, 15, 10, 10]]), 1)
    assert low[-12:].any() and high[:-12].any()
    assert not high[-12:].any()
    with pytest.raises(ValueError, match='1 of 1 loss voxels hold no voxel'):
        net(given, torch.tensor([[0, 1, 12, 4]]), 1)


REFUSED = {
    'dos/dos_second_folder voxel_size=[0.4,0.4,0.4]': '20 voxels along z .*too few',
    'dos/dos_second_folder model.data_preprocessor.voxel_layer.voxel_size=[0.4,0.4,0.2]': 'sparse_shape',
    'dos/dos_second_folder point_cloud_range=[51.2,-51.2,-5,-51.2,51.2,3]': 'no voxel along x',
    'dos/dos_pillars_nuscenes voxel_size=[0.2,0.2,4]': 'voxels in 2 layers',
    'dos/dos_pillars_synthetic model.data_preprocessor.voxel_layer.voxel_size=[0.8,0.8,8]': 'output_shape .*128, 128',
    'dos/dos_pillars_synthetic model.backbone.voxel_encoder.voxel_size=[0.8,0.8,8]': 'of the voxel encoder',
    'dos/dos_cylinder3d_synthetic model.data_preprocessor.voxel_layer.grid_shape=[64,180,20]': 'grid_size .*64, 180',
    'dos/dos_cylinder3d_synthetic model.backbone.voxel_encoder.grid_shape=[64,180,20]': 'of the voxel encoder',
    'dos/dos_minkunet_synthetic voxel_size=[0.2,0.2,100]': 'no voxel along z',
    'dos/dos_ptv3_synthetic voxel_size=[0.0005,0.4,0.4]': '204800 voxels along an axis .*65535',
    'centerpoint/centerpoint_small_synthetic voxel_size=[0.4,0.4,0.4]': '20 voxels along z .*too few',
    'centerpoint/centerpoint_small_synthetic voxel_size=[0.4,0.4,0.1]': 'wanted 2 levels',
    'centerpoint/centerpoint_small_synthetic model.pts_middle_encoder.sparse_shape=[41,64,64]': 'sparse_shape',
}


@pytest.mark.parametrize('case', REFUSED)
def test_a_config_whose_parts_have_different_grids_is_refused_when_its_model_is_built(case):
    init_default_scope('mmdet3d')
    name, option = case.split()
    key, value = option.split('=')
    cfg = load_with_overrides(CONFIGS / f'{name}.py', {} if '.' in key else {key: value})
    if '.' in key:  # as a config of the user's own states it
        cfg.merge_from_dict({key: json.loads(value)})
    with pytest.raises(UserError, match=REFUSED[case]):
        check_grid(MODELS.build(cfg.model))


def test_a_head_of_another_width_than_the_projector_is_refused():
    cfg = load_with_overrides(CONFIGS / 'dos/dos_second_synthetic.py', {'model.head.channels': '17'})
    with pytest.raises(UserError, match=r'projector\.out_channels is \d+ and model\.head\.channels is 17'):
        MODELS.build(cfg.model)
