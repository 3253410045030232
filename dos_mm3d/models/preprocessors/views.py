"""Collate views and voxelise them as the detector's voxel layer does, on any device."""

from collections.abc import Callable

import torch
from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor
from mmdet3d.models.data_preprocessors.voxelize import VoxelizationByGridShape
from mmdet3d.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from ...datasets.transforms.loss_grid import LossGrid
from ...errors import InputError
from ...functional.cylindrical import cylinder_cells, polar_points
from ...functional.sparse_lookup import find_rows
from ...functional.voxelize import hard_voxelize
from ...structures import SparseViews, ViewPair, pack_pairs

VoxelDict = dict[str, Tensor]


def hard_voxels(layer: VoxelizationByGridShape, points: Tensor) -> VoxelDict:
    """Points (n, C) -> voxels (v, max_num_points, C), num_points (v,), coors (v, 3) z, y, x."""
    voxels, coors, num_points = hard_voxelize(
        points,
        point_cloud_range=layer.point_cloud_range,
        voxel_size_m=layer.voxel_size,
        max_points=layer.max_num_points,
    )
    return dict(voxels=voxels, num_points=num_points, coors=coors)


def first_points(layer: VoxelizationByGridShape, points: Tensor) -> VoxelDict:
    """MinkUNet's voxels: points (n, C) -> the first point of each voxel (v, C), coors (v, 3) z, y, x.

    mmdet3d rounds the coordinates and counts from the lowest ones of each cloud, this grid begins at the range minimum,
    as the loss voxels must: it is mmdet3d's, moved by up to half a voxel and by whole voxels. The move differs from
    cloud to cloud in mmdet3d too, so no weight can depend on it, and features keep their absolute coordinates. With a
    range minimum of (k + 1/2) voxels the cells are mmdet3d's very own.
    """
    voxels, coors, _ = hard_voxelize(
        points, point_cloud_range=layer.point_cloud_range, voxel_size_m=layer.voxel_size, max_points=1
    )
    return dict(voxels=voxels[:, 0], coors=coors)


def cylinder_points(layer: VoxelizationByGridShape, points: Tensor) -> VoxelDict:
    """Cylinder3D's rows are points: (n, C) -> (n, C + 2) rho, phi, z, x, y, rest; coors (n, 3) rho, phi, z."""
    rows = polar_points(points)
    return dict(voxels=rows, coors=cylinder_cells(rows[:, :3], layer.point_cloud_range, layer.voxel_size))


VOXEL_TYPES: dict[str, Callable[[VoxelizationByGridShape, Tensor], VoxelDict]] = {
    'hard': hard_voxels,
    'minkunet': first_points,
    'cylindrical': cylinder_points,
}


@MODELS.register_module()
class ViewPreprocessor(Det3DDataPreprocessor):
    """Batch of :class:`ViewPair` -> dict(views=SparseViews) on the model's device.

    Takes the ``data_preprocessor`` settings of the model it pretrains for: ``voxel=True``, ``voxel_type`` (one of
    VOXEL_TYPES), ``voxel_layer``, ``max_voxels``. ``coors`` are [batch, z, y, x], with 'cylindrical' [batch, rho, phi,
    z].

    Args:
        loss_grid: ``point_cloud_range`` and ``voxel_size`` [m] of the loss voxels where voxels are no boxes, and hence
            lie in no loss voxel: for 'cylindrical'. ``loss_stride`` is 1 there.
    """

    def __init__(self, loss_grid: dict | None = None, **settings) -> None:
        super().__init__(**settings)
        if self.voxel_type not in VOXEL_TYPES:
            raise InputError(f'voxel_type is {self.voxel_type!r}, wanted one of {", ".join(VOXEL_TYPES)}')
        if (loss_grid is None) == (self.voxel_type == 'cylindrical'):
            raise InputError(
                f'loss_grid is {loss_grid} with voxel_type {self.voxel_type!r}: cylindrical voxels need '
                'loss_grid=dict(point_cloud_range=..., voxel_size=...), the numbers of BlockMask; others have their own'
            )
        self.loss_grid = None if loss_grid is None else LossGrid(**loss_grid, loss_stride=1)

    def grid_of_loss_voxels(self, loss_stride: int) -> LossGrid:
        """The grid in which points are counted to loss voxels of ``loss_stride`` voxels."""
        layer = self.voxel_layer
        return self.loss_grid or LossGrid(list(layer.point_cloud_range), list(layer.voxel_size), loss_stride)

    def forward(self, data: dict, training: bool = False) -> dict:
        pairs: list[ViewPair] = data['views']
        return dict(views=self.to_device(pack_pairs(pairs)))

    def to_device(self, views: SparseViews) -> SparseViews:
        return views.to(self.device)

    def voxelize_points(self, points: list[Tensor]) -> VoxelDict:
        """mmdet3d's voxel dict (voxels, coors [batch, z, y, x], ...) of one tensor (n, C) per cloud.

        With a ``loss_grid`` also ``loss_cells`` (rows, 4) int [batch, z, y, x], all -1 outside it.
        While training, ValueError for more voxels than the model's limit: it would drop the points beyond, and their
        loss voxels had no feature. A frozen encoder is fed whole scans, of other data sets too: there, all voxels are
        kept.
        """
        clouds = [VOXEL_TYPES[self.voxel_type](self.voxel_layer, cloud) for cloud in points]
        fullest = max(len(cloud['coors']) for cloud in clouds)
        if self.training and 0 < self.voxel_limit < fullest:
            raise InputError(
                f'a view has {fullest} voxels and the voxel layer holds {self.voxel_limit}, so points would be lost: '
                'raise max_voxels of model.data_preprocessor (of its voxel_layer for hard voxels), enlarge voxel_size '
                'or lower max_points of TwoViews'
            )
        for number, cloud in enumerate(clouds):
            cloud['coors'] = F.pad(cloud['coors'], (1, 0), value=number)
            if self.loss_grid is not None:
                cells, inside = self.loss_grid.voxels(points[number][:, :3])
                # the number too: a key of a negative cell of this cloud is that of a cell of another
                cloud['loss_cells'] = torch.where(inside[:, None], F.pad(cells.int(), (1, 0), value=number), -1)
        return {name: torch.cat([cloud[name] for cloud in clouds]) for name in clouds[0]}

    @property
    def voxel_limit(self) -> int:
        """Voxels of a cloud beyond which the model would drop some while it trains; 0 or less: none."""
        if self.voxel_type == 'cylindrical':
            return 0
        if self.voxel_type == 'minkunet':
            return self.max_voxels or 0
        return self.voxel_layer.max_voxels[0]


def select_voxels(voxel_dict: VoxelDict, cells: Tensor, loss_stride: int) -> VoxelDict:
    """The voxels that lie in the given loss voxels.

    voxel_dict: mmdet3d's tensors, all with one row per voxel; cells (m, 4) int [view, z, y, x] at ``loss_stride``.
    """
    if 'loss_cells' in voxel_dict:
        parents = voxel_dict['loss_cells']
    else:
        parents = voxel_dict['coors'].clone()
        parents[:, 1:] //= loss_stride
    shape = parents[:, 1:].maximum(cells[:, 1:].amax(0)).amax(0) + 1
    kept = find_rows(parents, cells, shape.tolist()) >= 0
    return {name: value[kept] for name, value in voxel_dict.items()}
