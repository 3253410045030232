"""What the tools of all studies do around their study."""

import argparse
import re
import shlex
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .arguments import SPLITS
from .record import portable

_NAMED = re.compile(r'([A-Za-z0-9][A-Za-z0-9_.-]*)=(/.+)')


def add_study_arguments(parser: argparse.ArgumentParser, *, workers: int) -> None:
    """What every study with a record takes. workers: the default."""
    parser.add_argument('--split', choices=SPLITS, default='validation', help='what is scored')
    parser.add_argument('--workers', type=int, default=workers, help='cells side by side, one thread each')
    parser.add_argument('--again', action='store_true', help='replace a finished record of the test split')
    parser.add_argument('--retry-failed', action='store_true', help='run failed and collapsed cells once more')


def require_positive(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with the parser's message where a whole number of the command line, or one of a list, is below 1."""
    for name, value in vars(args).items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(item, int) and not isinstance(item, bool) and item < 1 for item in values):
            parser.error(f'--{name.replace("_", "-")} must be at least 1, got {value}')


def study_arguments(args: argparse.Namespace, tool: str) -> dict[str, Any]:
    """Arguments of :class:`StudyArguments` but the folder, from the command line of a tool."""
    found = {name: getattr(args, name) for name in ('seeds', 'split', 'workers', 'again', 'retry_failed')}
    found |= {'steps': getattr(args, 'steps', None), 'overrides': getattr(args, 'cfg_options', {})}
    return {**found, 'command': typed_command(tool)}


def typed_command(tool: str) -> str:
    """The command line of this process as a record keeps it: without what is of one machine."""
    return shlex.join(['python', f'tools/{tool}.py', *map(portable_argument, sys.argv[1:])])


def portable_argument(text: str) -> str:
    """`A=PATH` and PATH with a portable PATH; everything else as it is."""
    if named := _NAMED.fullmatch(text):
        return f'{named[1]}={portable(named[2])}'
    return portable(text) if text.startswith('/') else text


def run_study_tool(tool: str, work: Callable[[], None]) -> None:
    """Do the work of a tool; an end by Ctrl-C, or from outside (SIGTERM), is told in a sentence, with status 130."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated')  # mmengine: at every base `mmdet3d::`
    try:
        work()
    except KeyboardInterrupt:
        print(f'\n{tool}: ended; finished cells are kept, the same command goes on from here', file=sys.stderr)
        raise SystemExit(130) from None


def tell(text: str, record_file: Path) -> None:
    """Print the tables of a record, and where it is."""
    files = ', '.join(str(record_file.with_suffix(suffix)) for suffix in ('.json', '.md', '.png'))
    print(f'\n{text}\n\n{files}')
