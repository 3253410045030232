"""Reads literals out of the config text that a checkpoint carries, without executing that text."""

import ast
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError

ABSOLUTE_PATH = re.compile(r"(?<=')/[^'\n]+(?=')|(?<=\")/[^\"\n]+(?=\")")
"""In the quotes that a config text has."""


def read_entry(text: str, *paths: str, source: str) -> Any:
    """A literal of a config text, which may not be ours: it is parsed, never run.

    Args:
        text: the config, as mmengine writes it.
        paths: dotted ones such as 'model.backbone.type', through nested `dict(...)` or `{...}`; the first that is there
            counts.
        source: the file that it comes from, for errors.

    Raises:
        InputError: the text is not Python, has none of the entries, or what it has is no literal.
    """
    assigned = _top_level_assignments(text, source)
    for path in paths:
        first, *rest = path.split('.')
        node = assigned.get(first)
        for key in rest:
            node = _entries(node).get(key)
        if node is not None:
            return _literal(node, path, source)
    raise InputError(f'{source}: its config has no entry {" or ".join(paths)}; wanted one as in configs/dos')


def read_section(text: str, *paths: str, wanted: Collection[str], source: str) -> dict[str, Any]:
    """The wanted entries of the first section at `paths` ('' is the text itself) that has one; the text is never run.

    InputError where the text is not Python, no section has any of them, or one is no literal.
    """
    assigned = _top_level_assignments(text, source)
    for path in paths:
        entries = assigned
        for key in filter(None, path.split('.')):
            entries = _entries(entries.get(key))
        if found := {name: node for name, node in entries.items() if name in wanted}:
            return {name: _literal(node, name, source) for name, node in found.items()}
    places = ', '.join(path or 'the file itself' for path in paths)
    raise InputError(f'{source}: has none of {", ".join(wanted)} in {places}')


def require_plain(text: str, names: Collection[str], source: str) -> None:
    """InputError where a config text does more to some of its variables than to set them: what is read here would be
    another value than the text, when it is run, ends with."""
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f'{source}: is not Python text ({error})') from error
    for node in statements:
        set_once = isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets)
        mentioned = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} & set(names)
        if mentioned and not set_once and not isinstance(node, ast.FunctionDef | ast.ClassDef):
            raise InputError(
                f'{source}: line {node.lineno} changes {", ".join(sorted(mentioned))} after it was set, and configs '
                'are read here, not run; state the final values in one assignment'
            )


def read_values(text: str, source: str) -> dict[str, Any]:
    """All variables of a config text, which is parsed and never run; what is no literal stays the text that it is.

    InputError where the text is not Python.
    """
    return {name: _value(node) for name, node in _top_level_assignments(text, source).items()}


def portable_text(text: str) -> str:
    """A config text whose absolute paths keep their last two parts: the rest is of one machine, and files are given
    away."""
    return ABSOLUTE_PATH.sub(lambda path: str(Path('...', *Path(path[0]).parts[-2:])), text)


def takes_ranks(loader: Any) -> bool:
    """Whether the config of a loader or a data set, which may be nested, has views that make ranks of intensities."""
    if isinstance(loader, Mapping):
        return bool(loader.get('intensity_ranks')) or any(map(takes_ranks, loader.values()))
    return isinstance(loader, list | tuple) and any(map(takes_ranks, loader))


def _value(node: ast.expr) -> Any:
    if entries := _entries(node):
        return {key: _value(value) for key, value in entries.items()}
    if isinstance(node, ast.List | ast.Tuple):
        items = [_value(item) for item in node.elts]
        return tuple(items) if isinstance(node, ast.Tuple) else items
    try:
        return ast.literal_eval(node)
    except ValueError:
        return {} if ast.unparse(node) == 'dict()' else ast.unparse(node)


def _entries(node: ast.expr | None) -> dict[str | None, ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        return {keyword.arg: keyword.value for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        return {key.value: value for key, value in zip(node.keys, node.values) if isinstance(key, ast.Constant)}
    return {}


def _top_level_assignments(text: str, source: str) -> dict[str, ast.expr]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # null bytes; nesting without end
        raise InputError(f'{source}: its config is not Python text ({error})') from error
    assignments = [node for node in tree.body if isinstance(node, ast.Assign)]
    return {target.id: node.value for node in assignments for target in node.targets if isinstance(target, ast.Name)}


def _literal(node: ast.expr, name: str, source: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(
            f'{source}: {name} in its config is `{ast.unparse(node)[:80]}`, wanted a literal such as a list of numbers'
        ) from error
