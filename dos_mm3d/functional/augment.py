"""Augmentations of one point cloud; all randomness comes from the generator that is passed in."""

import torch
from torch import Generator, Tensor


def uniform(low: float, high: float, generator: Generator) -> float:
    """One number from U(low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def nearest_points(points: Tensor, centre: Tensor, count: int) -> Tensor:
    """Rows of the ``count`` points nearest to ``centre`` (3,), in their original order; points (n, >= 3)."""
    if count >= len(points):
        return torch.arange(len(points))
    distance = squared_distances(points, centre)
    nearest = distance.topk(count, largest=False, sorted=False)
    within = (distance <= nearest.values.max()).nonzero().squeeze(1)  # in order, without a sort
    # where several are equally far, only topk can tell which of them it took
    return within if len(within) == count else nearest.indices.sort().values


def squared_distances(points: Tensor, centre: Tensor) -> Tensor:
    """(n,) squared distances of (n, >= 3) points to ``centre`` (3,): (points[:, :3] - centre).square().sum(1).

    Column by column, which is several times as fast and rounds in the same order.
    """
    x, y, z = ((points[:, axis] - centre[axis]).square_() for axis in range(3))
    return x.add_(y).add_(z)


def rotation(yaw_rad: float, roll_rad: float, pitch_rad: float) -> Tensor:
    """(3, 3) float32 rotation Rz(yaw) Ry(pitch) Rx(roll)."""
    angles = torch.tensor([yaw_rad, pitch_rad, roll_rad], dtype=torch.float64)
    (cy, cp, cr), (sy, sp, sr) = angles.cos().tolist(), angles.sin().tolist()
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return torch.tensor(rows, dtype=torch.float64).float()


def turned_normals(normals: Tensor, matrix: Tensor) -> Tensor:
    """(n, 3) unit normals of points that ``matrix`` (3, 3), a rotation or mirror image times a scale, has moved."""
    return normals @ (matrix / matrix.det().abs() ** (1 / 3)).T


def indoor_origin(xyz_m: Tensor) -> Tensor:
    """(3,) what becomes the origin of a scan of rooms: the middle of its box in x and y, the lowest point in z."""
    low, high = xyz_m[:, :3].amin(0), xyz_m[:, :3].amax(0)
    middle = (low + high) / 2
    middle[2] = low[2]
    return middle
