"""The command `dos-mm3d`: quick help, every command with its parser, exit status, what completes words."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from dos_mm3d.cli import completion, dos_mm3d_entry
from dos_mm3d.cli.dos_mm3d_entry import COMMANDS

CLI = Path(dos_mm3d_entry.__file__).parent
NO_COMMANDS = {'__init__', 'completion', 'dos_mm3d_entry'}
LOADED = """
import sys
sys.path.insert(0, sys.argv.pop())
import dos_mm3d_entry
try:
    dos_mm3d_entry.main()
except SystemExit as end:
    tops = {name.split('.')[0] for name in sys.modules}
    print(sorted(tops - sys.stdlib_module_names - {'__main__', 'dos_mm3d_entry'}), end.code)
"""


@pytest.fixture(autouse=True)
def same_process_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command takes the process for its own: words, environment, signals."""
    monkeypatch.setattr(sys, 'argv', sys.argv)
    for name, value in (('OMP_WAIT_POLICY', 'PASSIVE'), ('GOMP_SPINCOUNT', '1000'), ('TQDM_MININTERVAL', '10')):
        monkeypatch.setenv(name, value)
    handler = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, handler)


def test_the_page_names_every_command() -> None:
    page = (CLI.parents[1] / 'docs' / 'install.md').read_text()
    table = page.partition('| command | script |')[2].partition('\n\n')[0]
    named = [word for row in table.splitlines()[2:] for word in re.findall(r'`([^`]+)`', row.split('|')[1])]
    assert sorted(named) == sorted(COMMANDS)


@pytest.mark.parametrize(('word', 'status'), [('--help', 0), ('trian', 2)])
def test_help_and_a_wrong_word_load_nothing_but_the_standard_library(word: str, status: int) -> None:
    command = [sys.executable, '-S', '-c', LOADED, word, str(CLI)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith(f'[] {status}\n'), done.stdout
    assert all(name in done.stdout for name in COMMANDS) is (word == '--help')


def test_every_module_of_the_room_is_a_command() -> None:
    assert sorted(command.module for command in COMMANDS.values()) == sorted(
        path.stem for path in CLI.glob('*.py') if path.stem not in NO_COMMANDS
    )


@pytest.mark.parametrize('module', [one.module for one in COMMANDS.values() if not one.module.startswith('list_')])
def test_a_script_of_tools_is_the_same_code(module: str) -> None:
    assert import_module(f'tools.{module}').main is import_module(f'dos_mm3d.cli.{module}').main


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ([], 'which command?'),
        (['trian'], "no command 'trian'; did you mean train?"),
        (['xyz'], 'wanted one of quickstart, synthetic'),
        (['convert'], "'convert' is no whole command; wanted convert asymdsd or convert pointcept"),
        (['train'], 'the following arguments are required: config'),
        (['convert', 'pointcept', 'in.pth'], 'the following arguments are required: out'),
    ],
)
def test_a_command_line_that_is_none_ends_with_2(words: list[str], said: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        dos_mm3d_entry.main(words)
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_what_a_user_can_mend_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        dos_mm3d_entry.main(['train', str(tmp_path / 'gone.py')])
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith(f'error: {tmp_path}/gone.py: no such config')


def test_configs_are_listed_by_words_of_their_paths(capsys: pytest.CaptureFixture) -> None:
    dos_mm3d_entry.main(['configs', 'dos', 'folder'])
    first, *_ = capsys.readouterr().out.splitlines()
    path, title = first.split('  ', 1)
    assert path == 'configs/dos/dos_second_folder.py' and len(title) > 10
    with pytest.raises(SystemExit, match='1'):
        dos_mm3d_entry.main(['configs', 'xyz'])
    assert 'no config has xyz in its path' in capsys.readouterr().err


def test_the_zoo_names_files_and_hashes(capsys: pytest.CaptureFixture) -> None:
    dos_mm3d_entry.main(['zoo'])
    out = capsys.readouterr().out
    assert out.count('sha256') == 4 and 'weights/second_small.pth' in out and ' MB' in out


def test_completion_knows_commands_their_own_commands_and_options() -> None:
    parser = completion.whole_parser()
    assert parser.parse_args(['train', 'c.py', '--resume']).resume == 'auto'
    assert parser.parse_args(['convert', 'pointcept', 'a', 'b', '--heads', '2']).heads == [2]
    text = completion.completion('bash')
    assert all(word in text for word in ('--auto-scale-lr', 'semantickitti', 'few_shot', 'pointcept', '--quiet'))
    assert subprocess.run(['bash', '-n'], input=text, text=True, check=False).returncode == 0
