"""Cylindrical partition (Cylinder3D, arXiv 2011.10033, section 3.2), with the float32 operations of mmdet3d 1.4."""

import torch
from torch import Tensor


def polar_points(points: Tensor) -> Tensor:
    """Points (n, 3 + c) [x, y, z, rest] -> (n, 5 + c) [rho, phi, z, x, y, rest]; metres, phi in (-pi, pi] radians."""
    x, y = points[:, 0], points[:, 1]
    rho_phi_z = torch.stack((torch.sqrt(x**2 + y**2), torch.atan2(y, x), points[:, 2]), dim=1)
    return torch.cat((rho_phi_z, points[:, :2], points[:, 3:]), dim=1)


def cylinder_cells(rho_phi_z: Tensor, cylinder_range: list[float], cell_size: list[float]) -> Tensor:
    """(n, 3) rho, phi, z -> (n, 3) int32 cells in the same order.

    cylinder_range: lowest rho, phi, z, then highest; points outside count as on the border. cell_size: the range over
    grid_shape - 1, as mmdet3d has it, so the last cell of an axis holds its upper border only.
    """
    lowest, highest = rho_phi_z.new_tensor(cylinder_range[:3]), rho_phi_z.new_tensor(cylinder_range[3:])
    clamped = torch.clamp(rho_phi_z, lowest, highest)
    return torch.floor((clamped - lowest) / rho_phi_z.new_tensor(cell_size)).int()
