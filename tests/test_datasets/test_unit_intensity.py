"""In mmdet3d's pipelines intensities come to what joint pretraining was fed."""

import pytest
import torch
from mmdet3d.registry import TRANSFORMS
from mmdet3d.structures import LiDARPoints

import dos_mm3d  # noqa: F401  (registers the transform)
from dos_mm3d.functional.intensity import unit_intensity


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
