"""Points to voxels: hard voxels, cylindrical cells, and voxels without range or limit, where every point has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..cpu.cell_keys import cell_keys
from ..cpu.key_table import group_points
from ..cpu.scatter import occupied_cells, reduce_by_row
from ..errors import InputError
from .grid import point_cells
from .host import constant
from .sinkhorn import at_least_float32


def hard_voxelize(
    points: Tensor, coords: Tensor, shape: Sequence[int], *, max_points: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Hard voxels: every occupied one with its first ``max_points`` points, in the order in which mmcv 2.1 lists them.
    Several clouds at once come out as one after the other would.

    mmcv's CPU operator fills a table with one entry per cell of the grid at every call (10 million for CenterPoint's
    voxel-0.2 grid, 27 ms).

    Args:
        points: (n, C) float32.
        coords: (n, 4) int64 cloud, z, y, x, the voxel of each point, clouds ascending; (n, 3) of a single cloud.
        shape: voxels of the grid along z, y, x; all points lie in it.
        max_points: points kept per voxel; later ones are left out.

    Returns:
        voxels (v, max_points, C) zero-filled, coors (v, 4 or 3) int32 as coords, num_points (v,) int32, and the row of
        each voxel's first point (v,) int64; voxels in the order of their first points.
    """
    keys = cell_keys(coords, shape)
    if points.device.type == 'cpu':
        groups = group_points(points.contiguous().numpy(), keys.numpy(), max_points)
        voxels, num_points, first_point = map(torch.from_numpy, groups)
    else:
        voxels, num_points, first_point = group_by_sorting(points, keys, max_points)
    return voxels, coords[first_point].int(), num_points, first_point


def group_by_sorting(points: Tensor, keys: Tensor, max_points: int) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`~dos_mm3d.cpu.key_table.group_points` on a GPU."""
    keys, order = keys.sort(stable=True)
    starts = torch.ones_like(keys, dtype=torch.bool)
    starts[1:] = keys[1:] != keys[:-1]
    first = starts.nonzero().squeeze(1)
    group = starts.cumsum(0) - 1
    rank_in_voxel = torch.arange(len(keys), device=keys.device) - first[group]
    by_appearance = order[first].argsort()
    row_of_group = torch.empty_like(by_appearance)
    row_of_group[by_appearance] = torch.arange(len(first), device=keys.device)

    # points beyond the first ones go to a row of their own: to pick the others would be waited for on a GPU
    place = row_of_group[group] * max_points + rank_in_voxel
    place = torch.where(rank_in_voxel < max_points, place, len(first) * max_points)
    rows = points.new_zeros(len(first) * max_points + 1, points.shape[1])
    rows[place] = points[order]
    voxels = rows[:-1].view(len(first), max_points, points.shape[1])
    ends = torch.cat((first[1:], first.new_full((min(len(first), 1),), len(keys))))
    num_points = (ends - first)[by_appearance].clamp_max(max_points).int()
    return voxels, num_points, order[first][by_appearance]


def polar_points(points: Tensor) -> Tensor:
    """Points (n, 3 + c) [x, y, z, rest] -> (n, 5 + c) [rho, phi, z, x, y, rest]; metres, phi in (-pi, pi] radians.

    For the cylindrical partition (Cylinder3D, arXiv 2011.10033, section 3.2), with the float32 operations of mmdet3d
    1.4.
    """
    x, y = points[:, 0], points[:, 1]
    rho_phi_z = torch.stack((torch.sqrt(x**2 + y**2), torch.atan2(y, x), points[:, 2]), dim=1)
    return torch.cat((rho_phi_z, points[:, :2], points[:, 3:]), dim=1)


def cylinder_cells(rho_phi_z: Tensor, cylinder_range: list[float], cell_size: list[float]) -> Tensor:
    """(n, 3) rho, phi, z -> (n, 3) int32 cells in the same order.

    cylinder_range: lowest rho, phi, z, then highest; points outside count as on the border. cell_size: the range over
    grid_shape - 1, as mmdet3d has it, so the last cell of an axis holds its upper border only.
    """
    numbers = (cylinder_range[:3], cylinder_range[3:], cell_size)
    lowest, highest, size = (constant(three, rho_phi_z.dtype, rho_phi_z.device) for three in numbers)
    return torch.floor((torch.clamp(rho_phi_z, lowest, highest) - lowest) / size).int()


LARGEST_CELL = 2**16 - 2  # what the space-filling curves can number


@dataclass(frozen=True)
class PointVoxels:
    """The occupied voxels of B clouds, sorted by cloud, and where each point lies.

    Args:
        mean: (V, C) float32 (float64 stays), mean of the columns of each voxel's points.
        grid_coord: (V, 3) int64 x, y, z, counted from each cloud's smallest cell.
        batch: (V,) int64, number of the cloud.
        voxel_of_point: (N,) int64, points of one cloud after the other.
        sizes: points of each cloud.
    """

    mean: Tensor
    grid_coord: Tensor
    batch: Tensor
    voxel_of_point: Tensor
    sizes: tuple[int, ...]


def voxelize_points(points: Sequence[Tensor], *, voxel_size_m: Sequence[float]) -> PointVoxels:
    """Clouds (n, C), first columns x, y, z in metres -> voxels of the lattice through the sensor's origin.

    ValueError for a cloud without points, or with a coordinate that is not finite or out of all proportion.
    """
    cells = [_cells_from_zero(cloud, voxel_size_m, number) for number, cloud in enumerate(points)]
    sizes = tuple(map(len, points))
    number = torch.arange(len(sizes), device=cells[0].device)
    batch = number.repeat_interleave(torch.tensor(sizes, device=number.device))
    sites = torch.cat((batch[:, None], torch.cat(cells)), dim=1)
    site, voxel_of_point = occupied_cells(sites)
    mean = reduce_by_row(at_least_float32(torch.cat(list(points))), voxel_of_point, len(site), reduction='mean')
    return PointVoxels(mean, site[:, 1:], site[:, 0], voxel_of_point, sizes)


def _cells_from_zero(cloud: Tensor, voxel_size_m: Sequence[float], number: int) -> Tensor:
    """(n, 3) int64 x, y, z >= 0."""
    if not len(cloud) or not torch.isfinite(cloud[:, :3]).all():
        raise InputError(
            f'cloud {number} of the batch has {len(cloud)} points, some perhaps with NaN or infinite coordinates; '
            'wanted at least one point and finite x, y, z: check the files, and range filters in the pipeline'
        )
    cells = point_cells(cloud[:, :3], [0.0, 0.0, 0.0], list(voxel_size_m)).flip(1)
    cells = cells - cells.amin(0)
    if int(cells.amax()) > LARGEST_CELL:
        raise InputError(
            f'cloud {number} of the batch spans {int(cells.amax()) + 1} voxels of {list(voxel_size_m)} m, wanted at '
            f'most {LARGEST_CELL + 1}: enlarge voxel_size, or filter far points'
        )
    return cells
