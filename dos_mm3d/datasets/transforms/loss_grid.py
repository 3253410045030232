"""The loss voxels of a view, in which everything that a transform decides about places is counted."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ...cpu.cell_kernels import keys_of_points
from ...cpu.sorted_unique import sorted_unique
from ...functional.grid import grid_shape, inside_grid, point_cells


class LossGrid:
    """Voxels of the encoder's grid and, ``loss_stride`` of them to an edge, loss voxels; both from the range minimum.

    point_cloud_range: [x0, y0, z0, x1, y1, z1] in metres; voxel_size: x, y, z in metres.
    """

    def __init__(self, point_cloud_range: list[float], voxel_size: list[float], loss_stride: int) -> None:
        self.range_min_m = list(point_cloud_range[:3])
        self.voxel_size_m = list(voxel_size)
        self.voxel_shape = grid_shape(point_cloud_range, voxel_size)
        self.loss_stride = loss_stride

    @property
    def cell_size_m(self) -> tuple[float, ...]:
        """Edges of a loss voxel in the order z, y, x."""
        return tuple(size * self.loss_stride for size in reversed(self.voxel_size_m))

    def voxels(self, xyz_m: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3) int64 z, y, x of the voxel of each point, and (n,) bool: it lies in the range."""
        voxels = point_cells(xyz_m, self.range_min_m, self.voxel_size_m)
        return voxels, inside_grid(voxels, self.voxel_shape)

    def parents(self, voxels: Tensor) -> Tensor:
        """(n, 3) loss voxel of each voxel."""
        return torch.div(voxels, self.loss_stride, rounding_mode='floor')

    def keys(self, coords: Tensor) -> Tensor:
        """(n,) int64, one number per voxel or loss voxel, in the order of z, y, x."""
        return cell_keys(coords, self.voxel_shape)

    def unique(self, coords: Tensor) -> tuple[Tensor, Tensor]:
        """Sorted unique rows of (n, 3) voxels or loss voxels, (m, 3) int32, and the row of each: (n,) int64."""
        cells, row = unique_cells(coords, self.voxel_shape)
        return cells.int(), row

    def occupied(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Points (n, C) -> (n,) bool in the range, the loss voxels (m, 3) of those, and the row of each of those.

        On the CPU; the same as voxels(), parents() and unique(), in one pass over the points.
        """
        inside = torch.empty(len(points), dtype=torch.bool)
        keys = torch.empty(len(points), dtype=torch.int64)
        count = keys_of_points(
            points.float().contiguous().numpy(), *self.axes, *self.keys_along_axes, inside.numpy(), keys.numpy()
        )
        unique, row = sorted_unique(keys[:count])
        return inside, cells_of_keys(unique, self.voxel_shape).int(), row

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Range minimum and voxel size (3,) float32 in the order x, y, z."""
        return np.array(self.range_min_m, np.float32), np.array(self.voxel_size_m, np.float32)

    @cached_property
    def keys_along_axes(self) -> list[np.ndarray]:
        """What a voxel's index along x, y and z adds to the key of its loss voxel, one table per axis."""
        strides = (1, self.voxel_shape[2], self.voxel_shape[1] * self.voxel_shape[2])
        return [
            np.arange(size) // self.loss_stride * stride for size, stride in zip(reversed(self.voxel_shape), strides)
        ]


def cell_keys(coords: Tensor, shape: list[int]) -> Tensor:
    """(n,) int64 number of each of (n, 3) cells in a grid of ``shape``; the order is that of z, y, x."""
    _, height, width = shape
    z, y, x = coords.long().unbind(1)
    return (z * height + y) * width + x


def cells_of_keys(keys: Tensor, shape: list[int]) -> Tensor:
    """(n, 3) int64 cells z, y, x of (n,) keys: the inverse of :func:`cell_keys`."""
    _, height, width = shape
    return torch.stack((keys // (height * width), keys // width % height, keys % width), dim=1)


def unique_cells(coords: Tensor, shape: list[int]) -> tuple[Tensor, Tensor]:
    """Sorted unique rows of (n, 3) cells in a grid of ``shape``, and the row of each point: (m, 3), (n,)."""
    keys, row = sorted_unique(cell_keys(coords, shape))
    return cells_of_keys(keys, shape), row
