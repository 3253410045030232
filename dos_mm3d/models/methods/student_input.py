"""What the student is given: one class for each answer."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ...structures import SparseViews
from ..preprocessors.views import select_voxels

VoxelDict = dict[str, Tensor]


class StudentInput(NamedTuple):
    """voxel_dict: mmdet3d's voxels; those inside ``cells`` are the student's. cells: (m, 4) int [view, z, y, x] loss
    voxels at which it has a feature. num_views: views in all.
    """

    voxel_dict: VoxelDict
    cells: Tensor
    num_views: int


@MODELS.register_module()
class VisibleVoxels:
    """DOS: the visible loss voxels, and nothing anywhere else."""

    def __call__(self, voxel_dict: VoxelDict, views: SparseViews, loss_stride: int, voxelize: Callable) -> StudentInput:
        return StudentInput(voxel_dict, views.cells[views.visible], views.num_views)


@MODELS.register_module()
class MaskTokens(nn.Module):
    """The visible loss voxels, then those of the mask tokens: hidden places are shown, their content is not.

    A token is a voxel with one point, whose columns are learnt; so is its position, and only its site tells where it
    is. Needs MaskTokenSites in the pipeline. Takes hard voxels and MinkUNet's.

    Args:
        num_columns: columns of the raw points.
    """

    def __init__(self, num_columns: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(num_columns))

    def forward(self, voxel_dict: VoxelDict, views: SparseViews, loss_stride: int, voxelize: Callable) -> StudentInput:
        if views.tokens is None:
            raise InputError("MaskTokens got views without tokens: put dict(type='MaskTokenSites') after BlockMask")
        if 'loss_cells' in voxel_dict:
            raise InputError("MaskTokens got voxel_type='cylindrical', whose voxels hold no token; wanted boxes")
        visible_cells = views.cells[views.visible]
        visible = select_voxels(voxel_dict, visible_cells, loss_stride)
        tokens = self.token_voxels(views.tokens.voxels, visible)
        merged = {name: torch.cat((visible[name], tokens[name])) for name in visible}
        return StudentInput(merged, torch.cat((visible_cells, views.tokens.cells)), views.num_views)

    def token_voxels(self, sites: Tensor, like: VoxelDict) -> VoxelDict:
        """Voxels in the layout of ``like``; sites (T, 4) int [view, z, y, x]."""
        tokens = dict(coors=sites.to(like['coors']))
        voxels = self.token.expand(len(sites), -1)
        if 'num_points' in like:
            tokens['num_points'] = torch.ones_like(like['num_points'][:1]).expand(len(sites))
            # padding, as behind the points of every voxel that is not full
            voxels = nn.functional.pad(voxels[:, None], (0, 0, 0, like['voxels'].shape[1] - 1))
        return {**tokens, 'voxels': voxels.to(like['voxels'])}


@MODELS.register_module()
class VisibleVoxelsAndLocalViews:
    """The visible loss voxels of the views, then whole local views, in one pass. Needs LocalViews in the pipeline."""

    def __call__(self, voxel_dict: VoxelDict, views: SparseViews, loss_stride: int, voxelize: Callable) -> StudentInput:
        if views.local is None:
            raise InputError("got views without local ones: put dict(type='LocalViews', ...) before PackViews")
        offset = views.cells.new_tensor([views.num_views, 0, 0, 0])
        visible_cells = views.cells[views.visible]
        visible = select_voxels(voxel_dict, visible_cells, loss_stride)
        local = voxelize(views.local.points)
        for name in local.keys() & {'coors', 'loss_cells'}:
            local[name] = local[name] + offset.to(local[name])
        merged = {name: torch.cat((visible[name], local[name])) for name in visible}
        cells = torch.cat((visible_cells, views.local.cells + offset))
        return StudentInput(merged, cells, views.num_views + len(views.local.points))
