"""`--out=~/x` reaches a tool as it was typed: shells put the home folder in only where the word begins with `~`."""

import argparse
import importlib.util
import os
import sys

import pytest

OPTIONS = {
    'ablate': (['~/ladder.py', '--out=~/out'], ['ladder', 'out']),
    'browse_dataset': (['~/c.py', '--output-dir=~/o', '--work-dir=~/w'], ['config', 'output_dir', 'work_dir']),
    'build_zoo': (['second_small', '~/a.pth', '--weights=~/w'], ['checkpoint', 'weights']),
    'check_configs': (['~/a.py', '--work-dir=~/w', '--record=~/r'], ['work_dir', 'record']),
    'convert_asymdsd': (['~/in.pth', '~/out.pth'], ['checkpoint', 'out']),
    'convert_pointcept': (['~/in.pth', '~/out.pth', '--config=~/c.py'], ['checkpoint', 'out', 'config']),
    'create_data': (['semantickitti', '--root-path=~/d', '--out-dir=~/o'], ['root_path', 'out_dir']),
    'create_synthetic': (['--out=~/o'], ['out']),
    'export_backbone': (['~/in.pth', '~/out.pth'], ['checkpoint', 'out']),
    'fault_campaign': (['--out=~/o', '--record=~/r'], ['out', 'record']),
    'gpu_check': (['--out=~/o'], ['out']),
    'quickstart': (['--work-dir=~/w'], ['work_dir']),
    'test': (
        ['~/c.py', '~/k.pth', '--metrics=~/m', '--confusion=~/x'],
        ['config', 'checkpoint', 'metrics', 'confusion'],
    ),
    'train': (['~/c.py', '--work-dir=~/w'], ['config', 'work_dir']),
    'visualize_detections': (
        ['~/c.py', '~/k.pth', '--out-dir=~/o', '--work-dir=~/w'],
        ['config', 'out_dir', 'work_dir'],
    ),
    'visualize_features': (['~/a.bin', '--checkpoint=~/c.pth', '--out-dir=~/o'], ['out_dir']),
}


def parsed(tool: str) -> argparse.Namespace:
    """What a tool makes of the command line; what is no command of `dos-mm3d` has its parser in its script."""
    if importlib.util.find_spec(f'dos_mm3d.cli.{tool}'):
        return importlib.import_module(f'dos_mm3d.cli.{tool}').make_parser().parse_args()
    return importlib.import_module(f'tools.{tool}').parse_args()


@pytest.mark.parametrize('tool', OPTIONS)
def test_every_path_of_a_tool_may_begin_in_the_home_folder(tool, monkeypatch):
    arguments, names = OPTIONS[tool]
    monkeypatch.setenv('HOME', '/home/someone')
    monkeypatch.setattr(sys, 'argv', [tool, *arguments])
    monkeypatch.setattr(sys, 'path', [*sys.path])
    found = parsed(tool)
    assert {name: os.fspath(getattr(found, name)).partition('someone/')[0] for name in names} == dict.fromkeys(
        names, '/home/'
    )


@pytest.mark.parametrize(
    ('tool', 'arguments'),
    [
        ('create_data', ['kitti', '--out-dir', '']),
        ('create_data', ['zoo_world', '--out-dir', '']),
        ('create_synthetic', ['--out', '']),
        ('export_backbone', ['in.pth', '']),
        ('convert_asymdsd', ['in.pth', '']),
        ('train', ['c.py', '--work-dir', '']),
    ],
)
def test_an_empty_path_is_not_the_current_folder(tool, arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [tool, *arguments])
    monkeypatch.setattr(sys, 'path', [*sys.path])
    with pytest.raises(SystemExit, match='2'):
        parsed(tool)
    assert 'an empty path' in capsys.readouterr().err


def test_a_path_with_a_name_before_it_too(monkeypatch):
    monkeypatch.setenv('HOME', '/home/someone')
    named_path = importlib.import_module('dos_mm3d.studies.runner.tool').named_path
    name, path = named_path('synthetic=~/run/iter_4.pth')
    assert (name, str(path)) == ('synthetic', '/home/someone/run/iter_4.pth')
    assert str(named_path('~/x')[1]) == '/home/someone/x'


@pytest.mark.parametrize(
    ('tool', 'arguments'),
    [
        ('benchmark', ['conv', '--json', 'new/']),
        ('check_configs', ['--record', 'new/']),
        ('convert_asymdsd', ['in.pth', 'new/']),
        ('convert_pointcept', ['in.pth', 'new/']),
        ('export_backbone', ['in.pth', 'new/']),
        ('fault_campaign', ['--record', 'new/']),
        ('run_protocol', ['linear_probe', '--record', 'new/']),
        ('test', ['c.py', 'in.pth', '--metrics', 'new/']),
        ('test', ['c.py', 'in.pth', '--confusion', 'new/']),
    ],
)
def test_a_folder_in_the_place_of_a_file_to_write_is_said(tool, arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [tool, *arguments])
    monkeypatch.setattr(sys, 'path', [*sys.path])
    with pytest.raises(SystemExit, match='2'):
        parsed(tool)
    assert 'new/ names a folder; name a file to write, such as new/NAME' in capsys.readouterr().err
