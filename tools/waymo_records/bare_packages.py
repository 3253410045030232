"""Imports of dos_mm3d where what it needs is not installed: its packages as mere folders, no `__init__` executed.

``import bare_packages`` first; then modules that need numpy and the standard library only can be imported by name.
"""

import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]

for name in ('dos_mm3d', 'dos_mm3d.datasets', 'dos_mm3d.datasets.waymo'):
    package = ModuleType(name)
    package.__path__ = [str(ROOT.joinpath(*name.split('.')))]
    sys.modules[name] = package
