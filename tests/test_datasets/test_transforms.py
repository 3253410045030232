"""Views are subsets of raw points; errors name the file, what was found and what to do."""

import math

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.testing import assert_close

from dos_mm3d.datasets.stream import BadSampleError, Draw, SweepStream
from dos_mm3d.datasets.transforms import BlockMask, PackViews, TwoViews
from dos_mm3d.datasets.transforms.views import Augmentation
from dos_mm3d.functional.augment import nearest_points, rotation
from dos_mm3d.functional.intensity import RANKS_MEAN, rank_intensity
from dos_mm3d.structures import Grid

SPAN, SIZE = [-12.8, -12.8, -5.0, 12.8, 12.8, 3.0], [0.2, 0.2, 0.2]
GRID = Grid(SPAN, SIZE, 2)
STILL = dict(
    crop_share=(1.0, 1.0), yaw_prob=0.0, tilt_prob=0.0, flip_prob=0.0, scale_range=(1.0, 1.0), jitter_std_m=0.0
)


def results(count: int = 3000, seed: int = 0, extent_m: float = 10.0) -> dict:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(count, 5, generator=generator) * 2 - 1
    points[:, :2] *= extent_m
    return dict(points=points, generator=generator, file='scan.bin', skipped=[], grid=GRID)


def test_without_augmentation_a_view_is_the_scan():
    raw = results()
    for points, origin in TwoViews(**STILL)(dict(raw))['views']:
        assert torch.equal(origin, torch.arange(3000))
        assert_close(points, raw['points'])


def test_a_view_is_an_augmented_subset_that_knows_its_raw_rows():
    raw = results()
    views = TwoViews(drop_share=(0.2, 0.2), jitter_std_m=0.0, intensity_scale=(0.5, 0.9))(dict(raw))['views']
    for points, origin in views:
        assert len(origin) == len(origin.unique()) == len(points)
        assert 0.2 * 3000 < len(points) < 0.9 * 3000
        source = raw['points'][origin]
        ratio = torch.pdist(points[:50, :3]) / torch.pdist(source[:50, :3])
        assert_close(ratio, ratio[0].expand_as(ratio), rtol=1e-3, atol=1e-3)
        assert 0.9 <= ratio[0] <= 1.1
        assert_close(points[:, 4], source[:, 4])
    intensity = views[0][0][:, 3] / raw['points'][views[0][1], 3]
    assert_close(intensity, intensity[0].expand_as(intensity))
    assert 0.5 <= intensity[0] <= 0.9


def test_views_differ_and_follow_the_generator():
    first, again, other = (TwoViews()(results(seed=seed))['views'] for seed in (1, 1, 2))
    assert torch.equal(first[0][0], again[0][0])
    assert torch.equal(first[1][1], again[1][1])
    assert not torch.equal(first[0][1], first[1][1])
    assert not torch.equal(first[0][1], other[0][1])


def test_the_second_crop_is_centred_in_the_first():
    """Two crops of 5 % would hardly ever meet if their centres were drawn independently."""
    shared = 0
    for seed in range(20):
        views = TwoViews(**{**STILL, 'crop_share': (0.05, 0.05)})(results(seed=seed))['views']
        shared += bool(np.intersect1d(views[0][1], views[1][1]).size)
    assert shared == 20


def test_ranks_are_those_of_the_whole_scan_and_do_not_change_the_raw_points():
    raw = results()
    given = raw['points'].clone()
    views = TwoViews(intensity_ranks=True, drop_share=(0.3, 0.3))(dict(raw))['views']
    for points, origin in views:
        assert torch.equal(points[:, 3], rank_intensity(given[:, 3])[origin])
    assert torch.equal(raw['points'], given)


def test_one_view_alone_loses_its_intensity_and_nothing_else_changes():
    plain = [TwoViews(intensity_ranks=True)(results(seed=seed)) for seed in range(8)]
    dropped = [TwoViews(intensity_ranks=True, intensity_dropout=1.0)(results(seed=seed)) for seed in range(8)]
    without = []
    for one, other in zip(plain, dropped, strict=True):
        median = one['points'][:, 3].median()
        assert_close(median, torch.tensor(RANKS_MEAN * math.log(2)), rtol=2e-3, atol=0)
        lost = [bool((view[:, 3] == median).all()) for view, _ in other['views']]
        assert sum(lost) == 1
        without.append(lost.index(True))
        for (view, origin), (same, origin_too) in zip(one['views'], other['views'], strict=True):
            assert torch.equal(origin, origin_too)
            assert torch.equal(view[:, [0, 1, 2, 4]], same[:, [0, 1, 2, 4]])
        kept = 1 - without[-1]
        assert torch.equal(one['views'][kept][0], other['views'][kept][0])
    assert set(without) == {0, 1}


def test_intensity_is_dropped_as_often_as_asked_for():
    transform = TwoViews(**{**STILL, 'max_points': 20}, intensity_dropout=0.3)
    views = [transform(results(30, seed=seed))['views'] for seed in range(400)]
    share = sum(any(len(view[:, 3].unique()) == 1 for view, _ in pair) for pair in views) / len(views)
    assert share == pytest.approx(0.3, abs=3 * math.sqrt(0.3 * 0.7 / 400))


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(intensity_dropout=1.5), 'intensity_dropout must be from 0 to 1, got 1.5'),
        (dict(intensity_column=None, intensity_ranks=True), 'need an intensity_column'),
        (dict(intensity_column=None, intensity_dropout=0.1), 'need an intensity_column'),
    ],
)
def test_intensity_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TwoViews(**settings)


