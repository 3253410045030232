"""What each augmentation does to the points, read back from the view: turn, tilt, flip, scale, shift, crop, drop."""

import math

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.datasets.stream import BadSampleError
from dos_mm3d.datasets.transforms import BlockMask, PackViews, TwoViews
from dos_mm3d.datasets.transforms.views import Augmentation
from dos_mm3d.structures import Grid

STILL = dict(
    crop_share=(1.0, 1.0), yaw_prob=0.0, tilt_prob=0.0, flip_prob=0.0, scale_range=(1.0, 1.0), jitter_std_m=0.0
)
SPAN, SIZE = [-12.8, -12.8, -5.0, 12.8, 12.8, 3.0], [0.2, 0.2, 0.2]
GRID = Grid(SPAN, SIZE, 2)
DRAWS = 200


def scan(count: int = 3000, columns: int = 6) -> torch.Tensor:
    return torch.rand(count, columns, generator=torch.Generator().manual_seed(5)) * 20 - 10


def matrices(**settings) -> torch.Tensor:
    """(DRAWS, 3, 3) linear maps of an augmentation that does nothing else, solved from what became of the points."""
    augmentation = Augmentation(**{**STILL, **settings})
    points, generator = scan(50), torch.Generator().manual_seed(0)
    moved = torch.stack([augmentation(points, generator) for _ in range(DRAWS)])
    solution = torch.linalg.lstsq(points[:, :3].expand(DRAWS, -1, -1), moved[..., :3]).solution
    return solution.mT


def test_yaw_turns_about_the_vertical_over_its_whole_range_as_often_as_asked():
    found = matrices(yaw_prob=0.8)
    assert_close(found[:, 2, :], torch.tensor([0.0, 0.0, 1.0]).expand(DRAWS, 3), atol=1e-5, rtol=0)
    yaw = torch.atan2(found[:, 1, 0], found[:, 0, 0])
    turned = yaw.abs() > 1e-4
    assert 0.7 < turned.float().mean() < 0.9
    assert yaw.min() < -0.8 * math.pi and yaw.max() > 0.8 * math.pi
    assert abs(float(yaw[turned].mean())) < 0.5
    narrow = matrices(yaw_prob=1.0, yaw_range_rad=(0.1, 0.2))
    angle = torch.atan2(narrow[:, 1, 0], narrow[:, 0, 0])
    assert (angle >= 0.1 - 1e-4).all() and (angle <= 0.2 + 1e-4).all(), 'from x towards y'


def test_tilt_is_small_about_both_axes_and_keeps_lengths():
    found = matrices(tilt_prob=0.8)
    identity = torch.eye(3).expand(DRAWS, 3, 3)
    assert_close(found @ found.mT, identity, atol=1e-4, rtol=0)
    roll, pitch = found[:, 2, 1], -found[:, 2, 0]
    limit = math.pi / 64
    for angle in (roll, pitch):
        assert angle.abs().max() < limit + 1e-3
        assert angle.min() < -0.7 * limit and angle.max() > 0.7 * limit
    assert 0.7 < (roll.abs() > 1e-4).float().mean() < 0.9
    assert torch.corrcoef(torch.stack((roll, pitch)))[0, 1].abs() < 0.3, 'drawn one by one'


@pytest.mark.parametrize('probability', [0.0, 0.5, 1.0])
def test_flips_mirror_x_and_y_independently_and_never_z(probability):
    signs = matrices(flip_prob=probability).diagonal(dim1=1, dim2=2)
    assert_close(signs.abs(), torch.ones(DRAWS, 3), atol=1e-4, rtol=0)
    assert (signs[:, 2] > 0).all()
    for axis in (0, 1):
        assert (signs[:, axis] < 0).float().mean() == pytest.approx(probability, abs=0.12)
    if probability == 0.5:
        assert 0.35 < (signs[:, 0] * signs[:, 1] > 0).float().mean() < 0.65


def test_scale_is_drawn_over_its_range_and_alike_for_all_axes():
    found = matrices(scale_range=(0.9, 1.1))
    scale = found[:, 0, 0]
    assert_close(found, scale[:, None, None] * torch.eye(3), atol=1e-4, rtol=0)
    assert 0.9 <= scale.min() < 0.92 and 1.08 < scale.max() <= 1.1


