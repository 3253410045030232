"""What the command line gives this package's classes is of the kinds that they take."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.errors import InputError
from dos_mm3d.kinds import described, fits

FOLDER = Path(__file__).resolve().parents[2] / 'configs/dos/dos_second_folder.py'


@pytest.mark.parametrize(
    ('kind', 'right', 'wrong'),
    [
        (int, [0, -3], [True, 1.5, '1', None, [1]]),
        (float, [1, 0.5], [True, float('nan'), '0.5']),
        (bool, [True, False], [0, 'no', None]),
        (str, ['', 'x'], [1, None, ['x']]),
        (dict, [{}], [[], 'x', 1]),
        (int | None, [None, 2], ['None', 2.0]),
        (tuple[float, float], [(0.1, 1), [0.1, 1]], [0.1, (0.1,), (1, 2, 3), ['nan', 1]]),
        (tuple[int, ...], [[], (1, 2)], [1, (1.5,)]),
        (list[str], [[], ['x']], ['x', [1]]),
        (Sequence[str] | str, ['x', ['x']], [3, [3]]),
        (Mapping[str, int], [{}, 'left to the class'], []),
    ],
)
def test_what_is_of_a_kind(kind, right, wrong):
    assert all(fits(one, kind) for one in right) and not any(fits(one, kind) for one in wrong)
    assert described(kind)


@pytest.mark.parametrize(
    ('key', 'value', 'said'),
    [
        ('model.head.teacher_temperature', '0.05', r'head\.teacher_temperature=0\.05: wanted 2 values, each a number'),
        ('model.head.num_prototypes', '128.5', r'num_prototypes=128\.5: wanted a whole number'),
        ('custom_hooks.0.momentum', '0.9', r'custom_hooks\.0\.momentum=0\.9: wanted 2 values'),
        ('exclude', '3', r'train_dataloader\.dataset\.exclude=3: wanted a list, each a text'),
        ('train_dataloader.dataset.pipeline', 'None', 'pipeline=None: wanted a list, each named values'),
    ],
)
def test_another_kind_is_refused_with_the_one_that_is_wanted(key, value, said):
    with pytest.raises(InputError, match=said):
        load_with_overrides(FOLDER, {key: value})


@pytest.mark.parametrize(
    'key',
    [
        'auto_scale_lr.enable',
        'default_hooks.checkpoint.save_optimizer',
        'randomness.deterministic',
        'train_dataloader.pin_memory',
        'resume',
    ],
)
def test_a_text_is_neither_true_nor_false(key):
    for text in ('no', 'off', 'yes', '2'):
        with pytest.raises(InputError, match=f'{key}={text}: wanted True or False'):
            load_with_overrides(FOLDER, {key: text})
    for text, value in (('False', False), ('0', False), ('true', True)):
        cfg = load_with_overrides(FOLDER, {key: text})
        for part in key.split('.'):
            cfg = cfg[part]
        assert cfg is value


@pytest.mark.parametrize(
    ('key', 'value'),
    [('optim_wrapper.accumulative_counts', '1.5'), ('param_scheduler.0.div_factor', '-1')],
)
def test_numbers_that_upstream_would_misuse_are_refused(key, value):
    with pytest.raises(InputError, match=f'{key}={value}: wanted'):
        load_with_overrides(FOLDER, {key: value})


def test_a_hook_of_ours_can_be_taken_out():
    hooks = load_with_overrides(FOLDER, {'default_hooks.pictures': 'None', 'default_hooks.checkpoint': 'None'})
    assert 'pictures' not in hooks.default_hooks
    assert hooks.default_hooks['checkpoint'] is None, 'mmengine adds its own where there is no entry'
