"""The cut of the training scenes: disjoint, complete, fixed."""

import pytest

from dos_mm3d.datasets.splits import cut_scenes

NAMES = [f'scene-{i:04d}' for i in range(40)]


@pytest.mark.parametrize('count', [2, 3, 7, 40])
def test_every_scene_is_in_exactly_one_part(count):
    parts = cut_scenes(NAMES[:count])
    assert sorted(name for scenes in parts.values() for name in scenes) == NAMES[:count]
    assert parts['pretrain']
    assert parts['probe_train']


def test_sizes_for_the_default_data_set_and_independence_of_order():
    parts = cut_scenes(NAMES)
    assert {name: len(scenes) for name, scenes in parts.items()} == dict(pretrain=20, probe_train=16, validation=4)
    assert cut_scenes(NAMES[::-1] + NAMES[:3]) == parts


def test_one_scene_cannot_be_cut():
    with pytest.raises(ValueError, match='at least 2'):
        cut_scenes(['scene-0001', 'scene-0001'])
