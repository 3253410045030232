"""The weights that ship: dos-mm3d zoo."""

import argparse
from typing import Any

from ..studies.project import ROOT
from ..studies.zoo import WEIGHTS, ZOO, read_index
from ..units import file_size


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """There are no arguments but --help. more: arguments of ArgumentParser."""
    return argparse.ArgumentParser(description='The weights that ship, what they fit, and where they are', **more)


def main() -> None:
    """What each file is, its hash, and whether it is here: a wheel has their index, the repository the files."""
    make_parser().parse_args()
    for name, entry in read_index(ROOT / WEIGHTS).items():
        path = ROOT / WEIGHTS / entry['file']
        place = path if path.is_file() else f'not here; it is {WEIGHTS / entry["file"]} of the repository'
        print(f'{name}: {ZOO[name].title}, {file_size(entry["bytes"])}, sha256 {entry["sha256"]}')
        print(f'  {place}\n  fits {ZOO[name].fits}')
