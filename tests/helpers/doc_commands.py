"""Commands that stand in the fenced blocks of the pages, and what the tools' own parsers make of them."""

import argparse
import importlib
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides
from tests.helpers.doc_references import ROOT

BLOCK = re.compile(
    r'(?:<!-- needs: (?P<needs>data|gpu) -->\s*)?^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$',
    re.DOTALL | re.MULTILINE,
)
SHELL = ('bash', 'sh')
STARTS = ('python', '.venv/bin/python', 'bash', 'dos-mm3d')
"""First words that make a line of a block without a language a command."""
OPTIONAL = re.compile(r'\[(--[^\]]*)\]')
VARIABLES = re.compile(r'^\s*(?:[A-Z_]+=\S+\s+)*')
TAKE_OVERRIDES = ('train', 'test', 'browse_dataset')
_TAKEN: set[tuple[str, ...]] = set()  # several pages have the same command, and a config takes a second to read
# tool of the script -> words of the command line that are not the tool's own arguments
SCRIPTS = {
    'quickstart': ('quickstart', ()),
    'dist_train': ('train', ('CONFIG', 'GPUS')),
    'dist_test': ('test', ('CONFIG', 'CHECKPOINT', 'GPUS')),
    'slurm_train': ('train', ('PARTITION', 'JOB_NAME', 'CONFIG', 'WORK_DIR')),
}


@dataclass(frozen=True)
class Command:
    """One command line.

    Attributes:
        words: without comments, variables before it, and brackets around what may be left out.
        needs: 'data' or 'gpu' where the page says so before the block; else None.
    """

    words: tuple[str, ...]
    needs: str | None

    @property
    def script(self) -> str | None:
        """Name of the script or program in tools/, without its suffix; None: another program."""
        words = self.words[1:] if self.words[0] in STARTS else ()
        path = Path(words[0]) if words else Path()
        return path.stem if path.parent == Path('tools') else None

    @property
    def name(self) -> str:
        """What tests that run commands are found by: the tool, and its sub-command if it has some."""
        words = [self.script, *self.words[2:]] if self.script else [self.words[0], *self.words[1:]]
        return ' '.join(
            words[: 2 if words[0] in ('create_data', 'run_protocol', 'benchmark') or not self.script else 1]
        )

    def __str__(self) -> str:
        return shlex.join(self.words)


def commands_of(text: str) -> Iterator[Command]:
    """All of a page: every line of blocks of bash, and of blocks without a language what begins like one."""
    for block in BLOCK.finditer(text):
        if block['language'] in (*SHELL, ''):
            for line in block['text'].replace('\\\n', ' ').splitlines():
                line = VARIABLES.sub('', OPTIONAL.sub(r'\1', line))
                if line.strip() and (block['language'] or line.split()[0] in STARTS):
                    yield Command(tuple(shlex.split(line, comments=True)), block['needs'])


def fault_of(command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> str | None:
    """What the tool's own parser, and the config that is named, say against a command of tools/; None: nothing."""
    try:
        tool, arguments = as_python(command)
        if (ROOT / 'tools' / f'{tool}.py').is_file():
            if (tool, *arguments) not in _TAKEN:
                parsed = parsed_by(tool, arguments, monkeypatch)
                if tool in TAKE_OVERRIDES and (config := ROOT / parsed.config).is_file():
                    load_with_overrides(config, parsed.cfg_options)
                _TAKEN.add((tool, *arguments))
            return None
    except SystemExit as end:
        return capsys.readouterr().err.strip() if end.code else None
    except ValueError as error:
        return str(error)
    script = ROOT / 'tools' / f'{tool}.sh'
    known = script.is_file() and all(word in script.read_text() for word in arguments)
    return None if known else f'tools/{tool}: not there, or no such argument'


def as_python(command: Command) -> tuple[str, list[str]]:
    """Tool and arguments that a command comes to, also those of the shell scripts that start one."""
    tool, own = SCRIPTS.get(command.script, (command.script, ()))
    given, rest = command.words[2 : 2 + len(own)], command.words[2 + len(own) :]
    if len(given) < len(own):
        raise ValueError(f'{command}: wanted {" ".join(own)}')
    named = dict(zip(own, given))
    work_dir = ['--work-dir', named['WORK_DIR']] if 'WORK_DIR' in named else []
    return tool, [*(named[name] for name in ('CONFIG', 'CHECKPOINT') if name in named), *work_dir, *rest]


class _Parsed(BaseException):
    """Ends a tool when it has read its arguments; no handler of errors may take it for one."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments


def parsed_by(tool: str, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """What a tool reads of its command line, by its own parser; SystemExit where that refuses."""
    parse = argparse.ArgumentParser.parse_args

    def parse_only(
        parser: argparse.ArgumentParser, args: Sequence[str] | None = None, namespace: object = None
    ) -> None:
        raise _Parsed(parse(parser, args, namespace))

    with monkeypatch.context() as patch:
        patch.setattr(sys, 'path', [*sys.path])
        main = importlib.import_module(f'tools.{tool}').main
        patch.setattr(sys, 'argv', [f'{tool}.py', *arguments])
        patch.setattr(argparse.ArgumentParser, 'parse_args', parse_only)
        try:
            main()
        except _Parsed as end:
            return end.arguments
    raise AssertionError(f'tools/{tool}.py parsed nothing')
