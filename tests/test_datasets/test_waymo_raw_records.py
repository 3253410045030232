"""Stage 1 of Waymo's conversion but for the frames: records, numbers, resuming, errors."""

import fcntl
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets.waymo.frame_record import FrameRecord, frame_path, read_record, write_record
from dos_mm3d.datasets.waymo.raw import convert as stage
from dos_mm3d.datasets.waymo.raw import tfrecord
from dos_mm3d.datasets.waymo.raw.segments import Numbers, Segment, find_raw
from dos_mm3d.files import write_bytes
from tests.helpers.waymo_raw_files import framed, raw_file


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """Runs stage 1 from tmp_path/raw into tmp_path/out; gives [segment, its frames] of what it converted."""
    calls = tmp_path / 'calls.txt'
    monkeypatch.setattr(stage, 'convert_frame', partial(convert_json, calls=calls))

    def run(**settings) -> list:
        calls.unlink(missing_ok=True)
        stage.convert_records(tmp_path / 'raw', tmp_path / 'out', workers=2, **settings)
        lines = [json.loads(line) for line in calls.read_text().splitlines()] if calls.is_file() else []
        return [[name, [frame for other, frame in lines if other == name]] for name in dict(lines)]

    return run


def convert_json(data: bytes, segment: Segment, frame: int, out: Path, *, calls: Path) -> bool:
    """Stands for convert_frame: a record of the raw files here is JSON, not a Frame."""
    content = json.loads(data)
    with calls.open('a') as file:
        file.write(json.dumps([segment.name, frame]) + '\n')
    if content.get('bad'):
        raise ValueError(content['bad'])
    name, n_points = segment.frame_name(frame), content['points']
    arrays = dict(points=np.zeros((n_points, 6), np.float32), no_label_zone=np.zeros(n_points, np.uint8))
    if content['semantic']:
        arrays['semantic'] = np.ones(n_points, np.uint8)
    for kind, array in arrays.items():
        write_bytes(frame_path(out, kind, name), array.tobytes())
    record = FrameRecord(segment.name, frame, 0, n_points, has_semantic=content['semantic'])
    write_record(frame_path(out, 'record', name), record)
    return content['semantic']


def test_records_are_found_and_read(tmp_path):
    path, contents = tmp_path / 'a.tfrecord', [b'first', b'', b'x' * 500]
    path.write_bytes(framed(*contents))
    assert [record.size for record in tfrecord.find_records(path)] == [5, 0, 500]
    assert list(tfrecord.read_records(path)) == list(enumerate(contents))
    assert list(tfrecord.read_records(path, [2])) == [(2, contents[2])]


def test_a_file_cut_anywhere_within_a_record_is_noticed(tmp_path):
    path, first, second = tmp_path / 'a.tfrecord', framed(b'first'), framed(b'second')
    for size in range(1, len(first + second)):
        path.write_bytes((first + second)[:size])
        if size == len(first):
            assert len(tfrecord.find_records(path)) == 1
            continue
        with pytest.raises(ValueError, match=f'a.tfrecord: is cut off in record {int(size > len(first))}, at byte'):
            tfrecord.find_records(path)
    path.write_bytes(b'')
    with pytest.raises(ValueError, match='is empty'):
        tfrecord.find_records(path)


def test_holes_and_other_content_are_noticed(tmp_path):
    path = tmp_path / 'a.tfrecord'
    path.write_bytes(framed(b'first') + bytes(5000))  # what a download tool reserves and has not filled
    with pytest.raises(ValueError, match='holds no record where it has record 1, at byte 21 of 5021'):
        tfrecord.find_records(path)
    content = bytearray(framed(b'first', b'second'))
    content[-6] ^= 1
    path.write_bytes(content)
    assert len(tfrecord.find_records(path)) == 2  # lengths are all that it looks at
    with pytest.raises(ValueError, match='the checksum of record 1'):
        list(tfrecord.read_records(path))


def test_all_is_converted_and_counted(tmp_path, convert, capsys, monkeypatch):
    raw_file(tmp_path / 'raw', 'b', 3)
    raw_file(tmp_path / 'raw', 'a', 2)
    raw_file(tmp_path / 'raw', 'c', 1, 'validation')
    assert sorted(convert()) == [['a', [0, 1]], ['b', [0, 1, 2]], ['c', [0]]]
    out = tmp_path / 'out'
    records = {path.stem: read_record(path) for path in sorted((out / 'training' / 'frame_record').iterdir())}
    assert {name: record.segment for name, record in records.items()} == {
        '0000000': 'a', '0000001': 'a', '0001000': 'b', '0001001': 'b', '0001002': 'b', '1000000': 'c'
    }  # fmt: skip
    said = capsys.readouterr().out
    assert 'training (training/): 2 of 798 segments, 5 frames, 2 of them with semantic labels' in said
    assert '1 of 202 segments, 1 frames, 0 of them with semantic labels; 1 segments have none' in said
    monkeypatch.setattr(stage, 'find_spec', lambda name: None)  # nothing to do: nothing is needed
    assert convert() == []


