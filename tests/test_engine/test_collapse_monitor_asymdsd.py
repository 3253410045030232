"""Failures planted into a real AsymDSD are named by branch; one that just begins is left alone."""

import pytest
import torch

from dos_mm3d.engine.hooks import CollapseMonitorHook
from tests.helpers import asymdsd_nets as nets


def one_category(head) -> None:
    """Whatever the features, one category takes all."""
    head.bias[0] = 50


def no_category(head) -> None:
    """Whatever the features, every category has the same logit."""
    head.gain.zero_()


def names_after_looks(model, views, count: int = 4) -> list[str]:
    """What the monitor names when a model stays as it is for some looks."""
    judge = CollapseMonitorHook().judge
    named = []
    for look in range(1, count + 1):
        model(views)
        named = judge.look(10 * look, model.collapse_statistics())
    return [failure.name for failure in named]


@pytest.mark.parametrize(('branch', 'said'), [('cls', 'CLS'), ('patch', 'patch')])
@pytest.mark.parametrize(('plant', 'name'), [(one_category, 'marginal 0'), (no_category, 'uniform')])
@torch.no_grad()
def test_a_planted_failure_is_named_with_its_branch(branch, said, plant, name):
    # a centre that follows would subtract the one category again
    model = nets.build(**{branch: nets.branch(0.05, centre_momentum=1.0)})
    plant(model.teacher.heads[branch])
    assert names_after_looks(model, nets.batch(model)) == [f'{said} {name}']


@torch.no_grad()
def test_the_centre_is_what_prevents_one_category():
    model = nets.build(cls=nets.branch(0.05, centre_momentum=0.5))
    one_category(model.teacher.heads['cls'])
    assert names_after_looks(model, nets.batch(model), count=30) != ['CLS marginal 0']
    assert model.collapse_statistics()['cls_marginal_entropy'] > 0.5


@torch.no_grad()
def test_a_fresh_model_is_left_alone():
    model = nets.build()
    assert names_after_looks(model, nets.batch(model)) == []
    statistics = model.collapse_statistics()
    assert set(statistics) == {
        f'{branch}_{kind}_entropy' for branch in ('cls', 'patch') for kind in ('marginal', 'posterior')
    }
    for branch in ('cls', 'patch'):
        assert 0 < statistics[f'{branch}_posterior_entropy'] <= statistics[f'{branch}_marginal_entropy'] <= 1.001
    assert set(nets.build('mpm').last_targets) == set()


def test_statistics_before_the_first_loss_are_a_bug():
    with pytest.raises(RuntimeError, match='before the first loss'):
        nets.build().collapse_statistics()
