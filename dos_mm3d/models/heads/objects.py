"""What is trained on features of objects: a classifier, and parts of objects (docs/objects.md, "Downstream")."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from ...functional.patches import interpolate_from_patches, pooled_features


def dense(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Linear layer without bias, BatchNorm, GELU."""
    return [nn.Linear(in_channels, out_channels, bias=False), nn.BatchNorm1d(out_channels), nn.GELU()]


@MODELS.register_module()
class ObjectClassifier(nn.Sequential):
    """Pooled features (R, in_channels) -> logits (R, num_classes); with two hidden layers AsymDSD's MLP-3.

    Args:
        in_channels: width of the pooled features.
        num_classes: how many.
        hidden_channels: widths of the hidden layers, each with BatchNorm, GELU and dropout; none: a linear layer.
        dropout: after each of them.
    """

    def __init__(
        self, in_channels: int, num_classes: int, hidden_channels: Sequence[int] = (256, 256), dropout: float = 0.5
    ) -> None:
        widths = (in_channels, *hidden_channels)
        layers = [layer for pair in pairwise(widths) for layer in (*dense(*pair), nn.Dropout(dropout))]
        super().__init__(*layers, nn.Linear(widths[-1], num_classes, bias=False))


@MODELS.register_module()
class PartHead(nn.Module):
    """Logits of parts at points, from some of the encoder's blocks, the CLS token and the category of the object.

    Args:
        channels: width D of the encoder.
        num_layers: blocks whose rows are given.
        num_categories: of objects.
        num_parts: of all categories together.
        upsample_channels: two widths of the MLP on interpolated features.
        head_channels: two widths of the MLP before the logits.
        category_channels: width of the embedded category.
        dropout: after the first layer of the head.
    """

    def __init__(
        self,
        channels: int,
        num_layers: int,
        num_categories: int,
        num_parts: int,
        upsample_channels: tuple[int, int] = (384, 384),
        head_channels: tuple[int, int] = (512, 256),
        category_channels: int = 64,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        inner, upsampled = upsample_channels
        self.upsample = nn.Sequential(*dense(3 + num_layers * channels, inner), *dense(inner, upsampled))
        self.category = nn.Embedding(num_categories, category_channels)
        wide, narrow = head_channels
        whole = (1 + 2 * num_layers) * channels
        self.head = nn.Sequential(
            *dense(upsampled + category_channels + whole, wide),
            nn.Dropout(dropout),
            *dense(wide, narrow),
            nn.Linear(narrow, num_parts),
        )

    def forward(
        self, points: Tensor, centres: Tensor, layers: Sequence[Tensor], cls: Tensor, category: Tensor
    ) -> Tensor:
        """Logits (R, N, num_parts).

        Args:
            points: (R, N, 3) in the unit sphere.
            centres: (R, P, 3) of the patches.
            layers: (R, P, D) patches after each of ``num_layers`` blocks, before the final norm.
            cls: (R, D) after the final norm.
            category: (R,) int64.
        """
        return self.head(self.rows(points, centres, layers, cls, category)).unflatten(0, points.shape[:2])

    def rows(self, points: Tensor, centres: Tensor, layers: Sequence[Tensor], cls: Tensor, category: Tensor) -> Tensor:
        """The input of the head (R N, C): of the point, then of the category and of the whole object."""
        patches = torch.cat([self.norm(layer) for layer in layers], dim=-1)
        near = torch.cat((points, interpolate_from_patches(points, centres, patches)), dim=-1)
        whole = torch.cat((self.category(category), pooled_features(cls, patches, ('cls', 'mean', 'max'))), dim=1)
        return torch.cat((self.upsample(near.flatten(0, 1)), whole.repeat_interleave(points.shape[1], 0)), dim=1)
