"""Where a student is told that something is hidden, for the baselines of DOS (docs/method.md, "Views and masks")."""

import dataclasses

import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from torch import Generator, Tensor

from ...errors import InputError
from ...structures import Grid, Tokens, View
from .masking import grid_of


@TRANSFORMS.register_module()
class MaskTokenSites(BaseTransform):
    """Adds to each :class:`View` the voxels of its hidden points as sites of mask tokens. Stands after BlockMask.

    With ``jitter_std_m`` the hidden points are moved before they are voxelised, so that the sites no longer draw the
    hidden surface (Sonata); which point is which stays known, so correspondences stay exact. A moved point that ends
    in a visible loss voxel, or outside the range, is not shown: visible voxels hold visible points only.

    Args:
        jitter_std_m: sd of the noise on each coordinate; 0 leaves the points where they are. Sonata uses half an edge
            of its input voxels (0.01 of 0.02 m).
        jitter_clip_m: largest move along a coordinate; None: two standard deviations.
    """

    TAKES = GIVES = 'masked views'

    def __init__(self, jitter_std_m: float = 0.0, jitter_clip_m: float | None = None) -> None:
        if jitter_std_m < 0:
            raise InputError(f'jitter_std_m must be >= 0, got {jitter_std_m}')
        if jitter_clip_m is not None and jitter_clip_m < 0:
            raise InputError(f'jitter_clip_m must be >= 0, got {jitter_clip_m}')
        self.jitter_std_m = jitter_std_m
        self.jitter_clip_m = 2 * jitter_std_m if jitter_clip_m is None else jitter_clip_m

    def transform(self, results: dict) -> dict:
        results['views'] = [
            dataclasses.replace(view, tokens=self.make_tokens(grid_of(results), view, results['generator']))
            for view in results['views']
        ]
        return results

    def make_tokens(self, grid: Grid, view: View, generator: Generator) -> Tokens:
        """The sites of one view's hidden points."""
        hidden = (~view.visible[view.cell_of_point]).nonzero().squeeze(1)
        voxels, shown = grid.voxels(self.moved(view.points[hidden, :3], generator))
        cells = grid.parents(voxels)
        shown &= ~torch.isin(grid.keys(cells), grid.keys(view.cells[view.visible]))
        shown_voxels, _ = grid.unique(voxels[shown])
        shown_cells, cell_of_point = grid.unique(cells[shown])
        return Tokens(
            voxels=shown_voxels,
            cell_of_voxel=grid.unique(grid.parents(shown_voxels))[1],
            cells=shown_cells,
            origin=view.origin[hidden][shown],
            cell_of_point=cell_of_point,
        )

    def moved(self, xyz_m: Tensor, generator: Generator) -> Tensor:
        if self.jitter_std_m == 0:
            return xyz_m
        noise = torch.randn(xyz_m.shape, generator=generator) * self.jitter_std_m
        return xyz_m + noise.clamp_(-self.jitter_clip_m, self.jitter_clip_m)
