"""The stream of objects and the transform that draws their crops: shapes, counts, and one generator for all of it."""

import math
from dataclasses import fields

import numpy as np
import pytest
import torch

from dos_mm3d.datasets.objects import ObjectClouds
from dos_mm3d.datasets.stream import BadSampleError, Draw, sample_generator
from dos_mm3d.datasets.transforms import DrawObjectCrops
from dos_mm3d.datasets.transforms.object_crops import random_rows
from dos_mm3d.errors import InputError, InputTypeError
from dos_mm3d.functional.patches import patch_rows
from tests.helpers.object_sets import cloud, write_shapes

WHOLE = dict(number=2, points=200, patches=10, points_per_patch=8, share=(0.4, 1.0))
LOCAL = dict(number=3, points=64, patches=4, points_per_patch=8, share=(0.05, 0.4))
MASKS = dict(number=2, mask_ratio=0.7, block_ratio=0.1, adjust_ratio=0.1)


def drawn(points: torch.Tensor, position: int = 0, **settings):
    """What the transform makes of a cloud."""
    results = dict(points=points, generator=sample_generator(0, position), file='cloud', skipped=[])
    return DrawObjectCrops(**{'whole': WHOLE, **settings})(results)['views']


@pytest.fixture(scope='module')
def box() -> torch.Tensor:
    return torch.from_numpy(cloud(0, 0, 700))


def tensors(sample) -> list[torch.Tensor]:
    crops = [getattr(one, field.name) for one in (sample.whole, sample.local) if one for field in fields(one)]
    return [*crops, *([] if sample.masked is None else [sample.masked])]


def test_shapes_and_counts(box):
    sample = drawn(box, local=LOCAL, masks=MASKS)
    assert [tuple(t.shape) for t in tensors(sample)] == [
        (2, 200, 3), (2, 10), (2, 10, 8), (3, 64, 3), (3, 4), (3, 4, 8), (2, 2, 10)
    ]  # fmt: skip
    assert sample.whole.points.dtype == torch.float32 and sample.whole.patch_rows.dtype == torch.int64
    assert (sample.masked.sum(2) == 7).all()
    assert drawn(box).local is None and drawn(box).masked is None


def test_a_draw_is_a_function_of_seed_and_position(box):
    first, again, other = (tensors(drawn(box, at, local=LOCAL, masks=MASKS)) for at in (5, 5, 6))
    assert all(torch.equal(*pair) for pair in zip(first, again))
    assert not any(torch.equal(*pair) for pair in zip(first, other))


def test_patches_are_those_of_the_crop_as_it_was_augmented(box):
    whole = drawn(box).whole
    for points, centres, rows in zip(whole.points, whole.centre_rows, whole.patch_rows):
        assert all(
            torch.equal(*pair) for pair in zip((centres, rows), patch_rows(points, 10, 8, start=int(centres[0])))
        )
        assert torch.equal(rows[:, 0], centres)


def test_crops_turn_about_z_and_scale_within_their_range(box):
    settings = {**WHOLE, 'number': 40, 'points': 700, 'share': (1.0, 1.0)}
    still = drawn(box, whole=settings, scale_range=(1.0, 1.0)).whole.points
    original = box[:, 2].sort().values
    for crop in still:  # all points, in another order: heights and radii stay
        assert torch.allclose(crop[:, 2].sort().values, original, atol=1e-6)
        assert torch.allclose(crop[:, :2].norm(dim=1).sort().values, box[:, :2].norm(dim=1).sort().values, atol=1e-5)
    angles = torch.stack([torch.atan2(*crop[crop[:, 2].argmax(), :2].flip(0)) for crop in still])
    assert angles.min() < -math.pi / 2 and angles.max() > math.pi / 2
    scaled = drawn(box, whole=settings, scale_range=(0.5, 2.0)).whole.points
    heights = scaled[..., 2].amax(1) / box[:, 2].max()
    assert 0.5 <= heights.min() < 0.8 and 1.6 < heights.max() <= 2.0


