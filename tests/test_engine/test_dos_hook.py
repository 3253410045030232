"""The teacher moves after real optimiser steps only; schedules are functions of the iteration (toy Runner, CPU)."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from dos_mm3d.engine.hooks import CollapseError, CollapseMonitorHook, DOSHook
from dos_mm3d.engine.hooks.dos import OptimizerStepCounter

HEALTHY = dict(
    column_entropy=0.6, feature_spread=0.9, effective_rank=12, cosine_std=0.2, prototypes_used=0.8, largest_usage=0.1
)


class Toy(BaseModel):
    """One parameter; remembers when its teacher was updated and which steps it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.keeps, self.steps = [], []
        self.statistics = dict(HEALTHY)

    def forward(self, inputs, mode='loss', **_):
        return dict(loss=(self.weight * torch.stack(inputs)).sum())

    def set_step(self, step, total):
        self.steps.append((step, total))

    def update_teacher(self, keep):
        self.keeps.append(keep)

    def collapse_statistics(self):
        return self.statistics


class Ones(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return dict(inputs=torch.ones(1), skipped='broken.bin: truncated' if index == 3 else '')


def toy_runner(tmp_path, hooks, *, iterations=8, optim=None) -> Runner:
    return Runner(
        model=Toy(),
        work_dir=str(tmp_path),
        train_dataloader=dict(
            batch_size=1, num_workers=0, dataset=Ones(), sampler=dict(type='DefaultSampler', shuffle=False)
        ),
        train_cfg=dict(by_epoch=False, max_iters=iterations),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1), **(optim or {})),
        custom_hooks=hooks,
        default_scope='mmengine',
        experiment_name=tmp_path.name,
    )


def test_teacher_follows_every_step_with_the_scheduled_keep(tmp_path):
    runner = toy_runner(tmp_path, [DOSHook(teacher_keep=(0.9, 1.0))])
    runner.train()
    assert len(runner.model.keeps) == 8
    assert runner.model.keeps[0] == pytest.approx(0.9)
    assert runner.model.keeps[-1] == pytest.approx(1.0)
    assert runner.model.steps == [(i, 8) for i in range(8)]


def test_gradient_accumulation_updates_once_per_real_step(tmp_path):
    runner = toy_runner(tmp_path, [DOSHook()], optim=dict(accumulative_counts=4))
    runner.train()
    assert len(runner.model.keeps) == 2


def test_a_step_that_the_scaler_skips_does_not_move_the_teacher():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight], lr=0.1)
    counter = OptimizerStepCounter(optimizer)
    scaler = torch.amp.GradScaler('cpu', init_scale=4.0)
    seen = []
    for factor in (1.0, float('inf'), 1.0):
        optimizer.zero_grad()
        scaler.scale((weight * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        seen.append(counter.count)
    assert seen == [1, 1, 2]


def test_a_fused_step_that_reports_an_overflow_is_not_counted():
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    counter = OptimizerStepCounter(optimizer)
    optimizer.found_inf = torch.tensor(1.0)
    optimizer.step()
    optimizer.found_inf = torch.tensor(0.0)
    optimizer.step()
    assert counter.count == 1


def test_skipped_sweeps_are_counted_and_named(tmp_path, monkeypatch):
    runner = toy_runner(tmp_path, [DOSHook()])
    lines = []
    monkeypatch.setattr(runner.logger, 'warning', lines.append)
    runner.train()
    assert any('broken.bin: truncated' in line for line in lines)
    assert runner.message_hub.get_scalar('train/sweeps_skipped').current() == 1


@pytest.mark.parametrize(
    ('statistic', 'value', 'hint'),
    [
        ('effective_rank', 1.1, 'learning rate'),
        ('cosine_std', 0.001, 'teacher_temperature'),
        ('prototypes_used', 0.01, 'alpha'),
        ('largest_usage', 0.99, 'alpha'),
        ('column_entropy', 1.0, 'constant'),
    ],
)
def test_collapse_stops_the_run_and_names_the_setting(tmp_path, statistic, value, hint):
    runner = toy_runner(tmp_path, [CollapseMonitorHook(interval=1, patience=3, warmup_iters=0)])
    runner.model.statistics[statistic] = value
    with pytest.raises(CollapseError, match=f'{statistic} is .*{hint}'):
        runner.train()
    assert runner.iter == 2, 'patience is three looks'


def test_a_healthy_run_is_logged_and_not_stopped(tmp_path):
    runner = toy_runner(tmp_path, [CollapseMonitorHook(interval=2, patience=1, warmup_iters=0)])
    runner.train()
    history = runner.message_hub.get_scalar('train/effective_rank')
    assert history.current() == 12
    assert len(history.data[0]) == 4


def test_warmup_and_recovery_are_not_collapse(tmp_path):
    hook = CollapseMonitorHook(interval=1, patience=2, warmup_iters=4)
    runner = toy_runner(tmp_path, [hook])
    runner.model.set_step = lambda *_: None
    values = iter([0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 9.0])
    runner.model.collapse_statistics = lambda: {**HEALTHY, 'effective_rank': next(values)}
    runner.train()
    assert runner.iter == 8


def test_warn_mode_goes_on(tmp_path, monkeypatch):
    runner = toy_runner(tmp_path, [CollapseMonitorHook(interval=1, patience=2, warmup_iters=0, on_collapse='warn')])
    runner.model.statistics['cosine_std'] = 0.0
    lines = []
    monkeypatch.setattr(runner.logger, 'warning', lines.append)
    runner.train()
    assert sum('collapsed' in line for line in lines) == 4


def test_a_loss_of_nan_stops_at_once():
    runner = SimpleNamespace(iter=7, work_dir='work')
    with pytest.raises(CollapseError, match=r'the loss is nan at iteration 8'):
        CollapseMonitorHook().check_finite(runner, dict(loss=torch.tensor(float('nan'))))
