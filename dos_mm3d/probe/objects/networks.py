"""Networks over clouds of objects: classifiers on AsymDSD's encoder, and a PointNet to compare with."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from ...functional.patches import pooled_features
from ...models.backbones import PatchEncoder
from ...models.heads.objects import ObjectClassifier, PartHead, dense
from .inputs import FedObjects

HIDDEN = (256, 256)
"""Of AsymDSD's MLP-3."""


def build_encoder(config: Mapping[str, Any], seed: int | None = None) -> PatchEncoder:
    """An encoder as its config says; with a seed its start is a function of that alone."""
    if seed is None:
        return MODELS.build(dict(config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS.build(dict(config))


def pools_of(encoder: PatchEncoder, pools: Sequence[str]) -> tuple[str, ...]:
    """Those that the encoder has: without a CLS token all others."""
    return tuple(pool for pool in pools if pool != 'cls' or encoder.cls_token is not None)


class EncoderClassifier(nn.Module):
    """An encoder, pooled features, and a head on them.

    Args:
        encoder: of either start.
        num_classes: how many.
        pools: of 'cls', 'mean' and 'max', beside each other; 'cls' is left out where the encoder has none.
        hidden_channels: of the head; none: a linear layer.
        drop_path: of the last block, growing linearly from 0 at the first.
    """

    def __init__(
        self,
        encoder: PatchEncoder,
        num_classes: int,
        pools: Sequence[str],
        hidden_channels: Sequence[int] = HIDDEN,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder, self.pools = encoder, pools_of(encoder, pools)
        with_growing_drop_path(encoder, drop_path)
        self.head = ObjectClassifier(len(self.pools) * encoder.channels, num_classes, hidden_channels)

    def features(self, fed: FedObjects) -> Tensor:
        """Pooled features (R, C)."""
        return pooled_features(*self.encoder(*self.encoder.embed(fed.patches, fed.centres)), self.pools)

    def forward(self, fed: FedObjects) -> Tensor:
        """Logits (R, num_classes)."""
        return self.head(self.features(fed))


class EncoderParts(nn.Module):
    """An encoder, three of its blocks, and the head for parts of objects.

    Args:
        encoder: with a CLS token.
        num_categories: of objects.
        num_parts: of all categories together.
        drop_path: as :class:`EncoderClassifier` has it.
    """

    def __init__(self, encoder: PatchEncoder, num_categories: int, num_parts: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.encoder, depth = encoder, len(encoder.blocks)
        with_growing_drop_path(encoder, drop_path)
        self.blocks = sorted({max(share * depth // 3 - 1, 0) for share in (1, 2, 3)})  # of 12: 3, 7, 11, from 0
        self.head = PartHead(encoder.channels, len(self.blocks), num_categories, num_parts)

    def forward(self, fed: FedObjects, category: Tensor) -> Tensor:
        """Logits (R, N, num_parts); category: (R,)."""
        hidden = list(self.encoder.hidden(*self.encoder.embed(fed.patches, fed.centres)))
        last = self.encoder.split(self.encoder.norm(hidden[-1]))
        layers = [self.encoder.split(hidden[block]).patches for block in self.blocks]
        # without a CLS token the mean stands in its place
        whole = last.patches.mean(1) if last.cls is None else last.cls
        return self.head(fed.points, fed.centres, layers, whole, category)


class PointFeatures(nn.Module):
    """The shared MLP of a PointNet (Qi et al., CVPR 2017) and its maximum, without T-nets.

    Args:
        channels: widths.
    """

    def __init__(self, channels: Sequence[int] = (64, 64, 64, 128, 1024)) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(layer for pair in pairwise((3, *channels)) for layer in dense(*pair)))
        self.channels = channels[-1]

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(R, N, 3) -> of points (R, N, C), of clouds (R, C)."""
        found = self.layers(points.flatten(0, 1)).unflatten(0, points.shape[:2])
        return found, found.amax(1)


class PointNetClassifier(nn.Module):
    """A PointNet with its head of two hidden layers.

    Args:
        num_classes: how many.
        hidden_channels: of the head.
    """

    def __init__(self, num_classes: int, hidden_channels: Sequence[int] = (512, 256)) -> None:
        super().__init__()
        self.points = PointFeatures()
        self.head = ObjectClassifier(self.points.channels, num_classes, hidden_channels, dropout=0.3)

    def forward(self, fed: FedObjects) -> Tensor:
        """Logits (R, num_classes)."""
        return self.head(self.points(fed.points)[1])


class PointNetParts(nn.Module):
    """A PointNet for parts: features of the point, of the whole object, and its category.

    Args:
        num_categories: of objects.
        num_parts: of all categories together.
    """

    def __init__(self, num_categories: int, num_parts: int) -> None:
        super().__init__()
        self.points = PointFeatures()
        self.num_categories = num_categories
        wide = 2 * self.points.channels + num_categories
        self.head = nn.Sequential(*dense(wide, 256), *dense(256, 128), nn.Linear(128, num_parts))

    def forward(self, fed: FedObjects, category: Tensor) -> Tensor:
        """Logits (R, N, num_parts); category: (R,)."""
        near, whole = self.points(fed.points)
        return self.head(beside_each(near, whole, category, self.num_categories)).unflatten(0, near.shape[:2])


class DescribedParts(nn.Module):
    """No network over the cloud: an MLP on the point, shape descriptors of the whole object, and its category.

    Args:
        num_categories: of objects.
        num_parts: of all categories together.
        describe: points (N, 3) in the unit sphere -> descriptors (C,).
    """

    def __init__(self, num_categories: int, num_parts: int, describe: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.num_categories, self.describe = num_categories, describe
        channels = len(describe(torch.rand(64, 3)))
        self.norm = nn.BatchNorm1d(channels, affine=False)
        wide = 3 + channels + num_categories
        self.head = nn.Sequential(*dense(wide, 256), *dense(256, 128), nn.Linear(128, num_parts))

    def forward(self, fed: FedObjects, category: Tensor) -> Tensor:
        """Logits (R, N, num_parts); category: (R,)."""
        whole = self.norm(torch.stack([self.describe(points) for points in fed.points.cpu()]).to(fed.points))
        return self.head(beside_each(fed.points, whole, category, self.num_categories)).unflatten(
            0, fed.points.shape[:2]
        )


def beside_each(points: Tensor, whole: Tensor, category: Tensor, num_categories: int) -> Tensor:
    """(R N, C): features of points (R, N, .), beside them those of the object (R, .) and its category, one-hot."""
    of_class = nn.functional.one_hot(category, num_categories).to(points.dtype)
    around = torch.cat((whole, of_class), dim=1)[:, None].expand(-1, points.shape[1], -1)
    return torch.cat((points, around), dim=2).flatten(0, 1)


def with_growing_drop_path(encoder: PatchEncoder, last: float) -> None:
    """Drop path of the blocks from 0 at the first to `last`."""
    for number, block in enumerate(encoder.blocks):
        block.drop_path = last * number / max(len(encoder.blocks) - 1, 1)
