"""Exponential moving average of parameters."""

from collections.abc import Iterable

import torch
from torch import Tensor


@torch.no_grad()
def ema_update_(teacher: Iterable[Tensor], student: Iterable[Tensor], *, teacher_keep: float) -> None:
    """theta_T <- keep * theta_T + (1 - keep) * theta_S, in place, pair by pair.

    ``teacher_keep`` is the share of the teacher that stays (the 0.996 of DINO and Sonata). Raises ValueError outside
    [0, 1] or when the two sides hold different numbers of tensors.
    """
    teacher, student = list(teacher), list(student)
    if not 0.0 <= teacher_keep <= 1.0:
        raise ValueError(f'teacher_keep must be in [0, 1], got {teacher_keep}')
    if len(teacher) != len(student):
        raise ValueError(f'teacher has {len(teacher)} tensors, student {len(student)}: they must be twins')
    torch._foreach_lerp_(teacher, student, 1.0 - teacher_keep)
