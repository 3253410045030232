"""Intersection over union of the parts of objects, as ShapeNetPart is scored (docs/objects.md, "Downstream")."""

from collections.abc import Sequence

import torch
from torch import Tensor


def shape_iou(logits: Tensor, target: Tensor, parts: Sequence[int]) -> float:
    """Mean IoU over the parts of an object's category; a part that is neither predicted nor there counts as 1.

    Args:
        logits: (N, all parts); of the points' labels only those of the category compete.
        target: (N,) int64, labels among ``parts``.
        parts: labels of the category.
    """
    parts = torch.as_tensor(parts, device=logits.device)
    predicted = parts[logits[:, parts].argmax(1)]
    is_predicted, is_there = predicted[None] == parts[:, None], target[None] == parts[:, None]
    union = (is_predicted | is_there).sum(1)
    both = (is_predicted & is_there).sum(1)
    return float(torch.where(union > 0, both / union.clamp_min(1), 1.0).double().mean())


def part_miou(ious: Tensor, category: Tensor) -> tuple[float, float]:
    """Instance mIoU, the mean over objects, and class mIoU, the mean over categories of their means.

    ious: (S,) of :func:`shape_iou`; category: (S,) int64. A category without an object does not count.
    """
    by_category = [ious[category == one].mean() for one in category.unique()]
    return float(ious.mean()), float(torch.stack(by_category).mean())
