"""Scans of the world of objects: what the camera sees, what is cut out of it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dos_mm3d.miniatures.object_world.boxes import LEAST_OWN, VARIANTS, cut, resampled
from dos_mm3d.miniatures.object_world.mesh import Builder
from dos_mm3d.miniatures.object_world.objects import WorldObject
from dos_mm3d.miniatures.object_world.raster import NEAR, NOTHING, depth_image
from dos_mm3d.miniatures.object_world.scan import OBJECT, REACH, SLACK, Scan, Scene, scan, surrounded

FOCAL_PX, SIZE_PX = 30.0, 24


def brute_force(corners: np.ndarray) -> np.ndarray:
    """Depth of every pixel by Moeller and Trumbore's intersection, in float64; inf where nothing is."""
    row, column = np.mgrid[:SIZE_PX, :SIZE_PX]
    offset = np.stack([column, row], -1) + 0.5 - SIZE_PX / 2
    rays = np.concatenate([offset / FOCAL_PX, np.ones((SIZE_PX, SIZE_PX, 1))], 2)[..., None, :]
    a, b, c = corners.transpose(1, 0, 2)
    across = np.cross(rays, c - a)
    scale = ((b - a) * across).sum(-1)
    u = (-a * across).sum(-1) / scale
    up = np.cross(-a, b - a)
    v = (rays * up).sum(-1) / scale
    depth = ((c - a) * up).sum(-1) / scale
    return np.where((u >= 0) & (v >= 0) & (u + v <= 1) & (depth > NEAR), depth, np.inf).min(-1)


def test_the_depth_image_is_that_of_every_ray_against_every_triangle():
    rng = np.random.default_rng(0)
    corners = rng.uniform(-1, 1, (30, 1, 3)) + rng.normal(0, 0.4, (30, 3, 3)) + [0, 0, 3.0]
    depth, face = depth_image(corners, FOCAL_PX, SIZE_PX)
    wanted = brute_force(corners)
    assert np.isfinite(wanted).mean() > 0.3
    assert_allclose(depth, wanted, atol=1e-9)
    assert ((face == NOTHING) == np.isinf(wanted)).all()


def test_what_reaches_behind_the_camera_is_not_seen():
    triangle = np.array([[[-1, -1, 1], [1, -1, 1], [0, 1, -1]]], float)
    assert (depth_image(triangle, FOCAL_PX, SIZE_PX)[1] == NOTHING).all()


@pytest.fixture(scope='module')
def scene() -> Scene:
    return surrounded(WorldObject(0, 'train', 'chair', 0).mesh, np.random.default_rng(4))


def test_the_object_stands_in_its_box_with_a_diagonal_of_one(scene):
    own = scene.corners[scene.owner == OBJECT].reshape(-1, 3)
    assert np.linalg.norm(2 * scene.half) == pytest.approx(1)
    c, s = np.cos(scene.yaw_rad), np.sin(scene.yaw_rad)
    local = (own - scene.middle) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    assert_allclose(np.abs(local).max(0), scene.half, atol=1e-9)


def test_one_view_of_a_box_shows_three_sides_of_it_at_most():
    """What is hidden by the object itself is missing: points lie near few of its six planes."""
    builder = Builder()
    builder.box((-1, 1), (-1, 1), (0, 2))
    for seed in range(8):
        alone = surrounded(builder.mesh(), np.random.default_rng(seed))
        seen = scan(alone, np.random.default_rng(seed))
        own = seen.xyz[seen.own] - alone.middle
        c, s = np.cos(alone.yaw_rad), np.sin(alone.yaw_rad)
        share = own @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) / alone.half
        sides = sum((share[:, axis] * sign > 0.93).mean() > 0.1 for axis in range(3) for sign in (-1, 1))
        assert 1 <= sides <= 5  # never the underside; three views may show four walls and the top
        assert (share[:, 2] < -0.97).mean() < 0.08
        far = np.linalg.norm(seen.xyz - alone.middle, axis=1).max()
        assert len(seen.xyz) == len(seen.own) and far < np.linalg.norm(REACH * alone.half + SLACK) + 0.1


def test_variants_differ_in_what_surrounds_the_object():
    found = WorldObject(0, 'train', 'chair', 1).scanned(1024)
    assert tuple(found) == VARIANTS
    for xyz, own in found.values():
        assert xyz.shape == (1024, 3) and xyz.dtype == np.float32 and own.shape == (1024,)
        assert_allclose(xyz.mean(0), 0, atol=1e-5)
        assert np.linalg.norm(xyz, axis=1).max() == pytest.approx(1, abs=1e-5)
    assert found['obj_only'][1].all()
    many = [WorldObject(0, 'train', 'table', number).scanned(512, ['obj_bg'])['obj_bg'][1] for number in range(4)]
    assert any(not own.all() for own in many)


def test_a_variant_does_not_depend_on_which_others_are_asked_for():
    alone = WorldObject(0, 'test', 'mug', 2).scanned(512, ['pb_t50_rs'])['pb_t50_rs']
    together = WorldObject(0, 'test', 'mug', 2).scanned(512)['pb_t50_rs']
    assert_allclose(alone[0], together[0], rtol=0, atol=0)


def test_a_box_without_enough_of_the_object_is_refused(scene):
    points = np.tile(scene.middle, (LEAST_OWN - 1, 1))
    few = Scan(points, np.ones(len(points), bool))
    rng = np.random.default_rng(0)
    assert cut(few, scene, 'obj_bg', rng) is None and cut(few, scene, 'obj_only', rng) is None
    enough = Scan(np.tile(scene.middle, (LEAST_OWN, 1)), np.ones(LEAST_OWN, bool))
    assert len(cut(enough, scene, 'obj_bg', rng)) == LEAST_OWN


def test_every_row_comes_before_any_comes_again():
    rows = resampled(np.arange(100, 110), 25, np.random.default_rng(0))
    counts = np.unique(rows, return_counts=True)[1]
    assert len(rows) == 25 and len(counts) == 10 and counts.min() == 2 and counts.max() == 3
