"""Indoors: normals turn and flip with the points, colours are no intensities, both views have the same colours."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.datasets.transforms import GlobalRotScaleTrans, RandomFlip3D
from mmdet3d.registry import TRANSFORMS
from mmdet3d.structures.points import DepthPoints
from mmengine.config import Config
from torch.testing import assert_close

from dos_mm3d.datasets.transforms import CentreScan, ColourJitter, LoadScanNormals, TwoViews
from dos_mm3d.datasets.transforms.points import OrientedPoints
from dos_mm3d.datasets.transforms.views import Augmentation
from dos_mm3d.functional.augment import indoor_origin, rotation, turned_normals

INDOOR = dict(intensity_column=None, normal_columns=(6, 7, 8), intensity_scale=(0.1, 0.2))


def sphere(count: int = 400) -> torch.Tensor:
    """(n, 9) points of a unit sphere around the origin, whose normals are their own coordinates."""
    xyz = torch.nn.functional.normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    colour = torch.rand(count, 3, generator=torch.Generator().manual_seed(1))
    return torch.cat((xyz, colour, xyz), 1)


def test_normals_stay_those_of_the_moved_surface():
    """A turned, mirrored and scaled sphere is a sphere: its normals are its coordinates over its radius."""
    augmentation = Augmentation(**INDOOR, jitter_std_m=0.0, scale_range=(0.5, 2.0))
    points, generator = sphere(), torch.Generator().manual_seed(3)
    for _ in range(20):
        moved = augmentation(points, generator)
        radius = moved[:, :3].norm(dim=1, keepdim=True)
        assert_close(moved[:, 6:], moved[:, :3] / radius, atol=1e-5, rtol=0)
        assert_close(moved[:, 3:6], points[:, 3:6]), 'colours are no intensities'
    assert not torch.allclose(moved[:, 6:], points[:, 6:])


def test_a_surface_without_normals_has_none_after_a_turn():
    zero = torch.zeros(3, 3)
    assert torch.equal(turned_normals(zero, 2 * rotation(0.3, 0.1, 0.0)), zero)


def test_without_normal_columns_nothing_but_coordinates_and_intensity_changes():
    points = sphere()
    moved = Augmentation(jitter_std_m=0.0)(points, torch.Generator().manual_seed(0))
    assert_close(moved[:, 3:], points[:, 3:])


def test_elastic_distortion_moves_points_and_nothing_else_as_often_as_asked():
    still = dict(yaw_prob=0.0, tilt_prob=0.0, flip_prob=0.0, scale_range=(1.0, 1.0), jitter_std_m=0.0)
    points, generator = sphere(), torch.Generator().manual_seed(0)
    augmentation = Augmentation(**{**INDOOR, **still}, elastic=((0.2, 0.4), (0.8, 1.6)), elastic_prob=0.5)
    moved = [augmentation(points, generator) for _ in range(60)]
    assert all(torch.equal(cloud[:, 3:], points[:, 3:]) for cloud in moved)
    bent = [not torch.equal(cloud[:, :3], points[:, :3]) for cloud in moved]
    assert 15 < sum(bent) < 45


def test_colours_of_both_views_are_drawn_once():
    points = sphere()
    still = dict(crop_share=(1.0, 1.0), jitter_std_m=0.0)
    views = TwoViews(colour=dict(contrast_prob=1.0, shift_prob=1.0, jitter_prob=1.0), **INDOOR, **still)
    results = views.transform(dict(points=points, generator=torch.Generator().manual_seed(0), file='f'))
    (a, origin_a), (b, origin_b) = results['views']
    assert torch.equal(origin_a, origin_b) and torch.equal(a[:, 3:6], b[:, 3:6])
    assert not torch.allclose(a[:, 3:6], points[origin_a, 3:6])
    assert torch.equal(results['points'][:, 3:6], a[:, 3:6]), 'local views are cut from the same colours'
    assert_close(points, sphere()), 'the scan itself stays'


def test_colours_of_another_scale_are_refused():
    points = DepthPoints(sphere() * 255, points_dim=9)
    with pytest.raises(ValueError, match=r'wanted 0 to 1. Put .*NormalizePointsColor'):
        ColourJitter().transform(dict(points=points))


def test_colour_jitter_of_a_labelled_pipeline_changes_colours_only():
    points = OrientedPoints(sphere(), points_dim=9)
    moved = ColourJitter(shift_prob=1.0).transform(dict(points=points))['points'].tensor
    assert_close(moved[:, [0, 1, 2, 6, 7, 8]], sphere()[:, [0, 1, 2, 6, 7, 8]])
    assert not torch.allclose(moved[:, 3:6], sphere()[:, 3:6])


@pytest.mark.parametrize('horizontal, vertical', [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_normals_follow_mmdet3ds_own_transforms(horizontal, vertical):
    results = dict(points=OrientedPoints(sphere(), points_dim=9))
    turn = GlobalRotScaleTrans(rot_range=[0.7, 0.7], scale_ratio_range=[1.3, 1.3], translation_std=[0, 0, 0])
    flip = RandomFlip3D(sync_2d=False, flip_ratio_bev_horizontal=horizontal, flip_ratio_bev_vertical=vertical)
    moved = flip.transform(turn.transform(results))['points'].tensor
    assert_close(moved[:, 6:], moved[:, :3] / 1.3, atol=1e-5, rtol=0)
    plain = flip.transform(turn.transform(dict(points=DepthPoints(sphere(), points_dim=9))))['points'].tensor
    assert_close(moved[:, :6], plain[:, :6])


def test_normals_follow_test_time_augmentation():
    """All 36 clouds of the segmentation configs are spheres whose normals are those of spheres."""
    config = Path(__file__).parents[2] / 'configs/segmentation/_base_/scannet.py'
    augment = TRANSFORMS.build(Config.fromfile(config).tta_pipeline[-1])
    clouds = augment.transform(dict(points=OrientedPoints(sphere(), points_dim=9)))['inputs']
    assert len(clouds) == 36
    for cloud in clouds:
        xyz = cloud['points'][:, :3]
        assert_close(cloud['points'][:, 6:], xyz / xyz.norm(dim=1, keepdim=True), atol=1e-5, rtol=0)
    assert len({tuple(cloud['points'][0, :3].tolist()) for cloud in clouds}) == 36


def test_loaded_normals_stand_behind_the_other_columns(tmp_path):
    points = sphere(10)
    for folder, columns in (('points', slice(0, 6)), ('normals', slice(6, 9))):
        (tmp_path / folder).mkdir()
        points[:, columns].numpy().tofile(tmp_path / folder / 'scan.bin')
    results = dict(
        points=DepthPoints(points[:, :6], points_dim=6, attribute_dims=dict(color=[3, 4, 5])),
        lidar_points=dict(lidar_path=str(tmp_path / 'points/scan.bin')),
    )
    loaded = LoadScanNormals().transform(dict(results))['points']
    assert_close(loaded.tensor, points)
    assert_close(loaded.color, points[:, 3:6])
    points[:5, 6:].numpy().tofile(tmp_path / 'normals/scan.bin')
    with pytest.raises(ValueError, match='found 15 numbers, wanted 3 for each of the 10 points'):
        LoadScanNormals().transform(dict(results))
    (tmp_path / 'normals/scan.bin').unlink()
    with pytest.raises(FileNotFoundError, match=r'create_data.py scannet'):
        LoadScanNormals().transform(dict(results))


def test_a_centred_scan_fits_a_range_of_half_its_diagonal_however_it_is_turned():
    points = sphere() * 3 + 7
    origin = indoor_origin(points)
    assert_close(origin[2], points[:, 2].min())
    wrapped = DepthPoints(points, points_dim=9)
    centred = CentreScan().transform(dict(points=wrapped))['points'].tensor
    assert_close(centred[:, 3:], points[:, 3:])
    low, high = centred[:, :3].amin(0), centred[:, :3].amax(0)
    assert_close(low[:2], -high[:2]), assert_close(low[2], torch.tensor(0.0))
    reach = float(np.hypot(*high[:2]))
    for yaw in torch.linspace(0, 2 * math.pi, 8).tolist():
        assert (centred[:, :3] @ rotation(yaw, 0, 0).T)[:, :2].abs().max() <= reach + 1e-5
