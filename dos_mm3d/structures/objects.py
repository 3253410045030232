"""Crops of objects on their way from the data to the model: shapes and dtypes are stated here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class CropSet:
    """Crops of one cloud with their patches, all of one size.

    Args:
        points: (C, n, 3) float32 of C crops, in the unit of the data, after augmentation.
        centre_rows: (C, P) int64, rows in ``points`` of the patches' centres.
        patch_rows: (C, P, K) int64, rows of the points of each patch.
    """

    points: Tensor
    centre_rows: Tensor
    patch_rows: Tensor


@dataclass(frozen=True)
class ObjectSample:
    """What is drawn of one cloud.

    Args:
        whole: G global crops, which the teacher sees.
        local: L smaller crops, which only the student sees; None: none.
        masked: (G, M, P) bool, M masks of each global crop, True where a patch is hidden from the student, as many
            in each; None: no mask.
    """

    whole: CropSet
    local: CropSet | None = None
    masked: Tensor | None = None


@dataclass(frozen=True)
class PatchCrops:
    """Crops of a batch of B clouds, the C crops of a cloud one after the other: row b C + c.

    Args:
        patches: (B C, P, K, 3), points relative to their centre, in the unit sphere's scale.
        centres: (B C, P, 3), in the unit sphere.
        per_cloud: C.
    """

    patches: Tensor
    centres: Tensor
    per_cloud: int


@dataclass(frozen=True)
class ObjectViews:
    """A batch of B clouds.

    Args:
        whole: G global crops of each.
        local: L local crops of each, or None.
        masked: (B G, M, P) bool, or None.
    """

    whole: PatchCrops
    local: PatchCrops | None = None
    masked: Tensor | None = None


def stack_crops(crops: Sequence[CropSet]) -> CropSet:
    """Crops of B clouds one after the other; ValueError unless there are as many of each, of one size."""
    shapes = {(*one.points.shape, *one.patch_rows.shape[1:]) for one in crops}
    if len(shapes) != 1:
        raise ValueError(f'the crops of a batch differ in number or size (C, n, 3, P, K): {sorted(shapes)}')
    return CropSet(*(torch.cat(parts) for parts in zip(*((c.points, c.centre_rows, c.patch_rows) for c in crops))))
