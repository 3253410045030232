"""Linear classifier of points, trained with cross-entropy and Lovasz-softmax."""

from dataclasses import dataclass

import torch
from mmdet3d.models.decode_heads import MinkUNetHead
from mmdet3d.registry import MODELS
from torch import Tensor

from ...errors import InputError


@dataclass(frozen=True)
class PointFeatures:
    """Features of voxels, and who reads them. feat: (V, C); row_of_point: (N,) int64, row in feat of every point,
    points of one cloud after the other; sizes: points of each cloud."""

    feat: Tensor
    row_of_point: Tensor
    sizes: tuple[int, ...]


@MODELS.register_module()
class PointHead(MinkUNetHead):
    """One linear layer on voxels, whose logits every point of the voxel gets.

    Args:
        channels: width of the features.
        num_classes: labels are 0 .. num_classes - 1.
        ignore_index: label of points that no loss counts.
        loss_ce: mmdet3d's cross-entropy.
        loss_lovasz: mmdet3d's Lovasz-softmax (Berman et al., CVPR 2018).
        dropout_ratio: of the features, while training.
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        ignore_index: int,
        loss_ce: dict | None = None,
        loss_lovasz: dict | None = None,
        dropout_ratio: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            channels,
            num_classes,
            dropout_ratio=dropout_ratio,
            loss_decode=loss_ce or dict(type='mmdet.CrossEntropyLoss'),
            ignore_index=ignore_index,
            init_cfg=init_cfg,
        )
        self.loss_lovasz = MODELS.build(loss_lovasz or dict(type='LovaszLoss', reduction='none'))

    def forward(self, features: PointFeatures) -> Tensor:
        """(N, num_classes) float32 logits of all points."""
        # index_select, not [rows]: the gradient of the latter adds up in any order on several CPU threads
        return self.cls_seg(features.feat).float().index_select(0, features.row_of_point)

    def predict(self, inputs: PointFeatures, batch_data_samples: list) -> list[Tensor]:
        """(n, num_classes) logits of each cloud's points, in the order of the points."""
        return list(self(inputs).split(inputs.sizes))

    def loss_by_feat(self, seg_logit: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """loss_ce and loss_lovasz over the labelled points; 0 where a batch has none.

        mmdet3d's losses are given the labelled rows only: LovaszLoss fails on a single one among ignored ones, and
        gives an empty tensor, whose mean is NaN, where there is none.
        """
        labels = torch.cat([sample.gt_pts_seg.pts_semantic_mask for sample in batch_data_samples]).long()
        if len(labels) != len(seg_logit):
            raise InputError(
                f'{len(labels)} labels for {len(seg_logit)} points in a batch: label files and sweeps of different '
                'scans, or a transform that changes the points alone (older sweeps have no labels)'
            )
        rows = (labels != self.ignore_index).nonzero().squeeze(1)
        if not len(rows):
            return dict(loss_ce=seg_logit.sum() * 0, loss_lovasz=seg_logit.sum() * 0)
        logits, labels = seg_logit.index_select(0, rows), labels.index_select(0, rows)
        return dict(
            loss_ce=self.loss_decode(logits, labels),
            loss_lovasz=self.loss_lovasz(logits, labels, ignore_index=None),
        )
