"""Collate views and voxelise them with the detector's own voxel layer, on any device."""

from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor
from mmdet3d.registry import MODELS
from torch import Tensor

from ...functional.sparse_lookup import find_rows
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

        A full voxel buffer silently drops points, and their loss voxels would have no feature: ValueError.
        """
        limit = self.voxel_layer.max_voxels[0 if self.training else 1]
        voxel_dict = self.voxelize(points, data_samples=[])
        if limit > 0 and len(voxel_dict['coors']):
            fullest = int(voxel_dict['coors'][:, 0].long().bincount().max())
            if fullest >= limit:
                raise ValueError(
                    f'a view fills all {limit} voxels of the voxel layer, so points would be lost: raise '
                    'model.data_preprocessor.voxel_layer.max_voxels, enlarge voxel_size or lower max_points of TwoViews'
                )
        return voxel_dict


def select_voxels(voxel_dict: dict[str, Tensor], cells: Tensor, loss_stride: int) -> dict[str, Tensor]:
    """The voxels that lie in the given loss voxels.

    voxel_dict: mmdet3d's tensors, all with one row per voxel; cells (m, 4) int [view, z, y, x] at ``loss_stride``.
    """
    parents = voxel_dict['coors'].clone()
    parents[:, 1:] //= loss_stride
    shape = parents[:, 1:].maximum(cells[:, 1:].amax(0)).amax(0) + 1
    kept = find_rows(parents, cells, shape.tolist()) >= 0
    return {name: value[kept] for name, value in voxel_dict.items()}
