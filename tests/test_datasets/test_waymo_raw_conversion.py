"""Stage 1 of Waymo's conversion on genuine Frame protos, against the official functions.

These run where DOS_WAYMO_PYTHON names the python of an environment with waymo-open-dataset and TensorFlow, made as
tests/references/waymo_metric/compare.py says.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets.waymo.convert import prepare_waymo
from dos_mm3d.datasets.waymo.frame_record import frame_name, frame_path, read_record
from dos_mm3d.datasets.waymo.raw import convert_records
from dos_mm3d.datasets.waymo.raw.segments import Numbers
from dos_mm3d.files import remove_unfinished
from tests.helpers.waymo_raw_scene import spoil, write

PYTHON = os.environ.get('DOS_WAYMO_PYTHON')
with_official_code = pytest.mark.skipif(
    not PYTHON, reason='DOS_WAYMO_PYTHON names no python of an environment with waymo-open-dataset and TensorFlow'
)
OFFICIAL_POINTS = Path(__file__).parents[1] / 'references' / 'waymo_official_points.py'
ROAD, BUILDING = 18, 14


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> Path:
    """raw/, and out/ with what we convert."""
    folder = tmp_path_factory.mktemp('waymo_raw')
    write(folder / 'raw')
    convert_records(folder / 'raw', folder / 'out', workers=1)
    return folder


@pytest.fixture(scope='module')
def official(world) -> dict[str, dict[str, np.ndarray]]:
    """What the official code extracts of each segment."""
    subprocess.run([PYTHON, OFFICIAL_POINTS, world / 'raw'], check=True)
    arrays = {path.stem: dict(np.load(path)) for path in (world / 'raw').glob('*/*.npz')}
    return {name.removeprefix('segment-').removesuffix('_with_camera_labels'): of for name, of in arrays.items()}


def frames(world: Path):
    """(frame's name, its record, its points (P, 6))."""
    out = world / 'out'
    for split, segments in Numbers(out).splits.items():
        for entry in segments.values():
            for frame in range(entry['frames']):
                name = frame_name(split, entry['number'], frame)
                points = np.fromfile(frame_path(out, 'points', name), np.float32).reshape(-1, 6)
                yield name, read_record(frame_path(out, 'record', name)), points


def test_every_frame_of_every_split_is_there(world):
    names = [name for name, *_ in frames(world)]
    assert names == ['0000000', '0000001', '0001000', '0001001', '0001002', '1000000', '1000001', '2000000']
    segments = [record.segment.partition('_')[0] for _, record, *_ in frames(world)]
    assert segments[:3] == ['10017090168044687777'] * 2 + ['1005081002024129653']  # sorted as text, as mmdet3d's are


@with_official_code
def test_points_are_the_official_ones(world, official):
    for name, record, points in frames(world):
        table = official[record.segment][f'table_{record.frame}']
        assert points.shape == table.shape and record.num_points_in_frame == len(points) > 1000
        assert np.array_equal(points[:, 3:], table[:, 3:].astype(np.float32))
        # the official code adds float32 global coordinates: at 20 km they are multiples of 2 mm
        far = np.abs(record.global_from_vehicle[:2, 3]).max() > 1000
        assert np.abs(points[:, :3] - table[:, :3]).max() < (8e-3 if far else 1e-4), name
        zone = np.fromfile(frame_path(world / 'out', 'no_label_zone', name), np.uint8)
        assert np.array_equal(zone, official[record.segment][f'no_label_zone_{record.frame}'])
        assert 0.1 < zone.mean() < 0.4


@with_official_code
def test_semantic_labels_are_the_official_ones(world, official):
    for name, record, _ in frames(world):
        if record.has_semantic:
            labels = np.fromfile(frame_path(world / 'out', 'semantic', name), np.uint8)
            assert np.array_equal(labels, official[record.segment][f'semantic_{record.frame}'])


def test_only_the_top_lidar_has_semantic_labels(world):
    labelled = {}
    for name, record, points in frames(world):
        path = frame_path(world / 'out', 'semantic', name)
        labelled[name] = record.has_semantic
        assert path.exists() == record.has_semantic
        if record.has_semantic:
            labels = np.fromfile(path, np.uint8)
            assert np.array_equal(labels > 0, points[:, 5] >= 0)
    assert labelled == dict(zip(labelled, (1, 1, 0, 1, 0, 0, 1, 0)))


def test_points_lie_on_the_scene(world):
    """The ground is at height 0 of the global frame, however the vehicle turned and pitched during the sweep."""
    for name, record, points in frames(world):
        if not record.has_semantic:
            continue
        labels = np.fromfile(frame_path(world / 'out', 'semantic', name), np.uint8)
        pose = record.global_from_vehicle
        height_m = points[:, :3] @ pose[2, :3] + pose[2, 3]
        assert np.abs(height_m[labels == ROAD]).max() < 1e-4
        assert height_m[labels == BUILDING].min() > 0.005 and (labels == BUILDING).sum() > 100


def test_the_record_holds_what_the_frame_does(world):
    record = next(record for name, record, *_ in frames(world) if name == '0001001')
    assert record.frame == 1 and record.timestamp_us == 1_550_000_000_100_000
    assert record.type.tolist() == [1, 2, 3] and record.difficulty.tolist() == [2, 0, 0]
    assert record.num_points.tolist() == [40, 3, 0] and record.track_id.tolist() == ['car-1', 'walker', 'sign']
    assert record.box[0].tolist() == [8, 3, 1, 4, 2, 1.5, 1] and record.camera_box[0, 0] == 8.25
    assert record.speed[0].tolist() == [3, -1.5]
    assert record.most_visible_camera.tolist() == [2, 0, 0]
    assert record.image_camera.tolist() == [1, -1, -1] and record.image_box[0].tolist() == [190, 45, 210, 55]
    assert record.camera_size.tolist() == [[1920, 1280]] * 3 + [[1920, 886]] * 2
    assert record.camera_intrinsic[4].tolist() == [2005, 2001, 960, 640]
    assert record.vehicle_from_camera[2][:3, 3].tolist() == [1.5, 0.1, 2.1]
    test = next(record for name, record, *_ in frames(world) if name == '2000000')
    assert len(test.box) == 0


def test_the_second_stage_reads_it(world):
    prepare_waymo(world / 'out', workers=1)
    assert sorted(path.name for path in (world / 'out').glob('*.pkl')) == [
        f'waymo_infos_{split}.pkl' for split in ('test', 'train', 'trainval', 'val')
    ]


def test_half_a_frame_is_made_again_and_the_same(world):
    out = world / 'out'
    record, points = frame_path(out, 'record', '0001001'), frame_path(out, 'points', '0001001')
    contents = record.read_bytes(), points.read_bytes()
    record.unlink()
    points.write_bytes(contents[1][:100])
    left = record.with_name(f'.{record.name}.0123456789abcdef.tmp')
    left.write_bytes(b'half')
    os.utime(left, (0, 0))
    remove_unfinished.cache_clear()  # as in a new process, later
    convert_records(world / 'raw', out, workers=1)
    assert (record.read_bytes(), points.read_bytes()) == contents
    assert not list(out.rglob('.*.tmp'))


def test_frames_that_cannot_be_converted_are_named(tmp_path):
    spoil(tmp_path)
    for kind, message in (
        ('label', 'found semantic labels 23 to 23, wanted 0'),
        ('lidar', 'found range images of lidars .* camera-only'),
        ('name', "found a frame of segment 'another' in the file of"),
        ('motion', 'found no frame of the Perception data'),
    ):
        with pytest.raises(ValueError, match=rf'segment-1005.*frame 1: {message}'):
            convert_records(tmp_path / kind, tmp_path / f'{kind}_out', workers=1)
        assert [path.name for path in tmp_path.glob(f'{kind}_out/*/frame_record/*')] == ['0000000.npz']
