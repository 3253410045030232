"""A resumed run is the run of its config: what was changed is followed or refused, and said."""

from pathlib import Path

import pytest
import torch

from dos_mm3d.engine.config_changes import changes_between, require_followable
from dos_mm3d.engine.hooks import going_on
from dos_mm3d.errors import UserError
from tests.helpers.toy_runs import ToyPoints, toy_run


@pytest.fixture
def four(tmp_path) -> Path:
    """A run of four steps, with a checkpoint of each."""
    toy_run(tmp_path / 'four')
    return tmp_path / 'four'


def rates(runner) -> list[float]:
    return runner.message_hub.get_scalar('train/lr').data[0].tolist()


def said(runner) -> str:
    return next(Path(runner.log_dir).glob('*.log')).read_text()


def weights(folder: Path, step: int) -> torch.Tensor:
    return torch.load(folder / f'iter_{step}.pth', weights_only=True)['state_dict']['layer.weight']


@pytest.mark.parametrize('steps', [8, 3], ids=['longer', 'shorter'])
def test_a_run_of_another_length_has_the_schedule_of_that_length(four, tmp_path, steps):
    other = toy_run(tmp_path / 'other', max_iters=steps)
    resumed = toy_run(four, resume=four / 'iter_2.pth', max_iters=steps)
    assert rates(resumed)[2:] == rates(other)[2:] and len(rates(resumed)) == steps
    assert f'max_iters: 4 -> {steps}' in said(resumed)


SCHEDULES = [
    [
        dict(type='LinearLR', start_factor=0.1, begin=0, end=3, by_epoch=False),
        dict(type='CosineAnnealingLR', T_max=5, begin=3, end=8, eta_min=0, by_epoch=False),
    ],
    [dict(type='MultiStepLR', milestones=[1, 3, 5], gamma=0.5, by_epoch=False)],
    [dict(type='StepLR', step_size=2, by_epoch=False), dict(type='CosineAnnealingMomentum', T_max=8, by_epoch=False)],
]


@pytest.mark.parametrize('schedule', SCHEDULES)
def test_another_schedule_is_followed_from_where_it_would_be(four, tmp_path, schedule):
    other = toy_run(tmp_path / 'other', max_iters=8, param_scheduler=schedule)
    resumed = toy_run(four, resume=four / 'iter_4.pth', max_iters=8, param_scheduler=schedule)
    assert rates(resumed)[4:] == rates(other)[4:]


@pytest.mark.parametrize(
    ('changed', 'sentence'),
    [
        (dict(optim_wrapper__optimizer__weight_decay=0.5), 'optim_wrapper.optimizer.weight_decay: 0.1 -> 0.5'),
        (dict(train_dataloader__batch_size=4), 'train_dataloader.batch_size: 2 -> 4'),
        (dict(model__scale=3.0), 'model.scale: not set -> 3.0'),
        (dict(param_scheduler__0__eta_max=0.5), 'param_scheduler.0.eta_max: 0.1 -> 0.5'),
    ],
)
def test_a_changed_setting_is_followed_and_said(four, changed, sentence):
    resumed = toy_run(four, resume=four / 'iter_2.pth', **changed)
    assert sentence in said(resumed)
    group = resumed.optim_wrapper.optimizer.param_groups[0]
    assert group['weight_decay'] == changed.get('optim_wrapper__optimizer__weight_decay', 0.1)
    assert group['max_lr'] == changed.get('param_scheduler__0__eta_max', 0.1)


def test_other_frames_below_the_same_config_are_said(four, monkeypatch):
    assert 'other settings' not in said(toy_run(four, resume=four / 'iter_2.pth'))
    monkeypatch.setattr(ToyPoints, 'number', 6)
    assert 'frames to train on: 8 -> 6' in said(toy_run(four, resume=four / 'iter_2.pth'))


def test_epochs_of_other_frames_have_their_own_schedule(tmp_path, monkeypatch):
    epochs = dict(
        train_cfg=dict(by_epoch=True, max_epochs=4, _delete_=True),
        train_dataloader__sampler=dict(type='DefaultSampler', shuffle=False, _delete_=True),
        param_scheduler=[dict(type='LinearLR', start_factor=0.1, end=4, by_epoch=True, convert_to_iter_based=True)],
        default_hooks__checkpoint__by_epoch=True,
        log_processor__by_epoch=True,
    )
    toy_run(tmp_path / 'run', **epochs)
    monkeypatch.setattr(ToyPoints, 'number', 4)
    other = rates(toy_run(tmp_path / 'other', **epochs))
    resumed = rates(toy_run(tmp_path / 'run', resume=tmp_path / 'run/epoch_2.pth', **epochs))
    assert len(other) == 8 and resumed[8:] == other[4:]  # behind the two epochs of four steps


@pytest.mark.parametrize('interval', [None, 3], ids=['of steps', 'within an epoch'])
def test_an_epoch_is_not_trained_twice_without_a_word(four, tmp_path, interval):
    epochs = dict(
        train_cfg=dict(by_epoch=True, max_epochs=4, _delete_=True),
        train_dataloader__sampler=dict(type='DefaultSampler', shuffle=False, _delete_=True),
        param_scheduler=[],
    )
    folder, name = four, 'iter_2.pth'
    if interval:
        folder, name = tmp_path / 'run', 'iter_6.pth'
        toy_run(folder, default_hooks__checkpoint__interval=interval, **epochs)
    with pytest.raises(UserError, match=rf'{name}: was written at step \d, after [01] whole epochs .* once more'):
        toy_run(folder, resume=folder / name, **epochs)


