"""train.py, test.py and the launch scripts on a toy model: they train, resume, test, and say what is wrong."""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dos_mm3d.engine import launch

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900

TOY_MODULE = '''
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS


@MODELS.register_module(force=True)
class ToolToyModel(BaseModel):
    """One linear layer on (x, 1), squared error to 1."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        torch.nn.init.constant_(self.layer.weight, 0.5)
        torch.nn.init.zeros_(self.layer.bias)

    def forward(self, inputs, mode='tensor'):
        loss = (self.layer(inputs) - 1).square().mean()
        return {'loss': loss} if mode == 'loss' else [loss]


@DATASETS.register_module(force=True)
class ToolToyData(torch.utils.data.Dataset):
    """Eight points on a line."""

    metainfo = {}

    def __init__(self, folder=None):
        if folder is not None:
            open(f'{folder}/infos.pkl')

    def __len__(self):
        return 8

    def __getitem__(self, i):
        return {'inputs': torch.tensor([i / 8, 1.0])}


@METRICS.register_module(force=True)
class ToolToyMetric(BaseMetric):
    """The mean loss."""

    def process(self, data_batch, data_samples):
        self.results.append(float(data_samples[0]))

    def compute_metrics(self, results):
        return {'mean_loss': sum(results) / len(results)}
'''

TOY_CONFIG = """
custom_imports = dict(imports=['tool_toy'])
default_scope = 'mmengine'
model = dict(type='ToolToyModel')
loader = dict(sampler=dict(type='DefaultSampler', shuffle=False), collate_fn=dict(type='default_collate'))
train_dataloader = dict(dataset=dict(type='ToolToyData'), batch_size=2, **loader)
train_cfg = dict(by_epoch=False, max_iters=4)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
env_cfg = dict(dist_cfg=dict(backend='nccl'))
randomness = dict(seed=0)
"""

TEST_SECTION = """
test_dataloader = dict(dataset=dict(type='ToolToyData'), batch_size=1, **loader)
test_cfg = dict()
test_evaluator = dict(type='ToolToyMetric')
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a toy config, importable module beside it; its name is its own, so that runners do not mix."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', f'{ROOT}{os.pathsep}{tmp_path}')
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'tool_toy.py').write_text(TOY_MODULE)
    config = tmp_path / f'{tmp_path.name}.py'
    config.write_text(TOY_CONFIG + TEST_SECTION)
    return config


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a tool in this process with these arguments."""

    def call_tool(tool: str, *arguments: object) -> None:
        monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *map(str, arguments)])
        launch.run_tool(importlib.import_module(f'tools.{tool}').main)

    return call_tool


def final_weights(work_dir: Path) -> dict[str, torch.Tensor]:
    return torch.load(work_dir / 'iter_4.pth', weights_only=True)['state_dict']


def shell(script: str, *arguments: object) -> str:
    """Run a script of tools/ to its end and return what it printed; a failure shows it."""
    command = ['bash', str(ROOT / 'tools' / script), *map(str, arguments)]
    environment = {**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason='trains two ranks on the CPU')
def test_two_cpu_ranks_train_and_test_like_one(toy: Path, call: Callable[..., None]) -> None:
    call('train', toy, '--work-dir', 'one')
    shell('dist_train.sh', toy, 2, '--work-dir', 'two', '--cfg-options', 'train_dataloader.batch_size=1')
    one, two = final_weights(Path('one')), final_weights(Path('two'))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-6, atol=1e-7)
    assert not torch.allclose(one['layer.weight'], torch.full((1, 2), 0.5)), 'nothing was trained'
    printed = shell('dist_test.sh', toy, 'two/iter_4.pth', 2, '--work-dir', 'tested')
    assert 'mean_loss' in printed


def test_work_dir_defaults_to_the_name_of_the_config(toy: Path, call: Callable[..., None]) -> None:
    call('train', toy, '--cfg-options', 'train_cfg.max_iters=2')
    assert (Path('work_dirs') / toy.stem / 'iter_2.pth').is_file()


def test_a_config_in_its_work_dir_stays_as_it_was_written(toy: Path, call: Callable[..., None]) -> None:
    written = toy.read_text()
    call('train', toy, '--work-dir', '.', '--cfg-options', 'train_cfg.max_iters=2')
    assert toy.read_text() == written
    [dumped] = Path.cwd().glob(f'2*/{toy.name}')
    assert 'max_iters=2' in dumped.read_text()


@pytest.mark.parametrize('resume', [['--resume'], ['--resume', 'halves/iter_2.pth']], ids=['latest', 'path'])
def test_two_and_two_steps_are_four(toy: Path, call: Callable[..., None], resume: list[str]) -> None:
    call('train', toy, '--work-dir', 'whole')
    call('train', toy, '--work-dir', 'halves', '--cfg-options', 'train_cfg.max_iters=2')
    call('train', toy, '--work-dir', 'halves', *resume)
    assert torch.equal(final_weights(Path('whole'))['layer.weight'], final_weights(Path('halves'))['layer.weight'])


