"""A training of another length than its schedule is named; what counts epochs where steps are counted is refused."""

from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.engine.counting import check_counting, other_length
from dos_mm3d.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
DETECTOR = CONFIGS / 'centerpoint/centerpoint_voxel01_nuscenes.py'


@pytest.mark.parametrize(('epochs', 'said'), [('2', 'one of 20 epochs: it is cut off'), ('40', 'its last rate holds')])
def test_epochs_that_mmdet3d_states_beside_its_schedule(epochs, said):
    options = {'train_cfg.max_epochs': epochs}
    assert said in other_length(load_with_overrides(DETECTOR, options), options)


def test_the_length_of_the_file_says_nothing():
    assert not other_length(load_with_overrides(DETECTOR, {}), {})
    assert not other_length(load_with_overrides(DETECTOR, {}), {'train_cfg.max_epochs': '20'})


@pytest.mark.parametrize(
    'schedules',
    [
        None,
        dict(type='MultiStepLR', milestones=[3]),
        [dict(type='LinearLR', end=5, by_epoch=False)],
        [dict(type='LinearLR', end=2), dict(type='CosineAnnealingLR', begin=2, end=9, T_max=7)],
        dict(type='OneCycleLR', total_steps=9),
    ],
)
def test_schedules_without_an_end_or_with_this_one_say_nothing(schedules):
    assert not other_length(dict(train_cfg=dict(max_epochs=9), param_scheduler=schedules), {'train_cfg.max_epochs': 9})


def training(**more: object) -> dict:
    """A config that counts steps."""
    hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=5))
    return dict(
        train_cfg=dict(max_iters=10),
        param_scheduler=[dict(type='CosineAnnealingLR', T_max=10, by_epoch=False)],
        default_hooks=hooks,
    ) | dict(more)


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        (dict(default_hooks=dict(checkpoint=dict(interval=5))), 'checkpoint counts epochs.*steps.*before its end'),
        (dict(param_scheduler=[dict(type='CosineAnnealingLR', T_max=10)]), r'param_scheduler\.0 \(Cos.*never change'),
        (dict(param_scheduler=dict(type='StepLR', step_size=3)), r'param_scheduler\.0 \(StepLR\) counts epochs'),
        (
            dict(default_hooks=dict(checkpoint=dict(by_epoch=False, save_best='loss'))),
            'save_best=loss would change nothing',
        ),
    ],
)
def test_what_mmengine_would_never_do_is_refused(more, said):
    check_counting(training())
    with pytest.raises(InputError, match=said):
        check_counting(training(**more))


@pytest.mark.parametrize(
    'config',
    [
        {},
        dict(train_cfg=dict(max_epochs=3, by_epoch=True), param_scheduler=[dict(type='StepLR', step_size=3)]),
        training(default_hooks=dict(checkpoint=None), param_scheduler=None),
        training(param_scheduler=[dict(type='OneCycleLR', total_steps=2, convert_to_iter_based=True)]),
        training(param_scheduler=dict(student=[dict(type='StepLR')])),
        dict(
            train_cfg=dict(max_epochs=2),
            val_dataloader=dict(batch_size=1),
            default_hooks=dict(checkpoint=dict(save_best='x')),
        ),
    ],
)
def test_what_counts_as_the_training_does_is_not_mentioned(config):
    check_counting(config)
