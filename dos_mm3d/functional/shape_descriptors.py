"""What can be said of a whole shape without learning: global descriptors, the baseline of every object protocol.

All are invariant to shift, scale and turns about z, since z is up in every set of objects."""

import torch
from torch import Tensor

BINS = 16
PAIRS = 8


def shape_descriptor(points: Tensor) -> Tensor:
    """All descriptors of one cloud beside each other, each block of histograms summing to 1.

    points: (n, 3), z up, in any unit, n at least 16, in an order that does not follow the surface: what is drawn at
    random from a mesh, as prepared sets are. Returns (135,) float64.
    """
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < BINS:
        raise ValueError(f'points must be (n, 3) with n >= {BINS}, got {tuple(points.shape)}')
    points = points.double()
    centred = points - points.mean(0)
    spread = centred.square().sum(1).mean().sqrt().clamp_min(1e-12)
    centred = centred / spread
    return torch.cat(
        [
            radius_histogram(centred),
            height_histogram(centred),
            axis_distance_histogram(centred),
            pair_distance_histogram(centred),
            pair_slope_histogram(centred),
            angle_histogram(centred),
            covariance_eigenvalues(centred),
            extents(centred),
            radius_by_height(centred),
        ]
    )


def histogram(values: Tensor, low: float, high: float) -> Tensor:
    """(BINS,) shares; what lies outside counts for the first and the last bin."""
    return torch.histc(values.clamp(low, high), BINS, low, high) / len(values)


def radius_histogram(centred: Tensor) -> Tensor:
    """D1 of Osada et al., Shape Distributions (2002): distances from the mean, in root mean squares."""
    return histogram(centred.norm(dim=1), 0.0, 2.5)


def height_histogram(centred: Tensor) -> Tensor:
    """Heights above the mean."""
    return histogram(centred[:, 2], -2.0, 2.0)


def axis_distance_histogram(centred: Tensor) -> Tensor:
    """Distances from the upright axis through the mean."""
    return histogram(centred[:, :2].norm(dim=1), 0.0, 2.5)


def pair_distance_histogram(centred: Tensor) -> Tensor:
    """D2 of Osada et al.: distances between points, of PAIRS partners of each."""
    return histogram(_pairs(centred).norm(dim=1), 0.0, 4.0)


def pair_slope_histogram(centred: Tensor) -> Tensor:
    """How steep the line through two points is: |z| over its length."""
    between = _pairs(centred)
    return histogram(between[:, 2].abs() / between.norm(dim=1).clamp_min(1e-12), 0.0, 1.0)


def angle_histogram(centred: Tensor) -> Tensor:
    """A3 of Osada et al.: angles between the lines from one point to two others, over pi."""
    n = len(centred)
    to_one, to_other = (centred.roll(n * share // 7, 0) - centred for share in (2, 4))
    cosine = torch.cosine_similarity(to_one, to_other, dim=1).clamp(-1, 1)
    return histogram(cosine.arccos() / torch.pi, 0.0, 1.0)


def covariance_eigenvalues(centred: Tensor) -> Tensor:
    """(4,): shares of the variance along z and the two principal axes of the footprint, and how round that is."""
    covariance = centred.T @ centred / len(centred)
    minor, major = torch.linalg.eigvalsh(covariance[:2, :2]).clamp_min(0)
    upright = covariance[2, 2]
    total = (minor + major + upright).clamp_min(1e-12)
    return torch.stack([upright / total, major / total, minor / total, (minor / major.clamp_min(1e-12)).sqrt()])


def extents(centred: Tensor) -> Tensor:
    """(3,): 2nd to 98th percentile along z and the principal axes of the footprint, over the largest."""
    flat = centred[:, :2]
    axes = torch.linalg.eigh(flat.T @ flat)[1]
    along = torch.cat([flat @ axes, centred[:, 2:]], 1)
    size = along.quantile(0.98, 0) - along.quantile(0.02, 0)
    return size / size.max().clamp_min(1e-12)


def radius_by_height(centred: Tensor) -> Tensor:
    """(32,): mean and standard deviation of the distance from the upright axis in BINS slices of equal height; 0 in an
    empty one."""
    z, radius = centred[:, 2], centred[:, :2].norm(dim=1)
    share = (z - z.min()) / (z.max() - z.min()).clamp_min(1e-12)
    level = (share * BINS).long().clamp_max(BINS - 1)
    ones = torch.ones_like(radius)
    count, total, squares = (torch.zeros_like(radius[:BINS]).index_add(0, level, v) for v in (ones, radius, radius**2))
    mean = total / count.clamp_min(1)
    return torch.cat([mean, (squares / count.clamp_min(1) - mean**2).clamp_min(0).sqrt()])


def _pairs(points: Tensor) -> Tensor:
    """(PAIRS n, 3) from each point to those that stand 1 / 17, 2 / 17 ... of the order behind it."""
    return torch.cat([points.roll(len(points) * share // 17, 0) - points for share in range(1, PAIRS + 1)])
