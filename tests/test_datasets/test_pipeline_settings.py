"""What views, masks and crops are told: numbers that mean something else than was meant, and steps in another order."""

from functools import partial
from pathlib import Path

import pytest
import torch

from dos_mm3d.datasets.steps import check_steps
from dos_mm3d.datasets.stream import StreamSampler
from dos_mm3d.datasets.transforms import (
    BlockMask,
    ColourJitter,
    DrawObjectCrops,
    LocalViews,
    MaskTokenSites,
    PackViews,
    RampedBlockMask,
    RecentPoints,
    TwoViews,
)
from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.errors import InputError, UserError
from dos_mm3d.functional.augment import elastic_displacement

FOLDER = Path(__file__).resolve().parents[2] / 'configs/dos/dos_second_folder.py'
CROPS = dict(number=1, points=64, patches=4, points_per_patch=8, share=(0.4, 1.0))
MASKS = dict(number=2, mask_ratio=0.7, block_ratio=0.1, adjust_ratio=0.1)


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(crop_share=(1.0, 0.4)), 'crop_share must be a range from 0 to 1, the lower first'),
        (dict(crop_share=(40, 100)), 'crop_share must be a range from 0 to 1'),
        (dict(crop_share=(0, 0)), 'no point of a view would be left'),
        (dict(crop_share=0.5), 'TwoViews: crop_share=0.5: wanted 2 values, each a number'),
        (dict(max_points=0), 'no point of a view would be left'),
        (dict(max_points=10.5), 'max_points=10.5: wanted a whole number'),
        (dict(drop_share=(0.0, 2.0)), 'drop_share must be a range from 0 to 1'),
        (dict(drop_share=(1, 1)), 'no point of a view would be left'),
        (dict(yaw_range_rad=(-180, 180)), 'yaw_range_rad must be a range .*radians, not degrees'),
        (dict(tilt_range_rad=(0.1, -0.1)), 'tilt_range_rad must be a range'),
        (dict(flip_prob=2), 'flip_prob says how often, from 0 to 1; got 2'),
        (dict(yaw_prob=80), 'yaw_prob says how often'),
        (dict(flip_prob='half'), "flip_prob='half': wanted a number"),
        (dict(scale_range=(1.1, 0.9)), 'scale_range must be a range'),
        (dict(scale_range=(-1, 1)), 'scale_range must be a range'),
        (dict(intensity_scale=(2, 0.5)), 'intensity_scale must be a range'),
        (dict(jitter_std_m=-0.1), 'jitter_std_m must be 0 or more'),
        (dict(jitter_std_m=0.1, jitter_clip_m=0), 'jitter_clip_m must be more than 0'),
        (dict(shift_z_std_m=float('inf')), 'shift_z_std_m must be 0 or more, and finite'),
        (dict(elastic=[(0, 1)]), 'granularity of elastic must be more than 0'),
        (dict(elastic=(0.2, 0.4)), 'elastic=.*: wanted a list, each 2 values'),
        (dict(intensity_column=2), 'wanted different columns from 3 on'),
        (dict(normal_columns=(3, 4, 5)), 'wanted different columns from 3 on'),
        (dict(colour=dict(shift_prob=2)), 'shift_prob says how often'),
        (dict(colour=dict(columns=(0, 1, 2))), 'columns of colours must be different ones from 3 on'),
        (dict(colour=dict(shift='much')), "colour of TwoViews: shift='much': wanted a number"),
        (dict(colour=dict(shifts=1)), r"colour of TwoViews got \['shifts'\]; it knows"),
    ],
)
def test_settings_of_views_that_mean_something_else_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        TwoViews(**settings)


