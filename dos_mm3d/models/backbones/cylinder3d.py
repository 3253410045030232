"""mmdet3d's Cylinder3D (SegVFE and Asymm3DSpconv, for segmentation) as a backbone of features at the loss voxels."""

from itertools import accumulate
from operator import mul
from typing import Any, ClassVar

import torch
from mmdet3d.models.data_preprocessors.voxelize import VoxelizationByGridShape
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from ...cpu.scatter import mean_over_points, points_in_rows
from ...functional.grid import find_rows
from ...functional.host import constant
from ...functional.sinkhorn import at_least_float32
from .base import LossVoxelBackbone, require_equal, require_voxels


@MODELS.register_module()
class Cylinder3DAdapter(LossVoxelBackbone):
    """Voxel encoder and backbone of Cylinder3D; its decoder at the loss voxels.

    Its voxels are sectors of cylinders, loss voxels are boxes, as masks and views are: a sector can hold points of
    several boxes, and of hidden and visible ones. So rows of the voxel dict are points, the student is given those in
    visible loss voxels, and its sectors are made of them alone. The feature of a loss voxel is the mean over its points
    of what their sectors have: the coarser decoder stages, up-cast, coarsest first, then the output, which the
    segmentor reads.

    Args:
        voxel_encoder, backbone: the segmentor's configurations, unchanged.
    """

    downstream_names: ClassVar = {'voxel_encoder.': 'voxel_encoder.', 'backbone.': 'backbone.'}
    kernels_are_spconv1: ClassVar = True
    columns_setting: ClassVar = ('voxel_encoder.in_channels', 2)  # rho and phi
    loss_stride = 1

    def __init__(self, voxel_encoder: dict, backbone: dict) -> None:
        super().__init__()
        self.voxel_encoder = MODELS.build(voxel_encoder)
        self.backbone = MODELS.build(backbone)
        # rho, phi, z of each level; every down-sampling has kernel 3 and padding 1, so a site's parent is a site
        pools = [block.pool.stride for block in self.backbone.down_block_list]
        self.strides = list(accumulate(pools[:-1], lambda total, pool: [*map(mul, total, pool)], initial=[1, 1, 1]))
        coarse = [block.conv3.out_channels for block in self.backbone.up_block_list[1:]]
        self.out_channels = sum(coarse) + 2 * self.backbone.ddcm.conv1.out_channels

    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        """voxel_dict: voxels (N, C), coors (N, 4), loss_cell (N,), a row for each point; otherwise as in the base."""
        by_view = voxel_dict['coors'][:, 0].argsort(stable=True)  # SegVFE takes the last row for the last view
        points, coors, cell_of_point = (
            voxel_dict[name].index_select(0, by_view) for name in ('voxels', 'coors', 'loss_cell')
        )
        # sparse convolutions stay in full precision under autocast, as in the other backbones
        with torch.autocast(points.device.type, enabled=False):
            voxels, sites = self.voxel_encoder(at_least_float32(points), coors)[:2]
            stages = self.stages(voxels, sites, batch_size)

        kept = (cell_of_point >= 0).nonzero().squeeze(1)
        coors, cell_of_point = coors.index_select(0, kept), cell_of_point.index_select(0, kept)
        require_voxels(points_in_rows(cell_of_point, len(cells)) == 0)
        features = [
            mean_over_points(stage.features, rows_of_parents(stage, coors, stride), cell_of_point, len(cells))
            for stage, stride in zip(stages, reversed(self.strides), strict=True)
        ]
        return torch.cat(features, dim=1)

    def require_grid(self, voxel_layer: VoxelizationByGridShape) -> None:
        """InputError unless voxel encoder and backbone are made for the layer's sectors."""
        super().require_grid(voxel_layer)
        bounds, size = voxel_layer.point_cloud_range, voxel_layer.voxel_size
        # the last sector of an axis holds its upper border, see cylinder_cells
        sectors = [round((high - low) / edge) + 1 for low, high, edge in zip(bounds[:3], bounds[3:], size)]
        made_for = list(self.backbone.grid_size)
        require_equal('grid_size (rho, phi, z) of the backbone', made_for, 'sectors of the voxel layer', sectors)
        encoder = self.voxel_encoder
        own, stated = [*encoder.point_cloud_range, *encoder.voxel_size], [*bounds, *size]
        require_equal('point_cloud_range and sectors of the voxel encoder', own, 'those of the voxel layer', stated)

    def stages(self, voxels: Tensor, sites: Tensor, batch_size: int) -> list[Any]:
        """Sparse tensors of the decoder, coarsest first; the last is the backbone's output, finest stage included."""
        outputs = []

        def keep(module: nn.Module, inputs: tuple, output: Any) -> None:
            outputs.append(output)

        hooks = [block.register_forward_hook(keep) for block in self.backbone.up_block_list]
        try:
            last = self.backbone(voxels, sites, batch_size)
        finally:
            for hook in hooks:
                hook.remove()
        return [*outputs[:-1], last]


def rows_of_parents(stage: Any, coors: Tensor, stride: list[int]) -> Tensor:
    """(n,) row of the site of a stage that each of (n, 4) [view, rho, phi, z] sites of the input lies in.

    ValueError if one lies in none: a backbone whose convolutions have another padding than mmdet3d's.
    """
    parents = coors.clone()
    parents[:, 1:] = torch.div(coors[:, 1:], constant(stride, coors.dtype, coors.device), rounding_mode='floor')
    rows = find_rows(parents, stage.indices, [int(size) for size in stage.spatial_shape])
    if (rows < 0).any():
        raise ValueError(f'{int((rows < 0).sum())} of {len(rows)} sites have no parent in the stage of stride {stride}')
    return rows
