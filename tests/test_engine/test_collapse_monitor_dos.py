"""The monitor on the real DOS model in a tiny world: planted failures are named, a healthy run is left alone."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate

from dos_mm3d.engine.hooks import CollapseError, CollapseMonitorHook
from tests.helpers.scan_runs import Scans, make_runner


def last_layers(model) -> list[torch.nn.Linear]:
    return [branch.projector[2] for branch in (model.student, model.teacher)]


def constant(model) -> None:
    """All features are the bias."""
    for layer in last_layers(model):
        layer.weight.data.mul_(1e-4)
        layer.weight.requires_grad_(False)
        layer.bias.data.fill_(1.0)


def rank_two(model) -> None:
    """Features lie in a plane."""
    for layer in last_layers(model):
        layer.weight.data[2:] = 0
        layer.bias.data.zero_()
        layer.requires_grad_(False)


def dominated(model) -> None:
    """One prototype lies in the middle of the features, all others point away from it."""
    model(**model.data_preprocessor(pseudo_collate([Scans()[0]])))
    middle = F.normalize(model.visible_teacher.mean(0), dim=0)
    prototypes = model.head.prototypes
    prototypes.data.mul_(0.3).sub_(middle)
    prototypes.data[0] = middle
    prototypes.requires_grad_(False)


def nan(model) -> None:
    last_layers(model)[0].bias.data[0] = float('nan')


PLANTS = {
    constant: 'constant features.*model.head.teacher_temperature',
    rank_two: 'rank collapse.*optim_wrapper.optimizer.lr',
    dominated: r'one dominating prototype.*model.head.alpha = 1\.3',
    nan: 'not finite: the loss .*optim_wrapper.optimizer.lr',
}


@pytest.mark.parametrize('plant', PLANTS)
def test_a_failure_planted_in_dos_is_named_within_fifty_iterations(tmp_path, plant):
    runner = make_runner(tmp_path, 60, [CollapseMonitorHook()])
    plant(runner.model)
    with pytest.raises(CollapseError, match=rf'iteration \d+: {PLANTS[plant]}'):
        runner.train()
    assert runner.iter < 50
    assert (Path(runner.log_dir) / 'collapse.png').is_file() == (plant is not nan), 'nothing to draw after one step'


def test_healthy_steps_of_dos_are_not_stopped(tmp_path):
    runner = make_runner(tmp_path, 150, [CollapseMonitorHook()])
    runner.train()
    assert runner.iter == 150
    hook = next(hook for hook in runner.hooks if isinstance(hook, CollapseMonitorHook))
    measured = [failure for failure in hook.judge.failures if failure.statistic in hook.history]
    assert len(measured) >= 4, 'the others are of other methods'
    for failure in measured:
        assert not any(map(failure.shown_by, hook.history[failure.statistic]['value'])), failure.name
