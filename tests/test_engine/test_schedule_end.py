"""A training of another length than its schedule is named."""

from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.engine.schedule_end import other_length

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
