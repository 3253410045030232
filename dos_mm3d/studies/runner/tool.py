"""What the tools of all studies with a record do around their study."""

import argparse
import re
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import OutputExistsError
from ...files import home_path, read_json
from .record import portable

SPLITS = ('validation', 'test')
_NAMED = re.compile(r'([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)')


@dataclass(frozen=True, kw_only=True)
class StudyArguments:
    """How a study is run.

    Args:
        out: folder of cells and record.
        seeds: 0, 1, ... of everything that has a seed.
        split: that is scored: 'validation', for choosing settings, or 'test', which is reported once.
        steps: of every training, None as the configs say.
        overrides: values of --cfg-options for the configs that are trained.
        workers: cells side by side.
        threads: of each cell; None: an equal share of the CPUs.
        retry_failed: whether cells without a number are run once more.
        again: whether a finished record of the test split may be replaced.
        command: as typed, for the record.
    """

    out: Path
    seeds: int
    split: str
    steps: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    threads: int | None = 1
    retry_failed: bool = False
    again: bool = False
    command: str = ''


def reported_before(path: Path, args: StudyArguments) -> dict[str, Any] | None:
    """The finished record `path` of the test split where the same command made it, to be shown as it is: whoever was
    killed before seeing it looks at the split once. None where there is no finished one, or it may be replaced.

    OutputExistsError where another command has reported the test split there. Cells that gave no number may be run
    again (`retry_failed`); with `again` the user says that it may be replaced.
    """
    if args.split != 'test' or args.again or not path.is_file():
        return None
    record = read_json(path)
    lost = any(cell['status'] != 'finished' for cell in record.get('cells', ()))
    if not record['complete'] or (args.retry_failed and lost):
        return None
    if args.command and record.get('command') == args.command:
        return record
    raise OutputExistsError(
        f'{path}: the test split has been reported there, by `{record.get("command")}`; its table is '
        f'{path.with_suffix(".md")}. Settings are chosen on --split validation. If it must be replaced, say --again, '
        'and say so where the numbers are shown'
    )


def add_study_arguments(parser: argparse.ArgumentParser, *, workers: int) -> None:
    """What every study with a record takes. workers: the default."""
    parser.add_argument('--split', choices=SPLITS, default='validation', help='what is scored')
    parser.add_argument('--workers', type=int, default=workers, help='cells side by side, one thread each')
    parser.add_argument('--share-cpus', action='store_true', help='an equal share of the CPUs for each cell instead')
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
    found['threads'] = None if args.share_cpus else 1
    return {**found, 'command': typed_command(tool)}


def typed_command(tool: str) -> str:
    """The command line of this process as a record keeps it, `dos-mm3d ...` or the script of tools/: without what is of
    one machine."""
    entry = sys.argv[0].split()
    head = entry if entry[:1] == ['dos-mm3d'] else ['python', f'tools/{tool}.py']
    return shlex.join([*head, *map(portable_argument, sys.argv[1:])])


def portable_argument(text: str) -> str:
    """`A=PATH` and PATH with a portable PATH; everything else as it is."""
    if not text:
        return text
    name, path = named_path(text)
    if not path.is_absolute():
        return text
    return f'{name}={portable(path)}' if name else portable(path)


def named_path(text: str) -> tuple[str | None, Path]:
    """`A=PATH` -> (A, PATH), `PATH` -> (None, PATH)."""
    match = _NAMED.fullmatch(text)
    return (match[1], home_path(match[2])) if match else (None, home_path(text))


def run_study_tool(tool: str, work: Callable[[], None]) -> None:
    """Do the work of a tool; an end by Ctrl-C, or from outside (SIGTERM), is told in a sentence, with status 130."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        work()
    except KeyboardInterrupt:
        print(f'\n{tool}: ended; finished cells are kept, the same command goes on from here', file=sys.stderr)
        raise SystemExit(130) from None


def tell(text: str, record_file: Path) -> None:
    """Print the tables of a record, and where it is."""
    files = ', '.join(str(record_file.with_suffix(suffix)) for suffix in ('.json', '.md', '.png', '.html'))
    print(f'\n{text}\n\n{files}')


def require_finished(record: Mapping[str, Any]) -> None:
    """SystemExit with status 1, naming them, where cells of a study have failed or waited for one that has, so that a
    script sees it; a collapse is a result."""
    lost = [cell['name'] for cell in record['cells'] if cell['status'] in ('failed', 'blocked')]
    if lost:
        names = ', '.join(lost[:5]) + (', ...' if len(lost) > 5 else '')
        raise SystemExit(
            f'error: {len(lost)} of {len(record["cells"])} cells gave no number: {names}. Why is said above and in '
            'their logs; --retry-failed runs them once more'
        )
