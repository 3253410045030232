"""The environment in which Waymo's records are read: explained, created, used where there are records."""

import sys
from pathlib import Path

import pytest

from tests.helpers.waymo_raw_files import raw_file
from tools import compare_waymo_metric, create_data, waymo_environment

TOOLS = Path(create_data.__file__).parent


def test_a_missing_environment_is_explained_in_one_message(tmp_path, monkeypatch, capsys):
    raw_file(tmp_path / 'raw', 'a', 1)
    arguments = [
        'waymo',
        '--stage',
        'records',
        '--root-path',
        str(tmp_path / 'out'),
        '--raw-path',
        str(tmp_path / 'raw'),
    ]
    monkeypatch.setattr(waymo_environment, 'DEFAULT_PYTHON', tmp_path / 'env' / 'bin' / 'python')
    for extra, problem in (
        ([], 'no such file'),
        (['--waymo-python', sys.executable], 'cannot import the protocol buffers'),
    ):
        monkeypatch.setattr(sys, 'argv', ['create_data.py', *arguments, *extra])
        with pytest.raises(FileNotFoundError, match=problem) as error:
            create_data.main()
        assert 'pip install --no-deps -r' in str(error.value) and '--create-environment' in str(error.value)


def test_the_environment_is_created_where_asked_for(tmp_path, monkeypatch):
    python, commands = tmp_path / 'env' / 'bin' / 'python', []

    def run(command, **_):
        commands.append([str(word) for word in command])

    def problem(*_):
        return None if len(commands) == 2 else 'there is none'

    monkeypatch.setattr(waymo_environment.subprocess, 'run', run)
    monkeypatch.setattr(waymo_environment, 'environment_problem', problem)
    with pytest.raises(FileNotFoundError, match='there is none'):
        waymo_environment.records_python(python, create=False)
    for _ in range(2):  # the second time it is there
        assert waymo_environment.records_python(python, create=True) == python
    assert commands == [
        [sys.executable, '-m', 'venv', str(tmp_path / 'env')],
        [str(python), '-m', 'pip', 'install', '--no-deps', '-r', str(TOOLS / 'waymo_records' / 'requirements.txt')],
    ]


def test_an_environment_that_cannot_be_created_is_one_sentence(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match='the environment could not be made'):
        waymo_environment.records_python(tmp_path / 'file' / 'bin' / 'python', create=True)


@pytest.mark.parametrize(
    ('files', 'extra', 'stages'),
    [
        (['waymo_format/training/a.tfrecord'], [], ['records', 'infos']),
        (['kitti_format/training/frame_record/0000000.npz'], [], ['infos']),  # embedded
        (['kitti_format/training/frame_record/0000000.npz', 'waymo_format/training/a.txt'], [], ['infos']),  # deleted
        (
            ['kitti_format/training/frame_record/0000000.npz', 'waymo_format/testing/a.tfrecord'],
            [],
            ['records', 'infos'],
        ),
        ([], [], ['records', 'infos']),  # which says what is missing
        (['kitti_format/training/frame_record/0000000.npz'], ['--raw-path', 'x'], ['records', 'infos']),
        (['waymo_format/training/a.tfrecord'], ['--stage', 'infos'], ['infos']),
        (['kitti_format/training/frame_record/0000000.npz'], ['--stage', 'records'], ['records']),
    ],
)
def test_raw_records_are_converted_where_there_are_some(tmp_path, monkeypatch, files, extra, stages):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    ran = []
    monkeypatch.setattr(create_data, 'convert_records', lambda *_, **__: ran.append('records'))
    monkeypatch.setattr(create_data, 'prepare_waymo', lambda *_, **__: ran.append('infos'))
    monkeypatch.setattr(sys, 'argv', ['create_data.py', 'waymo', '--root-path', str(tmp_path / 'kitti_format'), *extra])
    create_data.main()
    assert ran == stages


def test_the_wheel_is_pinned_as_for_the_metric():
    pins = (TOOLS / 'waymo_records' / 'requirements.txt').read_text().split()
    recipe = compare_waymo_metric.__doc__
    assert all(pin in recipe for pin in pins if pin.startswith(('waymo', 'numpy')))
