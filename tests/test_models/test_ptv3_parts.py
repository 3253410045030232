"""The parts of Point Transformer V3's blocks: rotary and relative positions, drop path, norms, attention kernels."""

import sys
import types

import pytest
import torch
from spconv.pytorch import ops
from torch.testing import assert_close

from dos_mm3d.models.backbones.ptv3 import Cloud, PTv3, attention, upcast
from dos_mm3d.models.backbones.ptv3.patches import cut_patches
from dos_mm3d.models.backbones.ptv3.pooling import group_by_key
from dos_mm3d.models.backbones.ptv3.positions import RelativePositionTable
from tests.helpers.ptv3_nets import CHANNELS, cloud, model


def test_attention_turns_with_differences_of_coordinates_only():
    """Rotary positions: moving all points leaves attention as it is, moving some does not."""
    net = model('m3').double()
    attention = net.enc.enc0.block0.attn
    points = cloud(dtype=torch.float64).serialized(net.orders, shuffle=False)
    feat = torch.randn(len(points.feat), CHANNELS['m3'][0], generator=torch.Generator().manual_seed(3)).double()

    def attend(coord):
        return attention(Cloud(**{**vars(points), 'coord': coord}), feat)

    with torch.no_grad():
        plain = attend(points.coord)
        assert_close(attend(points.coord + torch.tensor([3.0, -2.0, 5.0])), plain, atol=1e-6, rtol=1e-6)
        assert (attend(points.coord * 1.5) - plain).abs().max() > 1e-2


def test_rotary_coordinates_are_augmented_in_training_only():
    rope = model('m3').enc.enc0.block0.attn.rope
    coord = torch.rand(4, 3) + 1
    assert rope.augment(coord) is coord
    rope.train()
    factors = torch.stack([rope.augment(coord) / coord for _ in range(200)])
    assert_close(factors, factors[:, :1].expand_as(factors))  # one draw for all rows of a call
    assert factors.amax() <= 1.1 * 1.2 + 1e-5
    assert factors.amin() >= 1 / (1.1 * 1.2) - 1e-5
    assert factors[:, 0].std(0).min() > 0.05
    assert (factors[:, 0, 0] - factors[:, 0, 1]).abs().max() > 0.01


def test_frequencies_of_rotary_positions_come_with_the_weights(recwarn):
    weights = model('m3').state_dict()
    assert not [one for one in recwarn if 'inv_freq' in str(one.message)]
    model('m3').load_state_dict(weights)
    assert not [one for one in recwarn if 'inv_freq' in str(one.message)]
    other = model('m3', block=dict(rope=dict(base=100.0)))
    with pytest.warns(UserWarning, match=r'weights hold, 1 0\.316; those of block\.rope\.base=100 would be 1 0\.1$'):
        other.load_state_dict(weights)
    name = 'enc.enc1.block0.attn.rope.inv_freq'
    assert torch.equal(other.state_dict()[name], weights[name])


def test_dropped_paths_are_drawn_per_point_and_keep_the_mean():
    drop = model().enc.enc0.block0.drop_path
    drop.rate = 0.3
    drop.train()
    torch.manual_seed(0)
    out = drop(torch.ones(20000, 3))
    assert {round(value, 4) for value in out.unique().tolist()} == {0.0, round(1 / 0.7, 4)}
    assert_close(out, out[:, :1].expand_as(out))
    assert abs(float(out.mean()) - 1) < 0.02
    with torch.no_grad():  # the teacher of a pretraining, in training mode for its BatchNorm
        assert drop(out) is out


def test_drop_path_rates_rise_through_the_encoder_and_the_decoder():
    net = model(decoder=True, block=dict(drop_path=0.4))
    encoder = [block.drop_path.rate for name, block in net.enc.named_modules() if name.split('.')[-1][:5] == 'block']
    assert_close(encoder, [0.0, 0.1, 0.2, 0.3, 0.4])
    decoder = {name: b.drop_path.rate for name, b in net.dec.named_modules() if name.split('.')[-1][:5] == 'block'}
    assert_close(list(decoder.values()), [0.4, 0.2, 0.0])
    assert list(decoder) == ['dec1.block0', 'dec0.block0', 'dec0.block1']


def test_relative_position_bias_is_looked_up_per_axis_and_clamped():
    table = model(block=dict(rpe=True), patch=48).enc.enc0.block0.attn.rpe
    assert table.bound == 11
    grid = torch.tensor([[[0, 0, 0], [3, -2 + 5, 1], [100, 0, 0]]])
    bias = table(grid)
    rows = table.rpe_table.view(3, 23, -1)
    assert_close(bias[0, :, 1, 0], rows[0, 11 + 3] + rows[1, 11 + 3] + rows[2, 11 + 1])
    assert_close(bias[0, :, 0, 2], rows[0, 0] + rows[1, 11] + rows[2, 11])
    assert_close(bias[0, :, 2, 0], rows[0, 22] + rows[1, 11] + rows[2, 11])
    sizes = {48: 11, 64: 12, 128: 15, 256: 20, 1024: 31}
    assert {k: type(table)(k, 1).bound for k in sizes} == sizes


@pytest.mark.parametrize('counts', [(24,), (24, 10), (5, 24, 9)], ids=['one group', 'two groups', 'three groups'])
def test_attention_of_sequences_is_that_of_each_alone_with_the_bias_of_its_places(counts):
    generator = torch.Generator().manual_seed(4)
    patches = cut_patches(counts, 12)
    table = RelativePositionTable(12, 2).double()
    qkv = torch.randn(len(patches.source), 3, 2, 4, generator=generator, dtype=torch.float64)
    grid = torch.randint(0, 9, (len(patches.source), 3), generator=generator)
    found = attention.sdpa_attend(qkv, patches, 0.0, table, grid)
    wanted = []
    for one, places in zip(*(rows.split([n for k, n in patches.shapes for _ in range(k)]) for rows in (qkv, grid))):
        q, k, v = one.transpose(0, 2).unbind(1)  # each (H, L, d)
        logits = q @ k.transpose(1, 2) / 2 + table(places[None])[0]
        wanted.append((logits.softmax(-1) @ v).transpose(0, 1))
    assert_close(found, torch.cat(wanted))


