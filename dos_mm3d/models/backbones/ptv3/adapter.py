"""Point Transformer V3 as a backbone of features at the loss voxels."""

from itertools import accumulate
from operator import mul
from typing import ClassVar

import torch
from mmdet3d.models.data_preprocessors.voxelize import VoxelizationByGridShape
from mmdet3d.registry import MODELS
from torch import Tensor

from ....errors import InputError
from ....functional.grid import find_rows
from ....functional.voxelize import LARGEST_CELL
from ....structures import Grid
from ..base import LossVoxelBackbone, require_voxels
from .cloud import Cloud, finer_levels, stacked_features
from .model import PTv3

IN_DETECTOR = {'ptv3.': 'pts_middle_encoder.ptv3.', 'voxel_encoder.': 'pts_voxel_encoder.'}  # PTv3MiddleEncoder
IN_SEGMENTOR = {'ptv3.': 'backbone.'}


@MODELS.register_module()
class PTv3Backbone(LossVoxelBackbone):
    """Voxel encoder and encoder-only PTv3; its stages up-cast to the loss voxels and concatenated, finest first.

    The voxel layer's voxels are PTv3's input grid, so its ``voxel_size`` is PTv3's grid size (0.05 m outdoors). A loss
    voxel is a cell of the first stage whose stride is ``loss_stride``; finer stages are not used.

    Args:
        voxel_encoder: makes one row of ``ptv3.in_channels`` features of the points of a voxel.
        ptv3: :class:`PTv3`, without decoder: pretraining trains the encoder, a decoder is added downstream.
    """

    downstream_names: ClassVar = IN_DETECTOR
    downstream_names_by_task: ClassVar = {'detection': IN_DETECTOR, 'segmentation': IN_SEGMENTOR}
    columns_kernels: ClassVar = ('ptv3.embedding.stem.linear.weight', 'ptv3.embedding.stem.conv.weight')

    def __init__(self, voxel_encoder: dict, ptv3: dict, loss_stride: int = 4) -> None:
        super().__init__()
        self.loss_stride = loss_stride
        self.voxel_encoder = MODELS.build(voxel_encoder)
        self.ptv3: PTv3 = MODELS.build(ptv3)
        if self.ptv3.decoder is not None:
            raise InputError('PTv3Backbone pretrains an encoder: remove decoder from ptv3, and add it downstream')
        widths, strides = self.ptv3.encoder.channels, self.ptv3.encoder.strides
        stage_strides = list(accumulate((1, *strides), mul))
        if loss_stride not in stage_strides:
            raise InputError(f'loss_stride is {loss_stride}, wanted the stride of a stage of ptv3: {stage_strides}')
        loss_level = stage_strides.index(loss_stride)
        self.levels_to_upcast = len(strides) - loss_level
        self.out_channels = sum(widths[loss_level:])

    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        levels = finer_levels(self.ptv3(self.cloud_of(voxel_dict, batch_size)), self.levels_to_upcast)
        level = levels[-1]
        sites = torch.cat((level.batch[:, None], level.grid_coord.flip(1)), dim=1)
        rows = find_rows(cells, sites, level.shape[::-1])
        require_voxels(rows < 0)
        return stacked_features(levels, rows)

    def require_grid(self, voxel_layer: VoxelizationByGridShape) -> None:
        """InputError for more voxels along an axis than the curves through them can number."""
        super().require_grid(voxel_layer)
        grid = Grid(voxel_layer.point_cloud_range, voxel_layer.voxel_size)
        if max(grid.shape) > LARGEST_CELL + 1:
            raise InputError(
                f'{max(grid.shape)} voxels along an axis (voxel_size {list(grid.voxel_size_m)}, point_cloud_range '
                f'{list(grid.point_cloud_range)}): the curves of PTv3 number at most {LARGEST_CELL + 1}; enlarge '
                'voxel_size, or take a smaller range'
            )

    def cloud_of(self, voxel_dict: dict[str, Tensor], batch_size: int) -> Cloud:
        """mmdet3d's voxel dict -> cloud; a voxel lies at the mean of its points."""
        voxels, num_points, coors = (voxel_dict[name] for name in ('voxels', 'num_points', 'coors'))
        mean_m = voxels[..., :3].sum(1) / num_points[:, None]  # rows without a point are zeros
        return Cloud.from_voxels(self.voxel_encoder(voxels, num_points, coors), mean_m, coors, batch_size)
