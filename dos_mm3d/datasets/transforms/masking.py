"""Loss voxels and block mask of each view, and the packing of both views into one sample (dos.md 3.1, 3.4)."""

import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from mmengine.logging import print_log
from torch import Generator, Tensor

from ...functional.grid import grid_shape, inside_grid, point_cells
from ...functional.masking import block_size_cells, check_mask_ratio, draw_visible_cells
from ...functional.matching import match_cells
from ...structures import View, ViewPair
from ..stream import BadSampleError


@TRANSFORMS.register_module()
class BlockMask(BaseTransform):
    """results['views'] of (points, origin) -> results['views'] of :class:`View`.

    Points outside the range are dropped. Loss voxels are the stride-``loss_stride`` cells of the encoder's voxel grid,
    anchored at the range minimum; a share ``mask_ratio`` of the occupied blocks of about ``block_size_m`` is hidden.
    """

    def __init__(
        self,
        point_cloud_range: list[float],
        voxel_size: list[float],
        mask_ratio: float = 0.6,
        block_size_m: float = 1.0,
        loss_stride: int = 2,
    ) -> None:
        check_mask_ratio(mask_ratio)
        self.range_min_m = list(point_cloud_range[:3])
        self.voxel_size_m = list(voxel_size)
        self.voxel_shape = grid_shape(point_cloud_range, voxel_size)
        self.loss_stride = loss_stride
        self.mask_ratio = mask_ratio
        cell_size_m = tuple(size * loss_stride for size in reversed(voxel_size))
        self.block_cells = block_size_cells(block_size_m, cell_size_m)
        real = ' x '.join(f'{n * size:.3g}' for n, size in zip(reversed(self.block_cells), reversed(cell_size_m)))
        print_log(f'mask blocks are {real} m (asked for {block_size_m:g} m, whole loss voxels)', logger='current')

    def transform(self, results: dict) -> dict:
        views = [self.make_view(*view, results['generator']) for view in results['views']]
        for name, view in zip('ab', views):
            if not len(view.points):
                raise BadSampleError(self.message(results, f'no point of view {name} lies in the range'))
            if not view.visible.any():
                raise BadSampleError(self.message(results, f'view {name} has no visible loss voxel'))
        results['views'] = views
        return results

    def make_view(self, points: Tensor, origin: Tensor, generator: Generator) -> View:
        """View of (n, C) points: filtered to the range, with cells, and the cells that stay visible."""
        voxels = point_cells(points[:, :3], self.range_min_m, self.voxel_size_m)
        kept = inside_grid(voxels, self.voxel_shape)
        coords = torch.div(voxels[kept], self.loss_stride, rounding_mode='floor')
        cells, cell_of_point = unique_cells(coords, self.voxel_shape)
        visible = draw_visible_cells(
            cells, block_cells=self.block_cells, mask_ratio=self.mask_ratio, generator=generator
        )
        return View(points[kept], origin[kept], cells.int(), cell_of_point, visible)

    def message(self, results: dict, found: str) -> str:
        xyz = results['points'][:, :3]
        span = ', '.join(f'{a:.1f} .. {b:.1f}' for a, b in zip(xyz.amin(0), xyz.amax(0)))
        return (
            f'{results["file"]}: {found} ({len(xyz)} points, x, y, z = {span} m; range starts at {self.range_min_m}, '
            f'mask_ratio {self.mask_ratio}). Check units and sensor frame, widen point_cloud_range or lower '
            "mask_ratio, or set on_bad_file='skip'."
        )


def unique_cells(coords: Tensor, shape: list[int]) -> tuple[Tensor, Tensor]:
    """Sorted unique rows of (n, 3) cells in a grid of ``shape``, and the row of each point: (m, 3), (n,)."""
    _, height, width = shape
    keys, row = torch.unique((coords[:, 0] * height + coords[:, 1]) * width + coords[:, 2], return_inverse=True)
    return torch.stack((keys // (height * width), keys // width % height, keys % width), dim=1), row


@TRANSFORMS.register_module()
class PackViews(BaseTransform):
    """Two :class:`View` -> the item that the model's preprocessor takes: views (ViewPair), file, skipped."""

    def transform(self, results: dict) -> dict:
        a, b = results['views']
        pair = ViewPair(a, b, self.match(a, b), self.match(b, a))
        if not ((pair.a_to_b >= 0) & a.visible).any() and not ((pair.b_to_a >= 0) & b.visible).any():
            raise BadSampleError(
                f'{results["file"]}: the two views share no loss voxel ({len(a.cells)} and {len(b.cells)} voxels). '
                "Raise crop_share or max_points, widen point_cloud_range, or set on_bad_file='skip'."
            )
        # text, not a list: mmengine's collation refuses lists of different lengths
        return dict(views=pair, file=results['file'], skipped='\n'.join(results['skipped']))

    @staticmethod
    def match(a: View, b: View) -> Tensor:
        return match_cells(a.origin, a.cell_of_point, b.origin, b.cell_of_point, len(a.cells))
