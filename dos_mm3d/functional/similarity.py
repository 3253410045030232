"""What is like what: directions of features in which cosines tell places apart, and the nearest ones."""

import torch
from torch import Tensor
from torch.nn import functional as F


def principal_directions(features: Tensor, width: int) -> tuple[Tensor, float]:
    """(M, C) features of all places together -> their directions (M, min(width, C)) float32, of length 1, and the share
    of the variance that is kept.

    The mean over the places is taken out first: what all features have in common, as behind a ReLU, makes every cosine
    large. With min(width, C) = C principal axes are a rotation, which changes no cosine.
    """
    if features.ndim != 2 or width < 1:
        raise ValueError(f'wanted features (M, C) and a width of 1 or more, got {tuple(features.shape)}, {width}')
    centred = features.double() - features.double().mean(0)
    variances, axes = torch.linalg.eigh(centred.T @ centred)
    kept = variances[-width:].sum() / variances.sum().clamp(min=1e-300)
    return F.normalize(centred @ axes[:, -width:].flip(1), dim=1).float(), float(kept)


def nearest_rows(directions: Tensor, query: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The rows of (M, W) directions with the largest cosines to a query (W,), largest first, and these cosines; both
    (min(count, M),)."""
    cosines, rows = (directions @ query).topk(min(count, len(directions)))
    return rows, cosines