def test_a_scan_without_intensities_is_a_bad_sample():
    raw = results()
    raw['points'][:, 3] = torch.nan
    with pytest.raises(BadSampleError, match=r'scan\.bin: found 3000 NaN'):
        TwoViews(intensity_ranks=True)(raw)


def test_crop_keeps_the_nearest_points_and_the_cap_holds():
    points = torch.randn(500, 4, generator=torch.Generator().manual_seed(3))
    rows = nearest_points(points, points[7, :3], 60)
    distance = (points[:, :3] - points[7, :3]).norm(dim=1)
    assert set(rows.tolist()) == set(distance.argsort()[:60].tolist())
    assert rows.tolist() == sorted(rows.tolist())
    assert len(TwoViews(**{**STILL, 'max_points': 100})(results())['views'][0][1]) == 100


def test_rotation_is_a_rotation():
    matrix = rotation(0.3, -0.2, 0.1)
    assert_close(matrix @ matrix.T, torch.eye(3), rtol=0, atol=1e-6)
    assert_close(torch.linalg.det(matrix), torch.tensor(1.0))
    turned = rotation(math.pi / 2, 0, 0) @ torch.tensor([1.0, 0, 0])
    assert_close(turned, torch.tensor([0.0, 1, 0]), atol=1e-6, rtol=0)


def test_jitter_is_clipped():
    still = Augmentation(**{**STILL, 'jitter_std_m': 1.0, 'jitter_clip_m': 0.02})
    raw = results()
    moved = (still(raw['points'], raw['generator']) - raw['points']).abs()
    assert 0.019 < moved[:, :3].max() <= 0.0201
    assert moved[:, 3:].max() == 0


def test_unknown_settings_are_refused():
    with pytest.raises(TypeError, match='crop_shares'):
        TwoViews(crop_shares=(0.1, 1.0))


def test_points_outside_the_range_leave_and_cells_hold_the_rest():
    raw = results(extent_m=20.0)
    view = BlockMask()(TwoViews(**STILL)(raw))['views'][0]
    inside = (raw['points'][:, :2].abs() < 12.8).all(1)
    assert torch.equal(view.origin, inside.nonzero().squeeze(1))
    low = torch.tensor([-5.0, -12.8, -12.8])
    assert torch.equal(view.cells[view.cell_of_point], ((view.points[:, :3].flip(1) - low) / 0.4).floor().int())
    assert len(view.cells) == len(view.cells.unique(dim=0))


def test_item_holds_exact_correspondences():
    item = PackViews()(BlockMask()(TwoViews()(results())))
    pair = item['views']
    row = int((pair.a_to_b >= 0).nonzero()[0])
    mine = set(pair.a.origin[pair.a.cell_of_point == row].tolist())
    theirs = set(pair.b.origin[pair.b.cell_of_point == pair.a_to_b[row]].tolist())
    assert mine & theirs
    assert item['file'] == 'scan.bin'


def test_no_point_in_range_names_file_span_and_remedy():
    raw = results()
    raw['points'][:, 2] += 100
    with pytest.raises(BadSampleError, match=r'scan\.bin: no point of view a.*z = .*99.*point_cloud_range'):
        BlockMask()(TwoViews(**STILL)(raw))


def test_a_stream_that_was_told_no_grid_says_who_tells_it():
    raw = {**results(), 'grid': None}
    with pytest.raises(ValueError, match=r'StreamTrainLoop asks the model.*dataset.grid = model.grid'):
        BlockMask()(TwoViews(**STILL)(raw))


def test_nothing_visible_names_the_mask_ratio():
    raw = results(count=3, extent_m=0.01)
    with pytest.raises(BadSampleError, match=r'no visible loss voxel.*mask_ratio 0\.99'):
        BlockMask(mask_ratio=0.99)(TwoViews(**STILL)(raw))


def test_views_without_a_common_voxel_are_refused():
    item = BlockMask()(TwoViews(**STILL)(results()))
    a, b = item['views']
    disjoint = type(b)(b.points, b.origin + 10_000, b.cells, b.cell_of_point, b.visible)
    with pytest.raises(BadSampleError, match=r'share no loss voxel.*crop_share'):
        PackViews()({**item, 'views': [a, disjoint]})


def test_a_bad_sweep_is_skipped_and_counted_where_the_config_says_so():
    class Two(SweepStream):
        frames = (0, 1)
        grid = GRID

        def load(self, index):
            points = results()['points']
            points[:, 2] += 100 * index
            return points, f'{index}.bin'

    steps = [TwoViews(**STILL), BlockMask(), PackViews()]
    items = [Two(steps, on_bad_file='skip')[Draw(0, position)] for position in range(4)]
    assert {item['file'] for item in items} == {'0.bin'}
    assert sum('1.bin: no point of view a' in item['skipped'] for item in items) >= 2
    batch = pseudo_collate(items)
    assert batch['skipped'] == [item['skipped'] for item in items]
    with pytest.raises(BadSampleError, match=r'1\.bin'):
        [Two(steps)[Draw(0, position)] for position in range(4)]
