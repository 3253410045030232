"""Collate views and voxelise them as the detector's voxel layer does, on any device."""

import torch
from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor
from mmdet3d.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from ...functional.sparse_lookup import find_rows
from ...functional.voxelize import hard_voxelize
from ...structures import SparseViews, ViewPair, pack_pairs


@MODELS.register_module()
class ViewPreprocessor(Det3DDataPreprocessor):
    """Batch of :class:`ViewPair` -> dict(views=SparseViews) on the model's device.

    Takes the ``data_preprocessor`` settings of the detector it pretrains for (``voxel=True``, ``voxel_layer``).
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        pairs: list[ViewPair] = data['views']
        return dict(views=self.to_device(pack_pairs(pairs)))

    def to_device(self, views: SparseViews) -> SparseViews:
        return views.to(self.device)

    def voxelize_points(self, points: list[Tensor]) -> dict[str, Tensor]:
        """mmdet3d's voxel dict (voxels, num_points, coors [batch, z, y, x]) of one tensor (n, C) per cloud.

        The detector would drop the points of voxels beyond its limit, and their loss voxels had no feature: ValueError.
        """
        layer = self.voxel_layer
        limit = layer.max_voxels[0 if self.training else 1]
        clouds = [
            hard_voxelize(
                cloud,
                point_cloud_range=layer.point_cloud_range,
                voxel_size_m=layer.voxel_size,
                max_points=layer.max_num_points,
            )
            for cloud in points
        ]
        fullest = max(len(coors) for _, coors, _ in clouds)
        if 0 < limit < fullest:
            raise ValueError(
                f'a view has {fullest} voxels and the voxel layer holds {limit}, so points would be lost: raise '
                'model.data_preprocessor.voxel_layer.max_voxels, enlarge voxel_size or lower max_points of TwoViews'
            )
        voxels, coors, num_points = zip(*clouds)
        numbered = [F.pad(cells, (1, 0), value=number) for number, cells in enumerate(coors)]
        return dict(voxels=torch.cat(voxels), num_points=torch.cat(num_points), coors=torch.cat(numbered))


def select_voxels(voxel_dict: dict[str, Tensor], cells: Tensor, loss_stride: int) -> dict[str, Tensor]:
    """The voxels that lie in the given loss voxels.

    voxel_dict: mmdet3d's tensors, all with one row per voxel; cells (m, 4) int [view, z, y, x] at ``loss_stride``.
    """
    parents = voxel_dict['coors'].clone()
    parents[:, 1:] //= loss_stride
    shape = parents[:, 1:].maximum(cells[:, 1:].amax(0)).amax(0) + 1
    kept = find_rows(parents, cells, shape.tolist()) >= 0
    return {name: value[kept] for name, value in voxel_dict.items()}
