"""Crops of an object: boxes of random proportions around one of its points (docs/objects.md, "Views")."""

from typing import NamedTuple

import torch
from torch import Tensor


class CropDraw(NamedTuple):
    """The random numbers of one crop.

    Attributes:
        rotation: (3, 3), turns the box; the points that are kept are not turned.
        scales: (3,), product 1, the inverse edges of the box.
        centre: row of the point in its middle.
        share: of the points that is kept.
    """

    rotation: Tensor
    scales: Tensor
    centre: int
    share: float


def draw_crop(
    num_points: int, *, share: tuple[float, float], aspect: tuple[float, float], generator: torch.Generator
) -> CropDraw:
    """Uniform: the rotation, a point, the share in its range, and the aspect a in its, with the scales a permutation
    of (1, 1 / sqrt(a), sqrt(a))."""
    root = float(torch.empty(()).uniform_(*aspect, generator=generator)) ** 0.5
    scales = torch.tensor([1, 1 / root, root], dtype=torch.float64)
    return CropDraw(
        rotation=random_rotation(generator),
        scales=scales[torch.randperm(3, generator=generator)],
        centre=int(torch.randint(num_points, (), generator=generator)),
        share=float(torch.empty((), dtype=torch.float64).uniform_(*share, generator=generator)),
    )


def random_rotation(generator: torch.Generator) -> Tensor:
    """(3, 3) float64, uniform over all rotations: a quaternion of normal numbers (Shoemake 1992)."""
    quaternion = torch.randn(4, generator=generator, dtype=torch.float64)
    w, x, y, z = quaternion / quaternion.norm()
    cross = torch.stack((w * 0, -z, y, z, w * 0, -x, -y, x, w * 0)).view(3, 3)
    return torch.eye(3, dtype=torch.float64) + 2 * w * cross + 2 * cross @ cross


def crop_rows(points: Tensor, draw: CropDraw, *, min_points: int) -> Tensor:
    """Rows, ascending, of the max(int(share N), min_points) points nearest to the drawn one in the drawn box's norm,
    max |scales * (rotation^T (x - centre))|; of equally near points the first row is taken.

    Args:
        points: (N, 3), N >= min_points.
        draw: the random numbers.
        min_points: that are kept at least.
    """
    if len(points) < min_points:
        raise ValueError(f'a crop of at least {min_points} points was asked of {len(points)}: repeat points first')
    turned = (points - points[draw.centre]).double() @ draw.rotation.double()
    distance = (turned * draw.scales.double()).abs().amax(1)
    count = max(int(draw.share * len(points)), min_points)
    return distance.argsort(stable=True)[:count].sort().values
