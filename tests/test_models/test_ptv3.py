"""Point Transformer V3 against a dense oracle, and its switches: shuffling, recomputation, precision, errors."""

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional.grid import find_rows
from dos_mm3d.models.backbones.ptv3 import Cloud, PTv3, upcast
from dos_mm3d.models.backbones.ptv3.cloud import finer_levels, stacked_features
from tests.helpers.ptv3_nets import HEADS, SIZES, cloud, model
from tests.helpers.ptv3_oracle import Oracle


def levels_of(out: Cloud) -> list[Cloud]:
    """Finest first: the chain below the coarsest level, or above the decoder's output."""
    chain = [out]
    while (chain[-1].coarser if out.coarser is not None else chain[-1].finer) is not None:
        chain.append(chain[-1].coarser if out.coarser is not None else chain[-1].finer)
    return chain if out.coarser is not None else chain[::-1]


@pytest.mark.parametrize('decoder', [False, True])
@pytest.mark.parametrize('variant', ['m1', 'm2', 'm3'])
def test_every_level_equals_the_dense_oracle(variant, decoder):
    """Three samples, one always shorter than a patch: variable-length semantics; m1's decoder convolves the skip."""
    net, points = model(variant, decoder=decoder).double(), cloud(dtype=torch.float64)
    with torch.no_grad():
        levels = levels_of(net(points))
        oracle = Oracle(net.state_dict(), variant, heads=HEADS, patch=32)
        wanted = oracle(points.feat, points.coord, points.grid_coord, points.batch)
    assert len(levels) == len(wanted) == 3
    for ours, theirs in zip(levels, wanted):
        sites = torch.cat((theirs.batch[:, None], theirs.grid), 1)
        rows = find_rows(torch.cat((ours.batch[:, None], ours.grid_coord), 1), sites, [64, 64, 64])
        assert len(ours.feat) == len(theirs.feat)
        assert ours.serialization.depth == theirs.depth
        assert_close(ours.coord, theirs.coord[rows], atol=1e-9, rtol=0)
        assert_close(ours.feat, theirs.feat[rows], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize('variant', ['m1', 'm2', 'm3'])
def test_a_sample_does_not_depend_on_the_others_in_its_batch(variant):
    """What distinguishes variable-length attention from patches cut to the smallest sample."""
    net, points = model(variant, decoder=True).double(), cloud(dtype=torch.float64)
    start = 0
    with torch.no_grad():
        together = net(points).feat
        for size in SIZES:
            rows = slice(start, start + size)
            alone = Cloud.from_points(
                points.feat[rows], points.coord[rows], points.batch[rows] * 0, grid_coord=points.grid_coord[rows]
            )
            # the curves of a sample longer than a patch follow from the largest coordinate of the batch
            assert size == min(SIZES) or alone.grid_coord.max() == points.grid_coord.max()
            assert_close(net(alone).feat, together[rows], atol=1e-9, rtol=1e-9)
            start += size


@pytest.mark.parametrize('variant', ['m1', 'm2'])
def test_the_deterministic_switch_turns_off_all_shuffling(variant):
    """The poolings' too: in training mode, two passes agree with it and differ without."""
    points, block = cloud(), dict(drop_path=0.0)
    for shuffle in (False, True):
        net = model(variant, block=block, shuffle_orders=shuffle).train()
        with torch.no_grad():
            outs = [upcast(net(points)).feat for _ in range(4)]
        assert all(torch.equal(outs[0], out) for out in outs) is not shuffle


def test_pooling_draws_its_own_shuffle(monkeypatch):
    net, points = model(shuffle_orders=True).train(), cloud()
    drawn = []
    monkeypatch.setattr(torch, 'randperm', lambda n: drawn.append(n) or torch.arange(n))
    net(points)
    assert drawn == [4, 4, 4]
    drawn.clear()
    net.eval()(points)
    assert drawn == []


@pytest.mark.parametrize('variant', ['m1', 'm3'])
def test_recomputed_blocks_give_the_same_gradients(variant):
    """Activation checkpointing, with every source of randomness on."""
    gradients = []
    for recompute in (False, True):
        net = model(variant, decoder=True, recompute_blocks=recompute).train()
        torch.manual_seed(5)
        net(cloud()).feat.square().mean().backward()
        gradients.append({name: parameter.grad for name, parameter in net.named_parameters()})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert gradient is not None, name
        assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-4)


