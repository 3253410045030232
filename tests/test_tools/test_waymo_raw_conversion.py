"""Stage 1 of Waymo's conversion on genuine Frame protos, against the official functions.

Runs where DOS_WAYMO_PYTHON names the python of an environment with waymo-open-dataset and TensorFlow, made as
tools/compare_waymo_metric.py says.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets.waymo.convert import prepare_waymo
from dos_mm3d.datasets.waymo.frame_record import frame_name, frame_path, read_record
from tools.waymo_records.segments import Numbers
from tools.waymo_records.stage import convert_records

PYTHON = os.environ.get('DOS_WAYMO_PYTHON')
pytestmark = pytest.mark.skipif(
    not PYTHON, reason='DOS_WAYMO_PYTHON names no python of an environment with waymo-open-dataset and TensorFlow'
)
SCENE = Path(__file__).parents[1] / 'helpers' / 'waymo_raw_scene.py'
ROAD, BUILDING = 18, 14


def run_scene(command: str, folder: Path) -> None:
    subprocess.run([PYTHON, SCENE, command, folder], check=True)


def convert(raw: Path, out: Path) -> None:
    convert_records(raw, out, find_python=lambda: Path(PYTHON), workers=1)


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> Path:
    """raw/ with what the official code extracts beside it, out/ with what we convert."""
    folder = tmp_path_factory.mktemp('waymo_raw')
    run_scene('write', folder / 'raw')
    run_scene('extract', folder / 'raw')
    convert(folder / 'raw', folder / 'out')
    return folder


def frames(world: Path):
    """(frame's name, its record, its points (P, 6), the official arrays of its segment, its place there)."""
    out = world / 'out'
    for split, segments in Numbers(out).splits.items():
        for segment, entry in segments.items():
            official = dict(np.load(world / 'raw' / split / f'segment-{segment}_with_camera_labels.npz'))
            for frame in range(entry['frames']):
                name = frame_name(split, entry['number'], frame)
                points = np.fromfile(frame_path(out, 'points', name), np.float32).reshape(-1, 6)
                yield name, read_record(frame_path(out, 'record', name)), points, official, frame


def test_every_frame_of_every_split_is_there(world):
    names = [name for name, *_ in frames(world)]
    assert names == ['0000000', '0000001', '0001000', '0001001', '0001002', '1000000', '1000001', '2000000']
    segments = [record.segment.partition('_')[0] for _, record, *_ in frames(world)]
    assert segments[:3] == ['10017090168044687777'] * 2 + ['1005081002024129653']  # sorted as text, as mmdet3d's are


def test_points_are_the_official_ones(world):
    for name, record, points, official, frame in frames(world):
        table = official[f'table_{frame}']
        assert points.shape == table.shape and record.num_points_in_frame == len(points) > 1000
        assert np.array_equal(points[:, 3:], table[:, 3:].astype(np.float32))
        # the official code adds float32 global coordinates: at 20 km they are multiples of 2 mm
        far = np.abs(record.global_from_vehicle[:2, 3]).max() > 1000
        assert np.abs(points[:, :3] - table[:, :3]).max() < (8e-3 if far else 1e-4), name
        zone = np.fromfile(frame_path(world / 'out', 'no_label_zone', name), np.uint8)
        assert np.array_equal(zone, official[f'no_label_zone_{frame}']) and 0.1 < zone.mean() < 0.4


def test_semantic_labels_are_the_official_ones_and_only_the_top_lidars(world):
    labelled = {}
    for name, record, points, official, frame in frames(world):
        path = frame_path(world / 'out', 'semantic', name)
        labelled[name] = record.has_semantic
        assert path.exists() == record.has_semantic
        if record.has_semantic:
            labels = np.fromfile(path, np.uint8)
            assert np.array_equal(labels, official[f'semantic_{frame}'])
            assert np.array_equal(labels > 0, points[:, 5] >= 0)
    assert labelled == dict(zip(labelled, (1, 1, 0, 1, 0, 0, 1, 0)))


def test_points_lie_on_the_scene(world):
    """The ground is at height 0 of the global frame, however the vehicle turned and pitched during the sweep."""
    for name, record, points, *_ in frames(world):
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
    record.with_name(f'.{record.name}.tmp').write_bytes(b'half')
    convert(world / 'raw', out)
    assert (record.read_bytes(), points.read_bytes()) == contents
    assert not list(out.rglob('.*.tmp'))


def test_frames_that_cannot_be_converted_are_named(tmp_path):
    run_scene('spoil', tmp_path)
    for kind, message in (
        ('label', 'found semantic labels 23 to 23, wanted 0'),
        ('lidar', 'found range images of lidars .* camera-only'),
        ('name', "found a frame of segment 'another' in the file of"),
        ('motion', 'found no frame of the Perception data'),
    ):
        with pytest.raises(ValueError, match=rf'segment-1005.*frame 1: {message}'):
            convert(tmp_path / kind, tmp_path / f'{kind}_out')
        assert [path.name for path in tmp_path.glob(f'{kind}_out/*/frame_record/*')] == ['0000000.npz']
