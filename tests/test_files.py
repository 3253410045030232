"""Files are whole or not there; several appear together or not at all."""

import argparse
import gc
import json
import math
import multiprocessing
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.errors import InputError, OutputExistsError
from dos_mm3d.files import (
    NEW_S,
    check_output,
    check_writable,
    holds_numbers,
    holds_picture,
    holds_record,
    missing_files,
    open_whole,
    output_path,
    whole_folder,
    write_json,
    write_npz,
    write_text,
    write_together,
)


def test_a_write_that_fails_keeps_the_former_content(tmp_path: Path) -> None:
    path = tmp_path / 'made' / 'for' / 'it.txt'
    write_text(path, 'first')
    with pytest.raises(RuntimeError, match='stopped'), open_whole(path, 'w') as file:
        file.write('sec')
        raise RuntimeError('stopped')
    assert path.read_text() == 'first'
    assert [entry.name for entry in path.parent.iterdir()] == ['it.txt']


def killed_while(write: Callable[[], object]) -> None:
    """Call it in a fork, which is to die within."""
    child = multiprocessing.get_context('fork').Process(target=write)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    time.sleep(NEW_S)


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_what_killed_processes_left_goes_and_nothing_else(tmp_path: Path) -> None:
    """Not what a process is writing, nor files of a user that are called nearly so."""
    users = ['.it.txt.tmp', '.it.txt.backup.tmp', 'it.txt.0123456789abcdef.tmp', '.it.0123456789ABCDEF.tmp']
    for name in users:
        (tmp_path / name).write_text('mine')

    def die_in_a_file() -> None:
        with open_whole(tmp_path / 'it.txt') as file:
            file.write(b'half')
            os.kill(os.getpid(), signal.SIGKILL)

    def die_in_a_folder() -> None:
        with whole_folder(tmp_path / 'made') as folder:
            (folder / 'half').touch()
            os.kill(os.getpid(), signal.SIGKILL)

    for die in (die_in_a_file, die_in_a_folder):
        killed_while(die)
        assert len(names_in(tmp_path)) == len(users) + 1, 'the second has removed what the first left'
    with open_whole(tmp_path / 'other', 'w') as file, whole_folder(tmp_path / 'folder') as folder:
        assert len(names_in(tmp_path)) == len(users) + 2, 'what the killed left goes, the two of this process stay'
        file.write('whole')
        (folder / 'whole').touch()
    assert names_in(tmp_path) == sorted([*users, 'folder', 'other'])
    write_text(tmp_path / 'it.txt', 'whole')
    assert all((tmp_path / name).read_text() == 'mine' for name in users)


def test_of_two_writers_of_one_file_the_last_to_end_has_it(tmp_path: Path) -> None:
    with open_whole(tmp_path / 'a', 'w') as first:
        first.write('the first, which is longer')
        write_text(tmp_path / 'a', 'the second')
        assert (tmp_path / 'a').read_text() == 'the second'
    assert (tmp_path / 'a').read_text() == 'the first, which is longer' and names_in(tmp_path) == ['a']


@pytest.mark.parametrize('name', ['new/', 'a/new/', './', '.', '..', 'there/', 'file/'])
def test_a_folder_is_no_file_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Python's Path drops the stroke, and a file `new` would be written."""
    monkeypatch.chdir(tmp_path)
    Path('there').mkdir()
    Path('file').touch()
    with pytest.raises(argparse.ArgumentTypeError, match=f'^{re.escape(name)} names a folder'):
        output_path(name)
    with pytest.raises(InputError, match='names a folder'):
        check_output(name, ours=holds_picture)
    assert output_path('~/b.pth') == Path.home() / 'b.pth'


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


def test_missing_files_are_named_in_order_whatever_folder_they_lie_in(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a/there').touch()
    wanted = [tmp_path / name for name in ('a/late', 'nowhere/x', 'a/there', 'a/early')]
    assert missing_files(wanted) == [wanted[0], wanted[1], wanted[3]]


def test_a_folder_and_a_link_to_nothing_are_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'a.bin').mkdir()
    (tmp_path / 'b.bin').symlink_to('nothing')
    (tmp_path / 'c.bin').touch()
    (tmp_path / 'd.bin').symlink_to('c.bin')
    names = [f'{name}.bin' for name in 'abcd']
    assert missing_files([tmp_path / name for name in names]) == [tmp_path / 'a.bin', tmp_path / 'b.bin']
    monkeypatch.chdir(tmp_path)
    assert missing_files(names) == ['a.bin', 'b.bin']


