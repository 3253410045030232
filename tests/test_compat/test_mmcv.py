"""mmcv's sparse convolution modules on the CPU: equal to dense ones, index pairs shared as mmcv shares them."""

import pytest
import torch
from mmcv.ops import SparseConv3d, SparseConvTensor, SparseInverseConv3d, SubMConv3d, sparse_functional, sparse_ops
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

import dos_mm3d  # noqa: F401  (routes mmcv's CPU computation)

pytestmark = pytest.mark.usefixtures('same_threads_afterwards')
SHAPE, BATCH = (9, 11, 12), 2
LAYERS = {
    'subm': lambda: SubMConv3d(3, 5, 3, padding=1, indice_key='a'),
    'subm (1, 3, 3)': lambda: SubMConv3d(3, 5, (1, 3, 3), padding=1, indice_key='a', bias=False),
    'subm (3, 1, 3)': lambda: SubMConv3d(3, 5, (3, 1, 3), padding=1, indice_key='a', bias=False),
    'stride 2': lambda: SparseConv3d(3, 5, 3, stride=2, padding=1, indice_key='a'),
    'stride (2, 2, 1)': lambda: SparseConv3d(3, 5, 3, stride=(2, 2, 1), padding=1, indice_key='a', bias=False),
}


def sites(n: int = 300) -> Tensor:
    """(n, 4) int32 unique [batch, z, y, x]."""
    generator = torch.Generator().manual_seed(1)
    numbers = torch.randperm(BATCH * SHAPE[0] * SHAPE[1] * SHAPE[2], generator=generator)[:n]
    return torch.stack(torch.unravel_index(numbers, (BATCH, *SHAPE)), dim=1).int()


def sparse(features: Tensor) -> SparseConvTensor:
    return SparseConvTensor(features, sites(), SHAPE, BATCH)


def features(channels: int = 3) -> Tensor:
    return torch.randn(300, channels, dtype=torch.float64, requires_grad=True)


