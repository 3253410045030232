"""Reads literals out of the config text that a checkpoint carries, without executing that text."""

import ast
from collections.abc import Sequence
from typing import Any

from ..errors import InputError


def read_literals(text: str, names: Sequence[str], *, source: str) -> dict[str, Any]:
    """Values of the top-level assignments `name = literal` in a config text, in the order of `names`.

    The text comes from a file that may not be ours, so it is parsed, never run. `source` names it in errors.
    Raises ValueError if the text is not Python, if a name is not assigned at the top level, or not to a literal.
    """
    values = _top_level_assignments(text, source)
    absent = [name for name in names if name not in values]
    if absent:
        raise InputError(
            f'{source}: its config does not assign {", ".join(absent)} at the top level; it assigns '
            f'{", ".join(sorted(values)) or "nothing"}. The pretraining configs in configs/dos state them: add them '
            'to the config and save the checkpoint again.'
        )
    return {name: _literal(values[name], name, source) for name in names}


def read_entry(text: str, path: str, *, source: str) -> Any:
    """Literal at a dotted path such as 'model.backbone.type' through nested `dict(...)` or `{...}` of a config text.

    Parsed, never run, as in :func:`read_literals`. Raises ValueError if there is no such entry, or it is no literal.
    """
    first, *rest = path.split('.')
    node = _top_level_assignments(text, source).get(first)
    for key in rest:
        node = _entries(node).get(key)
    if node is None:
        raise InputError(f'{source}: its config has no entry {path}; wanted a config of configs/dos')
    return _literal(node, path, source)


def _entries(node: ast.expr | None) -> dict[str | None, ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        return {keyword.arg: keyword.value for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        return {key.value: value for key, value in zip(node.keys, node.values) if isinstance(key, ast.Constant)}
    return {}


def _top_level_assignments(text: str, source: str) -> dict[str, ast.expr]:
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise InputError(f'{source}: its config is not Python text ({error.msg}, line {error.lineno})') from error
    assignments = [node for node in tree.body if isinstance(node, ast.Assign)]
    return {target.id: node.value for node in assignments for target in node.targets if isinstance(target, ast.Name)}


def _literal(node: ast.expr, name: str, source: str) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise InputError(
            f'{source}: {name} in its config is `{ast.unparse(node)[:80]}`, wanted a literal such as a list of numbers'
        ) from error
