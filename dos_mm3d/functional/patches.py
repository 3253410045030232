"""Point clouds as patches, and back to points (docs/objects.md, "Patches")."""

import torch
from torch import Tensor

from ..cpu.patches import farthest_points, nearest_points
from ..errors import InputError

INTERPOLATION_EPS = 1e-8
"""Added to squared distances; inputs lie in the unit sphere."""


def patch_rows(points: Tensor, num_patches: int, points_per_patch: int, *, start: int) -> tuple[Tensor, Tensor]:
    """Rows of the centres (P,) and of the points of each patch (P, K) of one cloud (N, 3), int64, on the CPU.

    Centres by farthest point sampling from row ``start``; a patch is the K points nearest to its centre, which is one
    of them and comes first (for a point that occurs several times: one with the same coordinates).
    """
    centres = farthest_points(points, num_patches, start=start)
    return centres, nearest_points(points, points[centres], points_per_patch)


def in_unit_sphere(points: Tensor) -> Tensor:
    """Clouds (R, N, 3) moved to their mean and divided by the largest distance from it; a single point stays at 0."""
    centred = points - points.mean(1, keepdim=True)
    radius = torch.linalg.vector_norm(centred, dim=-1).amax(1)
    return centred / torch.where(radius > 0, radius, 1)[:, None, None]


def gather_patches(points: Tensor, centre_rows: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Patches relative to their centres, not rescaled, and the centres.

    Args:
        points: (R, N, 3).
        centre_rows: (R, P) int64.
        rows: (R, P, K) int64.

    Returns:
        (R, P, K, 3) and (R, P, 3).
    """
    cloud = torch.arange(len(points), device=points.device)
    centres = points[cloud[:, None], centre_rows]
    return points[cloud[:, None, None], rows] - centres[:, :, None], centres


def interpolate_from_patches(points: Tensor, centres: Tensor, features: Tensor) -> Tensor:
    """Features of points from the three nearest centres, weighted by 1 / (squared distance + eps) (PointNet++).

    Args:
        points: (R, N, 3).
        centres: (R, P, 3), P >= 3.
        features: (R, P, C) of the centres.

    Returns:
        (R, N, C); at a centre its own feature.
    """
    # the matrix product that torch takes for many points loses the digits of small distances
    distance = torch.cdist(points, centres, compute_mode='donot_use_mm_for_euclid_dist')
    nearest, rows = distance.topk(3, dim=2, largest=False)
    weight = 1 / (nearest.square() + INTERPOLATION_EPS)
    weight = weight / weight.sum(2, keepdim=True)
    cloud = torch.arange(len(points), device=points.device)[:, None, None]
    return (features[cloud, rows] * weight[..., None]).sum(2)


def pooled_features(cls: Tensor | None, patches: Tensor, parts: tuple[str, ...]) -> Tensor:
    """Parts beside each other, of 'cls', 'mean' and 'max' over patches: (R, D), (R, P, D) -> (R, len(parts) * D)."""
    if 'cls' in parts and cls is None:
        raise InputError(f'{parts} were asked of an encoder without a CLS token: leave cls out')
    pools = {'cls': lambda: cls, 'mean': lambda: patches.mean(1), 'max': lambda: patches.amax(1)}
    return torch.cat([pools[part]() for part in parts], dim=1)
