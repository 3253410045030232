"""A student and its moving average."""

import copy

from mmdet3d.registry import MODELS
from mmengine.model import BaseModel, BaseModule

from ...functional.ema import ema_update_
from ...structures import Grid


class Branch(BaseModule):
    """Backbone and projector of one side; a BaseModule, so that init_cfg of a backbone is followed.

    Args:
        backbone: config; what it builds says ``out_channels``.
        projector: config; ``in_channels`` is added.
    """

    def __init__(self, backbone: dict, projector: dict) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.projector = MODELS.build({'in_channels': self.backbone.out_channels, **projector})


class StudentTeacher(BaseModel):
    """Twins: the teacher starts as a copy, gets no gradient, and follows the student by :meth:`update_teacher`.

    Its BatchNorm layers stay in training mode and keep statistics of their own: the student's describe masked input,
    the teacher's full views, which is what the detector will see.

    Args:
        backbone: config of the backbone of both sides.
        projector: config of the projector of both sides.
        data_preprocessor: config.
    """

    def __init__(self, backbone: dict, projector: dict, data_preprocessor: dict) -> None:
        super().__init__(MODELS.build(data_preprocessor))
        self.student = Branch(backbone, projector)
        self.teacher = copy.deepcopy(self.student)
        self.teacher.requires_grad_(False)

    def init_weights(self) -> None:
        """As the configs say; the teacher begins as the student's copy whatever was drawn."""
        super().init_weights()
        self.teacher.load_state_dict(self.student.state_dict())

    @property
    def grid(self) -> Grid:
        """The voxels of the encoder and the loss voxels, in which the data pipeline counts."""
        return self.data_preprocessor.grid(self.student.backbone.loss_stride)

    def update_teacher(self, momentum: float) -> None:
        """Parameters: teacher <- momentum * teacher + (1 - momentum) * student; buffers are the teacher's own."""
        ema_update_(self.teacher.parameters(), (p.detach() for p in self.student.parameters()), momentum=momentum)
