"""Points to grid cells, with the very float32 operations of mmcv's voxelization, so that no cell boundary disagrees."""

from collections.abc import Sequence

import torch
from torch import Tensor


def point_cells(xyz_m: Tensor, range_min_m: Sequence[float], cell_size_m: Sequence[float]) -> Tensor:
    """floor((xyz - range minimum) / cell size); (n, 3) x, y, z in metres -> (n, 3) int64 in the order z, y, x."""
    lowest = torch.tensor(range_min_m, dtype=torch.float32, device=xyz_m.device)
    size = torch.tensor(cell_size_m, dtype=torch.float32, device=xyz_m.device)
    return torch.floor((xyz_m.float() - lowest) / size).long().flip(1)


def grid_shape(point_cloud_range: Sequence[float], cell_size_m: Sequence[float]) -> list[int]:
    """Number of cells along z, y, x of a range [x0, y0, z0, x1, y1, z1]."""
    return [round((point_cloud_range[a + 3] - point_cloud_range[a]) / cell_size_m[a]) for a in (2, 1, 0)]


def inside_grid(cells: Tensor, shape: Sequence[int]) -> Tensor:
    """(n,) bool: the cell exists; cells (n, d) and shape (d,) in the same order."""
    return ((cells >= 0) & (cells < cells.new_tensor(shape))).all(1)
