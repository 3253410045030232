"""DOS: distilling observable softmaps of Zipfian prototypes (arXiv 2512.11465; dos.md 3.1)."""

import torch
from mmdet3d.registry import MODELS
from torch import Tensor

from ...functional import collapse
from ...functional.distributed import logsumexp_over_points
from ...structures import SparseViews
from ..preprocessors.views import select_voxels
from .student_teacher import StudentTeacher


@MODELS.register_module()
class DOS(StudentTeacher):
    """The student sees the visible points of each view, the teacher the whole view; softmaps are compared where the
    student can look.

    L_v = 1/2 L(v, same view) + 1/2 L(v, other view); the loss is L_a + L_b.

    Args:
        backbone: a :class:`~dos_mm3d.models.backbones.base.LossVoxelBackbone`.
        projector, head: :class:`Projector` and :class:`ZipfSinkhornHead`.
    """

    def __init__(self, backbone: dict, projector: dict, head: dict, data_preprocessor: dict) -> None:
        super().__init__(backbone, projector, data_preprocessor)
        self.head = MODELS.build(head)
        self.visible_teacher: Tensor | None = None

    def set_step(self, step: int, total_steps: int) -> None:
        """Drive the schedules that the model owns."""
        self.head.set_step(step, total_steps)

    def update_teacher(self, teacher_keep: float) -> None:
        super().update_teacher(teacher_keep)
        self.head.update_teacher(teacher_keep)

    def forward(self, views: SparseViews, mode: str = 'loss') -> dict[str, Tensor]:
        if mode != 'loss':
            raise ValueError(
                f'DOS is for pretraining and has mode loss only, got {mode!r}; export its weights for a detector'
            )
        return self.loss(views)

    def loss(self, views: SparseViews) -> dict[str, Tensor]:
        """{'loss_same', 'loss_cross'}: halves of the total, each summed over the two views."""
        voxel_dict = self.data_preprocessor.voxelize_points(views.points)
        student_rows = views.visible.nonzero().squeeze(1)
        student = self.student_features(voxel_dict, views.cells[student_rows], views.num_views)

        partner = views.match[student_rows]
        needed = torch.cat((student_rows, partner[partner >= 0]))
        teacher, row_in_teacher = self.teacher_features(voxel_dict, views, needed)

        self.visible_teacher = teacher[row_in_teacher[student_rows]]

        cloud = views.cells[student_rows, 0].long()
        view_b = cloud >= views.num_views // 2
        terms = dict(loss_same=[], loss_cross=[])
        for in_view in (~view_b, view_b):
            pairs = dict(loss_same=(in_view, student_rows), loss_cross=(in_view & (partner >= 0), partner))
            for name, (rows, target_row) in pairs.items():
                matched = teacher[row_in_teacher[target_row[rows]]]
                terms[name].append(0.5 * self.head(student[rows], matched, cloud[rows]))
        return {name: sum(values) for name, values in terms.items()}

    def student_features(self, voxel_dict: dict[str, Tensor], visible_cells: Tensor, num_views: int) -> Tensor:
        """Projected features (m, D) at the visible loss voxels, computed from the voxels inside them and nothing else.

        Masks hide whole loss voxels, so the student's voxels are a subset of the teacher's: voxelised once.
        """
        backbone = self.student.backbone
        visible = select_voxels(voxel_dict, visible_cells, backbone.loss_stride)
        return self.student.projector(backbone(visible, visible_cells, num_views))

    @torch.no_grad()
    def teacher_features(
        self, voxel_dict: dict[str, Tensor], views: SparseViews, needed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Projected teacher features of the ``needed`` loss voxels only (the head is not run on the rest).

        Returns (R, D) unit features and (M,) the row of each loss voxel in them, -1 where it was not needed.
        """
        features = self.teacher.backbone(voxel_dict, views.cells, views.num_views)
        needed = needed.unique()
        row_of_cell = needed.new_full((len(features),), -1)
        row_of_cell[needed] = torch.arange(len(needed), device=needed.device)
        return self.teacher.projector(features[needed]), row_of_cell

    @torch.no_grad()
    def collapse_statistics(self) -> dict[str, float]:
        """Monitors of the last step, on this rank's visible teacher points of all views.

        Entropies of the last loss term's softmaps (1 is uniform), spread and rank of the teacher's projected features,
        sd of their cosines with the prototypes, and how these are used.
        """
        latest, teacher = self.head.latest, self.visible_teacher
        if latest is None or teacher is None:
            raise RuntimeError('collapse_statistics was asked for before the first loss')
        group = latest.process_group
        log_student = latest.student_logits - logsumexp_over_points(latest.student_logits, group)
        cosines = self.head.teacher_cosines(teacher)
        usage = collapse.prototype_usage(cosines)
        statistics = dict(
            column_entropy=collapse.column_entropy(latest.target, process_group=group),
            student_column_entropy=collapse.column_entropy(log_student.exp(), process_group=group),
            feature_spread=collapse.feature_spread(teacher),
            effective_rank=collapse.effective_rank(teacher),
            cosine_std=cosines.std(),
            prototypes_used=collapse.used_share(usage),
            usage_entropy=collapse.usage_entropy(usage),
            largest_usage=usage.max(),
        )
        return {name: float(value) for name, value in statistics.items()}
