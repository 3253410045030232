"""The prepared form of objects: written whole or not at all, read as it was, and checked."""

import json

import numpy as np
import pytest

from dos_mm3d.datasets.objects import ObjectSet, object_set, splits_in, write_object_set
from dos_mm3d.errors import InputError, MissingFileError

CLASSES = ('chair', 'lamp')
PARTS = {'chair': (0, 1), 'lamp': (2, 3, 4)}
CLOUDS = [np.random.default_rng(i).normal(size=(5 + i, 3)).astype(np.float32) for i in range(4)]
NUMBERS = [np.resize(PARTS[CLASSES[i % 2]], 5 + i) for i in range(4)]


def write(folder, **changes) -> ObjectSet:
    told = dict(clouds=iter(CLOUDS), labels=[0, 1, 0, 1], classes=CLASSES, names=list('abcd'), source=dict(seed=3))
    return write_object_set(folder, 'train', **{**told, **changes})


def test_what_is_read_is_what_was_written(tmp_path):
    write(tmp_path, parts=iter(NUMBERS), parts_of_class=PARTS)
    found = ObjectSet.open(tmp_path, 'train')
    assert len(found) == 4 and found.classes == CLASSES and found.names == tuple('abcd')
    assert found.labels.tolist() == [0, 1, 0, 1] and found.labels.dtype == np.int64
    assert found.parts_of_class == PARTS and found.source == dict(seed=3)
    for index, (cloud, numbers) in enumerate(zip(CLOUDS, NUMBERS)):
        assert np.array_equal(found.cloud(index), cloud) and found.cloud(index).dtype == np.float32
        assert np.array_equal(found.parts(index), numbers) and found.parts(index).dtype == np.int64
    found.cloud(0)[:] = 0
    assert np.array_equal(found.cloud(0), CLOUDS[0])


def test_a_set_without_parts_says_so_and_splits_are_listed(tmp_path):
    found = write(tmp_path)
    assert found.parts_of_class is None and splits_in(tmp_path) == ['train']
    with pytest.raises(InputError, match='have no parts'):
        found.parts(0)
    with pytest.raises(MissingFileError, match=r'test\.json: no such file; .* splits: train'):
        ObjectSet.open(tmp_path, 'test')


def test_a_writer_that_is_stopped_leaves_the_older_set(tmp_path):
    write(tmp_path)

    def broken():
        yield CLOUDS[1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, clouds=broken())
    assert np.array_equal(ObjectSet.open(tmp_path, 'train').cloud(0), CLOUDS[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['train.json', 'train_points.bin']


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(labels=[0, 1, 0, 2]), r'labels 0 to 2, wanted 0 to 1'),
        (dict(names=list('abca')), "'a' twice"),
        (dict(clouds=[*CLOUDS[:3], np.full((2, 3), np.nan)]), 'object d: 2 of its 2 points are not finite'),
        (dict(clouds=[*CLOUDS[:3], np.zeros((0, 3))]), r'object d: is a cloud of shape \(0, 3\)'),
        (dict(clouds=[*CLOUDS[:3], np.ones((9, 3))]), 'object d: its 9 points extend over 0, .* they are one point'),
        (dict(clouds=[*CLOUDS[:3], CLOUDS[3] * 1e20]), 'object d: its 8 points extend over .* another unit'),
        (dict(classes=('chair', 'chair')), 'wanted each name once'),
        (dict(clouds=[], labels=[], names=[]), 'no object'),
        (dict(parts=NUMBERS[::-1], parts_of_class=PARTS), r'object a: has parts of shape \(8,\), wanted \(5,\)'),
        (dict(parts=[n + 1 for n in NUMBERS], parts_of_class=PARTS), r'object a: has points of the parts \[2\]'),
        (dict(parts=NUMBERS, parts_of_class={**PARTS, 'cup': (9,)}), 'wanted those of its classes'),
    ],
)
def test_what_does_not_fit_is_not_written(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        write(tmp_path, **changes)
    assert not splits_in(tmp_path)


def test_points_that_were_not_measured_are_counted(tmp_path, capsys):
    write(tmp_path, clouds=[*CLOUDS[:3], np.where(np.arange(8)[:, None] < 3, 0, CLOUDS[3])])
    assert '2 of 26 points stand at (0, 0, 0), where another is' in capsys.readouterr().out


def test_a_cloud_that_was_not_looked_at_is_not_read_damaged(tmp_path, monkeypatch):
    write(tmp_path)
    points = tmp_path / 'train_points.bin'
    points.write_bytes(points.read_bytes()[:-4] + np.float32(np.nan).tobytes())
    monkeypatch.setattr(object_set, 'LOOKED_AT', 1)
    found = ObjectSet.open(tmp_path, 'train')
    with pytest.raises(InputError, match=r'train_points\.bin: object 3 \(d\): 1 of its 8 points are not finite'):
        found.cloud(3)


def test_numbers_of_clouds_and_labels_differ(tmp_path):
    with pytest.raises(ValueError, match='zip'):
        write(tmp_path, clouds=CLOUDS[:3])


def test_damaged_files_are_named_with_what_to_do(tmp_path):
    write(tmp_path)
    points, told = tmp_path / 'train_points.bin', tmp_path / 'train.json'
    content = points.read_bytes()
    points.write_bytes(content[:-4])
    with pytest.raises(InputError, match=r'train_points\.bin: has 308 bytes, wanted 312.*create_data'):
        ObjectSet.open(tmp_path, 'train')
    points.write_bytes(content[:-4] + np.float32(np.inf).tobytes())
    with pytest.raises(InputError, match=r'object 3 \(d\): 1 of its 8 points are not finite'):
        ObjectSet.open(tmp_path, 'train')
    points.unlink()
    with pytest.raises(MissingFileError, match=r'train_points\.bin'):
        ObjectSet.open(tmp_path, 'train')
    told.write_text(json.dumps({**json.loads(told.read_text()), 'labels': [0]}))
    with pytest.raises(InputError, match=r"'labels': 1, 'names': 4"):
        ObjectSet.open(tmp_path, 'train')
    for text in ('{}', '[', '[]'):
        told.write_text(text)
        with pytest.raises(InputError, match=r'wanted the description|not readable as JSON'):
            ObjectSet.open(tmp_path, 'train')
