"""Files are whole or not there; several appear together or not at all."""

import json
import math
from pathlib import Path

import pytest

from dos_mm3d.files import missing_files, open_whole, write_json, write_pickle, write_text, write_together


def test_a_write_that_fails_keeps_the_former_content(tmp_path: Path) -> None:
    path = tmp_path / 'made' / 'for' / 'it.txt'
    write_text(path, 'first')
    with pytest.raises(RuntimeError, match='stopped'), open_whole(path, 'w') as file:
        file.write('sec')
        raise RuntimeError('stopped')
    assert path.read_text() == 'first'
    assert [entry.name for entry in path.parent.iterdir()] == ['it.txt']


def test_what_a_killed_process_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / '.it.txt.tmp').write_text('half of it and more')
    write_text(tmp_path / 'it.txt', 'whole')
    assert {entry.name: entry.read_text() for entry in tmp_path.iterdir()} == {'it.txt': 'whole'}


def test_json_is_json(tmp_path: Path) -> None:
    write_json(tmp_path / 'a.json', [1, None])
    assert json.loads((tmp_path / 'a.json').read_text()) == [1, None]
    with pytest.raises(ValueError, match='JSON'):
        write_json(tmp_path / 'a.json', {'x': math.nan})
    assert json.loads((tmp_path / 'a.json').read_text()) == [1, None]


def test_several_files_appear_together(tmp_path: Path) -> None:
    old, first, second = (tmp_path / name for name in ('old', 'first', 'second'))
    old.write_bytes(b'old')
    with pytest.raises(TypeError):
        write_together({first: b'1', second: 'no bytes', old: None})
    assert [entry.name for entry in tmp_path.iterdir()] == ['old']
    write_together({first: b'1', second: b'2', old: None, tmp_path / 'never': None})
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {'first': b'1', 'second': b'2'}


def test_a_pickle_that_cannot_be_made_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Exception, match='pickle'):
        write_pickle(tmp_path / 'a.pkl', lambda: None)
    assert not list(tmp_path.iterdir())


def test_missing_files_are_named_in_order_whatever_folder_they_lie_in(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a/there').touch()
    wanted = [tmp_path / name for name in ('a/late', 'nowhere/x', 'a/there', 'a/early')]
    assert missing_files(wanted) == [wanted[0], wanted[1], wanted[3]]
