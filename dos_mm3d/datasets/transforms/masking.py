"""Loss voxels and block mask of each view, and both packed into one sample (docs/method.md, "Views and masks")."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from torch import Tensor

from ...errors import InputError
from ...functional.masking import block_size_cells, check_block_size, check_mask_ratio, draw_visible_cells
from ...functional.matching import match_cells
from ...functional.schedules import linear_warmup
from ...structures import Grid, Joined, Tokens, View, ViewPair
from ..stream import BadSampleError


@TRANSFORMS.register_module()
class BlockMask(BaseTransform):
    """results['views'] of (points, origin) -> results['views'] of :class:`View`.

    Points outside the range of results['grid'] are dropped, and of the occupied blocks of its loss voxels a share is
    hidden.

    Args:
        mask_ratio: share of the occupied blocks that is hidden, in (0, 1).
        block_size_m: edge of a block in metres; a block has the nearest number of whole loss voxels along each axis.
    """

    TAKES, GIVES = 'views', 'masked views'

    def __init__(self, mask_ratio: float = 0.6, block_size_m: float = 1.0) -> None:
        check_mask_ratio(mask_ratio)
        check_block_size(block_size_m)
        self.mask_ratio = mask_ratio
        self.block_size_m = block_size_m

    def mask_of(self, results: dict) -> tuple[float, float]:
        """(share of the occupied blocks to hide, edge of a block in metres) for this draw."""
        return self.mask_ratio, self.block_size_m

    def transform(self, results: dict) -> dict:
        grid = grid_of(results)
        mask_ratio, block_size_m = self.mask_of(results)
        mask = dict(
            block_cells=block_size_cells(block_size_m, grid.loss_voxel_size_m),
            mask_ratio=mask_ratio,
            generator=results['generator'],
        )
        views = [masked_view(grid, *view, **mask) for view in results['views']]
        for name, view in zip('ab', views):
            if not len(view.points):
                raise BadSampleError(self.message(results, f'no point of view {name} lies in the range'))
            if not view.visible.any():
                raise BadSampleError(self.message(results, f'view {name} has no visible loss voxel'))
        results['views'] = views
        return results

    def message(self, results: dict, found: str) -> str:
        xyz = results['points'][:, :3]
        span = ', '.join(f'{a:.1f} .. {b:.1f}' for a, b in zip(xyz.amin(0), xyz.amax(0)))
        return (
            f'{results["file"]}: {found} ({len(xyz)} points, x, y, z = {span} m; range starts at '
            f'{list(results["grid"].range_min_m)}, mask_ratio {self.mask_ratio}). Check units and sensor frame, widen '
            "point_cloud_range or lower mask_ratio, or set on_bad_file='skip'."
        )


def grid_of(results: dict) -> Grid:
    """The grid that the stream has been told; ValueError where it has been told none."""
    if results.get('grid') is None:
        raise InputError(
            "results['grid'] is missing: range, voxel size and loss stride are the model's. StreamTrainLoop asks the "
            'model for them; elsewhere set `grid` of the data set, e.g. dataset.grid = model.grid'
        )
    return results['grid']


def masked_view(grid: Grid, points: Tensor, origin: Tensor, **mask) -> View:
    """View of (n, C) points: filtered to the range, with cells, and the cells that stay visible.

    mask: what :func:`draw_visible_cells` is told beside the cells.
    """
    inside, cells, cell_of_point = grid.occupied(points)
    visible = draw_visible_cells(cells, **mask)
    kept = torch.from_numpy(np.flatnonzero(inside.numpy()))  # several times as fast as torch's nonzero
    return View(points.index_select(0, kept), origin.index_select(0, kept), cells, cell_of_point, visible)


@TRANSFORMS.register_module()
class RampedBlockMask(BlockMask):
    """:class:`BlockMask` that starts easy: ratio and block size grow on a straight line over the first draws.

    The mask of a draw is a function of its position in the stream and nothing else, so neither the number of loader
    workers nor a resume changes it (docs/method.md, A13: Sonata's ramp).

    Args:
        ramp_draws: draws, all ranks together, until ``mask_ratio`` and ``block_size_m`` are reached: 5 % of the
            iterations times the samples of an iteration.
        start_ratio, start_block_size_m: at the first draw.
        settings: those of :class:`BlockMask`.
    """

    def __init__(self, *, ramp_draws: int, start_ratio: float, start_block_size_m: float, **settings) -> None:
        super().__init__(**settings)
        check_mask_ratio(start_ratio)
        check_block_size(start_block_size_m)
        if ramp_draws < 1:
            raise InputError(
                f'ramp_draws must be 1 or more, got {ramp_draws}; for a mask without a ramp take BlockMask'
            )
        self.ramp_draws = ramp_draws
        self.start_ratio = start_ratio
        self.start_block_size_m = start_block_size_m

    def mask_of(self, results: dict) -> tuple[float, float]:
        position = results['position']
        return (
            linear_warmup(position, self.ramp_draws, self.start_ratio, self.mask_ratio),
            linear_warmup(position, self.ramp_draws, self.start_block_size_m, self.block_size_m),
        )


@TRANSFORMS.register_module()
class PackViews(BaseTransform):
    """Two :class:`View` -> the item that the model's preprocessor takes: views (ViewPair), file, skipped.

    Mask tokens and results['local'] (a list of :class:`View`), where the pipeline makes them, are joined to both views.
    """

    TAKES, GIVES = 'masked views', 'a sample'

    def transform(self, results: dict) -> dict:
        a, b = results['views']
        pair = ViewPair(
            a,
            b,
            self.match(a, b),
            self.match(b, a),
            tokens=tuple(self.join(view.tokens, a, b) for view in (a, b) if view.tokens),
            local=tuple(self.join(crop, a, b) for crop in results.get('local', ())),
        )
        if not ((pair.a_to_b >= 0) & a.visible).any() and not ((pair.b_to_a >= 0) & b.visible).any():
            raise BadSampleError(
                f'{results["file"]}: the two views share no loss voxel ({len(a.cells)} and {len(b.cells)} voxels). '
                "Raise crop_share or max_points, widen point_cloud_range, or set on_bad_file='skip'."
            )
        # text, not a list: mmengine's collation refuses lists of different lengths
        return dict(views=pair, file=results['file'], skipped='\n'.join(results['skipped']))

    def join(self, item: View | Tokens, a: View, b: View) -> Joined:
        """The loss voxels of tokens or of a local view, and their partners in both views."""
        return Joined(item, self.match(item, a), self.match(item, b))

    @staticmethod
    def match(source: View | Tokens, target: View) -> Tensor:
        """(m,) row in ``target.cells`` that shares most raw points with each of ``source.cells``, -1 where none."""
        return match_cells(source.origin, source.cell_of_point, target.origin, target.cell_of_point, len(source.cells))
