"""Sparse convolution on the CPU: equal to dense convolution, the same bits every time, on any number of threads."""

import weakref

import numpy as np
import pytest
import torch
from mmdet3d.models.layers import SparseBasicBlock
from mmdet3d.models.middle_encoders import SparseEncoder
from spconv.core import ConvAlgo
from spconv.pytorch import (
    SparseConv3d,
    SparseConvTensor,
    SparseConvTranspose3d,
    SparseInverseConv3d,
    SparseSequential,
    SubMConv3d,
    ops,
)
from spconv.pytorch.conv import SparseConvolution
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close
from torch.utils.data import DataLoader, Dataset

import dos_mm3d  # noqa: F401  (routes spconv's CPU computation)
from dos_mm3d.compat import spconv as compat
from dos_mm3d.cpu.sparse_conv import find_pairs, sparse_conv

pytestmark = pytest.mark.usefixtures('same_threads_afterwards')
SHAPE = (9, 11, 13)
LAYERS = {
    'subm': lambda i, o: SubMConv3d(i, o, 3),
    'subm dilated': lambda i, o: SubMConv3d(i, o, 3, dilation=2),
    'subm flat': lambda i, o: SubMConv3d(i, o, (1, 3, 5)),
    'stride 2, no padding': lambda i, o: SparseConv3d(i, o, 3, stride=2),
    'stride 2, padding 1': lambda i, o: SparseConv3d(i, o, 3, stride=2, padding=1),
    'stride 2, padding (0, 1, 1)': lambda i, o: SparseConv3d(i, o, 3, stride=2, padding=(0, 1, 1)),
    'kernel (3, 1, 1), stride (2, 1, 1)': lambda i, o: SparseConv3d(i, o, (3, 1, 1), stride=(2, 1, 1)),
    'even kernel, dilated': lambda i, o: SparseConv3d(i, o, 2, padding=1, dilation=2),
    'transposed': lambda i, o: SparseConvTranspose3d(i, o, 3, stride=2, padding=1),
}
REPEATED = ('subm', 'stride 2, padding (0, 1, 1)')


def random_sites(n: int, batch_size: int = 2, seed: int = 0) -> Tensor:
    cells = np.random.default_rng(seed).permutation(batch_size * int(np.prod(SHAPE)))[:n]
    return torch.tensor(np.stack(np.unravel_index(cells, (batch_size, *SHAPE)), axis=1).astype(np.int32))


def sparse(features: Tensor, sites: Tensor, batch_size: int = 2) -> SparseConvTensor:
    return SparseConvTensor(features, sites, list(SHAPE), batch_size)


