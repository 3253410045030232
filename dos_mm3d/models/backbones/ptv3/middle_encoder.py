"""Point Transformer V3 as the middle encoder of mmdet3d's CenterPoint (docs/ptv3.md, "In mmdet3d")."""

from collections.abc import Sequence

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ....cpu.cell_keys import cell_keys
from ....errors import InputError
from ....structures import Grid
from .cloud import Cloud
from .model import PTv3
from .pooling import cell_maximum, group_by_key


@MODELS.register_module()
class PTv3MiddleEncoder(BaseModule):
    """Voxel features in, dense bird's-eye map out: encoder and decoder of PTv3, then the maximum over each column.

    It is in the place of SparseEncoder, between ``pts_voxel_encoder`` and ``pts_backbone``. Its input cloud is that of
    :class:`PTv3Backbone`: same features, same grid, voxels at the mean of their points, so that pretrained weights mean
    the same. CenterPoint hands over no points, and the mean is what HardSimpleVFE puts into the first three features;
    another voxel encoder is refused by what it gives.

    Args:
        ptv3: :class:`PTv3` with decoder, best one without blocks at the fine levels, where most rows are.
        point_cloud_range, voxel_size: of the voxel layer, in metres.
        map_stride: edge of a cell of the map in voxels, a divisor of the grid's x and y size.
    """

    def __init__(
        self,
        ptv3: dict,
        point_cloud_range: Sequence[float],
        voxel_size: Sequence[float],
        map_stride: int = 8,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.ptv3: PTv3 = MODELS.build(ptv3)
        if self.ptv3.decoder is None:
            raise InputError('PTv3MiddleEncoder needs fine features: give ptv3 a decoder, e.g. one of ptv3_decoders')
        self.grid = Grid(point_cloud_range, voxel_size)
        _, *size = self.grid.shape
        if any(cells % map_stride for cells in size):
            raise InputError(
                f'map_stride {map_stride} does not divide the grid of {size[1]} x {size[0]} voxels: choose a divisor, '
                'or another point_cloud_range'
            )
        self.map_stride, self.map_size = map_stride, [cells // map_stride for cells in size]

    @property
    def out_channels(self) -> int:
        """Channels of the map."""
        return self.ptv3.out_channels

    def forward(self, voxel_features: Tensor, coors: Tensor, batch_size: int | Tensor) -> Tensor:
        """voxel_features (N, C), the first three the mean x, y, z in metres; coors (N, 4) int [sample, z, y, x].

        Returns (batch_size, out_channels, y, x); cells without a voxel are 0. ValueError if the first three features do
        not lie in their voxels.
        """
        self.check_mean(voxel_features[:, :3], coors)
        cloud = Cloud.from_voxels(voxel_features, voxel_features[:, :3], coors, int(batch_size))
        return self.column_maximum(self.ptv3(cloud))

    def column_maximum(self, cloud: Cloud) -> Tensor:
        """(B, C, y, x): maximum of each channel over the voxels in a column of map cells, 0 where there is none.

        No two writes meet, so it is the same on every run and device; the gradient goes to the maximum.
        """
        size_y, size_x = self.map_size
        x, y, _ = (cloud.grid_coord // self.map_stride).unbind(1)
        columns = torch.stack((cloud.batch, y, x), dim=1)
        keys = cell_keys(columns, self.map_size)
        cells = group_by_key(keys, cloud.counts)
        highest = cell_maximum(cloud.feat, cells)
        keys = keys.index_select(0, cells.rows.index_select(0, cells.starts))
        n_samples, channels = len(cloud.counts), highest.shape[1]
        flat = highest.new_zeros(n_samples * size_y * size_x, channels).index_copy(0, keys, highest)
        return flat.view(n_samples, size_y, size_x, channels).permute(0, 3, 1, 2).contiguous()

    def check_mean(self, mean_m: Tensor, coors: Tensor) -> None:
        """ValueError unless every mean (N, 3) lies in its voxel, but for rounding."""
        size_m = mean_m.new_tensor(self.grid.voxel_size_m)
        offset = (mean_m - mean_m.new_tensor(self.grid.range_min_m)) / size_m - coors[:, 1:].flip(1)
        outside = ((offset < -0.01) | (offset > 1.01)).any(1)
        if outside.any():
            raise InputError(
                f'the first three features of {int(outside.sum())} of {len(outside)} voxels are not the mean of points '
                'in the voxel. Use HardSimpleVFE as pts_voxel_encoder (its first three features are the mean x, y, z), '
                'and give the middle encoder the point_cloud_range and voxel_size of the voxel layer.'
            )