def test_each_crop_of_a_cloud_is_another_part_of_it(box):
    local = drawn(box, local={**LOCAL, 'number': 20}, scale_range=(1.0, 1.0)).local.points
    radii = torch.linalg.vector_norm(local - local.mean(1, keepdim=True), dim=2).mean(1)
    whole = torch.linalg.vector_norm(box - box.mean(0), dim=1).mean()
    assert len(radii.unique()) == 20 and radii.min() < 0.5 * whole and radii.max() < 0.95 * whole


def test_rows_are_drawn_once_unless_there_are_too_few():
    generator = torch.Generator().manual_seed(0)
    assert sorted(random_rows(9, 9, generator).tolist()) == list(range(9))
    assert len(set(random_rows(9, 5, generator).tolist())) == 5
    counts = torch.bincount(random_rows(9, 31, generator), minlength=9)
    assert counts.sum() == 31 and set(counts.tolist()) == {3, 4}


def test_sparse_clouds_repeat_points_only_where_that_is_asked_for(box):
    few = box[:30]
    with pytest.raises(BadSampleError, match=r'cloud: has 30 points, wanted 200 .*min_points'):
        drawn(few)
    sample = drawn(few, whole={**WHOLE, 'min_points': 20}, scale_range=(1.0, 1.0))
    for crop in sample.whole.points:
        distinct, counts = crop.unique(dim=0, return_counts=True)
        assert 20 <= len(distinct) <= 30 and counts.max() - counts.min() <= 1


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        (dict(whole={**WHOLE, 'size': 3}), InputTypeError, r"whole of DrawObjectCrops got \['size'\]; it knows"),
        (dict(whole={**WHOLE, 'patches': 201}), InputError, 'holds no patches'),
        (dict(whole={**WHOLE, 'number': 0}), InputError, 'at least 1'),
        (dict(whole={**WHOLE, 'min_points': 300}), InputError, 'min_points=300, and a crop has 200 points'),
        (dict(whole={**WHOLE, 'share': (0.4, 1.2)}), InputError, r'range in \(0, 1\]'),
        (dict(masks={**MASKS, 'mask_ratio': 1.0}), InputError, 'mask_ratio'),
        (dict(masks={**MASKS, 'number': 0}), InputError, 'leave masks out'),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        DrawObjectCrops(**{'whole': WHOLE, **settings})


def test_a_stream_draws_from_all_its_sets_and_names_what_it_read(tmp_path):
    first, second = write_shapes(tmp_path / 'a'), write_shapes(tmp_path / 'b', objects=3, points=300)
    stream = ObjectClouds(str(tmp_path), sets=['a', 'b'], pipeline=[dict(type='DrawObjectCrops', whole=WHOLE)])
    assert len(stream) == 15
    points, name = stream.load(13)
    assert np.array_equal(points.numpy(), second.cloud(1)) and name == f'{tmp_path / "b/train"}: ball_1'
    assert np.array_equal(stream.load(2)[0].numpy(), first.cloud(2))
    items = [stream[Draw(0, position)] for position in range(15)]
    assert len({item['file'] for item in items}) == 15
    assert all(tuple(item['views'].whole.points.shape) == (2, 200, 3) for item in items)


def test_objects_with_few_points_are_left_out(tmp_path):
    write_shapes(tmp_path / 'a', points=100)
    write_shapes(tmp_path / 'b', points=300)
    assert len(ObjectClouds(str(tmp_path), sets=['a', 'b'], least_points=200)) == 12
    with pytest.raises(InputError, match='none of the objects'):
        ObjectClouds(str(tmp_path), sets=['a'], least_points=200)
    with pytest.raises(InputError, match='sets must be different sub-folders'):
        ObjectClouds(str(tmp_path), sets=['b', './b'])


def test_sets_and_splits_that_are_not_there_are_named(tmp_path):
    write_shapes(tmp_path / 'a')
    with pytest.raises(InputError, match=r"splits of .*a must be different ones of \['train'\].*got \['test'\]"):
        ObjectClouds(str(tmp_path), sets=['a'], splits=['test'])
    with pytest.raises(FileNotFoundError, match=r'b/train\.json: no such file'):
        ObjectClouds(str(tmp_path), sets=['a', 'b'])
    with pytest.raises(InputError, match='sets must be different'):
        ObjectClouds(str(tmp_path), sets=['a', 'a'])