def ways_to(path: Path) -> dict[str, Path]:
    """Names of one and the same file."""
    folder = path.parent
    (folder / 'link').symlink_to(path)
    (folder / 'hard').hardlink_to(path)
    (folder / 'elsewhere').symlink_to(folder, target_is_directory=True)
    return {
        'itself': path,
        'relative': Path(os.path.relpath(path)),
        'round about': folder / 'elsewhere' / '..' / folder.name / path.name,
        'round a folder that is not there yet': folder / 'new' / '..' / path.name,
        'link': folder / 'link',
        'hard link': folder / 'hard',
        'folder link': folder / 'elsewhere' / path.name,
    }


def test_no_output_is_an_input_by_whatever_name(tmp_path: Path) -> None:
    source = tmp_path / 'in.json'
    source.write_text('{}')
    for name in ways_to(source).values():
        with pytest.raises(OutputExistsError, match='would replace'):
            check_output(name, None, source, ours=holds_record())
    assert source.read_text() == '{}'


def test_only_older_results_of_the_kind_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / 'out.json'
    record = holds_record('rows', protocol='finetune')
    check_output(path, ours=record)
    path.write_text('{"rows": [], "protocol": "finetune", "seed": 1}')
    check_output(path, ours=record)
    others = (
        '[1]',
        'model = dict()',
        '',
        '{"a": ',
        '{"rows": []}',
        '{"rows": [], "protocol": "detection"}',
        '{"seed": 1}',
    )
    for other in others:
        path.write_text(other)
        with pytest.raises(OutputExistsError, match='is no older result'):
            check_output(path, ours=record)
    path.write_text('{"mIoU": 1.5, "IoU of what is not there": null}')
    check_output(path, ours=holds_numbers)
    for other in ('{"format": "nuscenes", "seed": 1}', '{"rows": []}', '[1]'):
        path.write_text(other)
        with pytest.raises(OutputExistsError, match='is no older result'):
            check_output(path, ours=holds_numbers)
    path.write_bytes(b'\x89PNG\r\n\x1a\n...')
    check_output(path, ours=holds_picture)
    path.unlink()
    path.symlink_to(tmp_path / 'nowhere')
    with pytest.raises(OutputExistsError):
        check_output(path, ours=holds_picture)
    with pytest.raises(InputError, match='is a folder'):
        check_output(tmp_path, ours=holds_picture)


def test_a_place_that_takes_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'file').touch()
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        with pytest.raises(InputError, match='nothing can be written there'):
            check_writable(folder)
    check_writable(tmp_path / 'made' / 'later')
    assert [path.name for path in tmp_path.iterdir()] == ['file']

    def full(handle: int) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(InputError, match='No space left on device'):
        check_output(tmp_path / 'a.json', ours=holds_picture)


def test_a_folder_gets_its_name_when_all_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match='stopped'), whole_folder(tmp_path / 'made') as folder:
        (folder / 'half').write_text('1')
        raise RuntimeError('stopped')
    assert not list(tmp_path.iterdir())
    with whole_folder(tmp_path / 'made') as folder:
        (folder / 'all').write_text('1')
        assert not (tmp_path / 'made').exists()
    assert [path.name for path in (tmp_path / 'made').iterdir()] == ['all']
    assert [path.name for path in tmp_path.iterdir()] == ['made']


def test_an_archive_on_a_full_disk_is_one_error(tmp_path, monkeypatch):
    """And not another one of zipfile, printed when it is collected."""
    said = []
    monkeypatch.setattr(sys, 'unraisablehook', said.append)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match=r'a\.npz'):
            write_npz(tmp_path / 'a.npz', points=np.zeros(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    gc.collect()
    assert not said and not list(tmp_path.iterdir())
    write_npz(tmp_path / 'a.npz', points=np.arange(3))
    assert np.load(tmp_path / 'a.npz')['points'].tolist() == [0, 1, 2]
