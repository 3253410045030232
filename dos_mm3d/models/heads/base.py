"""The contract between a method and its head."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from ...functional.sinkhorn import at_least_float32


class DistillationHead(nn.Module, ABC):
    """Compares matched rows of student and teacher features; owns what is learnt besides the features."""

    def forward(self, student: Tensor, teacher: Tensor, cloud_index: Tensor) -> Tensor:
        """Loss of matched rows, a scalar; the teacher gets no gradient.

        A comparison of fewer than two points is left out (docs/method.md, A17); without any, the loss
        is 0.

        Args:
            student: (N, D) unit features.
            teacher: (N, D) unit features; row i belongs to row i of the student's.
            cloud_index: (N,) int64, the view of each row.
        """
        # autocast would take the cosines, which are divided by temperatures of 0.05, back to half precision
        with torch.autocast(student.device.type, enabled=False):
            return self.loss(at_least_float32(student), at_least_float32(teacher).detach(), cloud_index)

    @abstractmethod
    def loss(self, student: Tensor, teacher: Tensor, cloud_index: Tensor) -> Tensor:
        """:meth:`forward` in full precision."""

    def set_step(self, step: int, total_steps: int) -> None:
        """Drive schedules, as functions of the step alone."""

    def update_teacher(self, momentum: float) -> None:
        """Move what the teacher has of its own, after a real optimiser step; ``momentum`` is the share that stays."""

    def observe(self, teacher: Tensor) -> None:
        """Look at the teacher's features (N, D) at the visible loss voxels, once a step, before the losses."""

    def log_values(self) -> dict[str, Tensor]:
        """What to log beside the losses; no name may hold the word 'loss'."""
        return {}

    def statistics(self, teacher: Tensor) -> dict[str, Tensor]:
        """Monitors of collapse beyond rank and spread of the features; teacher (N, D) at the visible loss voxels."""
        return {}
