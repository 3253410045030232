"""Messages that a page quotes, and the text that the sources can print: a quoted one must be one of these."""

import ast
import re
from functools import cache
from pathlib import Path

from tests.helpers.doc_references import ROOT

GAP = '…'
LEAST_CHARACTERS = 12
"""Of the fixed text of a quoted message; less would fit nearly anything."""
_CELL = re.compile(r'^\| `([^`]+)`', re.MULTILINE)
_SHELL_VARIABLE = re.compile(r'\$\{[^}]*\}|\$\([^)]*\)|\$\w+')


def quoted(page: Path) -> list[str]:
    """What stands in backticks at the beginning of a row of a table; `…` is what differs from case to case."""
    return _CELL.findall(page.read_text())


def is_printed(message: str) -> bool:
    """Whether a source can print a message: its fixed pieces follow one another in one of its texts."""
    pieces = [' '.join(piece.split()) for piece in message.split(GAP)]
    if sum(map(len, pieces)) < LEAST_CHARACTERS:
        return False
    pattern = re.compile('.*'.join(map(re.escape, filter(None, pieces))))
    return any(pattern.search(text) for text in texts())


@cache
def texts() -> tuple[str, ...]:
    """Every text of the package and the tools on one line each, with a gap for each value that is put in."""
    found: set[str] = set()
    for room in ('dos_mm3d', 'tools'):
        for path in sorted((ROOT / room).rglob('*.py')):
            found |= {' '.join(text.split()) for text in _texts_of(ast.parse(path.read_text()))}
        for path in sorted((ROOT / room).glob('*.sh')):
            found |= {_SHELL_VARIABLE.sub(GAP, line.strip()) for line in path.read_text().splitlines()}
    return tuple(sorted(found))


def _texts_of(tree: ast.AST) -> list[str]:
    return [text for node in ast.walk(tree) if (text := _text(node))]


def _text(node: ast.AST) -> str:
    """What an expression of texts gives, as far as it is fixed; '' for any other."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ''
    if isinstance(node, ast.JoinedStr):
        return ''.join(_text(value) or GAP for value in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return f'{left or GAP}{right or GAP}' if left or right else ''
    return ''