def test_gradient_of_the_whole_network():
    net, points = model('m3', decoder=True).double(), cloud(sizes=(40,), dtype=torch.float64)
    feat = points.feat.clone().requires_grad_()
    value = net(points.with_feat(feat)).feat.sin().sum()
    (gradient,) = torch.autograd.grad(value, feat)
    direction = torch.randn(feat.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    step = 1e-5
    with torch.no_grad():
        ends = [net(points.with_feat(feat + sign * step * direction)).feat.sin().sum() for sign in (1, -1)]
    assert_close((gradient * direction).sum(), (ends[0] - ends[1]) / (2 * step), rtol=1e-5, atol=1e-6)


def test_autocast_stays_close_to_full_precision():
    net, points = model('m1', decoder=True), cloud()
    with torch.no_grad():
        exact = net(points).feat
        with torch.autocast('cpu', torch.bfloat16):
            half = net(points).feat
    assert (half.float() - exact).abs().mean() < 0.05 * exact.std()


def test_masked_rows_become_the_token_whatever_they_were():
    net = model(mask_token=True)
    points = cloud()
    mask = torch.zeros(len(points.feat), dtype=torch.bool)
    mask[::3] = True
    masked = cloud(mask=mask)
    other = masked.with_feat(torch.where(mask[:, None], masked.feat + 7, masked.feat))
    with torch.no_grad():
        assert_close(net(masked).feat, net(other).feat, atol=0, rtol=0)
        assert (net(masked).feat - net(points).feat).abs().max() > 1e-3
    with pytest.raises(ValueError, match='mask_token=True'):
        model()(masked)


def test_upcast_concatenates_each_row_with_its_cells():
    net = model()
    with torch.no_grad():
        coarse = net(cloud())
        full, one = upcast(coarse), upcast(coarse, 1)
    middle, fine = coarse.finer, coarse.finer.finer
    assert_close(full.feat[:, :8], fine.feat, atol=0, rtol=0)
    assert one.feat.shape == (len(middle.feat), 16 + 32)
    for row in (0, 50, 200):
        place = torch.cat((fine.batch[row, None], fine.grid_coord[row]))
        for level, columns in ((middle, slice(8, 24)), (coarse, slice(24, 56))):
            place[1:] //= 2
            same = (level.batch == place[0]) & (level.grid_coord == place[1:]).all(1)
            assert_close(full.feat[row, columns], level.feat[same][0], atol=0, rtol=0)
    with pytest.raises(ValueError, match='asked to up-cast 3 levels'):
        upcast(coarse, 3)


def test_features_of_some_rows_are_those_of_the_whole_upcast_and_so_are_gradients():
    net = model()
    levels = finer_levels(net(cloud()))
    rows = torch.tensor([200, 0, 50, 0])
    weight = torch.randn(len(rows), 56, generator=torch.Generator().manual_seed(0))
    parameters = [*net.parameters()]
    few, all_rows = stacked_features(levels, rows), stacked_features(levels)
    assert_close(few, all_rows[rows], atol=0, rtol=0)
    some, whole = (
        torch.autograd.grad((feat * weight).sum(), parameters, retain_graph=True, allow_unused=True)
        for feat in (few, all_rows[rows])
    )
    assert sum(one is not None for one in some) > 20
    for one, other in zip(some, whole):
        assert_close(one, other)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(variant='m4'), "'m4', wanted one of"),
        (dict(orders=('z', 'spiral')), 'spiral'),
        (dict(variant='m1', mask_token=True), 'no mask token'),
        (dict(encoder=dict(channels=(8, 16), depths=(1,), heads=(1, 1))), 'encoder.depths'),
        (dict(encoder=dict(channels=(8, 15), depths=(1, 1), heads=(1, 2))), 'do not split'),
        (dict(decoder=dict(channels=(8, 8), depths=(1, 1), heads=(1, 1))), 'decoder.channels'),
        (dict(variant='m3'), 'multiple of 6'),
        (dict(block=dict(attention='xformers')), 'xformers'),
        (dict(block=dict(attention='flash_attn', rpe=True)), "set attention='sdpa'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    encoder = dict(channels=(8, 16), depths=(1, 1), heads=(1, 1))
    with pytest.raises(ValueError, match=message):
        PTv3(**{'in_channels': 4, 'encoder': encoder, **settings})


def test_unknown_keys_are_refused():
    with pytest.raises(TypeError, match='patch_size'):
        PTv3(4, dict(channels=(8,), depths=(1,), heads=(1,), patch_size=64))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(coord=torch.zeros(2, 3)), 'coord has the shape'),
        (dict(batch=torch.tensor([1, 0, 1])), 'ascend'),
        (dict(feat=torch.zeros(0, 5)), 'at least one row'),
    ],
)
def test_clouds_that_cannot_be_are_refused(change, message):
    fine = dict(
        feat=torch.zeros(3, 5), coord=torch.zeros(3, 3), batch=torch.zeros(3), grid_coord=torch.zeros(3, 3).int()
    )
    with pytest.raises(ValueError, match=message):
        Cloud.from_points(**{**fine, **change})


def test_a_grid_that_spconv_would_mix_up_is_refused():
    grid = torch.tensor([[0, 0, 0], [2**14, 2**14, 2**4]])
    far = Cloud.from_points(torch.zeros(2, 5), grid * 0.05, torch.tensor([0, 1]), grid_coord=grid)
    with pytest.raises(ValueError, match='lower the batch size'):
        model()(far)