def dense(values: Tensor, at: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(n, c) at (n, 4) sites -> (batch, c, *shape), zero elsewhere."""
    volume = values.new_zeros(BATCH, *shape, values.shape[1]).index_put(tuple(at.long().t()), values)
    return volume.permute(0, 4, 1, 2, 3)


def at_sites(volume: Tensor, at: Tensor) -> Tensor:
    batch, z, y, x = at.long().t()
    return volume[batch, :, z, y, x]


def dense_kernel(weight: Tensor) -> Tensor:
    """mmcv's (kz, ky, kx, in, out) -> torch's (out, in, kz, ky, kx)."""
    return weight.permute(4, 3, 0, 1, 2)


@pytest.mark.parametrize('name', LAYERS)
def test_values_and_gradients_are_those_of_a_dense_convolution(name):
    layer = LAYERS[name]().double()
    x = features()
    out = layer(sparse(x))
    submanifold = name.startswith('subm')
    padding = [size // 2 for size in layer.kernel_size] if submanifold else 1
    wanted_volume = F.conv3d(
        dense(x, sites(), SHAPE),
        dense_kernel(layer.weight),
        layer.bias,
        stride=1 if submanifold else tuple(layer.stride),
        padding=padding,
    )
    assert tuple(out.spatial_shape) == wanted_volume.shape[2:]
    wanted = at_sites(wanted_volume, out.indices)
    assert_close(out.features, wanted)
    if submanifold:
        assert torch.equal(out.indices, sites())
    weight = torch.randn_like(wanted)
    leaves = (x, layer.weight)
    found = torch.autograd.grad((out.features * weight).sum(), leaves, retain_graph=True)
    for gradient, looked_for in zip(found, torch.autograd.grad((wanted * weight).sum(), leaves)):
        assert_close(gradient, looked_for)


def test_inverse_convolution_goes_back_to_the_sites_it_came_from():
    down = SparseConv3d(3, 4, 3, stride=2, padding=1, indice_key='down', bias=False).double()
    up = SparseInverseConv3d(4, 5, 3, indice_key='down', bias=False).double()
    coarse = down(sparse(features()))
    back = up(coarse)
    assert torch.equal(back.indices, sites()) and back.spatial_shape == SHAPE
    volume = dense(coarse.features, coarse.indices, tuple(coarse.spatial_shape))
    # padding of the output where the stride does not divide
    missing = [size - ((n - 1) * 2 + 1) for size, n in zip(SHAPE, coarse.spatial_shape)]
    kernel = up.weight.permute(3, 4, 0, 1, 2)
    transposed = F.conv_transpose3d(volume, kernel, stride=2, padding=1, output_padding=tuple(missing))
    assert_close(back.features, at_sites(transposed, sites()))


class SharedKey(nn.Module):
    """What Cylinder3D's up-sampling block does: three kernels, one key; pairs are those of the first."""

    def __init__(self) -> None:
        super().__init__()
        settings = dict(padding=1, bias=False, indice_key='shared')
        self.first = SubMConv3d(3, 4, (1, 3, 3), **settings)
        self.second = SubMConv3d(4, 4, (3, 1, 3), **settings)
        self.third = SubMConv3d(4, 5, (3, 3, 3), **settings)


def test_layers_of_one_key_share_the_neighbours_of_the_first():
    """As mmcv's CUDA operators have it: offset k of the pairs meets weight k, whatever the kernel's shape."""
    block = SharedKey().double()
    x = features()
    first = block.first(sparse(x))
    found = block.third(block.second(first)).features
    values = x
    for layer in (block.first, block.second, block.third):
        flat = layer.weight.flatten(0, 2)[:9].view(1, 3, 3, layer.in_channels, layer.out_channels)
        values = at_sites(F.conv3d(dense(values, sites(), SHAPE), dense_kernel(flat), padding=(0, 1, 1)), sites())
    assert_close(found, values)
    gradient = torch.autograd.grad(found.square().sum(), block.third.weight)[0].flatten(0, 2)
    assert not gradient[9:].any() and gradient[:9].flatten(1).any(1).all()


def test_a_layer_with_fewer_weights_than_offsets_is_refused():
    x = SubMConv3d(3, 3, 3, padding=1, indice_key='a')(sparse(features().float()))
    with pytest.raises(ValueError, match='indice_key of its own'):
        SubMConv3d(3, 3, (1, 3, 3), padding=1, indice_key='a')(x)


@pytest.mark.parametrize('name', ['subm', 'stride 2'])
def test_same_bits_on_any_number_of_threads(name):
    layer, x = LAYERS[name](), features().float().detach()
    results = []
    for threads in (1, 4, 4, 4):
        torch.set_num_threads(threads)
        layer.zero_grad()
        out = layer(sparse(x)).features
        out.square().sum().backward()
        results.append((out.detach(), layer.weight.grad.clone()))
    for out, grad in results[1:]:
        assert torch.equal(out, results[0][0]) and torch.equal(grad, results[0][1])


def test_bias_and_eval_mode():
    layer = LAYERS['subm']().eval()
    with torch.no_grad():
        x = features().float()
        without = layer(sparse(x)).features - layer.bias
        layer.bias.zero_()
        assert_close(layer(sparse(x)).features, without)


def test_other_devices_go_to_mmcv():
    x, weight = torch.ones(4, 3, device='meta'), torch.ones(3, 3, 3, 3, 5, device='meta')
    pairs, counts = torch.zeros(27, 2, 4, device='meta').int(), torch.zeros(27, device='meta').int()
    for name in ('indice_conv', 'indice_subm_conv', 'indice_inverse_conv'):
        with pytest.raises(RuntimeError, match='implementation for device meta not found'):
            getattr(sparse_functional, name)(x, weight, pairs, counts, 4)
    with pytest.raises(RuntimeError, match='get_indice_pairs is not implemented'):
        sparse_ops.get_indice_pairs(torch.zeros(4, 4, device='meta').int(), 2, SHAPE, subm=True)


@pytest.mark.gpu
def test_mmcvs_cuda_operators_compute_the_same():
    """Not run so far: for a machine whose mmcv has its CUDA operators."""
    if not torch.cuda.is_available():
        pytest.skip('not run: needs a GPU and an mmcv with its CUDA operators')
    block, x = SharedKey(), features().float().detach()

    def forward(device: str) -> Tensor:
        block.to(device)
        cloud = SparseConvTensor(x.to(device), sites().to(device), SHAPE, BATCH)
        return block.third(block.second(block.first(cloud))).features.cpu()

    assert_close(forward('cuda'), forward('cpu'), atol=1e-4, rtol=1e-4)