def test_a_run_goes_on_where_another_ended(tmp_path, convert):
    raw_file(tmp_path / 'raw', 'a', 4, bad=2)
    with pytest.raises(ValueError, match=r'_a_|segment-a.*: frame 2: its checksum is wrong\. Download the file again'):
        convert()
    raw_file(tmp_path / 'raw', 'a', 4)
    out = tmp_path / 'out'
    frame_path(out, 'points', '0000000').write_bytes(bytes(7))  # as a crash of the machine may leave it
    assert convert() == [['a', [0, 2, 3]]]
    assert frame_path(out, 'points', '0000000').stat().st_size == 3 * 24


def test_a_file_that_has_gone_is_made_again(tmp_path, convert):
    raw_file(tmp_path / 'raw', 'a', 3)
    raw_file(tmp_path / 'raw', 'b', 3)
    convert()
    for kind, name, call in (
        ('record', '0000002', ['a', [2]]),
        ('no_label_zone', '0001000', ['b', [0]]),
        ('semantic', '0001001', ['b', [1]]),
    ):
        frame_path(tmp_path / 'out', kind, name).unlink()
        assert convert() == [call]


def test_a_newer_version_of_a_raw_file_is_converted_again(tmp_path, convert, monkeypatch):
    raw_file(tmp_path / 'raw', 'a', 3)
    raw_file(tmp_path / 'raw', 'b', 2)
    convert()
    raw_file(tmp_path / 'raw', 'a', 2)
    assert convert() == [['a', [0, 1]]]
    assert not list((tmp_path / 'out').rglob('0000002.*')), 'frames that the newer file lacks'
    monkeypatch.setattr(stage, 'find_spec', lambda name: None)  # nothing to do: nothing is needed
    assert convert() == []


def test_segments_keep_their_numbers_when_more_are_downloaded(tmp_path, convert):
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    raw_file(raw, 'm', 1)
    convert()
    (raw / 'training' / 'segment-m_with_camera_labels.tfrecord').unlink()  # to make room
    raw_file(raw, 'z', 1)
    raw_file(raw, 'a', 1)
    assert sorted(convert()) == [['a', [0]], ['z', [0]]]
    numbers = {name: entry['number'] for name, entry in Numbers(out).splits['training'].items()}
    assert numbers == {'m': 0, 'a': 1, 'z': 2}
    for name, number in numbers.items():
        assert read_record(frame_path(out, 'record', f'0{number:03d}000')).segment == name


def test_files_that_are_not_whole_stop_it_before_anything_is_converted(tmp_path, convert):
    raw = tmp_path / 'raw'
    raw_file(raw, 'a', 2)
    for name in 'bc':
        path = raw_file(raw, name, 2)
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r'(?s)2 of 3 raw files are not whole:.*segment-b.*segment-c.*Download'):
        convert()
    assert not (tmp_path / 'calls.txt').exists() and not list((tmp_path / 'out').rglob('*.npz'))


def test_only_one_run_writes_into_a_folder(tmp_path, convert):
    raw_file(tmp_path / 'raw', 'a', 1)
    (tmp_path / 'out').mkdir()
    with (tmp_path / 'out' / '.converting').open('a') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match='another conversion is writing here'):
            convert()
    convert()


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        ([], 'found no raw records, the folder does not exist.* with --raw-path'),
        (['training/lidar/a.parquet'], 'they are of v2.0 of the data'),
        (['uncompressed/training.tfrecord-00000-of-01000'], 'they are the Motion data'),
        (['training/training_0000.tar'], r'archives, as .*training_0000\.tar: unpack them'),
        (['individual_files/training/segment-a.tfrecord'], r'in the folders of the splits; one is .*individual_files'),
        (['training/segment-a.tfrecord', 'training/segment-b.tfrecord_.gstmp'], 'segment-b.*: an unfinished download'),
    ],
)
def test_what_lies_there_instead_is_named(tmp_path, files, message):
    for name in files:
        (tmp_path / 'raw' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'raw' / name).touch()
    with pytest.raises((FileNotFoundError, ValueError), match=message) as error:
        find_raw(tmp_path / 'raw')
    assert str(tmp_path / 'raw') in str(error.value)


def test_frames_of_unknown_segments_are_not_mixed_with(tmp_path, convert):
    raw_file(tmp_path / 'raw', 'a', 1)
    convert()
    path = tmp_path / 'out' / 'segments.json'
    good = path.read_text()
    path.write_text(good[:-5])
    with pytest.raises(ValueError, match=r'segments\.json: found JSONDecodeError'):
        convert()
    twice = json.loads(good)
    twice['training']['b'] = twice['training']['a']
    path.write_text(json.dumps(twice))
    with pytest.raises(ValueError, match='number 0 of training is given twice'):
        convert()
    path.unlink()
    with pytest.raises(ValueError, match=r'segments\.json: missing, .* frames, as .*0000000\.npz.*--stage infos'):
        convert()
