"""What the student is given: one class for each answer."""

from typing import NamedTuple

import torch
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ...structures import SparseViews
from ..preprocessors.views import select_voxels

VoxelDict = dict[str, Tensor]


class StudentInput(NamedTuple):
    """voxels: what the student sees, see :class:`ViewPreprocessor`. cells: (m, 4) int [view, z, y, x], the loss voxels
    at which it has a feature. num_views: views in all.
    """

    voxels: VoxelDict
    cells: Tensor
    num_views: int


@MODELS.register_module()
class VisibleVoxels:
    """DOS: the visible loss voxels, and nothing anywhere else."""

    def __call__(self, views: SparseViews) -> StudentInput:
        visible = select_voxels(views.voxels, views.visible)
        return StudentInput(visible, views.cells[views.visible], views.num_views)


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

    def forward(self, views: SparseViews) -> StudentInput:
        if views.tokens is None:
            raise InputError("MaskTokens got views without tokens: put dict(type='MaskTokenSites') after BlockMask")
        visible_cells = views.cells[views.visible]
        visible = select_voxels(views.voxels, views.visible)
        if (columns := visible['voxels'].shape[-1]) != len(self.token):
            raise InputError(
                f'MaskTokens has num_columns={len(self.token)}, its voxels have {columns}: wanted the number of '
                "columns of the points, and boxes: the sectors of voxel_type='cylindrical' hold no token"
            )
        tokens = self.token_voxels(views.tokens.voxels, visible)
        tokens['loss_cell'] = views.tokens.cell_of_voxel + len(visible_cells)
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

    def __call__(self, views: SparseViews) -> StudentInput:
        if views.local is None:
            raise InputError("got views without local ones: put dict(type='LocalViews', ...) before PackViews")
        offset = views.cells.new_tensor([views.num_views, 0, 0, 0])
        visible_cells = views.cells[views.visible]
        visible, local = select_voxels(views.voxels, views.visible), views.local.voxels
        behind = {
            'coors': local['coors'] + offset.to(local['coors']),
            'loss_cell': local['loss_cell'] + len(visible_cells),
        }
        merged = {name: torch.cat((visible[name], behind.get(name, local[name]))) for name in visible}
        cells = torch.cat((visible_cells, views.local.cells + offset))
        return StudentInput(merged, cells, views.num_views + len(views.local.points))
