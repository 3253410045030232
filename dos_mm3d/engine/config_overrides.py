"""Command-line values for a config's top-level variables, applied before it is evaluated.

mmengine merges ``--cfg-options`` into the finished config: ``data_root=PATH`` would change the variable and leave every
data set that was built from it where it was. Here the assignment itself is replaced, in the file and in its bases, so
that whatever is derived from the variable follows.
"""

import argparse
import ast
import tempfile
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from ..errors import InputError


def add_overrides(parser: argparse.ArgumentParser, option: str, what: str) -> None:
    """`option KEY=VALUE ...`, which :func:`load_with_overrides` takes; what: its help."""
    parser.add_argument(option, nargs='+', action=DictAction, default={}, metavar='KEY=VALUE', help=what)


def load_with_overrides(path: Path, overrides: dict[str, Any]) -> Config:
    """The config of ``path`` with ``overrides`` (key or dotted.key -> value).

    A key without a dot that is assigned at top level, here or in a base file, is replaced there; every other one is
    merged afterwards, as mmengine does. ValueError for a variable that only another package's base defines and uses:
    what is derived from it there would not follow. Configs in mmengine's new style, or not in Python, are merged only.
    """
    if path.suffix != '.py' or 'read_base' in path.read_text():
        cfg = Config.fromfile(path)
        cfg.merge_from_dict(overrides)
        return cfg
    with tempfile.TemporaryDirectory() as folder:
        rewriter = _Rewriter({key: value for key, value in overrides.items() if '.' not in key}, Path(folder))
        cfg = Config.fromfile(rewriter.rewrite(path.resolve()))
    if stuck := sorted(rewriter.used_elsewhere & (rewriter.values.keys() - rewriter.replaced)):
        raise InputError(
            f'{path}: {", ".join(stuck)} is defined in a base of another package, and what that derives from it would '
            f'keep its old value; assign it in a config of your own, or override the places themselves (a.b=value)'
        )
    object.__setattr__(cfg, '_filename', str(path))  # Config's own __setattr__ would make it a key
    cfg.merge_from_dict({key: value for key, value in overrides.items() if key not in rewriter.replaced})
    return cfg


class _Rewriter:
    """Writes copies of a config and its bases with other values; ``replaced`` holds the variables that were found."""

    def __init__(self, values: dict[str, Any], folder: Path) -> None:
        self.values = {key: value for key, value in values.items() if not isinstance(value, dict)}
        self.folder = folder
        self.replaced: set[str] = set()
        self.copies: dict[Path, Path] = {}
        self.used_elsewhere: set[str] = set()  # variables that other packages' bases define and read

    def rewrite(self, path: Path) -> Path:
        """Path of the copy of ``path``, in which bases are absolute paths of their copies."""
        if path not in self.copies:
            module = ast.parse(path.read_text(), filename=str(path))
            for node in module.body:
                if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                    node.value = self.new_value(node.targets[0].id, node.value, path.parent)
            copy = self.folder / f'{len(self.copies)}_{path.name}'
            self.copies[path] = copy
            copy.write_text(ast.unparse(ast.fix_missing_locations(module)) + '\n')
        return self.copies[path]

    def new_value(self, name: str, value: ast.expr, folder: Path) -> ast.expr:
        if name == '_base_':
            return self.copied_bases(ast.literal_eval(value), folder)
        if name not in self.values:
            return value
        self.replaced.add(name)
        return ast.Constant(None) if self.values[name] is None else ast.parse(repr(self.values[name]), mode='eval').body

    def copied_bases(self, bases: str | list[str], folder: Path) -> ast.expr:
        """The bases as paths of their copies; those of another package (``mmdet3d::...``) stay as they are."""
        names = [bases] if isinstance(bases, str) else bases
        for name in names:
            if '::' in name:
                self.note_variables(Path(Config._get_cfg_path(name, '')[0]))
        paths = [name if '::' in name else str(self.rewrite((folder / name).resolve())) for name in names]
        return ast.parse(repr(paths[0] if isinstance(bases, str) else paths), mode='eval').body

    def note_variables(self, path: Path) -> None:
        """Remember what a base of another package, and its own bases, both define and read."""
        module = ast.parse(path.read_text(), filename=str(path))
        names = [node for node in ast.walk(module) if isinstance(node, ast.Name)]
        assigned = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        self.used_elsewhere |= assigned & {node.id for node in names if isinstance(node.ctx, ast.Load)}
        for node in module.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == '_base_':
                bases = ast.literal_eval(node.value)
                for base in [bases] if isinstance(bases, str) else bases:
                    self.note_variables((path.parent / base).resolve())
