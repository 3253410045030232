"""mmdet3d's SparseEncoder (SECOND, CenterPoint) as a backbone of features at the loss voxels."""

from typing import ClassVar

import torch
from mmdet3d.models.data_preprocessors.voxelize import VoxelizationByGridShape
from mmdet3d.registry import MODELS
from spconv.pytorch import SparseConvTensor
from spconv.pytorch.conv import SparseConvolution
from torch import Tensor, cat, nn

from ...errors import InputError
from ...functional.host import constant
from ...functional.sinkhorn import at_least_float32
from ...structures import Grid
from .base import LossVoxelBackbone, look_up, require_voxels
from .sparse_grid import require_cells, require_sparse_shape


@MODELS.register_module()
class SparseEncoderBackbone(LossVoxelBackbone):
    """Voxel encoder and SparseEncoder of a detector; every stage up-cast to the loss voxels and concatenated.

    A loss voxel is a stride-``loss_stride`` cell of the voxel grid. Its feature is that of its parent cell in each
    stage of the encoder (stride 2, 4, 8, 8 in CenterPoint) and in ``conv_out``, the layer that the detector reads:
    left out, it would be exported untrained. Stages finer than the loss voxels are not used.

    Args:
        voxel_encoder, middle_encoder: the detector's configurations, unchanged.
        loss_stride: 1, or the stride of a stage; ValueError for others.
    """

    downstream_names: ClassVar = {'voxel_encoder.': 'pts_voxel_encoder.', 'middle_encoder.': 'pts_middle_encoder.'}
    columns_kernels: ClassVar = ('middle_encoder.conv_input.0.weight',)

    def __init__(self, voxel_encoder: dict, middle_encoder: dict, loss_stride: int = 2) -> None:
        super().__init__()
        self.loss_stride = loss_stride
        self.voxel_encoder = MODELS.build(voxel_encoder)
        self.middle_encoder = MODELS.build(middle_encoder)
        for number, stage in enumerate(self.middle_encoder.encoder_layers):
            share_neighbours(stage, f'stage{number}')
        self.strides = stage_strides(
            len(self.middle_encoder.encoder_channels), middle_encoder.get('block_type', 'conv_module')
        )
        if loss_stride not in {1, *self.strides}:
            raise InputError(
                f'loss_stride must be 1 or the stride of a stage of the encoder, one of {sorted({1, *self.strides})}, '
                f'got {loss_stride!r}'
            )
        stages = zip(self.middle_encoder.encoder_channels, self.strides, strict=True)
        used = [channels[-1] for channels, stride in stages if stride >= loss_stride]
        self.out_channels = sum(used) + self.middle_encoder.output_channels

    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        voxels = self.voxel_encoder(voxel_dict['voxels'], voxel_dict['num_points'], voxel_dict['coors'])
        *stages, last = self.encode(voxels, voxel_dict['coors'], batch_size)
        strides = [[stride] * 3 for stride in self.strides]
        # conv_out: kernel (3, 1, 1), stride (2, 1, 1), no padding; its site o covers 2 o .. 2 o + 2
        strides.append([2 * self.strides[-1], self.strides[-1], self.strides[-1]])
        used = [(stage, stride) for stage, stride in zip((*stages, last), strides) if stride[-1] >= self.loss_stride]
        features, missing = zip(*(self.upcast(stage, cells, stride) for stage, stride in used))
        require_voxels(*missing)
        return cat(features, dim=1)

    def require_grid(self, voxel_layer: VoxelizationByGridShape) -> None:
        """InputError unless the encoder's sparse_shape is that of the voxels, and its strides leave a cell of them."""
        grid = Grid(voxel_layer.point_cloud_range, voxel_layer.voxel_size)
        require_sparse_shape(self.middle_encoder, grid)
        require_cells(self.middle_encoder, grid)

    def encode(self, voxels: Tensor, coors: Tensor, batch_size: int) -> list[SparseConvTensor]:
        """Every stage of the encoder and ``conv_out``, as mmdet3d's forward computes them.

        mmdet3d's own forward makes ``conv_out`` dense for the detector; a fifth of a CPU step went into that grid.
        """
        encoder = self.middle_encoder
        # as in mmdet3d: sparse convolutions stay in full precision under autocast
        with torch.autocast(voxels.device.type, enabled=False):
            voxels = at_least_float32(voxels)
            x = encoder.conv_input(SparseConvTensor(voxels, coors.int(), encoder.sparse_shape, batch_size))
            stages = []
            for layer in (*encoder.encoder_layers, encoder.conv_out):
                x = layer(x)
                stages.append(x)
            return stages

    def upcast(self, stage: SparseConvTensor, cells: Tensor, stride: list[int]) -> tuple[Tensor, Tensor]:
        """(M, C) feature of the parent of each loss voxel in a stage of a stride along z, y, x, and (M,) bool: those
        whose parent should be an active site, and is none.

        A parent is clamped where a stage without padding ends early. Loss voxels so high that the last cell does not
        see them either get zeros: what reads this stage downstream sees nothing of them.
        """
        ratios = [edge // self.loss_stride for edge in stride]
        parents = torch.div(cells[:, 1:], constant(ratios, cells.dtype, cells.device), rounding_mode='floor')
        if not self.ends_early(stage, ratios):
            return look_up(cat((cells[:, :1], parents), dim=1), stage.features, stage.indices, stage.spatial_shape)
        last = constant([size - 1 for size in stage.spatial_shape], cells.dtype, cells.device)
        beyond = (parents > last).any(1)
        sites = cat((cells[:, :1], parents.minimum(last)), dim=1)
        features, missing = look_up(sites, stage.features, stage.indices, stage.spatial_shape)
        return features.masked_fill(missing[:, None], 0), missing & ~beyond

    def ends_early(self, stage: SparseConvTensor, ratios: list[int]) -> bool:
        """Whether a loss voxel of the grid may have a parent beyond a stage's cells; ratios: loss voxels per cell."""
        voxels = self.middle_encoder.sparse_shape
        parents = [-(-size // (self.loss_stride * ratio)) for size, ratio in zip(voxels, ratios)]
        return any(wanted > size for wanted, size in zip(parents, stage.spatial_shape))


@MODELS.register_module()
class VoxelNetBackbone(SparseEncoderBackbone):
    """The same of a VoxelNet, as mmdet3d's SECOND on KITTI is one: its parts have no `pts_` before their names."""

    downstream_names: ClassVar = {'voxel_encoder.': 'voxel_encoder.', 'middle_encoder.': 'middle_encoder.'}


def share_neighbours(stage: nn.Module, key: str) -> None:
    """Name an indice_key for submanifold convolutions that have none, as those of mmdet3d's SparseBasicBlock: spconv
    then searches the neighbours once for all of one kernel in a stage, whose sites are the same, not once for each."""
    for layer in stage.modules():
        if isinstance(layer, SparseConvolution) and layer.subm and layer.indice_key is None:
            layer.indice_key = f'{key} {layer.kernel_size} {layer.dilation}'


def stage_strides(n_stages: int, block_type: str) -> list[int]:
    """Horizontal stride of each stage's output. Every stage of a 'conv_module' encoder but the first begins with stride
    2; every stage of a 'basicblock' encoder but the last ends with it."""
    return [2 ** (min(i + 1, n_stages - 1) if block_type == 'basicblock' else i) for i in range(n_stages)]