@pytest.mark.parametrize(
    ('make', 'said'),
    [
        (lambda: LocalViews(2, crop_share=(0.5, 0.1)), 'crop_share must be a range'),
        (lambda: ColourJitter(jitter_std=-1), 'jitter_std must be 0 or more'),
        (lambda: BlockMask(block_size_m=float('inf')), 'block_size_m must be positive, and finite'),
        (lambda: RampedBlockMask(ramp_draws=0, start_ratio=0.3, start_block_size_m=1), 'ramp_draws must be 1 or more'),
        (lambda: MaskTokenSites(0.1, jitter_clip_m=-1), 'jitter_clip_m must be >= 0'),
        (lambda: RecentPoints([0.5], column=2), 'column of the time lag must be one from 3 on'),
        (lambda: DrawObjectCrops({**CROPS, 'points': 64.5}), 'whole of DrawObjectCrops: points=64.5: wanted a whole'),
        (lambda: DrawObjectCrops(CROPS, masks={**MASKS, 'block_ratio': 2}), 'block_ratio says how often'),
        (lambda: DrawObjectCrops(CROPS, scale_range=(1.2, 0.8)), 'scale_range must be a range'),
        (lambda: DrawObjectCrops(CROPS, aspect=(0, 3)), 'aspect must be a range'),
        (lambda: StreamSampler([0], seed=-1), 'seed and start of StreamSampler must be 0 or more'),
    ],
)
def test_so_are_those_of_the_other_steps(make, said):
    with pytest.raises(UserError, match=said):
        make()


@pytest.mark.parametrize('settings', [dict(intensity_column=9), dict(normal_columns=(4, 5, 6))])
def test_columns_that_points_do_not_have_are_named(settings):
    results = dict(points=torch.rand(50, 4), file='a.bin', generator=torch.Generator())
    with pytest.raises(InputError, match=r'a\.bin: found 4 columns, and TwoViews is told of columns'):
        TwoViews(**settings)(results)


def test_a_lattice_of_more_nodes_than_memory_has_is_named():
    with pytest.raises(InputError, match=r'lattice of 5003 x 5003 x 5003 nodes'):
        elastic_displacement(torch.tensor([[0.0] * 3, [50.0] * 3]), 0.01, 0.4, torch.Generator())


@pytest.mark.parametrize('name', ['jitter_clip_m', 'elastic_prob', 'normal_columns'])
def test_an_argument_that_views_take_can_be_given_where_the_config_has_none(name):
    key = f'train_dataloader.dataset.pipeline.0.{name}'
    value = {'normal_columns': '[4,5,6]'}.get(name, '0.25')
    step = load_with_overrides(FOLDER, {key: value}).train_dataloader.dataset.pipeline[0]
    assert step[name] == ([4, 5, 6] if name == 'normal_columns' else 0.25)
    with pytest.raises(InputError, match=rf'{key}=.x.: wanted'):
        load_with_overrides(FOLDER, {key: 'x'})


def test_steps_that_cannot_use_what_those_before_them_make_are_named():
    from mmdet3d.datasets.transforms import RandomFlip3D

    views, mask, pack, recent, own = TwoViews(), BlockMask(), PackViews(), RecentPoints([0.1]), partial(dict)
    crops = DrawObjectCrops(CROPS)
    for steps in ([views, mask, pack], [recent, views, mask, MaskTokenSites(), pack], [crops], [own, views, own]):
        check_steps(steps, whole=True)
    for steps, said in (
        ([mask, pack], r'pipeline\.0 \(BlockMask\): takes views, and here are points; wanted TwoViews, BlockMask'),
        ([views, pack], r'pipeline\.1 \(PackViews\): takes masked views, and here are views'),
        ([views, mask, mask], r'pipeline\.2 \(BlockMask\): takes views, and here are masked views'),
        ([crops, pack], r'pipeline\.1 \(PackViews\): takes masked views, and here are a sample'),
        ([RandomFlip3D(), views], r"pipeline\.0 \(RandomFlip3D\): is a step for the points of mmdet3d's labelled"),
    ):
        with pytest.raises(InputError, match=said):
            check_steps(steps)
    for steps in ([], [views], [views, mask]):
        check_steps(steps)
        with pytest.raises(InputError, match=r'pipeline: ends with .*, and a model takes a sample'):
            check_steps(steps, whole=True)
