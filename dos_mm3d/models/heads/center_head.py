"""mmdet3d's CenterPoint head for data sets whose boxes have no velocity, and with the heatmap bias that it asks for."""

from mmdet3d.models.dense_heads import CenterHead
from mmdet3d.models.dense_heads.centerpoint_head import SeparateHead
from mmdet3d.registry import MODELS
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F

VELOCITY = 2  # columns


@MODELS.register_module()
class CenterHeadWithoutVelocity(CenterHead):
    """CenterHead that trains on boxes of 7 numbers (Waymo, KITTI): x, y, z, length, width, height, yaw.

    mmdet3d 1.4.0's targets unpack two columns of velocity, and its loss reads the head's ``vel``. Here both are zeros,
    which add nothing to the loss. Give no ``vel`` in ``common_heads``, and ``code_size=7``.
    """

    def get_targets_single(self, gt_instances_3d: InstanceData) -> tuple[list[Tensor], ...]:
        boxes = gt_instances_3d.bboxes_3d
        with_velocity = type(boxes)(F.pad(boxes.tensor, (0, VELOCITY)), box_dim=boxes.tensor.shape[1] + VELOCITY)
        return super().get_targets_single(InstanceData(bboxes_3d=with_velocity, labels_3d=gt_instances_3d.labels_3d))

    def loss_by_feat(
        self, preds_dicts: tuple[list[dict[str, Tensor]]], batch_gt_instances_3d: list[InstanceData], *args, **kwargs
    ) -> dict[str, Tensor]:
        for (predictions,) in preds_dicts:
            predictions['vel'] = predictions['reg'].new_zeros(predictions['reg'].shape)
        return super().loss_by_feat(preds_dicts, batch_gt_instances_3d, *args, **kwargs)


@MODELS.register_module()
class BiasedSeparateHead(SeparateHead):
    """SeparateHead whose heatmap really starts at `init_bias` (probability 0.1 for -2.19), as in the CenterPoint paper.

    In mmdet3d 1.4.0 it never does: the heads sit in a plain nn.ModuleList, which does not hand `init_weights` down,
    so every cell starts at probability 0.5 and the heatmap loss in the hundreds. Full schedules recover from that;
    a run of some hundred steps spends many of them on it.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.heatmap[-1].bias.data.fill_(self.init_bias)
