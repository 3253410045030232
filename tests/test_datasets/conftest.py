"""A small download of ScanNet, and what is made of it."""

import shutil
from pathlib import Path

import pytest

from dos_mm3d.datasets.scannet.convert import prepare_scannet
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
