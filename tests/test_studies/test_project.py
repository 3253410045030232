"""Configs are found where the user is, and else in the project; commands run in a process of their own."""

import subprocess
from pathlib import Path

import pytest

from dos_mm3d.studies.project import ROOT, config_file, tool_command


def test_a_config_of_the_user_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = 'configs/dos/dos_second_folder.py'
    assert config_file(name) == config_file('dos/dos_second_folder.py') == ROOT / name
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).touch()
    assert config_file(name) == Path(name)
    assert config_file('dos/dos_second_folder.py') == ROOT / name


def test_what_is_nowhere_stays_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', '/home/someone')
    assert config_file('gone.py') == Path('gone.py')
    assert config_file('~/gone.py') == Path('/home/someone/gone.py')


@pytest.mark.slow
def test_a_command_is_one_of_dos_mm3d(tmp_path: Path) -> None:
    environment = {'PYTHONPATH': str(ROOT), 'PATH': '/usr/bin:/bin', 'HOME': str(tmp_path)}
    done = subprocess.run(
        tool_command('configs', 'zoo_ptv3'), cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith('configs/zoo/zoo_ptv3.py'), done.stderr
