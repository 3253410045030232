"""A student and its moving average."""

import copy

from mmdet3d.registry import MODELS
from mmengine.model import BaseModel, BaseModule
from torch import Tensor

from ...functional.ema import ema_update_


class StudentTeacher(BaseModel):
    """The teacher starts as the student's copy, gets no gradient, and follows by :meth:`update_teacher`.

    Its tensors are those that the student has, too, under the same names. What else a sub-class puts into one of them
    has no twin: the student's is learnt, the teacher's is its own.

    Args:
        student: network of both sides.
        data_preprocessor: config.
    """

    def __init__(self, student: BaseModule, data_preprocessor: dict) -> None:
        super().__init__(MODELS.build(data_preprocessor))
        self.student = student
        self.teacher = copy.deepcopy(student)
        self.teacher.requires_grad_(False)

    def init_weights(self) -> None:
        """As the configs say; the teacher begins as the student's copy whatever was drawn."""
        super().init_weights()
        student = self.student.state_dict()
        for name, value in self.teacher.state_dict().items():
            if name in student:
                value.copy_(student[name])

    def twins(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Name -> the teacher's parameter and the student's."""
        student = dict(self.student.named_parameters())
        return {name: (value, student[name].detach()) for name, value in self.teacher.named_parameters()}

    def update_teacher(self, momentum: float) -> None:
        """Parameters: teacher <- momentum * teacher + (1 - momentum) * student; buffers are the teacher's own."""
        ema_update_(*zip(*self.twins().values()), momentum=momentum)
