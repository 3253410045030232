"""Random numbers go on after a resume, and a copied run leaves the original alone."""

import random
import shutil

import numpy as np
import pytest
import torch

from dos_mm3d.engine.hooks import checkpoint as checkpoint_module
from dos_mm3d.engine.hooks.checkpoint import random_state, set_random_state
from dos_mm3d.errors import InputError
from tests.helpers.toy_runs import toy_run


def state_of(folder, name='iter_4.pth'):
    found = torch.load(folder / name, weights_only=True)
    return found['state_dict'], found['random_states']


EPOCHS = dict(
    train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=4, _delete_=True),
    train_dataloader__sampler=dict(type='DefaultSampler', shuffle=True, _delete_=True),
    default_hooks__checkpoint__by_epoch=True,
    param_scheduler=[],
)


@pytest.mark.parametrize(
    ('loop', 'name'),
    [({}, 'iter_{}.pth'), (EPOCHS, 'epoch_{}.pth'), (dict(train_dataloader__num_workers=1), 'iter_{}.pth')],
    ids=['steps', 'epochs', 'steps, a worker'],
)
def test_two_and_two_are_four_with_dropout_and_random_data(tmp_path, loop, name):
    toy_run(tmp_path / 'whole', **loop)
    shutil.copytree(tmp_path / 'whole', tmp_path / 'parts')
    (tmp_path / 'parts' / name.format(4)).unlink()
    toy_run(tmp_path / 'parts', resume=tmp_path / 'parts' / name.format(2), **loop)
    (whole, states), (parts, other_states) = (state_of(tmp_path / run, name.format(4)) for run in ('whole', 'parts'))
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())
    assert torch.equal(states[0]['torch'], other_states[0]['torch'])


def test_all_kinds_of_random_numbers_go_on():
    state = random_state()
    first = torch.rand(2), np.random.rand(2), random.random(), np.random.randn(), random.gauss(0, 1)
    set_random_state(state)
    again = torch.rand(2), np.random.rand(2), random.random(), np.random.randn(), random.gauss(0, 1)
    assert torch.equal(first[0], again[0]) and np.array_equal(first[1], again[1]) and first[2:] == again[2:]


def test_a_gpus_state_is_put_back_where_there_is_one(monkeypatch):
    put = []
    monkeypatch.setattr(checkpoint_module.torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(checkpoint_module.torch.cuda, 'get_rng_state', lambda: torch.tensor([7], dtype=torch.uint8))
    monkeypatch.setattr(checkpoint_module.torch.cuda, 'set_rng_state', put.append)
    set_random_state(random_state())
    assert put == [torch.tensor([7], dtype=torch.uint8)]


def test_weights_to_start_from_bring_no_random_numbers(tmp_path):
    toy_run(tmp_path / 'source')
    toy_run(tmp_path / 'fresh')
    toy_run(tmp_path / 'started', load_from=str(tmp_path / 'source/iter_2.pth'))
    fresh, started = (state_of(tmp_path / run)[1][0]['torch'] for run in ('fresh', 'started'))
    assert torch.equal(fresh, started)


def test_another_number_of_processes_is_said(tmp_path, monkeypatch):
    toy_run(tmp_path / 'run', max_iters=2)
    checkpoint = torch.load(tmp_path / 'run/iter_2.pth', weights_only=True)
    checkpoint['random_states'] *= 2
    torch.save(checkpoint, tmp_path / 'run/iter_2.pth')
    runner = toy_run(tmp_path / 'run', resume=tmp_path / 'run/iter_2.pth')
    [log] = (tmp_path / 'run' / runner.timestamp).glob('*.log')
    assert 'the run had 2 processes and has 1 now' in log.read_text()


def test_what_a_kill_kept_from_being_removed_goes_when_the_run_goes_on(tmp_path):
    """It came between the writing of step 6 and the end of step 4's file."""
    keep = dict(default_hooks__checkpoint__max_keep_ckpts=2, max_iters=6)
    toy_run(tmp_path / 'run', **keep)
    shutil.copy(tmp_path / 'run/iter_5.pth', tmp_path / 'run/iter_4.pth')
    shutil.copy(tmp_path / 'run/iter_5.pth', tmp_path / 'run/mine.pth')
    toy_run(tmp_path / 'run', resume=tmp_path / 'run/iter_6.pth', **keep)
    assert sorted(path.name for path in (tmp_path / 'run').glob('*.pth')) == ['iter_5.pth', 'iter_6.pth', 'mine.pth']


def with_best(name: str) -> dict:
    return dict(
        val_dataloader=dict(
            dataset=dict(type='ToyPoints'), batch_size=2, sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='default_collate'),
        ),
        val_cfg={},
        val_evaluator=dict(type='FallingMetric'),
        train_cfg__val_interval=1,
        default_hooks__checkpoint__save_best=name,
        default_hooks__checkpoint__rule='less',
    )  # fmt: skip


def test_a_best_of_what_no_metric_gives_is_named_and_loses_nothing(tmp_path):
    with pytest.raises(InputError, match='save_best=scores: the validation gives no such number; it gives score'):
        toy_run(tmp_path / 'run', max_iters=2, **with_best('scores'))


def test_the_best_checkpoint_of_the_original_of_a_copied_run_stays(tmp_path):
    best = with_best('score')
    toy_run(tmp_path / 'run', max_iters=2, **best)
    shutil.copytree(tmp_path / 'run', tmp_path / 'copy')
    [original] = (tmp_path / 'run').glob('best_*.pth')
    toy_run(tmp_path / 'copy', resume=tmp_path / 'copy/iter_2.pth', max_iters=4, **best)
    assert original.is_file()
    assert [path.name for path in (tmp_path / 'copy').glob('best_*.pth')] == ['best_score_iter_4.pth']
