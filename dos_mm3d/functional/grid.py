"""Points to grid cells, with the very float32 operations of mmcv's voxelization, so that no cell boundary disagrees."""

import torch
from torch import Tensor


def point_cells(xyz_m: Tensor, range_min_m: list[float], cell_size_m: list[float]) -> Tensor:
    """floor((xyz - range minimum) / cell size); (n, 3) x, y, z in metres -> (n, 3) int64 in the order z, y, x."""
    lowest = torch.tensor(range_min_m, dtype=torch.float32, device=xyz_m.device)
    size = torch.tensor(cell_size_m, dtype=torch.float32, device=xyz_m.device)
    return torch.floor((xyz_m.float() - lowest) / size).long().flip(1)


def grid_shape(point_cloud_range: list[float], cell_size_m: list[float]) -> list[int]:
    """Number of cells along z, y, x of a range [x0, y0, z0, x1, y1, z1]."""
    return [round((point_cloud_range[a + 3] - point_cloud_range[a]) / cell_size_m[a]) for a in (2, 1, 0)]


def inside_grid(cells: Tensor, shape: list[int]) -> Tensor:
    """(n,) bool: the cell exists; cells (n, 3) and shape in the order z, y, x."""
    return ((cells >= 0) & (cells < torch.tensor(shape, device=cells.device))).all(1)
