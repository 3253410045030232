"""Frame records: what is written is read back, to the byte, and a wrong or damaged one is named."""

import numpy as np
import pytest

from dos_mm3d.datasets.waymo.frame_record import FrameRecord, frame_name, frame_path, read_record, write_record


def record(n: int = 3) -> FrameRecord:
    random = np.random.default_rng(n)
    return FrameRecord(
        segment='1005081002024129653_5313_150_5333_150',
        frame=4,
        timestamp_us=1_550_000_000_123_456,
        num_points_in_frame=17,
        global_from_vehicle=random.normal(size=(4, 4)),
        has_semantic=True,
        box=random.normal(size=(n, 7)),
        type=np.arange(n) % 5,
        difficulty=np.arange(n) % 3,
        num_points=np.arange(n),
        speed=random.normal(size=(n, 2)),
        track_id=np.array([f'track {i}' for i in range(n)], np.str_),
        camera_box=random.normal(size=(n, 7)),
        most_visible_camera=np.arange(n) % 6,
        image_box=random.normal(size=(n, 4)),
        image_camera=np.arange(n) % 6 - 1,
    )


@pytest.mark.parametrize('n', [0, 1, 5])
def test_every_field_comes_back(tmp_path, n):
    written = record(n)
    write_record(tmp_path / 'a.npz', written)
    found = read_record(tmp_path / 'a.npz')
    for name, value in vars(written).items():
        wanted = np.asarray(value)
        same = np.array_equal if wanted.dtype.kind != 'f' else np.allclose
        assert same(np.asarray(getattr(found, name)), wanted.reshape(np.shape(getattr(found, name)))), name
    assert type(found.frame) is int and found.box.dtype == np.float32 and found.box.shape == (n, 7)
    write_record(tmp_path / 'b.npz', found)
    assert (tmp_path / 'a.npz').read_bytes() == (tmp_path / 'b.npz').read_bytes()
    assert not list(tmp_path.glob('.*.tmp'))


def test_names_and_places_are_mmdet3ds(tmp_path):
    assert frame_name('training', 7, 12) == '0007012' and frame_name('testing', 149, 197) == '2149197'
    assert frame_path(tmp_path, 'points', '1001002') == tmp_path / 'training/velodyne/1001002.bin'
    assert frame_path(tmp_path, 'record', '2001002') == tmp_path / 'testing/frame_record/2001002.npz'
    for wrong in (('train', 0, 0), ('training', 1000, 0), ('training', 0, -1)):
        with pytest.raises(ValueError, match='must be'):
            frame_name(*wrong)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'type': np.full(3, 5)}, 'type: got .* wanted 0 to 4'),
        ({'difficulty': np.full(3, 3)}, 'difficulty: got .* wanted 0 to 2'),
        ({'box': np.full((3, 7), np.nan)}, 'box: got values that are not finite'),
        ({'num_points': np.zeros(2)}, r'num_points: got int64 \(2,\), wanted int64 \(3,\)'),
        ({'global_from_vehicle': np.eye(3)}, r'global_from_vehicle: got float64 \(3, 3\)'),
    ],
)
def test_wrong_content_is_refused_before_it_is_written(tmp_path, changes, message):
    wrong = record()
    vars(wrong).update(changes)
    with pytest.raises(ValueError, match=message):
        write_record(tmp_path / 'a.npz', wrong)
    assert not list(tmp_path.iterdir())


def test_damaged_or_foreign_file_is_named(tmp_path):
    path = tmp_path / 'a.npz'
    write_record(path, record())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r'a\.npz: cannot be read .* --stage records --raw-path'):
        read_record(path)
    np.savez(path, box=np.zeros((0, 7)))
    with pytest.raises(ValueError, match=r'a\.npz: not a frame record of version 1'):
        read_record(path)
