"""The layers of dos_mm3d import downward only, and nothing in the package imports tools, tests or configs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = {
    'dos_mm3d.functional': 0,
    'dos_mm3d.structures': 0,
    'dos_mm3d.compat': 0,
    'dos_mm3d.cpu': 0,
    'dos_mm3d.errors': 0,
    'dos_mm3d.files': 0,
    'dos_mm3d.datasets': 1,
    'dos_mm3d.models.preprocessors': 2,
    'dos_mm3d.models.backbones': 2,
    'dos_mm3d.models.heads': 2,
    'dos_mm3d.models.methods': 3,
    'dos_mm3d.models.segmentors': 3,
    'dos_mm3d.engine': 4,
    'dos_mm3d.metrics': 4,
    'dos_mm3d.probe': 4,
    'dos_mm3d.export': 4,
    'dos_mm3d.visualization': 4,
    'dos_mm3d.miniatures': 6,
    'dos_mm3d.studies': 7,
}
# these only gather what registers itself
GATHERERS = {'dos_mm3d': 5, 'dos_mm3d.models': 3}


def layer_of(module: str) -> int:
    """The layer of a module: of the folder it lies in, or of the gatherer that it is."""
    if module in GATHERERS:
        return GATHERERS[module]
    for folder, layer in LAYERS.items():
        if module == folder or module.startswith(f'{folder}.'):
            return layer
    raise ValueError(f'{module} belongs to no layer; name its folder in LAYERS')


def imported_modules(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """Every module of this repository that a source text imports, also inside functions; relative names resolved."""
    package = module if is_package else module.rpartition('.')[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split('.')[: len(package.split('.')) - node.level + 1] if node.level else []
            base = '.'.join([*parts, *([node.module] if node.module else [])])
            # `from package import name`: the name may be a module of its own layer
            gathers = base in GATHERERS
            yield from (f'{base}.{alias.name}' if gathers else base for alias in node.names)


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Imports that point upward, or out of the package into tools, tests or configs."""
    own = layer_of(module)
    wrong = []
    # the root holds the version, and importing any module imports it first anyway
    for target in imported_modules(source, module, is_package=is_package):
        if target.split('.')[0] in ('tools', 'tests', 'configs'):
            wrong.append(f'{module} imports {target}')
        elif target.startswith('dos_mm3d.') and target != 'dos_mm3d.__version__' and layer_of(target) > own:
            wrong.append(f'{module} (layer {own}) imports {target} (layer {layer_of(target)})')
    return wrong


def modules() -> list[tuple[str, Path]]:
    paths = sorted((ROOT / 'dos_mm3d').rglob('*.py'))
    names = ['.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__') for path in paths]
    return list(zip(names, paths))


def test_imports_point_downward() -> None:
    wrong = []
    for module, path in modules():
        wrong += violations(path.read_text(), module, is_package=path.name == '__init__.py')
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize(
    ('module', 'source'),
    [
        ('dos_mm3d.functional.zipf', 'from dos_mm3d.models.heads import projector'),
        ('dos_mm3d.datasets.folder', 'from ..models.heads.projector import Projector'),
        ('dos_mm3d.datasets.folder', 'from dos_mm3d import engine'),
        ('dos_mm3d.datasets.folder', 'from .. import engine'),
        ('dos_mm3d.models.heads.projector', 'def late():\n    import dos_mm3d.models.methods.dos'),
        ('dos_mm3d.engine.launch', 'from tools import train'),
    ],
)
def test_an_upward_import_is_found(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ('module', 'source'),
    [
        (
            'dos_mm3d.models.methods.dos',
            'from ..heads.projector import Projector\nfrom dos_mm3d.functional import zipf',
        ),
        ('dos_mm3d.engine.launch', 'from dos_mm3d import compat, __version__'),
        ('dos_mm3d.datasets.folder', 'import numpy as np\nfrom .readers import read'),
    ],
)
def test_a_downward_import_is_allowed(module: str, source: str) -> None:
    assert violations(source, module) == []
