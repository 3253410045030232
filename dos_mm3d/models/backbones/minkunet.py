"""mmdet3d's MinkUNetBackbone (encoder-decoder for segmentation) as a backbone of features at the loss voxels."""

from typing import ClassVar

import torch
from mmdet3d.registry import MODELS
from spconv.pytorch import SparseConvTensor
from torch import Tensor

from ...cpu.scatter import points_in_rows, reduce_by_row
from ...errors import InputError
from ...functional.sinkhorn import at_least_float32
from .base import LossVoxelBackbone, look_up, parents_of, require_voxels


@MODELS.register_module()
class MinkUNetAdapter(LossVoxelBackbone):
    """MinkUNetBackbone of a segmentor; its decoder at the loss voxels.

    The feature of a loss voxel is the mean of the last decoder stage (stride 1, which the segmentor reads) over the
    voxels inside it, then, finest first, every decoder stage of at least ``loss_stride``, up-cast. The mean is there
    because whatever lies behind the up-cast stages (the rest of the decoder, the skips into it) would otherwise be
    exported untrained; the up-cast stages, because DOS and Sonata compare features of every level. The
    bottleneck is left out: it is the input of the first decoder stage.

    Args:
        backbone: the segmentor's configuration, unchanged, with ``sparseconv_backend='spconv'``.
        loss_stride: the stride of a decoder stage: 1, 2, 4, 8 for four stages.
    """

    downstream_names: ClassVar = {'backbone.': 'backbone.'}
    columns_kernels: ClassVar = ('backbone.conv_input.0.0.weight',)

    def __init__(self, backbone: dict, loss_stride: int = 4) -> None:
        super().__init__()
        if (backend := backbone.get('sparseconv_backend')) != 'spconv':
            raise InputError(f"sparseconv_backend is {backend!r}, wanted 'spconv', as in mmdet3d's *_spconv_* configs")
        self.backbone = MODELS.build(backbone)
        strides = [2**level for level in reversed(range(self.backbone.num_stages))]
        if loss_stride not in strides:
            raise InputError(f'loss_stride is {loss_stride}, wanted the stride of a decoder stage: {strides}')
        self.loss_stride = loss_stride
        widths = self.decoder_widths()
        self.upcast_strides = [stride for stride in strides[:-1] if stride >= loss_stride]
        self.out_channels = sum(widths[: len(self.upcast_strides)]) + widths[-1]

    def decoder_widths(self) -> list[int]:
        """Channels of the decoder stages, coarsest first."""
        return [blocks[-1].conv2.out_channels for _, blocks in self.backbone.decoder]

    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        if not len(voxel_dict['coors']):
            require_voxels(torch.ones(len(cells), dtype=torch.bool))
        deepest_stride = 2**self.backbone.num_stages
        lowest = voxel_dict['coors'][:, 1:].amin(0) // deepest_stride * deepest_stride
        *coarse, finest = self.decode(voxel_dict, lowest, batch_size)
        cells = to_xyz(cells, lowest // self.loss_stride)
        # the sites of the last stage are the voxels, in the same order
        found = [mean_of_cells(finest.features, voxel_dict['loss_cell'], len(cells))]
        for stage, stride in reversed([*zip(coarse, self.upcast_strides)]):
            found.append(upcast(stage, cells, stride // self.loss_stride))
        features, missing = zip(*found)
        require_voxels(*missing)
        return torch.cat(features, dim=1)

    def decode(self, voxel_dict: dict[str, Tensor], lowest: Tensor, batch_size: int) -> list[SparseConvTensor]:
        """Decoder stages, coarsest first, as mmdet3d's forward computes them; it returns the last one only.

        lowest: (3,) z, y, x of the voxel that becomes the first of the grid, a multiple of the deepest stride, so that
        stages and loss voxels stay aligned. Sites are [view, x, y, z], the order of MinkUNet's kernels. The grid ends
        at a multiple of that stride too: mmdet3d's ends at the last voxel, and its down-sampling leaves out the last
        one of an odd number.
        """
        unet, deepest_stride = self.backbone, 2**self.backbone.num_stages
        sites = to_xyz(voxel_dict['coors'], lowest).int()
        shape = ((sites[:, 1:].amax(0) // deepest_stride + 1) * deepest_stride).tolist()
        # as in the other backbones: sparse convolutions stay in full precision under autocast
        with torch.autocast(sites.device.type, enabled=False):
            x = unet.conv_input(SparseConvTensor(at_least_float32(voxel_dict['voxels']), sites, shape, batch_size))
            laterals = []
            for layer in unet.encoder:
                laterals.append(x)
                x = layer(x)
            stages = []
            for rise, blocks in unet.decoder:
                x = rise(x)
                x = blocks(x.replace_feature(torch.cat((x.features, laterals.pop().features), dim=1)))
                stages.append(x)
            return stages


def to_xyz(coords: Tensor, lowest: Tensor) -> Tensor:
    """(n, 4) [view, z, y, x] -> [view, x, y, z], counted from ``lowest`` (3,) z, y, x."""
    moved = coords[:, 1:] - lowest
    return torch.cat((coords[:, :1], moved.flip(1)), dim=1).contiguous()


def upcast(stage: SparseConvTensor, cells: Tensor, ratio: int) -> tuple[Tensor, Tensor]:
    """(M, C) feature of the parent of each loss voxel, and (M,) bool, those without one; cells (M, 4), sites [view, x,
    y, z]; ratio: cells per edge."""
    return look_up(parents_of(cells, ratio), stage.features, stage.indices, stage.spatial_shape)


def mean_of_cells(features: Tensor, loss_cell: Tensor, n_cells: int) -> tuple[Tensor, Tensor]:
    """(M, C) mean feature of the voxels inside each loss voxel, and (M,) bool, the loss voxels that hold none;
    loss_cell (V,) row of each voxel's, -1 in none."""
    inside = (loss_cell >= 0).nonzero().squeeze(1)
    row = loss_cell.index_select(0, inside)
    means = reduce_by_row(features.index_select(0, inside), row, n_cells, reduction='mean')
    return means, points_in_rows(row, n_cells) == 0
