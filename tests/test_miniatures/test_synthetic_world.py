"""The procedural world: objects fit their boxes, poses are right, classes are all there, sweeps reproduce."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dos_mm3d.miniatures.ground import height_at
from dos_mm3d.miniatures.lidar import render
from dos_mm3d.miniatures.nuscenes_tables import quaternion
from dos_mm3d.miniatures.objects import SIZE_M, build_shape, draw_size
from dos_mm3d.miniatures.raycast import GROUND
from dos_mm3d.miniatures.roads import Course, road_coordinates
from dos_mm3d.miniatures.shapes import rotation
from dos_mm3d.miniatures.taxonomy import CLASS_RANGE_M, LABEL
from dos_mm3d.miniatures.world import build_scene


@pytest.fixture(scope='module')
def scene():
    return build_scene(3, 'val', 0, 1.0)


@pytest.fixture(scope='module')
def sweep(scene):
    return render(scene, 0.5, 3, (1, 0, 10))


@pytest.mark.parametrize('kind', sorted(SIZE_M))
@pytest.mark.parametrize('seed', range(4))
def test_shapes_fit_inside_their_annotated_box(kind, seed):
    rng = np.random.default_rng(seed)
    with_rider = kind in ('bicycle', 'motorcycle') and seed % 2 == 1
    size = draw_size(kind, rng, with_rider)
    shape = build_shape(kind, size, rng, with_rider)
    corners = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T
    for centre, half, turn in zip(shape.centres, shape.halves, shape.rotations):
        reach = np.abs((corners * half) @ turn.T).max(0)
        if kind not in ('pedestrian', 'child', 'worker', 'bicycle', 'motorcycle', 'construction_vehicle'):
            assert (np.abs(centre[:2]) + reach[:2] <= size[:2] / 2 + 1e-9).all()
        assert (np.abs(centre[:2]) <= size[:2] / 2).all()
        assert centre[2] - reach[2] >= -0.05 and centre[2] + reach[2] <= size[2] + 0.1


@pytest.mark.parametrize('curvature', [-0.03, 0.05])
@pytest.mark.parametrize('s', [-60.0, -12.0, 3.0, 19.0, 70.0])
@pytest.mark.parametrize('d', [-8.0, 0.0, 6.0])
def test_road_coordinates_invert_the_course(curvature, s, d):
    course = Course(heading_rad=0.8, bend_start_m=-10.0, bend_end_m=18.0, curvature_per_m=curvature)
    x, y, _ = course.at(s, d)
    assert_allclose(road_coordinates(x, y, course.table), (s, d), atol=1e-9)


def test_course_heading_is_its_tangent():
    course = Course(heading_rad=-2.0, bend_start_m=-5.0, bend_end_m=25.0, curvature_per_m=0.04)
    for s in (-20.0, 0.0, 24.0, 40.0):
        x, y, heading = course.at(s)
        ahead = course.at(s + 1e-5)
        assert_allclose([ahead[0] - x, ahead[1] - y], 1e-5 * np.array([np.cos(heading), np.sin(heading)]), atol=1e-9)


def test_quaternions_turn_as_their_matrices():
    from pyquaternion import Quaternion

    for yaw, pitch, roll in np.random.default_rng(0).uniform(-3.1, 3.1, (20, 3)):
        turn = rotation(yaw, pitch / 4, roll / 4)
        assert_allclose(Quaternion(quaternion(turn)).rotation_matrix, turn, atol=1e-12)


def test_ground_points_lie_on_the_one_surface_in_the_scene_frame_at_any_time(scene):
    for t in (0.0, 0.45, 0.95):
        sweep, pose = render(scene, t, 3, (1, 0, round(20 * t))), scene.lidar_pose(t)
        points = sweep.points[sweep.owner == GROUND][:, :3].astype(float) @ pose.turn.T + pose.origin
        gap = np.array([p[2] - height_at(scene.ground.height_m, p[0], p[1]) for p in points])
        assert np.percentile(np.abs(gap), 99) < 0.05
        assert abs(np.median(gap)) < 0.005


def test_actors_points_lie_in_their_boxes(scene, sweep):
    pose, boxes = scene.lidar_pose(0.5), scene.boxes(0.5)
    points = sweep.points[:, :3].astype(float) @ pose.turn.T + pose.origin
    inside, total = 0, 0
    for number, box in enumerate(boxes):
        own = points[sweep.owner == number + 2] - box[:3]
        local = np.abs(own @ rotation(box[6]))
        inside, total = inside + (local <= box[3:6] / 2).all(1).sum(), total + len(own)
    assert inside / total > 0.97


def test_actors_move_at_their_speed(scene):
    moving = [k for k, actor in enumerate(scene.actors) if abs(actor.speed_mps) > 1.0]
    moved = np.linalg.norm((scene.boxes(0.6) - scene.boxes(0.5))[:, :2], axis=1) / 0.1
    assert moving
    for k in moving:
        bend = 1.0 - abs(scene.actors[k].d_m * scene.plan.course.curvature_per_m)
        assert bend - 0.1 <= moved[k] / abs(scene.actors[k].speed_mps) <= 2.1 - bend


def test_first_scene_of_a_split_holds_all_ten_classes():
    for split in ('train', 'val'):
        kinds = {actor.kind for actor in build_scene(0, split, 0, 1.0).actors}
        assert set(CLASS_RANGE_M) <= kinds


def test_sweeps_look_like_an_hdl32(scene, sweep):
    x, y, z, intensity, ring = sweep.points.T.astype(float)
    distance = np.sqrt(x**2 + y**2 + z**2)
    assert 12_000 < len(x) < 34_560 and distance.max() < 70.1
    elevation = np.degrees(np.arcsin(z / distance))
    assert_allclose(elevation, -30.67 + ring * (41.34 / 31), atol=0.01)
    assert intensity.min() >= 0 and intensity.max() <= 255 and (intensity == np.rint(intensity)).all()
    assert (sweep.label[distance < 1.0] == LABEL['vehicle.ego']).all()


def test_a_wall_casts_a_shadow(scene, sweep):
    """No return lies behind a solid nearer one on the same ray: there is one return for each ray at most."""
    direction = np.round(np.degrees(np.arctan2(sweep.points[:, 1], sweep.points[:, 0])), 2)
    rays = np.stack([direction, sweep.points[:, 4]], 1)
    assert len(np.unique(rays, axis=0)) == len(rays)


def test_scenes_differ_in_height_and_intensity_of_their_roads():
    heights, intensities = [], []
    for index in range(4):
        scene = build_scene(0, 'train', index, 1.0)
        sweep = render(scene, 0.0, 0, (index,))
        road = sweep.points[sweep.label == LABEL['flat.driveable_surface']]
        heights.append(np.ptp(np.percentile(road[:, 2], [2, 98])))
        intensities.append(np.median(road[:, 3]))
    assert max(heights) > 0.5
    assert max(intensities) > 1.3 * min(intensities)


def test_same_seed_same_sweep_other_seed_other_sweep(scene, sweep):
    again = render(build_scene(3, 'val', 0, 1.0), 0.5, 3, (1, 0, 10))
    assert_array_equal(again.points, sweep.points)
    other = render(scene, 0.5, 3, (1, 0, 11))
    assert other.points.shape != sweep.points.shape or not np.array_equal(other.points, sweep.points)
