"""What the student is given: one class for each answer."""

from typing import NamedTuple

import torch
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ...functional.host import constant
from ...structures import SparseViews
from ..preprocessors.views import select_voxels

VoxelDict = dict[str, Tensor]


class StudentInput(NamedTuple):
    """What the student's backbone is called with.

    Args:
        voxels: what the student sees, as :class:`ViewPreprocessor` describes voxels; ``loss_cell`` counts ``cells``.
        cells: (m, 4) int [view, z, y, x], the loss voxels at which it has a feature.
        num_views: views in all.
    """

    voxels: VoxelDict
    cells: Tensor
    num_views: int

    def followed_by(self, voxels: VoxelDict, cells: Tensor, num_views: int = 0) -> 'StudentInput':
        """This and then other voxels, whose ``loss_cell`` counts their own ``cells``, in ``num_views`` more views."""
        voxels = {**voxels, 'loss_cell': voxels['loss_cell'] + len(self.cells)}
        merged = {name: torch.cat((value, voxels[name])) for name, value in self.voxels.items()}
        return StudentInput(merged, torch.cat((self.cells, cells)), self.num_views + num_views)


@MODELS.register_module()
class VisibleVoxels:
    """DOS: the visible loss voxels, and nothing anywhere else."""

    def __call__(self, views: SparseViews) -> StudentInput:
        cells = views.cells.index_select(0, views.visible_rows)
        return StudentInput(select_voxels(views.voxels, views.visible), cells, views.num_views)


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
        visible = VisibleVoxels()(views)
        if (columns := visible.voxels['voxels'].shape[-1]) != len(self.token):
            raise InputError(
                f'MaskTokens has num_columns={len(self.token)}, its voxels have {columns}: wanted the number of '
                "columns of the points, and boxes: the sectors of voxel_type='cylindrical' hold no token"
            )
        tokens = self.token_voxels(views.tokens.voxels, visible.voxels)
        return visible.followed_by({**tokens, 'loss_cell': views.tokens.cell_of_voxel}, views.tokens.cells)

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
        offset = constant((views.num_views, 0, 0, 0), views.cells.dtype, views.cells.device)
        local = views.local.voxels
        local = {**local, 'coors': local['coors'] + offset.to(local['coors'])}
        return VisibleVoxels()(views).followed_by(local, views.local.cells + offset, len(views.local.points))
