"""What the environment is said to be, and which combinations are known not to work."""

from importlib import metadata

import pytest

from dos_mm3d.cli import collect_env
from dos_mm3d.studies.environment import Gpus, conflicts, describe_environment
from dos_mm3d.studies.runner import record
from tests.helpers.in_process import tool_in_process

CPU_ONLY = Gpus([], [])
HOPPER = Gpus([(9, 0)], ['sm_80', 'sm_90'])


def test_a_package_is_named_by_whatever_name_it_was_installed(monkeypatch):
    brought = {'spconv': ['spconv-cu999', 'spconv-cu999'], 'mmcv': ['onedl-mmcv'], 'other': ['other']}
    monkeypatch.setattr(metadata, 'packages_distributions', lambda: brought)
    monkeypatch.setattr(metadata, 'version', lambda name: f'version of {name}')
    record.distributions.cache_clear()
    try:
        assert set(record.versions()) == {'python', 'dos_mm3d', 'spconv-cu999', 'onedl-mmcv'}
        assert record.versions()['onedl-mmcv'] == 'version of onedl-mmcv'
    finally:
        record.distributions.cache_clear()


@pytest.mark.parametrize(
    ('packages', 'gpus', 'mmcv', 'spconv', 'said'),
    [
        ({'spconv': ['spconv', 'spconv-cu120']}, CPU_ONLY, 'CPU', 'CPU', ['spconv and spconv-cu120 overwrite each']),
        ({}, CPU_ONLY, 'CPU', 'CPU', []),
        ({}, CPU_ONLY, 'CUDA 12.6', 'CUDA', []),
        ({}, CPU_ONLY, 'do not load: undefined symbol', 'CPU', ['the operators of mmcv do not load: undefined symbol']),
        ({}, HOPPER, 'CUDA 12.6', 'CUDA', []),
        ({}, HOPPER, 'CPU', 'CPU', ['the operators of mmcv can use the CPU only', 'spconv can use the CPU only']),
        ({}, Gpus([(12, 0)], ['sm_80', 'sm_90']), 'CUDA 12', 'CUDA', ['not compiled for compute capability 12.0']),
        ({}, Gpus([(12, 0)], ['sm_80', 'compute_90']), 'CUDA 12', 'CUDA', []),
        ({}, Gpus([(8, 9), (7, 5)], ['sm_80']), 'CUDA 12', 'CUDA', ['not compiled for compute capability 7.5']),
    ],
)
def test_known_conflicts(packages, gpus, mmcv, spconv, said):
    found = conflicts(packages, gpus, mmcv, spconv)
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found))


def test_the_tool_prints_what_the_record_holds_and_ends_with_the_conflicts(monkeypatch, capsys):
    known = describe_environment()
    assert known['packages'] == record.versions() and 'torch' in known['packages'] and 'conflicts' in known
    known = known | {'conflicts': ['this and that']}
    monkeypatch.setattr(collect_env, 'describe_environment', lambda: known)
    with pytest.raises(SystemExit):
        tool_in_process('collect_env', monkeypatch)()
    printed = capsys.readouterr().out
    assert printed.endswith('conflicts:\n  this and that\n')
    assert f'torch {known["packages"]["torch"]}' in printed
