"""A data-bound run says so, with share and remedy; what else lies between two iterations is not blamed on the data."""

from pathlib import Path

import pytest
import torch
from mmdet3d.registry import HOOKS
from mmengine.config import Config
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from dos_mm3d.engine.hooks import DataWaitHook, data_wait

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


class Clock:
    """Stands still but for what its users say they take."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __deepcopy__(self, memo: dict) -> 'Clock':
        return self  # mmengine copies data sets

    def perf_counter(self) -> float:
        return self.now_s

    def take(self, seconds: float) -> None:
        self.now_s += seconds


class Loader(Dataset):
    """Each sample takes ``wait_s``, the first one of all a minute more."""

    def __init__(self, clock: Clock, wait_s: float, first_s: float = 60.0) -> None:
        self.clock, self.wait_s, self.first_s = clock, wait_s, first_s

    def __len__(self):
        return 1000

    def __getitem__(self, index):
        self.clock.take(self.wait_s + self.first_s)
        self.first_s = 0.0
        return dict(inputs=torch.ones(1))


class Toy(BaseModel):
    """A step takes one second."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, inputs, mode='loss', **_):
        self.clock.take(1.0)
        return dict(loss=(self.weight * torch.stack(inputs)).sum()) if mode == 'loss' else [torch.zeros(1)]


class Saving(Hook):
    """Takes nine seconds after each iteration, as late as a checkpoint."""

    priority = 'VERY_LOW'

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.clock.take(9.0)

    def after_train_epoch(self, runner):
        self.clock.take(900.0)


class NoMetric(BaseMetric):
    def process(self, data_batch, data_samples): ...

    def compute_metrics(self, results):
        return dict(nothing=0.0)


def warnings_of(monkeypatch, tmp_path, wait_s: float, *, hooks=(), **train_cfg) -> list[str]:
    """What a run of steps of one second, each after ``wait_s`` of loading, warns of."""
    clock = Clock()
    monkeypatch.setattr(data_wait, 'time', clock)
    loader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False))
    validation = {}
    if 'val_interval' in train_cfg:
        validation = dict(
            val_dataloader={**loader, 'dataset': torch.utils.data.Subset(Loader(clock, 5.0), range(4))},
            val_cfg={},
            val_evaluator=Evaluator([NoMetric()]),
        )
    runner = Runner(
        model=Toy(clock),
        work_dir=str(tmp_path),
        train_dataloader={**loader, 'dataset': Loader(clock, wait_s)},
        train_cfg=train_cfg,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[DataWaitHook(interval=10), *(hook(clock) for hook in hooks)],
        default_scope='mmengine',
        experiment_name=tmp_path.name,
        **validation,
    )
    messages: list[str] = []
    monkeypatch.setattr(runner.logger, 'warning', lambda message, *_: messages.append(message))
    runner.train()
    return [message for message in messages if 'bound by its data' in message]


def test_a_data_bound_run_says_so_once_and_at_its_end_with_share_and_remedy(monkeypatch, tmp_path):
    first, last = warnings_of(monkeypatch, tmp_path, 3.0, by_epoch=False, max_iters=41)
    assert '75% of the time of the last 10 iterations' in first
    assert '(3.000 s of 4.000 s each)' in first
    assert 'num_workers (now 0; ' in first
    assert '75% of the time of all 40 iterations' in last


@pytest.mark.parametrize(('wait_s', 'warned'), [(0.42, False), (0.44, True)])
def test_the_limit_is_a_share_of_wait_and_step(monkeypatch, tmp_path, wait_s, warned):
    assert bool(warnings_of(monkeypatch, tmp_path, wait_s, by_epoch=False, max_iters=21)) == warned


def test_a_run_that_is_shorter_than_an_interval_is_not_judged(monkeypatch, tmp_path):
    assert warnings_of(monkeypatch, tmp_path, 3.0, by_epoch=False, max_iters=10) == []


def test_saving_and_validation_are_not_blamed_on_the_loader(monkeypatch, tmp_path):
    assert warnings_of(monkeypatch, tmp_path, 0.1, by_epoch=False, max_iters=41, hooks=[Saving], val_interval=5) == []


def test_epochs_are_judged_alike(monkeypatch, tmp_path):
    monkeypatch.setattr(Loader, '__len__', lambda self: 30)
    fast, slow = (
        warnings_of(monkeypatch, tmp_path / str(wait_s), wait_s, by_epoch=True, max_epochs=2, hooks=hooks)
        for wait_s, hooks in ((0.1, [Saving]), (3.0, []))
    )
    assert (len(fast), len(slow)) == (0, 2)


@pytest.mark.parametrize('settings', [dict(limit=0.0), dict(limit=1.0), dict(interval=0)])
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(ValueError, match='limit must be in'):
        DataWaitHook(**settings)


def test_a_child_config_keeps_the_hook_beside_its_own():
    hooks = Config.fromfile(CONFIGS / 'dos/dos_second_nuscenes.py').default_hooks
    assert {'data_wait', 'checkpoint', 'timer', 'logger'} <= set(hooks)
    assert isinstance(HOOKS.build(hooks.data_wait), DataWaitHook)
