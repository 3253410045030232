"""Where the configs and the index of the weights are: beside the package in a checkout, inside of an installed one."""

import sys
from pathlib import Path

import dos_mm3d

from ..files import home_path

PACKAGE = Path(dos_mm3d.__file__).resolve().parent
INSTALLED = PACKAGE / '.mim'
"""The folder in which OpenMMLab's wheels carry what lies beside the package in the repository."""
ROOT = INSTALLED if INSTALLED.is_dir() else PACKAGE.parent
"""Holds `configs` and `weights`."""
CONFIGS = ROOT / 'configs'


def config_file(path: str | Path) -> Path:
    """The config of a path: that file, else the one of this project that is called so, with or without `configs/`.

    The path itself where there is neither: whoever opens it says that it is not there.
    """
    path = home_path(str(path))
    places = (path, ROOT / path, CONFIGS / path)
    return next((place for place in places if place.is_file()), path)


def tool_command(name: str, *arguments: object) -> list[str]:
    """The command line of one of the commands of `dos-mm3d`, for a process of its own."""
    return [sys.executable, '-m', 'dos_mm3d', *name.split(), *map(str, arguments)]
