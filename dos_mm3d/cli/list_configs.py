"""The configs that come with the package: dos-mm3d configs [WORD ...]."""

import argparse
import ast
import signal
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..studies.config_check.shrink import is_config
from ..studies.project import CONFIGS, ROOT


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """Words that the paths must have. more: arguments of ArgumentParser."""
    parser = argparse.ArgumentParser(description='The configs that come with the package', **more)
    parser.add_argument('words', nargs='*', metavar='WORD', help='list those alone whose path has every one of these')
    return parser


def main() -> None:
    """A line each: the path as a command takes it, and how the config describes itself."""
    words = make_parser().parse_args().words
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it without a word
    paths = sorted(path for path in CONFIGS.rglob('*.py') if is_config(path, CONFIGS))
    found = {str(path.relative_to(ROOT)): path for path in paths}
    found = {name: path for name, path in found.items() if all(word in name for word in words)}
    if not found:
        raise InputError(f'no config has {" ".join(words)} in its path; `dos-mm3d configs` lists all {len(paths)}')
    width = max(map(len, found))
    for name, path in found.items():
        print(f'{name:<{width}}  {title(path)}')
    print(f'in {ROOT}')


def title(path: Path) -> str:
    """First sentence of a config's header."""
    header = ast.get_docstring(ast.parse(path.read_text())) or ''
    return header.partition('\n')[0].rstrip('.')
