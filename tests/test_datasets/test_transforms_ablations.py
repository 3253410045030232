"""Mask tokens, their jitter, the mask ramp and local views: exact places and partners; draws follow the position."""

import dataclasses

import pytest
import torch

from dos_mm3d.datasets.stream import BadSampleError, Draw, SweepStream
from dos_mm3d.datasets.transforms import BlockMask, LocalViews, MaskTokenSites, PackViews, RampedBlockMask, TwoViews
from dos_mm3d.structures import Grid, pack_pairs

SPAN, SIZE = [-12.8, -12.8, -5.0, 12.8, 12.8, 3.0], [0.2, 0.2, 0.2]
GRID = Grid(SPAN, SIZE, 2)
LOW = torch.tensor([-5.0, -12.8, -12.8])


def results(count: int = 2000, seed: int = 0, **more) -> dict:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(count, 5, generator=generator) * 2 - 1
    points[:, :2] *= 10
    return dict(points=points, generator=generator, file='scan.bin', skipped=[], grid=GRID, **more)


def masked(seed: int = 0) -> dict:
    return BlockMask()(TwoViews()(results(seed=seed)))


def hidden_rows(view) -> torch.Tensor:
    return (~view.visible[view.cell_of_point]).nonzero().squeeze(1)


def test_without_jitter_tokens_stand_exactly_at_the_hidden_voxels():
    for view in MaskTokenSites()(masked())['views']:
        tokens, hidden = view.tokens, hidden_rows(view)
        assert torch.equal(tokens.cells, view.cells[~view.visible])
        assert torch.equal(tokens.origin, view.origin[hidden])
        wanted = ((view.points[hidden, :3].flip(1) - LOW) / 0.2).floor().int().unique(dim=0)
        assert torch.equal(tokens.voxels, wanted)
        assert torch.equal(tokens.cells[tokens.cell_of_point], view.cells[view.cell_of_point[hidden]])


def test_content_of_hidden_points_is_nowhere_in_the_tokens():
    results = masked()
    changed = dict(results, views=[dataclasses.replace(v, points=v.points.clone()) for v in results['views']])
    for view in changed['views']:
        view.points[hidden_rows(view), 3:] += 100
    for one, other in zip(MaskTokenSites()(dict(results))['views'], MaskTokenSites()(changed)['views']):
        for field in dataclasses.fields(one.tokens):
            assert torch.equal(getattr(one.tokens, field.name), getattr(other.tokens, field.name))


def jittered(seed: int = 0) -> dict:
    return MaskTokenSites(jitter_std_m=0.3)(masked(seed))


