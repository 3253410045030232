"""Collate crops of objects and cut them into patches, on any device."""

from collections.abc import Sequence

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseDataPreprocessor

from ...functional.patches import gather_patches, in_unit_sphere
from ...structures import CropSet, ObjectSample, ObjectViews, PatchCrops, moved, stack_crops


@MODELS.register_module()
class PatchPreprocessor(BaseDataPreprocessor):
    """dict(views=[ObjectSample of each cloud]) -> dict(views=ObjectViews) on the model's device.

    Each crop is moved to its mean and scaled to the unit sphere; the points of a patch are relative to their centre.
    """

    def forward(self, data: dict, training: bool = False) -> dict[str, ObjectViews]:
        samples: Sequence[ObjectSample] = data['views']
        local = [sample.local for sample in samples if sample.local is not None]
        masked = [sample.masked for sample in samples if sample.masked is not None]
        if len(local) not in (0, len(samples)) or len(masked) not in (0, len(samples)):
            raise ValueError(f'{len(local)} of {len(samples)} clouds have local crops, {len(masked)} masks')
        return dict(
            views=ObjectViews(
                whole=self.patches([sample.whole for sample in samples]),
                local=self.patches(local) if local else None,
                masked=moved(torch.cat(masked), self.device) if masked else None,
            )
        )

    def patches(self, crops: Sequence[CropSet]) -> PatchCrops:
        """The crops of B clouds, as many of each."""
        stacked = stack_crops(crops)
        points, *rows = moved([stacked.points, stacked.centre_rows, stacked.patch_rows], self.device)
        return PatchCrops(*gather_patches(in_unit_sphere(points), *rows), per_cloud=len(crops[0].points))
