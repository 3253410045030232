"""tools/install.sh with stand-ins that install nothing for Python, the compiler, the GPU's tools and the disk."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
COPIED = ('requirements.txt', 'setup.cfg', 'pyproject.toml', 'tools/install.sh', 'tools/install_checks.sh')

# Answers what install.sh asks of Python: its version, a virtual environment (itself again), pip, the last imports.
PYTHON = """
case "$*" in
    *version_info*) echo "${FAKE_VERSION:-3.11}" ;;
    "-m venv --clear"*) rm -rf "${@: -1}"/*; mkdir -p "${@: -1}/bin" "${@: -1}/lib/python3.11/site-packages"
        cp "$0" "${@: -1}/bin/python" ;;
    "-m pip cache"*) [[ -z "${CACHED:-}" ]] || echo "$CACHED" ;;
    "-m pip"*) state="gpus=${CUDA_VISIBLE_DEVICES-all} flags=${CFLAGS:-} path=${PYTHONPATH:-}"
        echo "$* force=${FORCE_CUDA:-} $state" >>"$CALLS"
        [[ "$*" != *"${FAIL_ON:-nothing}"* ]] ;;
    "- cuda") [[ "${OPERATORS_ARE:-}" == cuda ]] ;;
    "- cpu" | "-c import spconv"* | "-c ") exit 0 ;;
    "-c from torch"*) echo /torch/include ;;
    *) exec "$REAL_PYTHON" "$@" ;;
esac
"""
COMPILER = 'echo "c++ $*" >>"$CALLS"; [[ "$*" != --version ]] || echo "${COMPILER_OF:-Free Software Foundation, Inc.}"'
NVIDIA_SMI = '[[ -n "${GPUS:-}" ]] && echo -e "$GPUS"'
NVCC = '[[ -n "${CUDA_RELEASE:-}" ]] && echo "Cuda compilation tools, release $CUDA_RELEASE, V$CUDA_RELEASE.88"'
DF = 'echo "Filesystem 1024-blocks"; echo "/dev/disk 1 1 $((${FREE_GB:-100} * 1024 * 1024)) 1% /"'
HOPPER = '580.65.06, 9.0'


def put_script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/usr/bin/env bash\n{body}\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of the files that installing reads, and the stand-ins; no GPU, an nvcc that says nothing."""
    for name in COPIED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    put_script(tmp_path / 'bin/nvidia-smi', NVIDIA_SMI)
    put_script(tmp_path / 'bin/df', DF)
    put_script(tmp_path / 'cuda/bin/nvcc', NVCC)
    values = {
        'PYTHON': put_script(tmp_path / 'python_stand_in', PYTHON),
        'CXX': put_script(tmp_path / 'compiler', COMPILER),
        'CUDA_HOME': tmp_path / 'cuda',
        'REAL_PYTHON': sys.executable,
        'CALLS': tmp_path / 'calls',
        'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}',
    }
    for name in ('DOS_DEVICE', 'DOS_SPCONV', 'MMCV_WHEEL', 'PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'CFLAGS'):
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path


def install(copy: Path) -> subprocess.CompletedProcess:
    """Run the script from another folder, without a terminal."""
    command = ['bash', str(copy / 'tools' / 'install.sh')]
    return subprocess.run(command, cwd='/', stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)


def calls(copy: Path, start: str) -> list[str]:
    file = copy / 'calls'
    return [line for line in file.read_text().splitlines() if line.startswith(start)] if file.exists() else []


def pip_calls(copy: Path) -> list[str]:
    return calls(copy, '-m pip')


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


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


def test_what_was_chosen_stands_until_something_else_is_said(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = put_script(copy / 'python "=" other', f'FAKE_VERSION=3.12\n{PYTHON}')
    set_all(monkeypatch, {'PYTHON': str(other), 'MMCV_WHEEL': '/wheels/mmcv.whl', 'DOS_DEVICE': 'cpu'})
    assert 'virtual environment for Python 3.12' in install(copy).stdout
    for name in ('PYTHON', 'MMCV_WHEEL', 'DOS_DEVICE'):
        monkeypatch.delenv(name)
    again = install(copy).stdout
    assert 'up to date' in again
    assert f'[install: as before] PYTHON={other}\n[install: as before] DOS_DEVICE=cpu\n' in again
    monkeypatch.setenv('PYTHON', str(copy / 'python_stand_in'))
    assert 'virtual environment for Python 3.11' in install(copy).stdout


def test_a_broken_off_install_is_not_taken_for_done(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FAIL_ON', 'mmdet3d==')
    broken = install(copy)
    assert broken.returncode == 1
    assert 'install: installing mmdet3d failed' in broken.stderr
    monkeypatch.delenv('FAIL_ON')
    again = install(copy)
    assert again.returncode == 0 and 'up to date' not in again.stdout


def test_an_environment_behind_a_link_is_left_alone(copy: Path) -> None:
    theirs = copy / 'other_checkout/.venv'
    theirs.mkdir(parents=True)
    (theirs / 'pyvenv.cfg').touch()
    (copy / '.venv').symlink_to(theirs)
    refused = install(copy)
    assert refused.returncode == 1
    assert f'is a link, to {theirs}' in refused.stderr
    assert [path.name for path in theirs.iterdir()] == ['pyvenv.cfg']


SPCONVS = {'spconv', 'spconv-cu126', 'spconv-cu120'}


@pytest.mark.parametrize(
    ('values', 'wanted'),
    [
        ({}, 'spconv'),
        ({'GPUS': HOPPER}, 'spconv-cu126'),
        ({'GPUS': HOPPER, 'DOS_SPCONV': 'cu120'}, 'spconv-cu120'),
        ({'GPUS': f'{HOPPER}\n580.65.06, 12.0'}, 'spconv'),
        ({'GPUS': HOPPER, 'DOS_SPCONV': 'triton', 'FAKE_VERSION': '3.13'}, 'spconv'),
        ({'GPUS': HOPPER, 'DOS_DEVICE': 'cpu'}, 'spconv'),
        ({'GPUS': 'No devices were found'}, 'spconv'),
    ],
    ids=['cpu', 'hopper', 'cu120', 'blackwell beside hopper', 'triton', 'cpu beside a gpu', 'a driver without gpu'],
)
def test_one_spconv_for_each_kind_of_machine(
    copy: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], wanted: str
) -> None:
    set_all(monkeypatch, values | {'FAIL_ON': 'mmengine=='})  # what comes after stage 2 is the same
    install(copy)
    ordinary = next(line for line in pip_calls(copy) if 'requirements.txt' in line).split()
    names = {word.split('==')[0] for word in ordinary}
    assert names & SPCONVS == {wanted}
    assert {'torch', 'triton', 'spconv-triton'} <= names


@pytest.mark.parametrize(
    ('values', 'wanted'),
    [
        ({'FAKE_VERSION': '3.9'}, 'Python 3.10 to 3.13 is needed, found:'),
        ({'FAKE_VERSION': '3.1'}, 'Python 3.10 to 3.13 is needed, found:'),
        ({'PYTHON': '/nowhere/python'}, '/nowhere/python (not found)'),
        ({'CXX': 'no-such-compiler'}, 'no C++ compiler: no-such-compiler'),
        ({'CXX': 'false'}, 'false does not compile C++17'),
        ({'DOS_DEVICE': 'tpu'}, "must be cpu or gpu, got 'tpu'"),
        ({'FREE_GB': '13'}, 'takes up to 14 GB'),
        ({'FREE_GB': '4', 'PIP_EXTRA_INDEX_URL': 'file:///torch'}, 'takes up to 5 GB'),
        ({'GPUS': '550.54.15, 8.9'}, 'the NVIDIA driver is 550.54.15, and torch for CUDA 13 needs 580 or newer'),
        ({'GPUS': f'{HOPPER}\n580.65.06, 7.0'}, 'compute capability 7.0, and torch for CUDA 13 has code from 7.5'),
        ({'GPUS': HOPPER, 'DOS_SPCONV': 'cu118'}, "DOS_SPCONV must be cu126, cu120 or triton, got 'cu118'"),
        ({'GPUS': HOPPER, 'DOS_SPCONV': 'cu120', 'FAKE_VERSION': '3.12'}, 'DOS_SPCONV=cu120 needs Python 3.10 or 3.11'),
    ],
)
def test_what_is_missing_is_one_sentence_before_any_download(
    copy: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], wanted: str
) -> None:
    set_all(monkeypatch, values)
    refused = install(copy)
    assert refused.returncode == 1
    assert wanted in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (copy / '.venv').exists() and not pip_calls(copy)


@pytest.mark.parametrize(
    ('values', 'why'), [({}, 'there is no nvcc'), ({'CUDA_RELEASE': '12.8'}, 'is of CUDA 12, torch of CUDA 13')]
)
def test_without_a_fitting_nvcc_the_install_ends_usable(
    copy: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], why: str
) -> None:
    set_all(monkeypatch, values | {'GPUS': HOPPER, 'FAIL_ON': '--only-binary'})
    done = install(copy)
    assert done.returncode == 0, done.stderr
    before, after = (line for line in done.stdout.splitlines() if why in line)
    assert 'unless pip finds a wheel' in before
    assert 'detection and Cylinder3D on the GPU need' in after and 'MMCV_WHEEL or PIP_FIND_LINKS' in after
    built = pip_calls(copy)[-2]
    assert 'force= gpus= ' in built and f'-include {copy}' in built


def test_with_nvcc_mmcv_is_compiled_for_cuda(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {'GPUS': HOPPER, 'CUDA_RELEASE': '13.0', 'FAIL_ON': '--only-binary', 'OPERATORS_ARE': 'cuda'}
    set_all(monkeypatch, values)
    done = install(copy)
    assert done.returncode == 0, done.stderr
    assert 'note' not in done.stdout
    assert 'force=1 gpus=all' in pip_calls(copy)[-2] and '-include' not in pip_calls(copy)[-2]


@pytest.mark.parametrize('operators', ['cuda', 'cpu'])
def test_a_named_wheel_of_mmcv_must_hold_cuda_operators(
    copy: Path, monkeypatch: pytest.MonkeyPatch, operators: str
) -> None:
    set_all(monkeypatch, {'GPUS': HOPPER, 'MMCV_WHEEL': '/wheels/mmcv.whl', 'OPERATORS_ARE': operators})
    done = install(copy)
    assert any('/wheels/mmcv.whl' in line for line in pip_calls(copy))
    assert (done.returncode == 0) == (operators == 'cuda')
    assert ('installing mmcv failed' in done.stderr) == (operators == 'cpu')


@pytest.mark.parametrize(
    ('values', 'precompiled'), [({}, True), ({'CACHED': 'mmcv.whl'}, False), ({'COMPILER_OF': 'clang'}, False)]
)
def test_headers_are_precompiled_for_a_build_by_gcc(
    copy: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], precompiled: bool
) -> None:
    set_all(monkeypatch, values)
    assert install(copy).returncode == 0
    (built,) = (line for line in pip_calls(copy) if ' mmcv==' in line)
    assert f'path={copy}/tools/mmcv_build' in built and '/mmcv_build' not in pip_calls(copy)[-1]
    assert any('-I/torch/include' in line and '-x c++-header' in line for line in calls(copy, 'c++')) == precompiled


def extras() -> dict[str, list[str]]:
    cfg = configparser.ConfigParser()
    cfg.read(ROOT / 'setup.cfg')
    return {name: text.split('\n')[1:] for name, text in cfg['options.extras_require'].items()}


def test_every_requirement_is_pinned_once_for_each_python() -> None:
    ordinary = [line for line in (ROOT / 'requirements.txt').read_text().splitlines() if line and line[0] != '#']
    pins = [Requirement(pin) for pin in ordinary + [pin for lines in extras().values() for pin in lines]]
    assert all(re.fullmatch(r'==[\w.]+', str(pin.specifier)) for pin in pins)
    for python in ('3.10', '3.11', '3.12', '3.13'):
        wanted = [pin for pin in pins if not pin.marker or pin.marker.evaluate({'python_version': python})]
        names = [canonicalize_name(pin.name) for pin in wanted]
        assert len(names) == len(set(names))
        assert 'numpy' in names


def test_the_scripts_hold_no_version_of_a_package() -> None:
    for name in ('install.sh', 'install_checks.sh'):
        assert not re.findall(r'[\w-]+==\d', (ROOT / 'tools' / name).read_text())


def test_a_plain_exec_writes_into_its_function_while_mmcv_is_built() -> None:
    """As mmcv's setup.py wants it; from Python 3.13 on this needs what is tested here."""
    code = """
def version():
    exec("found = '2.1.0'")
    return locals()['found']
apart = {}
exec('found = 1', apart)
print(version(), apart['found'], 'found' in globals())
"""
    environment = os.environ | {'PYTHONPATH': str(ROOT / 'tools' / 'mmcv_build')}
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['2.1.0', '1', 'False']
