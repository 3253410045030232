"""A small download of ScanNet, and what is made of it; copies of miniatures whose files are looked at."""

import shutil
from pathlib import Path

import pytest

from dos_mm3d.datasets.file_check import check_files
from dos_mm3d.datasets.scannet.convert import prepare_scannet
from tests.helpers.checked_worlds import World
from tests.helpers.scannet_files import write_download


@pytest.fixture(scope='session')
def download(tmp_path_factory) -> tuple[Path, dict]:
    root = tmp_path_factory.mktemp('scannet') / 'scannet'
    return root, write_download(root)


@pytest.fixture(scope='session')
def converted(download, tmp_path_factory) -> Path:
    root = shutil.copytree(download[0], tmp_path_factory.mktemp('converted') / 'scannet')
    return prepare_scannet(root, workers=1)


@pytest.fixture
def raw(download, tmp_path) -> Path:
    return shutil.copytree(download[0], tmp_path / 'scannet')


@pytest.fixture
def world(case, request, tmp_path) -> World:
    """A copy of the case's miniature, in which nothing is wrong yet."""
    root = shutil.copytree(
        request.getfixturevalue(f'synthetic_{case.split()[0]}'),
        tmp_path / 'data',
        ignore=shutil.ignore_patterns('CAM_*'),
    )
    made = World(case, root)
    check_files(made.training_set())
    return made