def test_relative_positions_move_the_result():
    points = cloud(dtype=torch.float64)
    net = model(block=dict(rpe=True)).double()
    with torch.no_grad():
        plain = net(points).feat
        for name, parameter in net.named_parameters():
            if 'rpe_table' in name:
                parameter.zero_()
        assert_close(net(points).feat, load_same(net, model().double())(points).feat, atol=1e-9, rtol=1e-9)
        assert (plain - net(points).feat).abs().max() > 1e-2


def test_neighbours_are_searched_once_per_level_without_the_cpus_sharing_of_them(monkeypatch):
    """spconv on a GPU does not know what dos_mm3d.compat keeps on a tensor of sites."""
    search, searched = ops.get_indice_pairs.original, []
    monkeypatch.setattr(ops, 'get_indice_pairs', lambda *a, **k: searched.append(len(a[0])) or search(*a, **k))
    coarsest = model('m1')(cloud())
    sizes = [len(level.feat) for level in (coarsest.finer.finer, coarsest.finer, coarsest)]
    assert searched == [sizes[0], *sizes], 'the kernel of 5 of the stem, and once for all blocks of a level'


def load_same(source: PTv3, target: PTv3) -> PTv3:
    weights = {name: value for name, value in source.named_parameters() if 'rpe_table' not in name}
    for name, parameter in target.named_parameters():
        parameter.data.copy_(weights[name])
    return target


def test_post_norm_ends_a_block_with_a_norm():
    net = model(block=dict(pre_norm=False))
    block = net.enc.enc0.block1
    block.norm2[0].weight.data.fill_(1)
    block.norm2[0].bias.data.zero_()
    with torch.no_grad():
        feat = upcast(net(cloud())).feat[:, :8]
    assert_close(feat.mean(1), torch.zeros(len(feat)), atol=1e-5, rtol=0)
    assert_close(feat.var(1, unbiased=False), torch.ones(len(feat)), atol=1e-3, rtol=0)


def test_layer_scale_of_zero_leaves_only_the_positional_convolution():
    scaled, plain = model(block=dict(layer_scale=0.5)), cloud()
    for name, parameter in scaled.named_parameters():
        if name.endswith('gamma'):
            parameter.data.zero_()
        if '.cpe.2.' in name:
            parameter.data.zero_()
    embedded = []
    scaled.embedding.register_forward_hook(lambda module, args, out: embedded.append(out.feat))
    with torch.no_grad():
        finest = scaled(plain).finer.finer
    assert_close(finest.feat, embedded[0])


def flash_by_loops(qkv, boundaries, longest, dropout_p):
    """What flash_attn computes: softmax attention within each stretch."""
    out = torch.empty_like(qkv[:, 0])
    for start, end in zip(boundaries[:-1].tolist(), boundaries[1:].tolist()):
        assert end - start <= longest
        q, k, v = (part.float() for part in qkv[start:end].unbind(1))
        logits = torch.einsum('qhd,khd->hqk', q, k) / q.shape[-1] ** 0.5
        out[start:end] = torch.einsum('hqk,khd->qhd', logits.softmax(-1), v).to(out.dtype)
    return out


def test_flash_path_feeds_the_same_sequences(monkeypatch):
    """The package's kernel stood in for by loops, in the precision that it would get, on the CPU."""
    package = types.ModuleType('flash_attn')
    package.__spec__ = types.SimpleNamespace()
    package.flash_attn_varlen_qkvpacked_func = flash_by_loops
    monkeypatch.setitem(sys.modules, 'flash_attn', package)
    flash, points = model(block=dict(attention='flash_attn')), cloud()
    with pytest.raises(ValueError, match='wanted a GPU'):
        flash(points)
    monkeypatch.setattr(attention, 'on_gpu', lambda tensor: True)
    with torch.no_grad():
        half, exact = flash(points).feat, model()(points).feat
    assert (half - exact).abs().mean() < 0.05 * exact.std()


def test_flash_asked_for_and_missing_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, 'flash_attn', None)
    monkeypatch.setattr('dos_mm3d.models.backbones.ptv3.attention.find_spec', lambda name: None)
    with pytest.raises(ImportError, match='flash-attn, which is not installed'):
        model(block=dict(attention='flash_attn'))


def test_rows_of_equal_key_are_one_cell_and_samples_may_be_empty():
    counts = (0, 5, 0, 3)
    keys = torch.tensor([7, 3, 7, 3, 4, 12, 11, 12])
    cells = group_by_key(keys, counts)
    assert cells.counts == (0, 3, 0, 2)
    assert cells.rows.tolist() == [1, 3, 4, 0, 2, 6, 5, 7]
    assert cells.starts.tolist() == [0, 2, 3, 5, 6] and cells.sizes.tolist() == [2, 1, 2, 1, 2]
    assert cells.cell_of_row.tolist() == [2, 0, 2, 0, 1, 4, 3, 4]


def test_a_sample_beyond_the_batch_is_refused():
    rows = dict(feat=torch.zeros(2, 4), coord=torch.zeros(2, 3), grid_coord=torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match='sample 3, wanted no more than batch_size=3'):
        Cloud.from_points(batch=torch.tensor([0, 3]), batch_size=3, **rows)