def test_a_rate_without_a_schedule_is_followed(tmp_path):
    toy_run(tmp_path / 'run', param_scheduler=[], max_iters=2)
    resumed = toy_run(tmp_path / 'run', resume=tmp_path / 'run/iter_2.pth', param_scheduler=[], learning_rate=0.01)
    assert rates(resumed) == [0.1, 0.1, 0.01, 0.01]


@pytest.mark.parametrize(
    ('changed', 'words'),
    [
        (dict(randomness__seed=5), r'cannot go on with randomness\.seed: 3 -> 5, .* Go on with 3, or begin anew'),
        (dict(optim_wrapper__optimizer=dict(type='SGD', lr=0.1, _delete_=True)), r'optimizer\.type: AdamW -> SGD'),
        (dict(model__width=5), r'weights are not those .* model\.width: not set -> 5\. Leave model\.width out, or'),
        (dict(max_iters=2), r'trained for 4 steps, and max_iters is 2 now; ask for more than 4'),
        (
            dict(optim_wrapper__paramwise_cfg=dict(bias_decay_mult=0.0)),
            r'other groups of parameters .* optim_wrapper\.paramwise_cfg\.bias_decay_mult: not set -> 0\.0',
        ),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_setting(four, changed, words):
    with pytest.raises(UserError, match=f'(?s){words}'):
        toy_run(four, resume=four / 'iter_4.pth', **{'max_iters': 8, **changed})


def test_frequencies_that_the_checkpoint_holds_cannot_be_changed():
    before, now = (dict(model=dict(backbone=dict(block=dict(rope=dict(base=base))))) for base in (10.0, 100.0))
    require_followable(changes_between(now, now), 'iter_4.pth')
    with pytest.raises(UserError, match=r'iter_4\.pth: cannot go on with .*rope\.base: 10\.0 -> 100\.0, its weights'):
        require_followable(changes_between(before, now), 'iter_4.pth')


@pytest.mark.parametrize('place', ['encoder', 'predictor'])
def test_heads_that_no_shape_shows_cannot_be_changed(place):
    before, now = (dict(model={place: dict(heads=heads), 'heads': dict(width=1)}) for heads in (3, 6))
    with pytest.raises(UserError, match=rf'cannot go on with model\.{place}\.heads: 3 -> 6, its weights were learnt'):
        require_followable(changes_between(before, now), 'iter_4.pth')


def test_a_schedule_that_looks_at_validation_cannot_be_moved(four):
    plateau = [dict(type='ReduceOnPlateauLR', monitor='loss')]
    with pytest.raises(UserError, match='a schedule that looks at validation, cannot go on with param_scheduler'):
        toy_run(four, resume=four / 'iter_2.pth', max_iters=8, param_scheduler=plateau)


def test_that_nothing_is_left_is_said(four):
    before = weights(four, 4)
    resumed = toy_run(four, resume=four / 'iter_4.pth')
    assert 'all 4 steps of max_iters: nothing is left to do' in said(resumed)
    assert torch.equal(weights(four, 4), before)


def test_an_unchanged_run_is_left_as_mmengine_resumes_it(four, tmp_path, monkeypatch):
    monkeypatch.setattr(going_on, 'step_schedules', None)
    toy_run(tmp_path / 'parts', max_iters=4)
    resumed = toy_run(four, resume=four / 'iter_2.pth')
    assert 'with other settings' not in said(resumed)
    assert torch.equal(weights(four, 4), weights(tmp_path / 'parts', 4))


def test_epochs_that_are_done_count_as_long_as_epochs_are_now(tmp_path):
    epochs = dict(
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=4, _delete_=True),
        train_dataloader__sampler=dict(type='DefaultSampler', shuffle=True, _delete_=True),
        default_hooks__checkpoint__by_epoch=True,
        param_scheduler=[dict(type='LinearLR', start_factor=0.1, end=4, by_epoch=True, convert_to_iter_based=True)],
    )
    toy_run(tmp_path / 'run', **epochs)
    other = toy_run(tmp_path / 'other', train_dataloader__batch_size=4, **epochs)
    resumed = toy_run(tmp_path / 'run', resume=tmp_path / 'run/epoch_2.pth', train_dataloader__batch_size=4, **epochs)
    assert rates(resumed)[-4:] == rates(other)[-4:] and resumed.iter == other.iter == 8


def test_the_text_of_a_config_in_a_checkpoint_is_never_run(four, tmp_path):
    checkpoint = torch.load(four / 'iter_2.pth', weights_only=True)
    text = f'open({str(tmp_path / "was_run")!r}, "w")\n'
    checkpoint['meta'].update(config=text, cfg=checkpoint['meta']['cfg'] + text)
    torch.save(checkpoint, four / 'iter_2.pth')
    toy_run(four, resume=four / 'iter_2.pth')
    assert not (tmp_path / 'was_run').exists()
