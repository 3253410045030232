"""DOS: distilling observable softmaps of Zipfian prototypes (arXiv 2512.11465).

The step is written out in docs/method.md, "One training step".
"""

from collections.abc import Mapping

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ...errors import InputError
from ...functional import collapse
from ...functional.host import as_numbers
from ...structures import Grid, SparseViews
from .exported_names import SIDES, on_both_sides
from .student_teacher import StudentTeacher


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


@MODELS.register_module()
class DOS(StudentTeacher):
    """The student sees the visible points of each view, the teacher the whole view; softmaps are compared where the
    student can look.

    L_v = 1/2 L(v, same view) + 1/2 L(v, other view); the loss is L_a + L_b. What DOS replaces, and what the ablations
    vary, are other parts in the same places.

    BatchNorm layers of the teacher stay in training mode and keep statistics of their own: the student's describe
    masked input, the teacher's full views, which is what the detector will see.

    An exported backbone, under the names of the detector or segmentor that it is for, loads into both sides
    (`load_from`): pretraining goes on from it with a new projector and head.

    Args:
        backbone: config of a :class:`~dos_mm3d.models.backbones.base.LossVoxelBackbone`.
        projector: config of the :class:`Projector`.
        head: config of a :class:`~dos_mm3d.models.heads.base.DistillationHead`; DOS has :class:`ZipfSinkhornHead`.
        data_preprocessor: config of the :class:`ViewPreprocessor`.
        student_input: config of what the student is given (student_input.py); None: :class:`VisibleVoxels`.
        terms: config of which rows are compared (terms.py); None: :class:`SameAndCrossView`.
    """

    def __init__(
        self,
        backbone: dict,
        projector: dict,
        head: dict,
        data_preprocessor: dict,
        student_input: dict | None = None,
        terms: dict | None = None,
    ) -> None:
        projected, compared = projector.get('out_channels'), head.get('channels')
        if None not in (projected, compared) and projected != compared:
            raise InputError(
                f'model.projector.out_channels is {projected} and model.head.channels is {compared}: the head compares '
                'what the projector gives, wanted one number'
            )
        super().__init__(Branch(backbone, projector), data_preprocessor)
        self.student.backbone.require_grid(self.data_preprocessor.voxel_layer)
        self.head = MODELS.build(head)
        self.student_input = MODELS.build(student_input or dict(type='VisibleVoxels'))
        self.terms = MODELS.build(terms or dict(type='SameAndCrossView'))
        self.visible_teacher: Tensor | None = None

    @property
    def grid(self) -> Grid:
        """The voxels of the encoder and the loss voxels, in which the data pipeline counts."""
        return self.data_preprocessor.grid(self.student.backbone.loss_stride)

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

    def set_step(self, step: int, total_steps: int) -> None:
        """Drive the schedules that the model owns."""
        self.head.set_step(step, total_steps)

    def update_teacher(self, momentum: float) -> None:
        super().update_teacher(momentum)
        self.head.update_teacher(momentum)

    def forward(self, views: SparseViews, mode: str = 'loss') -> dict[str, Tensor]:
        if mode != 'loss':
            raise InputError(
                f'DOS is for pretraining and has mode loss only, got {mode!r}; export its weights for a detector'
            )
        return self.loss(views)

    def loss(self, views: SparseViews) -> dict[str, Tensor]:
        """Terms of the loss by name, each summed over the two views, and what the head has to log."""
        student = self.student_features(*self.student_input(views))

        visible = views.visible_rows
        terms = self.terms(views)
        needed = torch.cat((visible, *(term.teacher for term in terms)))
        teacher, row_in_teacher = self.teacher_features(views, needed)

        self.visible_teacher = teacher[row_in_teacher[visible]]
        self.head.observe(self.visible_teacher)

        losses = dict.fromkeys((term.name for term in terms), 0.0)
        for term in terms:
            own, other = student.index_select(0, term.student), teacher[row_in_teacher[term.teacher]]
            losses[term.name] += term.weight * self.head(own, other, term.cloud)
        return {**losses, **self.head.log_values()}

    def student_features(self, voxels: dict[str, Tensor], cells: Tensor, num_views: int) -> Tensor:
        """Projected features (m, D) at loss voxels ``cells`` (m, 4), computed from the student's voxels alone.

        Masks hide whole loss voxels, so those voxels are a subset of the teacher's: voxelised once.
        """
        return self.student.projector(self.student.backbone(voxels, cells, num_views))

    @torch.no_grad()
    def teacher_features(self, views: SparseViews, needed: Tensor) -> tuple[Tensor, Tensor]:
        """Projected teacher features of the ``needed`` loss voxels only (the head is not run on the rest).

        Returns (R, D) unit features and (M,) the row of each loss voxel in them, -1 where it was not needed.
        """
        features = self.teacher.backbone(views.voxels, views.cells, views.num_views)
        is_needed = torch.zeros(len(features), dtype=torch.bool, device=features.device).index_fill_(0, needed, True)
        row_of_cell = torch.where(is_needed, is_needed.cumsum(0) - 1, -1)
        return self.teacher.projector(features[is_needed.nonzero().squeeze(1)]), row_of_cell

    @torch.no_grad()
    def collapse_statistics(self) -> dict[str, float]:
        """Monitors of the last step, on this rank's visible teacher points of all views.

        Spread and rank of the teacher's projected features, and what the head adds: with prototypes the sd of the
        cosines with them, how they are used, and entropies of the last term's softmaps (1 is uniform).
        """
        if self.visible_teacher is None:
            raise RuntimeError('collapse_statistics was asked for before the first loss')
        teacher = self.visible_teacher
        statistics = dict(
            feature_spread=collapse.feature_spread(teacher),
            effective_rank=collapse.effective_rank(teacher),
            **self.head.statistics(teacher),
        )
        return as_numbers(statistics)