def test_test_reports_the_metric(toy: Path, call: Callable[..., None], capfd: pytest.CaptureFixture) -> None:
    call('train', toy, '--work-dir', 'run')
    call('test', toy, 'run/iter_4.pth', '--work-dir', 'tested', '--metrics', 'metrics.json')
    captured = capfd.readouterr()
    assert 'mean_loss' in captured.out + captured.err
    assert json.loads(Path('metrics.json').read_text())['mean_loss'] > 0


def write_foreign(path: Path) -> Path:
    torch.save({'state_dict': {'other.weight': torch.zeros(3)}}, path)
    return path


CASES = {
    'no config': (('train', 'nowhere.py'), ['nowhere.py', 'no such config']),
    'no checkpoint': (('test', '{toy}', 'nowhere.pth'), ['nowhere.pth', 'no such checkpoint']),
    'other checkpoint': (('test', '{toy}', '{foreign}'), ['foreign.pth', 'other.weight', 'layer.weight']),
    'other start': (('train', '{toy}', '--cfg-options', 'load_from={foreign}'), ['foreign.pth', 'layer.weight']),
    'resume of nothing': (('train', '{toy}', '--resume', 'nowhere.pth'), ['nowhere.pth']),
    'no data': (('train', '{toy}', '--cfg-options', 'train_dataloader.dataset.folder=gone'), ['gone/infos.pkl']),
    'one file for two': (
        ('test', '{toy}', '{foreign}', '--metrics', 'a.json', '--confusion', './a.json'),
        ['a.json', 'name this one file'],
    ),
    'no such compiler': (
        ('train', '{toy}', '--cfg-options', 'compile.backend=nope'),
        ["'nope'", 'its backends are', 'inductor'],
    ),
    'no such way to compile': (
        ('train', '{toy}', '--cfg-options', 'compile.mod=fast'),
        ['torch cannot compile so (TypeError', "'mod'"],
    ),
    'compile no settings': (
        ('train', '{toy}', '--cfg-options', 'compile=inductor'),
        ["compile='inductor': wanted True"],
    ),
    'no base batch size': (('train', '{toy}', '--auto-scale-lr'), ['--auto-scale-lr', 'base_batch_size']),
}


@pytest.mark.parametrize('case', sorted(CASES))
def test_what_a_user_can_act_on_is_one_message(
    toy: Path, call: Callable[..., None], capsys: pytest.CaptureFixture, case: str
) -> None:
    arguments, wanted = CASES[case]
    foreign = write_foreign(toy.parent / 'foreign.pth')
    with pytest.raises(SystemExit) as stop:
        call(*(argument.format(toy=toy, foreign=foreign) for argument in arguments))
    assert stop.value.code == 1
    message = capsys.readouterr().err
    assert 'error: ' in message and 'Traceback' not in message
    assert all(part in message for part in wanted), message


@pytest.mark.skipif(torch.cuda.is_available(), reason='the message is for machines without a GPU')
@pytest.mark.parametrize('arguments', [['--amp'], ['--cfg-options', 'optim_wrapper.type=AmpOptimWrapper']])
def test_amp_without_a_gpu_is_one_sentence(
    toy: Path, call: Callable[..., None], capsys: pytest.CaptureFixture, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        call('train', toy, *arguments)
    message = capsys.readouterr().err.strip()
    assert stop.value.code == 1
    assert message.startswith('error: mixed precision') and 'needs a GPU' in message and '\n' not in message


def test_nothing_to_test_is_said(toy: Path, call: Callable[..., None], capsys: pytest.CaptureFixture) -> None:
    toy.write_text(TOY_CONFIG)
    with pytest.raises(SystemExit):
        call('test', toy, 'any.pth')
    assert re.search('nothing to test.*test_dataloader', capsys.readouterr().err)


def test_augmentation_that_the_config_lacks_is_said(
    toy: Path, call: Callable[..., None], capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        call('test', toy, 'any.pth', '--tta')
    assert '--tta needs tta_pipeline, tta_model' in capsys.readouterr().err


def test_slurm_gets_openmmlabs_arguments(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """srun is replaced by a script that prints what it is given."""
    srun = toy.parent / 'srun'
    srun.write_text('#!/usr/bin/env bash\necho "port $MASTER_PORT"\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    monkeypatch.setenv('PATH', f'{toy.parent}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setenv('GPUS', '16')
    lines = shell('slurm_train.sh', 'part', 'job', toy, 'work', '--resume').splitlines()
    assert {'--partition=part', '--job-name=job', '--ntasks=16', '--ntasks-per-node=8', '--gres=gpu:8'} <= set(lines)
    assert lines[-6:] == [str(toy), '--work-dir', 'work', '--launcher', 'slurm', '--resume']
    assert '--cpus-per-task=8' in lines, 'six workers of the loader, and the process itself'
    ports = {shell('slurm_train.sh', 'part', 'job', toy, 'work').splitlines()[0] for _ in range(3)}
    assert len(ports) > 1 and all(20000 <= int(port.removeprefix('port ')) < 40000 for port in ports)
    monkeypatch.setenv('PORT', '23456')
    monkeypatch.setenv('CPUS_PER_TASK', '12')
    lines = shell('slurm_train.sh', 'part', 'job', toy, 'work').splitlines()
    assert lines[0] == 'port 23456' and '--cpus-per-task=12' in lines