def dense_conv(layer: SparseConvolution, x: SparseConvTensor, sites: Tensor, shape: list[int]) -> Tensor:
    """What torch's dense convolution gives at `sites`, rows as given; differentiable in features, weight and bias."""
    indices = tuple(x.indices.long().T)
    grid = x.features.new_zeros(x.batch_size, *x.spatial_shape, x.features.shape[1]).index_put(indices, x.features)
    grid = grid.permute(0, 4, 1, 2, 3)
    if layer.transposed or layer.inverse:
        # indices of the output beyond the smallest possible shape
        smallest = [
            (n - 1) * s - 2 * p + k
            for n, s, p, k in zip(x.spatial_shape, layer.stride, layer.padding, layer.kernel_size)
        ]
        more = [wanted - n for wanted, n in zip(shape, smallest)]
        weight = layer.weight.permute(4, 0, 1, 2, 3)
        out = F.conv_transpose3d(grid, weight, layer.bias, layer.stride, layer.padding, output_padding=more)
    else:
        padding = [d * (k // 2) for d, k in zip(layer.dilation, layer.kernel_size)] if layer.subm else layer.padding
        stride = 1 if layer.subm else layer.stride
        weight = layer.weight.permute(0, 4, 1, 2, 3)
        out = F.conv3d(grid, weight, layer.bias, stride, padding, layer.dilation)
    assert list(out.shape[2:]) == list(shape)
    return out.permute(0, 2, 3, 4, 1)[tuple(sites.long().T)]


def relative_error(got: Tensor, wanted: Tensor) -> float:
    return float((got - wanted).detach().abs().max() / wanted.detach().abs().max())


def assert_equals_dense(layer: SparseConvolution, x: SparseConvTensor) -> None:
    """Output and all gradients within 1e-5 of the dense convolution's, relative to the largest entry."""
    out = layer(x)
    inputs = [x.features, *layer.parameters()]
    grad = torch.randn_like(out.features)
    wanted = dense_conv(layer, x, out.indices, out.spatial_shape)
    gradients = zip(torch.autograd.grad(out.features, inputs, grad), torch.autograd.grad(wanted, inputs, grad))
    for got, expected in [(out.features, wanted), *gradients]:
        assert relative_error(got, expected) < 1e-5


@pytest.mark.parametrize('channels', [(5, 16), (16, 32), (48, 80), (128, 64), (3, 7)], ids=str)
@pytest.mark.parametrize('name', LAYERS)
def test_equals_dense_convolution(name: str, channels: tuple[int, int]) -> None:
    x = sparse(torch.randn(700, channels[0], requires_grad=True), random_sites(700))
    assert_equals_dense(LAYERS[name](*channels), x)


def test_inverse_equals_dense_transposed_convolution() -> None:
    down = SparseConv3d(8, 24, 3, stride=2, padding=1, indice_key='down')
    up = SparseInverseConv3d(24, 16, 3, indice_key='down')
    up.stride, up.padding = down.stride, down.padding  # spconv takes them from the pairs; the reference reads them here
    below = down(sparse(torch.randn(500, 8), random_sites(500)))
    x = below.replace_feature(below.features.detach().requires_grad_())
    assert_equals_dense(up, x)


@pytest.mark.parametrize('name', REPEATED)
def test_same_bits_on_any_number_of_threads_a_hundred_times(name: str) -> None:
    layer = LAYERS[name](16, 32)
    sites = random_sites(1200)
    features = torch.randn(1200, 16, requires_grad=True)
    inputs = [features, *layer.parameters()]
    wanted = None
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        for _ in range(100):
            out = layer(sparse(features, sites)).features
            results = [out, *torch.autograd.grad(out, inputs, out.detach())]
            wanted = wanted or results
            assert all(torch.equal(*pair) for pair in zip(results, wanted))


@pytest.mark.parametrize('threads', [1, 2, 4])
def test_wide_layer_equals_dense_on_several_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    x = sparse(torch.randn(1000, 64, requires_grad=True), random_sites(1000))
    assert_equals_dense(SubMConv3d(64, 64, 3, bias=False), x)


@pytest.mark.parametrize('name', ['subm', 'stride 2, padding (0, 1, 1)', 'transposed'])
def test_gradcheck(name: str) -> None:
    layer, sites = LAYERS[name](2, 3).double(), random_sites(25)
    features = torch.randn(25, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f, *_: layer(sparse(f, sites)).features, (features, *layer.parameters()))


@pytest.mark.parametrize('name', ['subm', 'stride 2, padding 1'])
def test_empty_batch_entry_and_single_voxel(name: str) -> None:
    sites = random_sites(60, batch_size=1)
    sites[30:, 0] = 2  # nothing in the second of three scans
    assert_equals_dense(LAYERS[name](4, 16), sparse(torch.randn(60, 4, requires_grad=True), sites, batch_size=3))
    one = torch.tensor([[0, 4, 5, 6]], dtype=torch.int32)
    assert_equals_dense(LAYERS[name](4, 16), sparse(torch.randn(1, 4, requires_grad=True), one, batch_size=1))


@pytest.mark.parametrize('name', LAYERS)
def test_bias_counts_in_eval(name: str) -> None:
    layer, x = LAYERS[name](4, 16), sparse(torch.randn(200, 4), random_sites(200))
    trained = layer.train()(x).features
    assert_close(layer.eval()(x).features, trained)
    assert relative_error(layer(x).features - layer.bias, trained) > 1e-3


@pytest.mark.parametrize('name', LAYERS)
def test_a_layer_of_a_cuda_wheel_computes_on_cpu_tensors(name: str) -> None:
    layer, x = LAYERS[name](4, 16), sparse(torch.randn(200, 4, requires_grad=True), random_sites(200))
    wanted = layer(x).features
    layer.algo = ConvAlgo.MaskImplicitGemm  # what these wheels choose when they build a layer
    assert_equals_dense(layer, x)
    assert torch.equal(layer(x).features, wanted)
    assert layer.algo == ConvAlgo.MaskImplicitGemm  # for tensors on a GPU


def test_pairs_of_a_resolution_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(compat, 'find_pairs', lambda *a, **k: calls.append(0) or find_pairs(*a, **k))
    blocks = SparseSequential(*(SparseBasicBlock(16, 16, conv_cfg={'type': 'SubMConv3d'}) for _ in range(3)))
    sites = random_sites(100)
    blocks(sparse(torch.randn(100, 16), sites))
    assert len(calls) == 1
    layer, features = SubMConv3d(16, 16, 3), torch.randn(100, 16)
    sites[:] = random_sites(100, seed=1)  # written in place: the old pairs must not be used
    assert torch.equal(layer(sparse(features, sites)).features, layer(sparse(features, sites.clone())).features)
    assert len(calls) == 3


def test_pairs_die_with_their_tensor() -> None:
    sites, features = random_sites(100), torch.randn(100, 4)
    settings = ([3] * 3, [2] * 3, [1] * 3, [1] * 3, [0] * 3)
    sites_below, pairs, counts = ops.get_indice_pairs(sites, 2, list(SHAPE), ConvAlgo.Native, *settings)
    sparse_conv(features, torch.randn(16, 3, 3, 3, 4), pairs, counts, len(sites_below))
    kept = weakref.ref(pairs._dos_pairs)
    del pairs
    assert kept() is None


def test_encoder_equals_its_dense_self(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SparseEncoder(
        5,
        [17, 16, 16],
        output_channels=24,
        encoder_channels=((16, 16, 32), (32, 32, 32), (32, 32, 48), (48, 48)),
        encoder_paddings=((0, 0, 1), (0, 0, 1), (0, 0, [1, 1, 1]), (0, 0)),
        block_type='basicblock',
    ).double()
    cells = np.stack(np.unravel_index(np.random.default_rng(0).permutation(2 * 17 * 256)[:800], (2, 17, 16, 16)), 1)
    features, sites = torch.randn(800, 5, dtype=torch.float64), torch.tensor(cells.astype(np.int32))

    def run() -> list[Tensor]:
        out = encoder(features, sites, 2)
        return [out, *torch.autograd.grad(out.square().mean(), list(encoder.parameters()))]

    ours = run()
    sparse_forward = SparseConvolution.forward

    def dense_forward(self: SparseConvolution, x: SparseConvTensor) -> SparseConvTensor:
        with torch.no_grad():
            out = sparse_forward(self, x)
        return out.replace_feature(dense_conv(self, x, out.indices, out.spatial_shape))

    monkeypatch.setattr(SparseConvolution, 'forward', dense_forward)
    for got, wanted in zip(ours, run()):
        assert relative_error(got, wanted) < 1e-8


class _ConvolvedInWorker(Dataset):
    """Item i: the convolution of fixed features, computed where the item is fetched."""

    def __init__(self) -> None:
        self.layer, self.features, self.sites = SubMConv3d(16, 16, 3), torch.randn(600, 16), random_sites(600)

    def __len__(self) -> int:
        return 2

    @torch.no_grad()
    def __getitem__(self, index: int) -> Tensor:
        return self.layer(sparse(self.features, self.sites)).features


def test_forked_worker_convolves_after_parallel_work_in_its_parent() -> None:
    torch.set_num_threads(2)
    items = _ConvolvedInWorker()
    wanted = items[0]
    for item in DataLoader(items, batch_size=None, num_workers=1, multiprocessing_context='fork', timeout=600):
        assert torch.equal(item, wanted)


def test_other_precisions_and_fused_activations_are_refused() -> None:
    x = sparse(torch.randn(10, 4).half(), random_sites(10))
    with pytest.raises(TypeError, match=r'float16.*wanted both'):
        SubMConv3d(4, 4, 3).half()(x)
    activation = nn.ReLU  # anything but spconv's "none"
    layer = SubMConv3d(4, 4, 3).eval()
    layer.act_type = activation
    with pytest.raises(NotImplementedError, match='no fused activation'):
        layer(sparse(torch.randn(10, 4), random_sites(10)))


def test_channels_must_fit_the_weight() -> None:
    pairs, counts = torch.zeros(2, 27, 3, dtype=torch.int32), torch.zeros(27, dtype=torch.int32)
    with pytest.raises(ValueError, match='5 channels'):
        sparse_conv(torch.randn(3, 5), torch.randn(8, 3, 3, 3, 4), pairs, counts, 3, subm=True)


def test_features_must_belong_to_their_sites() -> None:
    with pytest.raises(ValueError, match='50 input rows'):
        SubMConv3d(4, 16, 3)(sparse(torch.randn(49, 4), random_sites(50)))
    down, up = SparseConv3d(4, 4, 3, 2, indice_key='down'), SparseInverseConv3d(4, 4, 3, indice_key='down')
    below = down(sparse(torch.randn(50, 4), random_sites(50)))
    with pytest.raises(ValueError, match='do not belong together'):
        up(below.replace_feature(below.features[1:]))


@pytest.mark.parametrize('layer', [SubMConv3d(2, 2, 3, bias=False), SparseConv3d(2, 2, 3, stride=2, bias=False)])
def test_a_grid_of_more_cells_than_spconv_can_count_is_an_error(layer: SparseConvolution) -> None:
    places = torch.tensor([[0, 1, 1, 1], [1, 2000, 2000, 500]], dtype=torch.int32)
    with pytest.raises(ValueError, match=r'2 samples .* 4294967296 cells.*lower the batch size'):
        layer(SparseConvTensor(torch.ones(2, 2), places, [2048, 2048, 512], 2))
    # mmdet3d's batch size is an int32 tensor, which cannot hold the limit
    layer(SparseConvTensor(torch.ones(1, 2), places[:1], [2048, 2048, 511], torch.tensor(1).int()))


class Recorded(nn.SyncBatchNorm):
    """Keeps the number of rows it was called with."""

    def forward(self, features: Tensor) -> Tensor:
        self.rows = len(features)
        return features


def test_a_rank_without_sites_takes_part_in_a_synchronised_norm():
    """The others would wait for it; a plain norm, which has nothing to normalise, is left out."""
    plain = nn.BatchNorm1d(4)  # would raise, for want of values
    net = SparseSequential(Recorded(4), plain, nn.ReLU())
    out = net(sparse(torch.zeros(0, 4), random_sites(0)))
    assert net[0].rows == len(out.features) == 0


def test_under_bfloat16_convolutions_are_in_full_precision(monkeypatch):
    """spconv's own functions would cast to float16: under any autocast."""
    sites, layer = random_sites(50), SubMConv3d(4, 6, 3)
    features = torch.randn(50, 4)
    wanted = layer(sparse(features, sites)).features
    with torch.autocast('cpu', torch.bfloat16):
        found = layer(sparse(features, sites)).features
        from_half = layer(sparse(features.bfloat16(), sites)).features
    assert torch.equal(found, wanted)
    assert from_half.dtype == torch.float32
