"""mmdet3d's CenterPoint head for data sets whose boxes have no velocity."""

from mmdet3d.models.dense_heads import CenterHead
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
