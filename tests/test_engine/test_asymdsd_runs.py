"""AsymDSD in real runs: the hook of DOS moves its teacher, a killed run goes on, a collapse is named."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from torch.testing import assert_close
from torch.utils.data import Dataset

import dos_mm3d  # noqa: F401  (its CheckpointHook, which keeps random numbers)
from dos_mm3d.engine.hooks import CollapseError, CollapseMonitorHook, DOSHook
from tests.helpers import asymdsd_nets as nets


class Objects(Dataset):
    """A sample for each number."""

    def __init__(self, form: str) -> None:
        self.form = form

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> dict:
        return dict(views=nets.sample(index, self.form))


def make_runner(work_dir: Path, steps: int, form: str = 'dual', *, resume: bool = False, **changes) -> Runner:
    """Of clouds two a step; every step writes a checkpoint. Drop path, so that random numbers count."""
    settings = nets.settings(form, **changes)
    settings['encoder']['drop_path'] = 0.5
    torch.manual_seed(0)
    return Runner(
        model=settings,
        work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            dataset=Objects(form),
            sampler=dict(type='InfiniteSampler', shuffle=False),
            collate_fn=pseudo_collate,
        ),
        train_cfg=dict(by_epoch=False, max_iters=steps),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05), clip_grad=dict(max_norm=10)),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2)),
        custom_hooks=[DOSHook(momentum=(0.9, 1.0)), CollapseMonitorHook()],
        default_scope='mmdet3d',
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=0),
        resume=resume,
        experiment_name=f'{work_dir.name}_{steps}_{resume}',
        cfg=Config(dict(model=settings, optim_wrapper=dict(optimizer=dict(lr=1e-3)))),
    )


@pytest.mark.parametrize('form', ['dual', 'mpm', 'cls'])
def test_a_killed_run_goes_on_bit_for_bit(form, tmp_path):
    whole = make_runner(tmp_path / 'whole', 4, form)
    whole.train()

    broken = make_runner(tmp_path / 'broken', 4, form)
    move, moves = broken.model.update_teacher, []

    def move_twice(momentum: float) -> None:
        if len(moves) == 2:
            raise KeyboardInterrupt
        moves.append(momentum)
        move(momentum)

    broken.model.update_teacher = move_twice
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    resumed = make_runner(tmp_path / 'broken', 4, form, resume=True)
    resumed.train()
    assert_close(torch.tensor(moves), torch.tensor([0.9, 0.925]))
    expected = whole.model.state_dict()
    assert resumed.model.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.model.state_dict().items())
    assert not any(torch.equal(*pair) for name, pair in whole.model.twins().items() if name.endswith('in_proj_weight'))


def test_a_planted_failure_stops_the_run_with_its_name_and_cause(tmp_path):
    runner = make_runner(tmp_path, 60, cls=nets.branch(0.04, centre_momentum=1.0))
    for branch in (runner.model.student, runner.model.teacher):
        with torch.no_grad():
            branch.heads['cls'].bias[0] = 50
    with pytest.raises(
        CollapseError, match=r'iteration 40: CLS marginal 0.*model\.cls\.targets\.centre_momentum = 1\.0'
    ):
        runner.train()
