"""The embedded world as Waymo: the same bytes again, five lidars, labels where they belong."""

import re

import numpy as np
import pytest

from dos_mm3d.cpu.boxes import count_points_in_boxes
from dos_mm3d.datasets.waymo.classes import NUMBER, UNDEFINED
from dos_mm3d.datasets.waymo.frame_record import CYCLIST, PEDESTRIAN, SIGN, VEHICLE, frame_path, read_record
from dos_mm3d.miniatures.waymo_labels import in_zone, no_label_zone
from dos_mm3d.miniatures.waymo_lidars import MOUNTS
from dos_mm3d.miniatures.waymo_writer import WaymoPlan, frame_of, scene_of, segment_key, write_waymo

PLAN = WaymoPlan(seed=0, train_segments=1, val_segments=1, test_segments=1, seconds=0.1, columns=64)


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    return write_waymo(tmp_path_factory.mktemp('waymo') / 'world', PLAN, workers=1)


def contents(root) -> dict:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob('*')) if path.is_file()}


def test_same_plan_same_bytes_with_any_number_of_workers(world, tmp_path):
    assert contents(write_waymo(tmp_path / 'again', PLAN, workers=2)) == contents(world)


def test_same_plan_is_reused_another_is_not_overwritten(world):
    before = {path: path.stat().st_mtime_ns for path in world.rglob('*')}
    write_waymo(world, PLAN, workers=1)
    assert {path: path.stat().st_mtime_ns for path in world.rglob('*')} == before
    with pytest.raises(FileExistsError, match='another synthetic data set'):
        write_waymo(world, WaymoPlan(seed=4), workers=1)


def test_killed_run_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('dos_mm3d.miniatures.waymo_writer.write_record', killed)
    with pytest.raises(KeyboardInterrupt):
        write_waymo(tmp_path / 'world', PLAN, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ['world.partial']


@pytest.mark.parametrize(
    'wrong', [dict(train_segments=0), dict(test_segments=151), dict(seconds=0.0), dict(columns=7), dict(seed=-1)]
)
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(ValueError, match='must be'):
        WaymoPlan(**wrong)


def test_files_of_every_split_are_whole(world):
    for name, split in (('0000000', 'training'), ('1000000', 'validation'), ('2000000', 'testing')):
        record = read_record(frame_path(world, 'record', name))
        assert re.fullmatch(r'\d{19}_\d+_000_\d+_000', record.segment)
        points = np.fromfile(frame_path(world, 'points', name), np.float32).reshape(-1, 6)
        assert len(points) == record.num_points_in_frame > 2000
        assert np.isfinite(points).all() and (points[:, 3:5] >= 0).all() and points[:, 3].max() > 1
        mask = np.fromfile(frame_path(world, 'no_label_zone', name), np.uint8)
        assert len(mask) == len(points) and set(mask.tolist()) <= {0, 1}
        assert record.has_semantic == frame_path(world, 'semantic', name).exists() == (split != 'testing')
        assert (len(record.box) == 0) == (split == 'testing')


def test_five_lidars_are_combined_the_roofs_first(world):
    scene = scene_of(PLAN, 'training', 0)
    frame = frame_of(PLAN, scene, 'training', 0, 0)
    written = np.fromfile(frame_path(world, 'points', '0000000'), np.float32).reshape(-1, 6)
    assert np.array_equal(frame.points, written)
    assert (np.diff(frame.lidar) >= 0).all() and set(frame.lidar.tolist()) == set(range(5))
    assert ((frame.points[:, 5] >= 0) == (frame.lidar == 0)).all()
    for index, (x, y, z, yaw_deg) in enumerate(MOUNTS.values()):
        local = frame.points[frame.lidar == index, :3] - [x, y, z]
        reach = np.linalg.norm(local, axis=1).max()
        assert (reach < 20.5) == (index > 0)
        ahead = local[:, 0] * np.cos(np.radians(yaw_deg)) + local[:, 1] * np.sin(np.radians(yaw_deg))
        assert index == 0 or (ahead > -1e-3).all()


def test_boxes_hold_the_points_that_they_count_and_lie_outside_the_zone(world):
    record = read_record(frame_path(world, 'record', '0000000'))
    points = np.fromfile(frame_path(world, 'points', '0000000'), np.float32).reshape(-1, 6)
    assert np.array_equal(count_points_in_boxes(points, record.box), record.num_points)
    assert {VEHICLE, PEDESTRIAN, SIGN, CYCLIST} <= set(record.type.tolist())
    assert (record.num_points == 0).any() and ((record.num_points > 0) & (record.num_points <= 5)).any()
    assert len(set(record.track_id.tolist())) == len(record.box)
    pose = scene_of(PLAN, 'training', 0).ego_pose(0.0)
    zone = no_label_zone(PLAN.seed, segment_key('training', 0))
    centres = record.box[:, :3] @ pose.turn.T + pose.origin
    assert not in_zone(zone, centres[:, :2]).any()
    vehicles = np.flatnonzero((record.type == VEHICLE) & (record.num_points > 30))
    wide = record.box[vehicles] * [1, 1, 1, 1.3, 1.3, 1.3, 1]
    around = count_points_in_boxes(points, wide.astype(np.float32))
    assert (record.num_points[vehicles] > 0.6 * around).all(), 'boxes are not where the points are'


def test_only_the_roofs_lidar_has_classes_and_they_fit_the_boxes(world):
    record = read_record(frame_path(world, 'record', '0000000'))
    points = np.fromfile(frame_path(world, 'points', '0000000'), np.float32).reshape(-1, 6)
    semantic = np.fromfile(frame_path(world, 'semantic', '0000000'), np.uint8)
    roof = points[:, 5] >= 0
    assert (semantic[~roof] == UNDEFINED).all() and (semantic[roof] != UNDEFINED).mean() > 0.9
    assert semantic.max() <= len(NUMBER)
    for kind, wanted in ((PEDESTRIAN, {'pedestrian'}), (CYCLIST, {'bicyclist'})):
        boxes = record.box[record.type == kind]
        of_class = roof & np.isin(semantic, [NUMBER[name] for name in wanted])
        inside = count_points_in_boxes(points[of_class], boxes * np.float32([1, 1, 1, 1.1, 1.1, 1.1, 1])).sum()
        assert inside > 0.8 * count_points_in_boxes(points[roof & (points[:, 2] > 0.3)], boxes).sum() > 0
    assert np.abs(points[semantic == NUMBER['road'], 2]).max() < 3.0
