"""Augmentations of one point cloud; all randomness comes from the generator that is passed in."""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from ..cpu.cell_kernels import rows_within_nearest
from ..errors import InputError

MOST_NODES = 1 << 27  # of a lattice, 12 bytes each


def uniform(low: float, high: float, generator: Generator) -> float:
    """One number from U(low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def nearest_points(points: Tensor, centre: Tensor, count: int) -> Tensor:
    """Rows of the ``count`` points nearest to ``centre`` (3,), in their original order; points (n, >= 3)."""
    if count >= len(points):
        return torch.arange(len(points))
    within = torch.from_numpy(rows_within_nearest(points.numpy(), centre.numpy(), count))
    if len(within) == count:
        return within
    # where several are equally far, topk says which of them are taken
    return squared_distances(points, centre).topk(count, largest=False, sorted=False).indices.sort().values


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


def elastic_displacement(xyz_m: Tensor, granularity_m: float, magnitude_m: float, generator: Generator) -> Tensor:
    """(n, 3) moves of (n, 3) points, equal for points that are close to one another (Simard et al. 2003).

    Gaussian noise on a lattice of ``granularity_m`` around the points, blurred twice with a box of three nodes to an
    edge, interpolated linearly and times ``magnitude_m``: moves have a standard deviation of 0.11 ``magnitude_m`` at
    the nodes, and less between them."""
    lowest = xyz_m.amin(0)
    nodes = ((xyz_m.amax(0) - lowest) / granularity_m).long() + 3  # one node more on either side
    if nodes.prod() > MOST_NODES:
        raise InputError(
            f'an elastic distortion of {granularity_m} m would need a lattice of '
            f'{" x ".join(map(str, nodes.tolist()))} nodes for this scan; wanted a larger granularity'
        )
    noise = torch.randn(3, *nodes.flip(0).tolist(), generator=generator, dtype=xyz_m.dtype)[None]
    for _ in range(2):
        noise = F.avg_pool3d(noise, kernel_size=3, stride=1, padding=1)
    # grid_sample counts from -1, the first node, to 1, the last
    place = ((xyz_m - lowest) / granularity_m + 1) / (nodes - 1) * 2 - 1
    moves = F.grid_sample(noise, place[None, None, None], align_corners=True)
    return moves[0, :, 0, 0].T * magnitude_m


# colours are (n, 3): red, green, blue from 0 to 1
def stretch_contrast(colour: Tensor, blend: float) -> Tensor:
    """Each channel stretched to 0 .. 1 over its own range, mixed in by ``blend``: 0 changes nothing, 1 is all of it.

    A channel of one value stays as it is."""
    low, high = colour.amin(0), colour.amax(0)
    span = high - low
    stretched = torch.where(span > 0, (colour - low) / torch.where(span > 0, span, 1), colour)
    return torch.lerp(colour, stretched, blend)


def shift_colour(colour: Tensor, limit: float, generator: Generator) -> Tensor:
    """Each channel shifted by one number from U(-limit, limit), clipped to 0 .. 1."""
    shift = torch.tensor([uniform(-limit, limit, generator) for _ in range(3)], dtype=colour.dtype)
    return (colour + shift).clamp_(0, 1)


def jitter_colour(colour: Tensor, std: float, generator: Generator) -> Tensor:
    """Gaussian noise on every value, clipped to 0 .. 1."""
    noise = torch.randn(colour.shape, generator=generator, dtype=colour.dtype)
    return (colour + noise * std).clamp_(0, 1)
