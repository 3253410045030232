"""The compiled ray caster against closed forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dos_mm3d.miniatures.ground import CELL_M, HALF_EXTENT_M, height_at
from dos_mm3d.miniatures.lidar import HDL32E, beam_directions
from dos_mm3d.miniatures.raycast import GROUND, NOTHING, cast_ground, cast_primitives
from dos_mm3d.miniatures.shapes import BOX, CONE, CYLINDER, ELLIPSOID, FOLIAGE, rotation

TANGENTS = np.tan(HDL32E.elevations_rad)


def cast(kind, centre, half, turn=None, density=1.0, seed=1):
    """Distance, owner and potential counts of a full turn against primitives, one after the other in one group each."""
    rays = beam_directions(0.1)
    n = len(kind)
    turn = np.stack([np.eye(3)] * n) if turn is None else turn
    distance, owner = np.full(rays.shape[:2], np.inf), np.full(rays.shape[:2], NOTHING)
    potential = np.zeros(n, np.int64)
    cast_primitives(
        rays, 0.1, TANGENTS, np.array(kind), np.array(centre, float), turn, np.array(half, float), np.full(n, density),
        np.arange(n), 70.0, seed, distance, owner, potential,
    )  # fmt: skip
    return rays, distance, owner, potential


def test_sphere_distances_are_exact_and_no_ray_is_missed_by_the_window():
    centre, radius = np.array([6.0, -3.0, 0.4]), 1.3
    rays, distance, owner, _ = cast([ELLIPSOID], [centre], [[radius] * 3])
    along = rays @ centre
    discriminant = along**2 - centre @ centre + radius**2
    expected = np.where(discriminant > 0, along - np.sqrt(np.maximum(discriminant, 0)), np.inf)
    expected[along < 0] = np.inf
    assert (owner == 0).sum() > 500
    assert_allclose(distance, expected, rtol=1e-9)


@pytest.mark.parametrize('kind', [BOX, CYLINDER, CONE, ELLIPSOID])
@pytest.mark.parametrize('azimuth', [0.0, 2.0, np.pi, -1.4])
def test_hits_lie_on_the_surface(kind, azimuth):
    centre = np.array([8 * np.cos(azimuth), 8 * np.sin(azimuth), -0.5])
    half, turn = np.array([1.5, 1.5, 0.9]), rotation(0.7, 0.3, 0.2)
    rays, distance, owner, _ = cast([kind], [centre], [half], turn[None])
    local = (rays[owner == 0] * distance[owner == 0][:, None] - centre) @ turn / half
    radius, z = np.hypot(local[:, 0], local[:, 1]), np.abs(local[:, 2])
    wall = {
        BOX: np.abs(local).max(1),
        CYLINDER: np.maximum(radius, z),
        CONE: np.maximum(radius / (0.575 - 0.425 * local[:, 2]), z),
        ELLIPSOID: np.linalg.norm(local, axis=1),
    }[kind]
    assert len(wall) > 300
    assert_allclose(wall, 1.0, atol=1e-6)


@pytest.mark.parametrize('near', [0, 1])
def test_the_nearer_object_hides_the_farther_one_but_both_are_counted(near):
    centres, halves = [[12.0, 0, 0], [6.0, 0, 0]], [[0.5, 1, 1], [0.5, 2, 2]]
    order = [0, 1] if near == 1 else [1, 0]
    _, _, owner, potential = cast([BOX, BOX], [centres[k] for k in order], [halves[k] for k in order])
    assert not (owner == 1 - near).any()
    assert (owner == near).sum() == potential[near] > potential[1 - near] > 0


def test_glass_lets_its_share_of_rays_pass_and_foliage_is_entered():
    solid = (cast([BOX], [[6.0, 0, 0]], [[0.5, 2, 2]])[2] == 0).sum()
    glass = (cast([BOX], [[6.0, 0, 0]], [[0.5, 2, 2]], density=0.4)[2] == 0).sum()
    assert glass / solid == pytest.approx(0.4, abs=0.05)
    rays, distance, owner, _ = cast([FOLIAGE], [[8.0, 0, 0]], [[2.0, 2.0, 2.0]], density=0.5)
    depth = np.linalg.norm(rays[owner == 0] * distance[owner == 0][:, None] - [8.0, 0, 0], axis=1)
    assert depth.max() <= 2.0 + 1e-9 and np.median(depth) < 1.9


def tilted_ground():
    n = round(2 * HALF_EXTENT_M / CELL_M) + 1
    axis = -HALF_EXTENT_M + CELL_M * np.arange(n)
    bumps = 0.3 * np.sin(0.2 * axis)[:, None] * np.cos(0.15 * axis)
    step = 0.15 * (axis > 4.0)[:, None]
    return (0.03 * axis[:, None] - 0.02 * axis + bumps + step).astype(np.float32)


def test_ground_hits_lie_on_the_surface_and_nothing_stands_before_them():
    raster, rays = tilted_ground(), beam_directions(0.0)
    turn, origin = rotation(0.4, 0.02, -0.015), np.array([1.0, 2.0, 2.0])
    distance, owner = np.full(rays.shape[:2], np.inf), np.full(rays.shape[:2], NOTHING)
    cast_ground(rays, TANGENTS, turn, origin, raster, 70.0, distance, owner)
    hit = owner == GROUND
    assert hit.mean() > 0.55
    directions, reached = rays[hit] @ turn.T, distance[hit]
    points = origin + directions * reached[:, None]
    gap = np.array([p[2] - height_at(raster, p[0], p[1]) for p in points])
    assert np.abs(gap).max() < 0.01
    for share in (0.3, 0.6, 0.9):
        before = origin + directions * (share * reached)[:, None]
        assert min(p[2] - height_at(raster, p[0], p[1]) for p in before) > -0.01


def test_ground_does_not_replace_a_nearer_hit():
    raster, rays = tilted_ground(), beam_directions(0.0)
    distance, owner = np.full(rays.shape[:2], 1.0), np.zeros(rays.shape[:2], np.int64)
    cast_ground(rays, TANGENTS, np.eye(3), np.array([0.0, 0, 2.0]), raster, 70.0, distance, owner)
    assert (owner == 0).all() and (distance == 1.0).all()
