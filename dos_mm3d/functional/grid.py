"""Cells of grids: which one a point lies in, and where a cell stands among others.

Points become cells by the very float32 operations of mmcv's voxelization, so that no cell boundary disagrees.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..cpu.cell_keys import cell_keys
from ..cpu.key_table import rows_of_cells
from .host import constant


def point_cells(xyz_m: Tensor, range_min_m: Sequence[float], cell_size_m: Sequence[float]) -> Tensor:
    """floor((xyz - range minimum) / cell size); (n, 3) x, y, z in metres -> (n, 3) int64 in the order z, y, x."""
    lowest, size = (constant(numbers, torch.float32, xyz_m.device) for numbers in (range_min_m, cell_size_m))
    return torch.floor((xyz_m.float() - lowest) / size).long().flip(1)


def grid_shape(point_cloud_range: Sequence[float], cell_size_m: Sequence[float]) -> list[int]:
    """Number of cells along z, y, x of a range [x0, y0, z0, x1, y1, z1]."""
    return [round((point_cloud_range[a + 3] - point_cloud_range[a]) / cell_size_m[a]) for a in (2, 1, 0)]


def inside_grid(cells: Tensor, shape: Sequence[int]) -> Tensor:
    """(n,) bool: the cell exists; cells (n, d) and shape (d,) in the same order."""
    inside = (cells >= 0).all(1)
    for along_axis, size in zip(cells.unbind(1), shape, strict=True):  # as a tensor, the sizes would have to be copied
        inside = inside & (along_axis < size)
    return inside


def find_rows(query: Tensor, sites: Tensor, spatial_shape: Sequence[int] | None = None) -> Tensor:
    """Row of each query coordinate among ``sites``, -1 where it is not a site.

    Args:
        query: (M, 1 + d) integer [batch, ...].
        sites: (S, 1 + d) integer [batch, ...], unique.
        spatial_shape: sizes (d,) of a grid that all sites lie in; a query outside is none of them. None: anywhere, also
            left of 0.

    Returns:
        (M,) int64.
    """
    if len(sites) == 0 or len(query) == 0:
        return torch.full((len(query),), -1, dtype=torch.int64, device=query.device)
    if spatial_shape is None:
        query, sites = query.long(), sites.long()
        lowest = torch.minimum(query.amin(0), sites.amin(0))
        query, sites = query - lowest, sites - lowest
        spatial_shape = (torch.maximum(query.amax(0), sites.amax(0)) + 1).tolist()[1:]
    if query.device.type == 'cpu':  # a table is built and asked in less time than a sort takes
        shape = constant(spatial_shape, torch.int64, query.device)
        arrays = (each.contiguous().numpy() for each in (query, sites, shape))
        return torch.from_numpy(rows_of_cells(*arrays))
    keys, wanted = cell_keys(sites, spatial_shape), cell_keys(query, spatial_shape)
    wanted = wanted.where(inside_grid(query[:, 1:], spatial_shape), -1)  # it would have the number of another one
    keys, order = keys.sort()
    position = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
    return torch.where(keys[position] == wanted, order[position], -1)