def test_jitter_moves_the_sites_within_its_clip_and_off_the_visible_voxels():
    for view in jittered()['views']:
        tokens = view.tokens
        row_of_raw = {int(raw): row for row, raw in enumerate(view.origin)}
        source = view.points[[row_of_raw[int(raw)] for raw in tokens.origin], :3]
        low = tokens.cells[tokens.cell_of_point].flip(1) * 0.4 + LOW.flip(0)
        outside = (low - source).clamp_min(0) + (source - low - 0.4).clamp_min(0)
        assert 0.1 < outside.max() <= 0.6 + 1e-4, 'points moved, by at most two standard deviations'
        seen = {tuple(cell.tolist()) for cell in view.cells[view.visible]}
        assert not seen & {tuple(cell.tolist()) for cell in tokens.cells}
        assert {tuple(v.tolist()) for v in tokens.voxels // 2} == {tuple(cell.tolist()) for cell in tokens.cells}
        assert 0.5 * len(hidden_rows(view)) < len(tokens.origin) < len(hidden_rows(view))


def partner_by_counting(source, target) -> list[int]:
    """Row in ``target.cells`` that shares most raw points with each source cell; the lowest on a tie, -1 for none."""
    cell_of_raw = dict(zip(target.origin.tolist(), target.cell_of_point.tolist(), strict=True))
    partners = []
    for row in range(len(source.cells)):
        raw = source.origin[source.cell_of_point == row].tolist()
        votes = [cell_of_raw[point] for point in raw if point in cell_of_raw]
        partners.append(min(set(votes), key=lambda cell: (-votes.count(cell), cell)) if votes else -1)
    return partners


def test_correspondences_of_moved_tokens_are_joins_on_raw_points():
    item = jittered()
    a, b = item['views']
    pair = PackViews()(item)['views']
    for token_view, own in zip(pair.tokens, (a, b), strict=True):
        assert token_view.to_a.tolist() == partner_by_counting(own.tokens, a)
        assert token_view.to_b.tolist() == partner_by_counting(own.tokens, b)
    own = pair.tokens[0].to_a
    assert (own >= 0).all(), 'each token comes from a point of its own view'
    assert not a.visible[own].any(), 'and that point was hidden'


def test_packed_tokens_point_at_the_same_and_at_the_other_view():
    pairs = [PackViews()(jittered(seed))['views'] for seed in (0, 1)]
    views = pack_pairs(pairs)
    start = torch.searchsorted(views.cells[:, 0].contiguous(), torch.arange(4, dtype=torch.int32))
    first = torch.searchsorted(views.tokens.cells[:, 0].contiguous(), torch.arange(4, dtype=torch.int32))
    b1 = pairs[1].tokens[1]  # the packed view number 3
    rows = slice(int(first[3]), None)
    assert torch.equal(views.tokens.cells[rows, 1:], b1.item.cells)
    assert torch.equal(views.tokens.same[rows], torch.where(b1.to_b >= 0, b1.to_b + start[3], -1))
    assert torch.equal(views.tokens.cross[rows], torch.where(b1.to_a >= 0, b1.to_a + start[1], -1))
    matched = views.tokens.cross >= 0
    assert torch.equal(views.cells[views.tokens.cross[matched], 0], (views.tokens.cells[matched, 0] + 2) % 4)


def test_negative_jitter_is_refused():
    with pytest.raises(ValueError, match='jitter_std_m'):
        MaskTokenSites(jitter_std_m=-0.1)


RAMP = dict(ramp_draws=100, start_ratio=0.3, start_block_size_m=0.4, mask_ratio=0.7, block_size_m=1.6)


def hidden_share(position: int, **settings) -> float:
    """Share of occupied mask blocks that are hidden in view a; ``settings`` those of the mask."""
    mask = RampedBlockMask(**settings)
    view = mask(TwoViews()(results(4000, position=position)))['views'][0]
    edge = round(mask.mask_of(dict(position=position))[1] / 0.4)
    blocks = view.cells // edge
    return len(blocks[~view.visible].unique(dim=0)) / len(blocks.unique(dim=0))


@pytest.mark.parametrize(
    ('position', 'ratio', 'block_m'), [(0, 0.3, 0.4), (50, 0.5, 1.0), (100, 0.7, 1.6), (10**6, 0.7, 1.6)]
)
def test_the_ramp_is_a_straight_line_over_the_position(position, ratio, block_m):
    mask = RampedBlockMask(**RAMP)
    assert mask.mask_of(dict(position=position)) == pytest.approx((ratio, block_m))
    # whole blocks of the size of that moment are hidden, in the share of that moment
    assert hidden_share(position, **RAMP) == pytest.approx(ratio, abs=0.01)


def test_after_the_ramp_the_mask_is_the_plain_one():
    ramped = RampedBlockMask(**RAMP)(TwoViews()(results(position=100)))['views']
    plain = BlockMask(mask_ratio=0.7, block_size_m=1.6)(TwoViews()(results()))['views']
    assert all(torch.equal(one.visible, other.visible) for one, other in zip(ramped, plain))


class OneScan(SweepStream):
    frames = (0,)
    grid = GRID

    def load(self, index):
        return results()['points'], 'scan.bin'


def test_a_stream_tells_the_ramp_its_position_whatever_was_drawn_before():
    stream = OneScan([TwoViews(), RampedBlockMask(**RAMP), PackViews()])
    in_order = [stream[Draw(0, position)]['views'] for position in (0, 60, 120)]
    resumed = OneScan([TwoViews(), RampedBlockMask(**RAMP), PackViews()])[Draw(0, 60)]['views']
    assert torch.equal(resumed.a.visible, in_order[1].a.visible)
    shares = [float((~pair.a.visible).float().mean()) for pair in in_order]
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize('wrong', [dict(start_ratio=0.0), dict(start_block_size_m=0.0)])
def test_a_ramp_from_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match='must be'):
        RampedBlockMask(**{**RAMP, **wrong})


def with_local(seed: int = 0) -> dict:
    return LocalViews(3, crop_share=(0.1, 0.2), jitter_std_m=0.0)(masked(seed))


def test_local_views_are_small_whole_crops_around_points_of_both_views():
    item = with_local()
    a, b = item['views']
    common = set(a.origin.tolist()) & set(b.origin.tolist())
    assert len(item['local']) == 3
    for view in item['local']:
        assert view.visible.all()
        assert 0 < len(view.points) <= 0.2 * 2000
        assert common & set(view.origin.tolist())
        low = ((view.points[:, :3].flip(1) - LOW) / 0.4).floor().int()
        assert torch.equal(view.cells[view.cell_of_point], low)
    assert not torch.equal(item['local'][0].origin, item['local'][1].origin)


def test_correspondences_of_local_views_are_joins_on_raw_points():
    item = with_local()
    crops, (a, b) = item['local'], item['views']
    pair = PackViews()(item)['views']
    for local, crop in zip(pair.local, crops, strict=True):
        assert local.to_a.tolist() == partner_by_counting(crop, a)
        assert local.to_b.tolist() == partner_by_counting(crop, b)
    assert any((local.to_b >= 0).any() for local in pair.local)


def test_packed_local_views_point_into_their_own_scan():
    views = pack_pairs([PackViews()(with_local(seed))['views'] for seed in (0, 1)])
    assert len(views.local.points) == 6
    scan = views.local.cells[:, 0] // 3
    for rows, view_of_scan in ((views.local.to_a, 0), (views.local.to_b, 2)):
        matched = rows >= 0
        assert matched.any()
        assert torch.equal(views.cells[rows[matched], 0], scan[matched] + view_of_scan)
    moved = views.to('cpu')
    assert torch.equal(moved.local.cells, views.local.cells)
    assert moved.tokens is None


def test_no_local_view_and_unknown_settings_are_refused():
    with pytest.raises(ValueError, match='num_local'):
        LocalViews(
            0,
        )
    with pytest.raises(TypeError, match='crop_shares'):
        LocalViews(1, crop_shares=(0.1, 0.2))


def test_local_crops_that_always_leave_the_range_name_the_file():
    item = masked()
    item['points'][:, 2] += 100
    with pytest.raises(BadSampleError, match=r'scan\.bin: 16 local crops'):
        LocalViews(
            1,
        )(item)