def test_shift_moves_all_points_up_or_down_together():
    augmentation, points = Augmentation(**{**STILL, 'shift_z_std_m': 0.3}), scan(50)
    generator = torch.Generator().manual_seed(0)
    moved = torch.stack([augmentation(points, generator) - points for _ in range(DRAWS)])
    assert not moved[..., [0, 1, 3, 4, 5]].any()
    shift = moved[..., 2]
    assert_close(shift, shift[:, :1].expand_as(shift), atol=1e-5, rtol=0)
    assert float(shift[:, 0].std()) == pytest.approx(0.3, rel=0.2)


def test_intensity_is_scaled_in_its_own_column_only():
    points = scan(50)
    settings = {**STILL, 'intensity_scale': (0.5, 0.5), 'intensity_column': 4}
    moved = Augmentation(**settings)(points, torch.Generator().manual_seed(0))
    assert_close(moved[:, 4], points[:, 4] / 2)
    assert_close(moved[:, [0, 1, 2, 3, 5]], points[:, [0, 1, 2, 3, 5]])


def test_the_scan_itself_is_left_as_it_was():
    points = scan()
    before = points.clone()
    TwoViews(jitter_std_m=0.1, intensity_scale=(0.5, 0.6))(
        dict(points=points, generator=torch.Generator().manual_seed(0))
    )
    assert torch.equal(points, before)


@pytest.mark.parametrize(
    ('settings', 'low', 'high'),
    [
        (dict(crop_share=(0.4, 0.6)), 1200, 1800),
        (dict(crop_share=(0.5, 0.5), max_points=1000), 500, 500),
        (dict(drop_share=(0.2, 0.4)), 1700, 2500),
    ],
)
def test_crop_and_drop_leave_a_share_drawn_from_their_range(settings, low, high):
    transform, generator = TwoViews(**{**STILL, **settings}), torch.Generator().manual_seed(0)
    views = [view for _ in range(20) for view in transform(dict(points=scan(), generator=generator))['views']]
    counts = torch.tensor([len(origin) for _, origin in views])
    assert low <= counts.min() and counts.max() <= high
    spread = float(counts.max() - counts.min())
    assert spread == 0 if low == high else spread > 0.4 * (high - low), 'not always the same share'


@pytest.mark.parametrize('mask_ratio', [0.3, 0.8])
def test_the_mask_hides_whole_blocks_of_the_asked_size_and_share(mask_ratio):
    results = dict(
        points=scan(20000), generator=torch.Generator().manual_seed(0), file='scan.bin', skipped=[], grid=GRID
    )
    mask = BlockMask(mask_ratio=mask_ratio, block_size_m=2.0)
    for view in mask(TwoViews(**STILL)(results))['views']:
        block = view.cells.long() // 5  # 2 m = 5 loss voxels of 0.4 m
        _, row = block.unique(dim=0, return_inverse=True)
        visible = torch.zeros(int(row.max()) + 1).index_reduce(0, row, view.visible.float(), 'amax', include_self=False)
        hidden = torch.zeros_like(visible).index_reduce(0, row, (~view.visible).float(), 'amax', include_self=False)
        assert not (visible * hidden).any(), 'no block is half hidden'
        assert float(hidden.mean()) == pytest.approx(mask_ratio, abs=0.5 / len(hidden) + 1e-6)


def test_views_are_matched_in_both_directions():
    results = dict(
        points=scan(20000), generator=torch.Generator().manual_seed(0), file='scan.bin', skipped=[], grid=GRID
    )
    pair = PackViews()(BlockMask()(TwoViews(drop_share=(0.3, 0.3))(results)))['views']
    for a, b, match in ((pair.a, pair.b, pair.a_to_b), (pair.b, pair.a, pair.b_to_a)):
        assert len(match) == len(a.cells)
        assert match.max() < len(b.cells)
        for row in (match >= 0).nonzero().squeeze(1)[::97].tolist():
            mine = a.origin[a.cell_of_point == row]
            shared = torch.isin(b.origin, mine)
            counts = b.cell_of_point[shared].bincount()
            assert counts[match[row]] == counts.max(), 'the cell that holds most of the same points'


def test_a_pair_of_which_only_hidden_voxels_meet_is_refused():
    results = dict(points=scan(), generator=torch.Generator().manual_seed(0), file='scan.bin', skipped=[], grid=GRID)
    item = BlockMask()(TwoViews(**STILL)(results))
    blind = [type(v)(v.points, v.origin, v.cells, v.cell_of_point, torch.zeros_like(v.visible)) for v in item['views']]
    with pytest.raises(BadSampleError, match=r'scan\.bin.*share no loss voxel'):
        PackViews()({**item, 'views': blind})
