"""Softmaps of chosen prototypes over whole sweeps: what teacher and student of a checkpoint spread over the points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..functional.collapse import prototype_usage
from ..functional.sinkhorn import zipf_sinkhorn
from ..models.heads.prototypes import PrototypeHead
from ..models.methods import DOS


@dataclass(frozen=True)
class Softmaps:
    """Distributions over M loss voxels, which may be those of several sweeps together.

    Args:
        prototypes: (P,) int64 which of the head's.
        shares: (P,) share of the loss voxels whose teacher features are nearest to each of them.
        maps: name -> (M, P) float32, every column sums to 1.
    """

    prototypes: Tensor
    shares: Tensor
    maps: Mapping[str, Tensor]


@torch.no_grad()
def softmaps_of(
    model: DOS, teacher: Tensor, student: Tensor, *, most_used: int, chosen: Sequence[int] = ()
) -> Softmaps | None:
    """Softmaps as the loss makes them, at the temperatures that the head has; None where the head has no prototypes.

    Args:
        model: with weights, in eval mode.
        teacher: (M, C) features of its backbone.
        student: (M, C), at the same loss voxels. In training the student is fed visible ones only.
        most_used: so many prototypes, by how many loss voxels are nearest to each.
        chosen: numbers of prototypes instead.

    InputError for a number that the head does not have.
    """
    head = model.head
    if not isinstance(head, PrototypeHead):
        return None
    if wrong := [number for number in chosen if not 0 <= number < len(head.prototypes)]:
        raise InputError(f'prototype {wrong[0]}: wanted 0 to {len(head.prototypes) - 1}')
    cosines = head.teacher_cosines(model.teacher.projector(teacher))
    usage = prototype_usage(cosines)
    picked = torch.tensor(list(chosen)) if chosen else usage.topk(min(most_used, len(usage))).indices
    logits = cosines / head.teacher_temperature
    of_student = model.student.projector(student) @ F.normalize(head.prototypes[picked], dim=1).T
    maps = {'teacher': logits[:, picked].softmax(0)}
    if (prior := getattr(head, 'prior', None)) is not None:
        # each point's mass is shared by all prototypes, so the rounds need all columns
        maps['teacher, Zipf-Sinkhorn'] = zipf_sinkhorn(logits, prior, n_iters=head.n_iters)[:, picked]
    maps['student'] = (of_student / head.student_temperature).softmax(0)
    return Softmaps(picked, usage[picked], maps)
