"""What a linear layer on frozen features is given, and what it predicts."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..functional.logistic_regression import LinearLayer


@dataclass(frozen=True)
class FeatureBlock:
    """Features that several points may share: point i has `values[row_of_point[i]]`.

    Args:
        values: (m, C) float32.
        row_of_point: (n,) int64.
    """

    values: Tensor
    row_of_point: Tensor

    def at_points(self, points: Tensor) -> Tensor:
        """(p, C) features of the points with these numbers."""
        return self.values[self.row_of_point[points]]


def predict(blocks: Sequence[FeatureBlock], layers: Sequence[LinearLayer]) -> list[Tensor]:
    """Class (n,) of every point under each layer; a layer's weight is cut along the blocks, in their order.

    The product is taken where the features live (a voxel, not each of its points), for all layers at once.
    """
    n_classes = len(layers[0].bias)
    stacked = torch.cat([layer.weight for layer in layers], dim=1)
    pieces = stacked.split([block.values.shape[1] for block in blocks])
    logits = sum((block.values @ piece)[block.row_of_point] for block, piece in zip(blocks, pieces))
    columns = logits.split(n_classes, dim=1)
    return [(column + layer.bias).argmax(1) for column, layer in zip(columns, layers)]
