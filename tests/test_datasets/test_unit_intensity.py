"""In mmdet3d's pipelines columns come to what pretraining was fed: intensities joint, or as ranks; a time lag."""

import pytest
import torch
from mmdet3d.registry import TRANSFORMS
from mmdet3d.structures import LiDARPoints

import dos_mm3d  # noqa: F401  (registers the transform)
from dos_mm3d.functional.intensity import rank_intensity, unit_intensity


@pytest.mark.parametrize('intensity', [255, 'tanh'])
def test_only_the_intensity_changes_and_as_in_pretraining(intensity):
    table = torch.rand(50, 5, generator=torch.Generator().manual_seed(0)) * 300
    transform = TRANSFORMS.build(dict(type='UnitIntensity', intensity=intensity))
    points = transform(dict(points=LiDARPoints(table.clone(), points_dim=5)))['points']
    assert isinstance(points, LiDARPoints)
    assert torch.equal(points.tensor[:, 3], unit_intensity(table[:, 3], intensity))
    assert torch.equal(points.tensor[:, [0, 1, 2, 4]], table[:, [0, 1, 2, 4]])


def test_errors_name_the_file_and_settings_are_checked():
    points = LiDARPoints(torch.full((2, 4), 5.0), points_dim=4)
    with pytest.raises(ValueError, match=r'scan\.bin: found intensities from 5 to 5; wanted 0 to 1'):
        TRANSFORMS.build(dict(type='UnitIntensity', intensity='unit'))(dict(points=points, lidar_path='scan.bin'))
    with pytest.raises(ValueError, match="intensity must be 'unit'"):
        TRANSFORMS.build(dict(type='UnitIntensity', intensity=0))


def test_ranks_in_a_pipeline_are_those_of_the_views():
    """Whatever the sensor's scale, a detector and pretraining are fed the very same numbers."""
    table = torch.rand(500, 5, generator=torch.Generator().manual_seed(0)) * 300
    transform = TRANSFORMS.build(dict(type='IntensityRanks'))
    points = transform(dict(points=LiDARPoints(table.clone(), points_dim=5)))['points']
    assert isinstance(points, LiDARPoints)
    assert torch.equal(points.tensor[:, 3], rank_intensity(table[:, 3]))
    assert torch.equal(points.tensor[:, [0, 1, 2, 4]], table[:, [0, 1, 2, 4]])
    still = dict(crop_share=(1.0, 1.0), yaw_prob=0.0, tilt_prob=0.0, flip_prob=0.0, scale_range=(1.0, 1.0))
    views = TRANSFORMS.build(dict(type='TwoViews', intensity_ranks=True, jitter_std_m=0.0, **still))
    fed = views(dict(points=table / 300, generator=torch.Generator().manual_seed(1), file='scan.bin'))['views']
    for view, _ in fed:
        torch.testing.assert_close(view[:, 3], points.tensor[:, 3])


def test_ranks_name_the_file_that_has_no_intensities():
    points = LiDARPoints(torch.ones(5, 3), points_dim=3)
    with pytest.raises(ValueError, match=r'scan\.bin: found 3 columns, wanted x, y, z, intensity'):
        TRANSFORMS.build(dict(type='IntensityRanks'))(dict(points=points, lidar_path='scan.bin'))
    points = LiDARPoints(torch.full((5, 4), torch.nan), points_dim=4)
    with pytest.raises(ValueError, match=r'scan\.bin: found 5 NaN'):
        TRANSFORMS.build(dict(type='IntensityRanks'))(dict(points=points, lidar_path='scan.bin'))


def test_single_sweeps_get_a_time_lag_of_zero_and_keep_what_they_were():
    table = torch.rand(50, 4, generator=torch.Generator().manual_seed(0))
    points = LiDARPoints(table.clone(), points_dim=4, attribute_dims=dict(intensity=3))
    fed = TRANSFORMS.build(dict(type='ZeroTimeLag'))(dict(points=points))['points']
    assert isinstance(fed, LiDARPoints) and fed.attribute_dims == dict(intensity=3)
    assert torch.equal(fed.tensor, torch.cat((table, torch.zeros(50, 1)), 1))
    fed.rotate(0.5)  # the shape that mmdet3d's augmentations rely on
    assert torch.equal(fed[:7].tensor[:, 3:], torch.cat((table[:7, 3:], torch.zeros(7, 1)), 1))
