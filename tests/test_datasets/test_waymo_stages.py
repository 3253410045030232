"""tools/create_data.py waymo: which stages run, and what the records need."""

import sys

import pytest

from dos_mm3d.cli import create_data
from dos_mm3d.datasets.waymo.raw import convert as stage
from tests.helpers.waymo_raw_files import raw_file


def test_missing_protocol_buffers_are_explained_before_anything_is_written(tmp_path, monkeypatch):
    raw_file(tmp_path / 'raw', 'a', 1)
    monkeypatch.setattr(stage, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match='pip install --no-deps waymo-open-dataset-tf-2-12-0=='):
        stage.convert_records(tmp_path / 'raw', tmp_path / 'out')
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['.converting']


def test_without_raw_records_nothing_is_made_and_the_option_for_them_is_named(tmp_path, monkeypatch):
    for stage_name in ('all', 'records', 'infos'):
        argv = ['x', 'waymo', '--root-path', str(tmp_path / 'new'), '--stage', stage_name]
        monkeypatch.setattr(sys, 'argv', argv)
        with pytest.raises(FileNotFoundError, match='--raw-path'):
            create_data.main()
        assert not list(tmp_path.iterdir())


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
