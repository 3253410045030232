"""mmdet3d's MinkUNet without a GPU, and built twice."""

import copy

import pytest
import torch
from mmdet3d.models.backbones import MinkUNetBackbone
from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample, PointData
from mmengine.config import ConfigDict

import dos_mm3d  # noqa: F401  (repairs upstream bugs)
from dos_mm3d.models.preprocessors import ViewPreprocessor

SIZE = 0.2
SETTINGS = dict(voxel=True, voxel_type='minkunet', batch_first=True)


def layer(offset: float = 0.0) -> dict:
    span = [-8.0 - offset, -8.0 - offset, -2.0 - offset, 8.0 - offset, 8.0 - offset, 2.0 - offset]
    return dict(max_num_points=-1, point_cloud_range=span, voxel_size=[SIZE] * 3, max_voxels=(-1, -1))


def clouds() -> list[torch.Tensor]:
    """Two clouds (n, 4) in which voxels hold several points."""
    generator = torch.Generator().manual_seed(0)
    return [(torch.rand(n, 4, generator=generator) - 0.5) * torch.tensor([4.0, 4.0, 1.0, 1.0]) for n in (3000, 800)]


def samples() -> list[Det3DDataSample]:
    """A label for every point: its row."""
    return [Det3DDataSample(gt_pts_seg=PointData(pts_semantic_mask=torch.arange(len(points)))) for points in clouds()]


def test_voxels_labels_and_maps_are_made_on_the_cpu():
    preprocessor = Det3DDataPreprocessor(**SETTINGS, voxel_layer=layer()).train()
    data = preprocessor({'inputs': {'points': clouds()}, 'data_samples': samples()}, True)
    voxels, coors = data['inputs']['voxels']['voxels'], data['inputs']['voxels']['coors']
    assert voxels.device.type == coors.device.type == 'cpu'
    for number, (points, sample) in enumerate(zip(clouds(), data['data_samples'], strict=True)):
        own = coors[:, 0] == number
        cells = (points[:, :3] / SIZE).round().int()
        cells -= cells.amin(0)
        assert torch.equal(coors[own, 1:][sample.point2voxel_map], cells)
        first = sample.gt_pts_seg.voxel_semantic_mask
        assert torch.equal(voxels[own], points[first])
        assert all((sample.point2voxel_map == voxel).nonzero()[0] == row for voxel, row in enumerate(first[:50]))
        assert len(first) == len(cells.unique(dim=0)) < 0.95 * len(points)


def test_other_tensors_keep_their_way_to_a_gpu():
    Det3DDataPreprocessor(**SETTINGS, voxel_layer=layer())({'inputs': {'points': clouds()}, 'data_samples': samples()})
    assert 'cuda' not in vars(torch.Tensor)


def test_our_voxels_are_mmdet3ds_where_the_grids_coincide():
    """A range that begins at half a voxel: floor from there is rounding; the first point stands for its voxel."""
    theirs = Det3DDataPreprocessor(**SETTINGS, voxel_layer=layer())
    ours = ViewPreprocessor(**SETTINGS, voxel_layer=layer(SIZE / 2))
    for points, sample in zip(clouds(), samples(), strict=True):
        wanted = theirs.voxelize([points], [sample])
        got = ours.voxelize_points([points])
        xyz = got['coors'][:, [3, 2, 1]]
        xyz = xyz - xyz.amin(0)
        order = ((xyz[:, 0] * 1000 + xyz[:, 1]) * 1000 + xyz[:, 2]).argsort()
        assert torch.equal(xyz[order], wanted['coors'][:, 1:])
        assert torch.equal(got['voxels'][order], wanted['voxels'])


def test_our_voxels_number_the_clouds_and_obey_the_limit():
    preprocessor = ViewPreprocessor(**SETTINGS, max_voxels=750, voxel_layer=layer())
    assert preprocessor.voxelize_points(clouds()[1:])['coors'][:, 0].unique().tolist() == [0]
    with pytest.raises(ValueError, match=r'a view has \d+ voxels and the voxel layer holds 750'):
        preprocessor.voxelize_points(clouds())
    with pytest.raises(ValueError, match="voxel_type is 'dynamic', wanted one of hard, minkunet"):
        ViewPreprocessor(voxel=True, voxel_type='dynamic', voxel_layer=layer())


def test_minkunet_is_built_again_from_defaults_and_from_one_config():
    first, second = (MinkUNetBackbone(sparseconv_backend='spconv') for _ in range(2))
    assert first.decoder[3][1][1].conv2.out_channels == second.decoder[3][1][1].conv2.out_channels == 96
    config = ConfigDict(
        type='MinkUNetBackbone',
        encoder_channels=[8, 8, 8, 8],
        decoder_channels=[8, 8, 8, 8],
        base_channels=8,
        sparseconv_backend='spconv',
    )
    before = copy.deepcopy(config)
    built = [MODELS.build(config) for _ in range(2)]
    assert config == before
    assert [len(net.state_dict()) for net in built] == [len(built[0].state_dict())] * 2
