"""A student and its moving average."""

import copy
from collections.abc import Mapping

from mmdet3d.registry import MODELS
from mmengine.model import BaseModel, BaseModule
from torch import Tensor

from ...functional.ema import ema_update_
from ...structures import Grid
from ..backbones.base import LossVoxelBackbone

SIDES = ('student', 'teacher')


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

    An exported backbone, under the names of the detector or segmentor that it is for, loads into both sides
    (`load_from`): pretraining goes on from it with a new projector and head.

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

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        """Every loader comes through here, with a dict that may be changed, before it goes on to the parts."""
        if not prefix and (taken := self.own_names(state_dict)) is not state_dict:
            state_dict.clear()
            state_dict.update(taken)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def own_names(self, state_dict: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """An exported backbone under the names that it has in both sides; other weights as they are."""
        if any(name.partition('.')[0] in SIDES for name in state_dict):
            return state_dict
        return on_both_sides(state_dict, type(self.student.backbone))

    @property
    def grid(self) -> Grid:
        """The voxels of the encoder and the loss voxels, in which the data pipeline counts."""
        return self.data_preprocessor.grid(self.student.backbone.loss_stride)

    def update_teacher(self, momentum: float) -> None:
        """Parameters: teacher <- momentum * teacher + (1 - momentum) * student; buffers are the teacher's own."""
        ema_update_(self.teacher.parameters(), (p.detach() for p in self.student.parameters()), momentum=momentum)


def on_both_sides(state_dict: Mapping[str, Tensor], kind: type[LossVoxelBackbone]) -> Mapping[str, Tensor]:
    """The tensors of an exported backbone as those of student and teacher, what else there is as it is; the very same
    dict where none is of such a backbone.

    kind: of the backbone, which says under which names it is exported.
    """
    by_task = getattr(kind, 'downstream_names_by_task', {})
    for names in (getattr(kind, 'downstream_names', {}), *by_task.values()):
        theirs = {name: own_name(name, names) for name in state_dict}
        if any(theirs.values()):
            return {
                place: value
                for name, value in state_dict.items()
                for place in ([f'{side}.backbone.{theirs[name]}' for side in SIDES] if theirs[name] else [name])
            }
    return state_dict


def own_name(name: str, names: Mapping[str, str]) -> str | None:
    """The name that a tensor has here. names: prefix here -> prefix downstream; None where none is the tensor's."""
    fitting = [ours for ours, theirs in names.items() if name.startswith(theirs)]
    ours = max(fitting, key=lambda prefix: len(names[prefix]), default=None)
    return None if ours is None else ours + name.removeprefix(names[ours])
