"""What a recipe of fine-tuning does to weights, step by step, and after a kill (toy runs, CPU)."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MMLogger

from dos_mm3d.engine.hooks import SkipWeightsHook
from tests.helpers.two_part_runs import BACKBONE, alike, part, two_part_run

FROZEN = dict(type='FrozenStartHook', prefixes=[BACKBONE], share=0.5)
PULLED = dict(type='L2SPHook', prefixes=[BACKBONE], strength=2.0)
AVERAGED = dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.1, update_buffers=True)
OWN_GROUPS = dict(optim_wrapper__paramwise_cfg=dict(custom_keys={BACKBONE: {}}))
PLAIN_DESCENT = dict(optim_wrapper__optimizer=dict(type='SGD', lr=0.1, _delete_=True), param_scheduler=[])


def test_nothing_frozen_moves_before_its_step_and_all_of_it_after(tmp_path: Path) -> None:
    states = two_part_run(tmp_path, FROZEN)
    for step in range(1, 5):
        assert alike(part(states[step], BACKBONE), part(states[0], BACKBONE)), f'after step {step}'
        assert not alike(part(states[step], 'head.'), part(states[step - 1], 'head.'))
    moved, before = part(states[5], BACKBONE), part(states[4], BACKBONE)
    # a bias before BatchNorm has no gradient but rounding
    assert [name for name in moved if torch.equal(moved[name], before[name])] in ([], ['backbone.0.bias'])


@pytest.mark.parametrize('stopped_after', [2, 4, 6])
@pytest.mark.parametrize(
    ('hooks', 'settings'),
    [([FROZEN], {}), ([PULLED], OWN_GROUPS), ([FROZEN, PULLED, AVERAGED], OWN_GROUPS)],
    ids=['frozen', 'pulled', 'all'],
)
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    tmp_path: Path, hooks: list[dict], settings: dict, stopped_after: int
) -> None:
    whole = two_part_run(tmp_path / 'whole', *hooks, **settings)
    shutil.copytree(tmp_path / 'whole', tmp_path / 'parts')
    start = tmp_path / f'parts/iter_{stopped_after}.pth'
    parts = two_part_run(tmp_path / 'parts', *hooks, resume=start, **settings)
    assert alike(parts[8], whole[8])


def test_the_pull_is_that_of_a_penalty_in_the_loss(tmp_path: Path) -> None:
    """Plain descent: decoupled and in the gradient are the same."""
    pulled = two_part_run(tmp_path / 'pulled', PULLED, **OWN_GROUPS, **PLAIN_DESCENT)[8]
    penalised = two_part_run(tmp_path / 'penalised', model=dict(penalty=2.0), **PLAIN_DESCENT)[8]
    plain = two_part_run(tmp_path / 'plain', **PLAIN_DESCENT)[8]
    torch.testing.assert_close(pulled, penalised, rtol=1e-5, atol=1e-6)
    assert (pulled['backbone.0.weight'] - plain['backbone.0.weight']).abs().max() > 1e-3


def test_the_pull_takes_the_place_of_weight_decay_and_wants_groups_of_its_own(tmp_path: Path) -> None:
    still = dict(optim_wrapper__optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.5, eps=1e8, _delete_=True))
    states = two_part_run(tmp_path / 'pulled', PULLED, **OWN_GROUPS, **still, param_scheduler=[])
    torch.testing.assert_close(part(states[8], 'backbone.0.'), part(states[0], 'backbone.0.'))
    assert states[8]['head.weight'].norm() < 0.8 * states[0]['head.weight'].norm(), 'the head decays to 0'
    with pytest.raises(ValueError, match='groups of their own'):
        two_part_run(tmp_path / 'mixed', PULLED)


def test_names_that_fit_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'no parameter whose name begins with neck\.; wanted some of backbone\.0\.'):
        two_part_run(tmp_path, {**FROZEN, 'prefixes': ['neck.']})


@pytest.mark.parametrize('share', [0.0, 1.0])
def test_a_share_that_freezes_nothing_or_all_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(ValueError, match='wanted more than 0 and less than 1'):
        two_part_run(tmp_path, {**FROZEN, 'share': share})


def start_of(resumed: bool) -> SimpleNamespace:
    return SimpleNamespace(_resume=resumed, cfg=SimpleNamespace(load_from='w.pth'), logger=MMLogger.get_instance('t'))


def test_skipped_weights_are_left_out_but_not_of_a_resumed_run() -> None:
    hook = SkipWeightsHook(['backbone.decoder.'])
    for resumed, left in ((False, ['backbone.encoder.a']), (True, ['backbone.encoder.a', 'backbone.decoder.b'])):
        checkpoint = {'state_dict': {'backbone.encoder.a': 1, 'backbone.decoder.b': 2}}
        hook.after_load_checkpoint(start_of(resumed), checkpoint)
        assert list(checkpoint['state_dict']) == left
    with pytest.raises(ValueError, match=r'w\.pth has no tensor whose name begins with backbone\.decoder\.'):
        hook.after_load_checkpoint(start_of(False), {'state_dict': {'backbone.encoder.a': 1}})
