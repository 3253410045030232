"""Layers of torchsparse's networks under torchsparse's parameter names, computed by spconv.

A state dict of mmdet3d's torchsparse modules loads into these as it is, and the other way round.
"""

import math

import torch
from spconv.pytorch import SparseConvTensor, SparseModule, SparseSequential
from spconv.pytorch.conv import SparseConvolutionBase
from torch import Tensor, nn


def spconv_weight(kernel: Tensor, kernel_size: int) -> Tensor:
    """torchsparse's kernel (K, C_in, C_out) -> spconv's weight (C_out, kx, ky, kz, C_in) for sites [batch, x, y, z].

    torchsparse 1.4 lists the K = kernel_size^3 offsets with x fastest where K is odd, with z fastest where it is even
    (torchsparse/nn/utils/kernel.py, "compatible with MinkowskiEngine"); both libraries correlate, neither flips.
    """
    grid = kernel.view(kernel_size, kernel_size, kernel_size, *kernel.shape[-2:])
    axes = (4, 2, 1, 0, 3) if kernel_size % 2 else (4, 0, 1, 2, 3)
    return grid.permute(axes).contiguous()


class KernelConv3d(SparseModule):
    """Sparse convolution without bias, with torchsparse's one parameter ``kernel``: (K, C_in, C_out), and
    (C_in, C_out) where K is 1.

    Args:
        in_channels: width of the input.
        out_channels: width of the output.
        kernel_size: edge of the kernel.
        indice_key: under which spconv remembers the pairs of sites.
        stride: 1 is submanifold, 2 strided.
        inverse: back to the sites from which the strided convolution of the same key came.
    """

    # mmdet3d's loader of spconv modules would permute the kernel of every plain state dict
    _load_from_state_dict = nn.Module._load_from_state_dict

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        indice_key: str,
        *,
        stride: int = 1,
        inverse: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        volume = kernel_size**3
        shape = (volume, in_channels, out_channels) if volume > 1 else (in_channels, out_channels)
        # torchsparse draws it from this interval
        bound = 1 / math.sqrt((out_channels if inverse else in_channels) * volume)
        self.kernel = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        # everything of spconv's convolution but its parameters
        self.convolution = SparseConvolutionBase(
            3,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            subm=stride == 1 and not inverse,
            inverse=inverse,
            indice_key=indice_key,
        )

    def forward(self, x: SparseConvTensor) -> SparseConvTensor:
        if self.kernel_size == 1:
            return x.replace_feature(x.features @ self.kernel)
        weight = spconv_weight(self.kernel, self.kernel_size)
        return self.convolution._conv_forward(self.training, x, weight, None)


class ConvModule(SparseModule):
    """Convolution, BatchNorm, ReLU; names as TorchSparseConvModule of mmdet3d.

    Args: those of :class:`KernelConv3d`.
    """

    def __init__(self, in_channels: int, out_channels: int, *args, **kwargs) -> None:
        super().__init__()
        conv = KernelConv3d(in_channels, out_channels, *args, **kwargs)
        self.net = SparseSequential(conv, nn.BatchNorm1d(out_channels), nn.ReLU(inplace=True))

    def forward(self, x: SparseConvTensor) -> SparseConvTensor:
        return self.net(x)


class ResidualBlock(SparseModule):
    """Submanifold convolutions and a skip; names as TorchSparseBasicBlock and TorchSparseBottleneck of mmdet3d.

    Args:
        in_channels: width of the input.
        out_channels: width of the output.
        indice_key: as in :class:`KernelConv3d`.
        kernel_sizes: one convolution each; (3, 3) is the basic block, (1, 3, 1) the bottleneck.
    """

    def __init__(self, in_channels: int, out_channels: int, indice_key: str, kernel_sizes: tuple[int, ...]) -> None:
        super().__init__()
        layers = []
        for size in kernel_sizes:
            conv = KernelConv3d(out_channels if layers else in_channels, out_channels, size, indice_key)
            layers += [conv, nn.BatchNorm1d(out_channels), nn.ReLU(inplace=True)]
        self.net = SparseSequential(*layers[:-1])  # the last ReLU comes after the sum
        self.downsample = nn.Identity()
        if in_channels != out_channels:
            conv = KernelConv3d(in_channels, out_channels, 1, indice_key)
            self.downsample = SparseSequential(conv, nn.BatchNorm1d(out_channels))

    def forward(self, x: SparseConvTensor) -> SparseConvTensor:
        out, skip = self.net(x), self.downsample(x)
        return out.replace_feature(torch.relu(out.features + skip.features))
