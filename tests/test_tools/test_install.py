"""tools/install.sh with a stand-in for Python that installs nothing: when it works, when it stops, what it refuses."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = ('requirements.txt', 'setup.cfg', 'pyproject.toml', 'tools/install.sh')

# Answers what install.sh asks of Python: its version, a virtual environment (itself again), pip, the last imports.
STAND_IN = """#!/usr/bin/env bash
case "$*" in
    *version_info*) echo "${FAKE_VERSION:-3.11}" ;;
    "-m venv"*) mkdir -p "${@: -1}/bin" "${@: -1}/lib/python3.11/site-packages"; cp "$0" "${@: -1}/bin/python" ;;
    "-m pip"*) echo "$*" >>"$PIP_CALLS"; [[ "$*" != *"${FAIL_ON:-nothing}"* ]] ;;
    "- cpu" | "- gpu") exit 0 ;;
    "-c import spconv"* | "-c ") exit 0 ;;
    *) exec "$REAL_PYTHON" "$@" ;;
esac
"""


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of the four files that installing reads, and a stand-in Python."""
    for name in PINNED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    stand_in = tmp_path / 'python_stand_in'
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    values = {'PYTHON': stand_in, 'REAL_PYTHON': sys.executable, 'PIP_CALLS': tmp_path / 'calls', 'DOS_DEVICE': 'cpu'}
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path


def install(copy: Path) -> subprocess.CompletedProcess:
    """Run the script from another folder, without a terminal."""
    return subprocess.run(
        ['bash', str(copy / 'tools' / 'install.sh')],
        cwd='/',
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


def pip_calls(copy: Path) -> list[str]:
    calls = copy / 'calls'
    return calls.read_text().splitlines() if calls.exists() else []


def test_it_is_redone_only_when_a_pin_changes(copy: Path) -> None:
    first = install(copy)
    assert first.returncode == 0, first.stderr
    assert [f'stage {n} of 6' in first.stdout for n in range(1, 7)] == [True] * 6
    n_calls = len(pip_calls(copy))
    assert n_calls >= 5
    assert 'up to date' in install(copy).stdout
    assert len(pip_calls(copy)) == n_calls
    with open(copy / 'requirements.txt', 'a') as file:
        file.write('another==1.0\n')
    assert 'up to date' not in install(copy).stdout
    assert len(pip_calls(copy)) == 2 * n_calls


def test_a_broken_off_install_is_not_taken_for_done(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FAIL_ON', 'mmdet3d==')
    broken = install(copy)
    assert broken.returncode == 1
    assert 'install: installing mmdet3d failed' in broken.stderr
    monkeypatch.delenv('FAIL_ON')
    again = install(copy)
    assert again.returncode == 0 and 'up to date' not in again.stdout


@pytest.mark.parametrize(
    ('device', 'own', 'other'), [('cpu', 'spconv==', 'spconv-cu120=='), ('gpu', 'spconv-cu120==', 'spconv==')]
)
def test_each_kind_of_machine_gets_its_own_wheels(
    copy: Path, monkeypatch: pytest.MonkeyPatch, device: str, own: str, other: str
) -> None:
    monkeypatch.setenv('DOS_DEVICE', device)
    monkeypatch.setenv('PIP_FIND_LINKS', '/a/folder/with/a/wheel/of/mmcv')
    assert install(copy).returncode == 0
    words = ' '.join(pip_calls(copy)).split()
    assert any(word.startswith(own) for word in words)
    assert not any(word.startswith(other) for word in words)


@pytest.mark.parametrize(
    ('name', 'value', 'wanted'),
    [
        ('FAKE_VERSION', '3.12', 'Python 3.10 or 3.11 is needed, found:'),
        ('PYTHON', '/nowhere/python', '/nowhere/python (not found)'),
        ('CXX', 'no-such-compiler', 'no C++ compiler'),
        ('DOS_DEVICE', 'tpu', "must be cpu or gpu, got 'tpu'"),
    ],
)
def test_what_is_missing_is_one_sentence(
    copy: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(name, value)
    refused = install(copy)
    assert refused.returncode == 1
    assert wanted in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (copy / '.venv').exists() and not pip_calls(copy)


def test_without_nvcc_nothing_is_downloaded_for_a_gpu(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DOS_DEVICE', 'gpu')
    monkeypatch.delenv('PIP_FIND_LINKS', raising=False)
    folders = [folder for folder in os.environ['PATH'].split(':') if not (Path(folder) / 'nvcc').exists()]
    monkeypatch.setenv('PATH', ':'.join(folders))
    refused = install(copy)
    assert refused.returncode == 1
    assert 'a GPU is here but nvcc is not' in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
    assert not (copy / '.venv').exists() and not pip_calls(copy)


def extras() -> dict[str, list[str]]:
    cfg = configparser.ConfigParser()
    cfg.read(ROOT / 'setup.cfg')
    return {name: text.split('\n')[1:] for name, text in cfg['options.extras_require'].items()}


def test_every_requirement_is_pinned_once() -> None:
    ordinary = [line for line in (ROOT / 'requirements.txt').read_text().splitlines() if line and line[0] != '#']
    pins = ordinary + [pin for name, lines in extras().items() if name != 'gpu' for pin in lines]
    assert all(re.fullmatch(r'[\w.-]+==[\w.]+(; python_version < "3\.11")?', pin) for pin in pins + extras()['gpu'])
    names = [pin.split('==')[0].lower().replace('_', '-') for pin in pins]
    assert len(names) == len(set(names))


def test_the_script_holds_no_version_of_a_package() -> None:
    assert not re.findall(r'[\w-]+==\d', (ROOT / 'tools' / 'install.sh').read_text())
