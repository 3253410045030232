"""The teacher moves after real optimiser steps only; schedules are functions of the iteration (toy Runner, CPU)."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from dos_mm3d.engine.hooks import DOSHook, require_moved_teacher
from dos_mm3d.engine.hooks.dos import OptimizerStepCounter
from dos_mm3d.errors import InputError
from dos_mm3d.models.methods import DOS


class Toy(BaseModel):
    """One parameter; remembers when its teacher was updated and which steps it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.momenta, self.steps = [], []

    def forward(self, inputs, mode='loss', **_):
        return dict(loss=(self.weight * torch.stack(inputs)).sum())

    def set_step(self, step, total):
        self.steps.append((step, total))

    def update_teacher(self, momentum):
        self.momenta.append(momentum)


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


def test_teacher_follows_every_step_with_the_scheduled_momentum(tmp_path):
    runner = toy_runner(tmp_path, [DOSHook(momentum=(0.9, 1.0))])
    runner.train()
    assert len(runner.model.momenta) == 8
    assert runner.model.momenta[0] == pytest.approx(0.9)
    assert runner.model.momenta[-1] == pytest.approx(1.0)
    assert runner.model.steps == [(i, 8) for i in range(8)]


def test_gradient_accumulation_updates_once_per_real_step(tmp_path):
    runner = toy_runner(tmp_path, [DOSHook()], optim=dict(accumulative_counts=4))
    runner.train()
    assert len(runner.model.momenta) == 2


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


@pytest.mark.parametrize('momentum', [(1.0, 1.0), (1.0, 0.5), (0.9, 0.5), (-0.1, 1.0), (0.9, 1.1)])
def test_a_share_of_the_teacher_that_never_lets_it_move_or_falls_is_refused(momentum):
    with pytest.raises(InputError, match='momentum is the share of the teacher that stays'):
        DOSHook(momentum=momentum)
    assert DOSHook(momentum=(0.9, 0.9)).momentum == (0.9, 0.9)


def test_a_teacher_that_nothing_moves_is_refused():
    model = DOS.__new__(DOS)  # a StudentTeacher, without its parts
    require_moved_teacher(SimpleNamespace(model=model, hooks=[DOSHook()]))
    require_moved_teacher(SimpleNamespace(model=torch.nn.Identity(), hooks=[]))
    with pytest.raises(InputError, match=r'custom_hooks: has no DOSHook.*momentum=\(0\.994, 1\.0\)'):
        require_moved_teacher(SimpleNamespace(model=model, hooks=[]))
