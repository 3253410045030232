"""The grid that a scan is cut into: metres to voxels, voxels to loss voxels, both to whole numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np
import torch
from torch import Tensor

from ..cpu.cell_kernels import keys_of_points
from ..cpu.cell_keys import cell_keys, cells_of_keys, sorted_unique
from ..errors import InputError
from ..functional.grid import grid_shape, inside_grid, point_cells


@dataclass(frozen=True)
class Grid:
    """Voxels of an encoder's grid and, ``loss_stride`` of them to an edge, loss voxels; both from the range minimum.

    Coordinates of voxels and of loss voxels are in the order z, y, x. A point's voxel is computed with the float32
    operations of mmcv's voxelization, so that the two agree on every boundary.

    Args:
        point_cloud_range: x0, y0, z0, x1, y1, z1 in metres.
        voxel_size_m: edges of a voxel along x, y, z.
        loss_stride: edge of a loss voxel in voxels.

    InputError for numbers that make no voxel along an axis.
    """

    point_cloud_range: Sequence[float]
    voxel_size_m: Sequence[float]
    loss_stride: int = 1

    def __post_init__(self) -> None:
        for name in ('point_cloud_range', 'voxel_size_m'):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        bounds, sizes = self.point_cloud_range, self.voxel_size_m
        stated = f'point_cloud_range={list(bounds)}, voxel_size={list(sizes)}'
        if len(bounds) != 6 or len(sizes) != 3 or not all(map(isfinite, (*bounds, *sizes))):
            raise InputError(
                f'{stated}: wanted six finite numbers x0, y0, z0, x1, y1, z1, and three edges along x, y, z, in metres'
            )
        for axis, low, high, size in zip('xyz', bounds[:3], bounds[3:], sizes):
            if not size > 0 or round((high - low) / size) < 1:
                raise InputError(
                    f'{stated}: no voxel along {axis}, where the range runs from {low:g} to {high:g} m in steps of '
                    f'{size:g} m; wanted a larger end than beginning, and a positive step that is no longer than the '
                    'range'
                )

    @property
    def range_min_m(self) -> tuple[float, ...]:
        """Lowest x, y, z."""
        return self.point_cloud_range[:3]

    @property
    def shape(self) -> list[int]:
        """Voxels along z, y, x."""
        return grid_shape(self.point_cloud_range, self.voxel_size_m)

    @property
    def loss_voxel_size_m(self) -> tuple[float, ...]:
        """Edges of a loss voxel along z, y, x."""
        return tuple(size * self.loss_stride for size in reversed(self.voxel_size_m))

    @property
    def loss_shape(self) -> list[int]:
        """Loss voxels along z, y, x."""
        return [-(-size // self.loss_stride) for size in self.shape]

    def voxels(self, xyz_m: Tensor) -> tuple[Tensor, Tensor]:
        """Voxel of each of (n, 3) points, (n, 3) int64, and whether it lies in the range, (n,) bool."""
        voxels = point_cells(xyz_m, self.range_min_m, self.voxel_size_m)
        return voxels, inside_grid(voxels, self.shape)

    def parents(self, voxels: Tensor) -> Tensor:
        """(n, 3) loss voxel of each voxel."""
        return torch.div(voxels, self.loss_stride, rounding_mode='floor')

    def keys(self, coords: Tensor) -> Tensor:
        """(n,) int64, one number for each voxel or loss voxel (n, 3), in the order of z, y, x."""
        return cell_keys(coords, self.shape)

    def unique(self, coords: Tensor) -> tuple[Tensor, Tensor]:
        """Sorted unique rows of (n, 3) voxels or loss voxels, (m, 3) int32, and the row of each, (n,) int64; CPU."""
        keys, row = sorted_unique(self.keys(coords))
        return cells_of_keys(keys, self.shape).int(), row

    def occupied(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Points (n, C) -> (n,) bool in the range, the loss voxels (m, 3) of those, and the row of each of those; CPU.

        The same as voxels(), parents() and unique(), in one pass over the points.
        """
        inside = torch.empty(len(points), dtype=torch.bool)
        keys = torch.empty(len(points), dtype=torch.int64)
        count = keys_of_points(
            points.float().contiguous().numpy(), *self._axes, *self._keys_along_axes, inside.numpy(), keys.numpy()
        )
        unique, row = sorted_unique(keys[:count])
        return inside, cells_of_keys(unique, self.loss_shape).int(), row

    @property
    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Range minimum and voxel size (3,) float32 in the order x, y, z."""
        return np.array(self.range_min_m, np.float32), np.array(self.voxel_size_m, np.float32)

    @cached_property
    def _keys_along_axes(self) -> list[np.ndarray]:
        """What a voxel's index along x, y and z adds to the key of its loss voxel, one table for each axis."""
        # not self.keys(), whose numbers are as many as the voxels: a smaller table stays in the cache
        key_of_step = cell_keys(torch.eye(3, dtype=torch.int64), self.loss_shape).tolist()
        tables = [np.arange(size) // self.loss_stride * step for size, step in zip(self.shape, key_of_step)]
        return tables[::-1]
