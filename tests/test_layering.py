"""The rooms of dos_mm3d stand in layers: each imports lower ones only, never a neighbour of its own layer.

The core knows neither the miniatures nor the studies, nor where the other folders of the repository lie."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'dos_mm3d'
LAYERS = (
    ('errors', 'kinds', 'progress', 'spread', 'units'),
    ('parallel',),
    ('files', 'checkpoint_file'),
    ('cpu',),
    ('functional', 'compat'),
    ('structures',),
    ('datasets',),
    ('models.backbones', 'models.preprocessors'),
    ('models.heads',),
    ('models.methods', 'models.segmentors'),
    ('models',),  # its __init__ gathers what registers itself
    ('metrics', 'visualization', 'export'),
    ('engine', 'probe'),
    ('',),  # dos_mm3d/__init__.py
    # what follows is no part of the core
    ('miniatures',),
    ('studies',),
    ('cli',),
    ('__main__',),
)
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
# beside the order: a model gets tensors and does not know how they came about
NEVER = (('models', 'datasets'), ('datasets', 'models'))
ALONE = ('miniatures', 'studies', 'cli', '__main__')
OUTSIDE = ('tools', 'tests', 'configs')
PATH = re.compile(r'(configs|tools|tests|docs)(/\S*)?')
# mmdet3d's converter lies in a package that is called tools, too
PATHS_OF_OTHERS = ('datasets/mmdet3d_converter.py',)


@cache
def module_paths() -> dict[str, Path]:
    """Every module of the package and its file."""
    return {
        '.'.join(path.relative_to(PACKAGE.parent).with_suffix('').parts).removesuffix('.__init__'): path
        for path in sorted(PACKAGE.rglob('*.py'))
    }


def room_of(module: str) -> str:
    """The room that a module lies in; ValueError where LAYERS does not name it."""
    inner = module.removeprefix('dos_mm3d').lstrip('.')
    fitting = [room for room in RANK if room and (inner == room or inner.startswith(f'{room}.'))]
    if inner and not fitting:
        raise ValueError(f'{module} belongs to no layer; name its room in LAYERS')
    return max(fitting, key=len, default='')


def imported(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Every module that a source text imports, also inside functions; relative names resolved."""
    package = module if is_package else module.rpartition('.')[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split('.')[: len(package.split('.')) - node.level + 1] if node.level else []
            base = '.'.join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                if (base, alias.name) != ('dos_mm3d', '__version__'):
                    yield f'{base}.{alias.name}' if f'{base}.{alias.name}' in module_paths() else base


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Imports that do not point to a lower layer or the module's own room."""
    own, wrong = room_of(module), []
    for target in imported(source, module, is_package=is_package):
        top = target.split('.')[0]
        if top in OUTSIDE:
            wrong.append(f'{module} imports {target}')
        if top != 'dos_mm3d' or room_of(target) == own:
            continue
        room = room_of(target)
        kept_apart = (own.split('.')[0], room.split('.')[0]) in NEVER
        if RANK[room] >= RANK[own] or kept_apart or (room in ALONE and own not in ALONE):
            wrong.append(f'{module} imports {target}')
    return wrong


def test_every_room_imports_lower_ones_only() -> None:
    wrong = []
    for module, path in module_paths().items():
        wrong += violations(path.read_text(), module, is_package=path.name == '__init__.py')
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize(
    ('module', 'source'),
    [
        ('dos_mm3d.functional.zipf', 'from dos_mm3d.models.heads import projector'),
        ('dos_mm3d.functional.zipf', 'from ..structures import views'),
        ('dos_mm3d.functional.zipf', 'from ..compat import apply'),
        ('dos_mm3d.datasets.folder', 'from ..models.heads.projector import Projector'),
        ('dos_mm3d.datasets.folder', 'from .. import engine'),
        ('dos_mm3d.models.preprocessors.views', 'from ...datasets.transforms import masking'),
        ('dos_mm3d.models.heads.projector', 'def late():\n    import dos_mm3d.models.methods.dos'),
        ('dos_mm3d.metrics.rotated_iou', 'from ..miniatures.raycast import cast_ground'),
        ('dos_mm3d.visualization.style', 'from ..metrics import confusion'),
        ('dos_mm3d.probe.probe', 'from ..engine import launch'),
        ('dos_mm3d.engine.launch', 'from ..studies.runner import jobs'),
        ('dos_mm3d.miniatures.world', 'from ..studies import runner'),
        ('dos_mm3d.studies.runner', 'from tools import train'),
    ],
)
def test_an_import_that_points_elsewhere_is_found(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ('module', 'source'),
    [
        ('dos_mm3d.models.methods.dos', 'from ..heads.projector import Projector\nfrom dos_mm3d import functional'),
        ('dos_mm3d.engine.launch', 'from dos_mm3d import compat, __version__'),
        ('dos_mm3d.engine.hooks.dos', 'from ...visualization.curves import draw_losses'),
        ('dos_mm3d.studies.runner.jobs', 'from ...miniatures import worlds'),
        ('dos_mm3d.datasets.folder', 'import numpy\nfrom .readers import read_sweep\nfrom ..files import read_json'),
    ],
)
def test_a_downward_import_is_allowed(module: str, source: str) -> None:
    assert violations(source, module) == []


def test_functional_is_torch_in_and_torch_out() -> None:
    for module, path in module_paths().items():
        if room_of(module) == 'functional':
            names = imported(path.read_text(), module, is_package=path.name == '__init__.py')
            tops = {name.split('.')[0] for name in names} - {'torch', 'triton', 'dos_mm3d'}
            assert tops <= sys.stdlib_module_names, f'{module} imports {tops - sys.stdlib_module_names}'


def paths_named(source: str) -> list[str]:
    """String literals that are paths below this repository's other folders, f-strings' pieces included.

    Text has white space in it: messages and docstrings may tell a user what to run."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [value for value in constants if isinstance(value, str) and PATH.fullmatch(value)]


def test_only_studies_and_commands_know_where_configs_and_tools_lie() -> None:
    wrong = {
        module: found
        for module, path in module_paths().items()
        if room_of(module) not in ('studies', 'cli') and path.relative_to(PACKAGE).as_posix() not in PATHS_OF_OTHERS
        if (found := paths_named(path.read_text()))
    }
    assert not wrong


def test_a_path_is_told_from_a_message() -> None:
    assert paths_named("run(f'configs/{name}.py', ROOT / 'tools')") == ['configs/', 'tools']
    assert paths_named("'''Runs tools/train.py.'''\nraise ValueError(f'{x}: see docs/data.md of it')") == []
