"""SPVCNN (arXiv 2007.16100) on spconv, under the names and the interface of mmdet3d's SPVCNNBackbone.

mmdet3d's own asserts torchsparse, which no registry has. The layers have torchsparse's parameter names and layout of
kernels, and are computed by spconv: one state dict fits both.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from spconv.pytorch import SparseConvTensor, SparseModule, SparseSequential
from spconv.pytorch.conv import SparseConvolutionBase
from torch import Tensor, cat, nn

from ...cpu.scatter import reduce_by_row
from ...errors import InputError
from ...functional.sinkhorn import at_least_float32
from ...functional.trilinear import interpolate, trilinear_corners, voxel_of_point
from .minkunet import MinkUNetAdapter, to_xyz

NUM_STAGES = 4
KERNEL_SIZES = dict(basic=(3, 3), bottleneck=(1, 3, 1))


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


@MODELS.register_module()
class SPVCNN(BaseModule):
    """A sparse U-Net (strides 1, 2, 4, 8, 16 and back) beside a branch of points, which meet at strides 16, 4 and 1.

    As in mmdet3d the points are the occupied voxels of stride 1. At the strides 16 and 4 voxel features are
    interpolated to the points, the transformed point features are added, and their means become the voxel features.

    Interpolation weights are divided by their sum; torchsparse adds 1e-8 to it, which shrinks an interpolated feature
    by a share of 5e-5 at most.

    Args: those of mmdet3d's SPVCNNBackbone, except
        sparseconv_backend: 'spconv'.
    """

    def __init__(
        self,
        in_channels: int = 4,
        base_channels: int = 32,
        num_stages: int = NUM_STAGES,
        encoder_channels: Sequence[int] = (32, 64, 128, 256),
        encoder_blocks: Sequence[int] = (2, 2, 2, 2),
        decoder_channels: Sequence[int] = (256, 128, 96, 96),
        decoder_blocks: Sequence[int] = (2, 2, 2, 2),
        block_type: str = 'basic',
        drop_ratio: float = 0.3,
        sparseconv_backend: str = 'spconv',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        lengths = [num_stages, *map(len, (encoder_channels, encoder_blocks, decoder_channels, decoder_blocks))]
        check_settings(lengths, block_type, sparseconv_backend)
        self.num_stages = num_stages
        self.decoder_channels = list(decoder_channels)
        sizes = KERNEL_SIZES[block_type]
        down = [base_channels, *encoder_channels]
        up = [encoder_channels[-1], *decoder_channels]
        self.conv_input = nn.Sequential(
            ConvModule(in_channels, base_channels, 3, 'subm1'), ConvModule(base_channels, base_channels, 3, 'subm1')
        )
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for i in range(NUM_STAGES):
            coarse = 2 ** (i + 1)
            strided = ConvModule(down[i], down[i], 2, f'down{coarse}', stride=2)
            blocks = residual_blocks(down[i], down[i + 1], encoder_blocks[i], f'subm{coarse}', sizes)
            self.encoder.append(nn.Sequential(strided, *blocks))
        for i, lateral in enumerate(reversed(down[:-1])):
            coarse = 2 ** (NUM_STAGES - i)
            inverse = ConvModule(up[i], up[i + 1], 2, f'down{coarse}', inverse=True)
            blocks = residual_blocks(up[i + 1] + lateral, up[i + 1], decoder_blocks[i], f'subm{coarse // 2}', sizes)
            self.decoder.append(nn.ModuleList([inverse, nn.Sequential(*blocks)]))
        self.point_transforms = nn.ModuleList(
            [point_transform(base_channels, up[0]), point_transform(up[0], up[2]), point_transform(up[2], up[4])]
        )
        self.dropout = nn.Dropout(drop_ratio)

    def forward(self, voxel_features: Tensor, coors: Tensor) -> Tensor:
        """(N, C) features and (N, 4) integer [x, y, z, batch] of unique voxels -> (N, decoder_channels[-1]), same rows.

        This is the interface of mmdet3d's SPVCNNBackbone, made by its preprocessor with ``batch_first=False``.
        """
        batch_size = int(coors[:, 3].max()) + 1
        return self.stages(voxel_features, coors[:, [3, 0, 1, 2]], batch_size)[-1].features

    def stages(self, voxel_features: Tensor, sites: Tensor, batch_size: int) -> list[SparseConvTensor]:
        """Voxels of the strides 16, 8, 4, 2, 1 as the decoder makes them, with what the points added.

        sites: (N, 4) integer [batch, x, y, z], unique. The last has the points' features, in the order of ``sites``.
        """
        # a strided convolution would drop the last voxel of an odd axis
        multiple = 2**NUM_STAGES
        shape = [-(-(size + 1) // multiple) * multiple for size in sites[:, 1:].amax(0).tolist()]
        x = self.conv_input(SparseConvTensor(voxel_features, sites.int(), shape, batch_size))
        points, laterals = x.features, []
        for layer in self.encoder:
            laterals.append(x)
            x = layer(x)
        x, points = self.exchange(x, points, sites, 2**NUM_STAGES, self.point_transforms[0])
        outs = [x]
        for i, (inverse, blocks) in enumerate(self.decoder):
            # dropout follows an exchange
            x = inverse(x.replace_feature(self.dropout(x.features)) if i in (0, 2) else x)
            x = blocks(x.replace_feature(cat((x.features, laterals.pop().features), dim=1)))
            if i == 1:
                x, points = self.exchange(x, points, sites, 4, self.point_transforms[1])
            outs.append(x)
        # at stride 1 the points are lattice points: interpolation gives each its own voxel
        outs[-1] = x.replace_feature(x.features + self.point_transforms[2](points))
        return outs

    @staticmethod
    def exchange(
        x: SparseConvTensor, points: Tensor, sites: Tensor, stride: int, transform: nn.Module
    ) -> tuple[SparseConvTensor, Tensor]:
        """points <- interpolated voxels + transformed points; voxels <- means of their points."""
        at_stride = dict(stride=stride, shape=x.spatial_shape)
        points = interpolate(x.features, trilinear_corners(sites, x.indices, **at_stride)) + transform(points)
        rows = voxel_of_point(sites, x.indices, **at_stride)
        return x.replace_feature(reduce_by_row(points, rows, len(x.indices), reduction='mean')), points


@MODELS.register_module()
class SPVCNNAdapter(MinkUNetAdapter):
    """As MinkUNet's adapter, with a decoder that the points add to; the last stage is what the points have at the end.

    Args:
        backbone: the segmentor's configuration of :class:`SPVCNN`. ``drop_ratio=0``: the teacher is in training mode,
            and dropout would make its targets noisy.
    """

    columns_kernels: ClassVar = ('backbone.conv_input.0.net.0.kernel',)
    columns_axis: ClassVar = 1
    exported_layout: ClassVar = 'torchsparse: (K, C_in, C_out), (C_in, C_out) for K = 1'

    def decoder_widths(self) -> list[int]:
        return self.backbone.decoder_channels

    def decode(self, voxel_dict: dict[str, Tensor], lowest: Tensor, batch_size: int) -> list[SparseConvTensor]:
        sites = to_xyz(voxel_dict['coors'], lowest)
        # as in the other backbones: sparse convolutions stay in full precision under autocast
        with torch.autocast(sites.device.type, enabled=False):
            return self.backbone.stages(at_least_float32(voxel_dict['voxels']), sites, batch_size)[1:]


def check_settings(lengths: list[int], block_type: str, sparseconv_backend: str) -> None:
    """ValueError for what SPVCNN does not have; lengths: num_stages and the number of entries of each list."""
    if set(lengths) != {NUM_STAGES}:
        raise InputError(f'SPVCNN has {NUM_STAGES} stages, got num_stages and lists for {lengths} stages')
    if block_type not in KERNEL_SIZES:
        raise InputError(f'block_type is {block_type!r}, wanted one of {", ".join(KERNEL_SIZES)}')
    if sparseconv_backend != 'spconv':
        raise InputError(
            f'sparseconv_backend is {sparseconv_backend!r}: SPVCNN runs on spconv, set sparseconv_backend="spconv"; '
            "mmdet3d's SPVCNNBackbone runs on torchsparse"
        )


def residual_blocks(
    in_channels: int, out_channels: int, count: int, indice_key: str, kernel_sizes: tuple[int, ...]
) -> list[ResidualBlock]:
    """``count`` blocks; the first changes the width."""
    widths = [in_channels, *[out_channels] * count]
    return [ResidualBlock(a, b, indice_key, kernel_sizes) for a, b in pairwise(widths)]


def point_transform(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(in_channels, out_channels), nn.BatchNorm1d(out_channels), nn.ReLU(inplace=True))
