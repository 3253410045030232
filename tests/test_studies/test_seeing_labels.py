"""Label files of single sweeps become numbers in one list of names."""

import json
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.studies.seeing.labels import read_labels


def test_semantickitti_has_its_own_names_and_instances_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / '0.label'
    (np.array([10, 40, 0, 77], np.uint32) | 5 << 16).tofile(path)
    found = read_labels([path], None)
    names = [found.names[number] if number >= 0 else None for number in found.of_sweep[0]]
    assert names == ['car', 'road', None, None]
    assert found.names == ('car', 'road'), 'classes that do not occur'


def test_without_names_the_numbers_of_all_files_are_the_classes(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.array([7, 2, 7]))
    np.array([2, 30], np.uint8).tofile(tmp_path / 'b.bin')
    found = read_labels([tmp_path / 'a.npy', tmp_path / 'b.bin'], None)
    assert found.names == ('class 2', 'class 7', 'class 30')
    assert [own.tolist() for own in found.of_sweep] == [[1, 0, 1], [0, 2]]


@pytest.mark.parametrize(
    'content',
    [
        ['noise', 'animal', 'vehicle.car'],
        {'1': 'animal', '2': 'vehicle.car'},
        [{'name': 'animal', 'index': 1}, {'name': 'noise', 'index': 0}, {'name': 'vehicle.car', 'index': 2}],
    ],
)
def test_names_as_a_list_by_number_and_as_nuscenes_has_them(content, tmp_path: Path) -> None:
    path, names = tmp_path / 'a.bin', tmp_path / 'category.json'
    np.array([0, 2, 1], np.uint8).tofile(path)
    names.write_text(json.dumps(content))
    found = read_labels([path], names)
    assert found.names == ('animal', 'vehicle.car')
    assert found.of_sweep[0].tolist() == [-1, 1, 0]


def bad_files(folder: Path) -> dict[str, tuple[Path, Path | None]]:
    """What is said -> a label file and a file of names."""
    for name, content in (('three.label', b'abc'), ('text.npy', b'text'), ('a.txt', b''), ('one.bin', b'\1')):
        (folder / name).write_bytes(content)
    np.save(folder / 'float.npy', np.ones(3))
    for name, content in (('half.json', '{'), ('none.json', '{"a": 1}'), ('others.json', '{"7": "x"}')):
        (folder / name).write_text(content)
    one = folder / 'one.bin'
    return {
        'wanted 4 for every point': (folder / 'three.label', None),
        'no whole .npy file': (folder / 'text.npy', None),
        'wanted labels as': (folder / 'a.txt', None),
        'wanted whole numbers': (folder / 'float.npy', None),
        'no such file; wanted the labels': (folder / 'nothing.bin', None),
        'no whole JSON': (one, folder / 'half.json'),
        'wanted a list of names': (one, folder / 'none.json'),
        'no such file; wanted the names': (one, folder / 'nothing.json'),
        '0 of the 1 numbers in there are classes': (one, folder / 'others.json'),
    }


def test_other_files_are_refused(tmp_path: Path) -> None:
    for said, (labels, names) in bad_files(tmp_path).items():
        with pytest.raises((ValueError, FileNotFoundError), match=said):
            read_labels([labels], names)
