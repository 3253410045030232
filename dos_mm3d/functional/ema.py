"""Exponential moving average of parameters."""

from collections.abc import Iterable

import torch
from torch import Tensor

from ..errors import InputError


@torch.no_grad()
def ema_update_(teacher: Iterable[Tensor], student: Iterable[Tensor], *, momentum: float) -> None:
    """teacher <- momentum * teacher + (1 - momentum) * student, in place, tensor by tensor.

    Args:
        teacher: tensors that follow.
        student: tensors that are followed, as many, of the same shapes.
        momentum: share of the teacher that stays, as in DINO and Sonata (0.996 there; mmengine's averaged models call
            the other share momentum). ValueError outside [0, 1].
    """
    teacher, student = list(teacher), list(student)
    check_momentum(momentum)
    if len(teacher) != len(student):
        raise ValueError(f'teacher has {len(teacher)} tensors, student {len(student)}: they must be twins')
    torch._foreach_lerp_(teacher, student, 1.0 - momentum)


def check_momentum(momentum: float) -> None:
    """InputError unless it is a share."""
    if not 0.0 <= momentum <= 1.0:
        raise InputError(f'momentum must be in [0, 1], got {momentum}')
