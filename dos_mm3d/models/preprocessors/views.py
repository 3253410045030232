"""Collate views and voxelise them as the detector's voxel layer does, on any device."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor
from mmdet3d.models.data_preprocessors.voxelize import VoxelizationByGridShape
from mmdet3d.registry import MODELS
from torch import Tensor

from ...cpu.scatter import points_in_rows
from ...errors import InputError
from ...functional.voxelize import cylinder_cells, hard_voxelize, polar_points
from ...structures import Grid, SparseViews, pack_pairs

VoxelDict = dict[str, Tensor]


def boxes(layer: VoxelizationByGridShape, points: Tensor, cloud: Tensor, max_points: int) -> VoxelDict:
    """Points (n, C) of clouds (n,) -> voxels (v, max_points, C), num_points (v,), coors (v, 4) cloud, z, y, x,
    first_point (v,) row."""
    grid = Grid(layer.point_cloud_range, layer.voxel_size)
    coords, inside = grid.voxels(points[:, :3])
    kept = inside.nonzero().squeeze(1)
    coords = torch.cat((cloud[:, None], coords), dim=1)
    voxels, coors, num_points, first_point = hard_voxelize(
        points.index_select(0, kept), coords.index_select(0, kept), grid.shape, max_points=max_points
    )
    return dict(voxels=voxels, num_points=num_points, coors=coors, first_point=kept[first_point])


def hard_voxels(layer: VoxelizationByGridShape, points: Tensor, cloud: Tensor) -> VoxelDict:
    """mmdet3d's padded voxels: those of :func:`boxes` with at most max_num_points points."""
    return boxes(layer, points, cloud, layer.max_num_points)


def first_points(layer: VoxelizationByGridShape, points: Tensor, cloud: Tensor) -> VoxelDict:
    """MinkUNet's voxels: points (n, C) -> the first point of each voxel (v, C), coors (v, 4) cloud, z, y, x.

    mmdet3d rounds the coordinates and counts from the lowest ones of each cloud, this grid begins at the range minimum,
    as the loss voxels must: it is mmdet3d's, moved by up to half a voxel and by whole voxels. The move differs from
    cloud to cloud in mmdet3d too, so no weight can depend on it, and features keep their absolute coordinates. With a
    range minimum of (k + 1/2) voxels the cells are mmdet3d's very own.
    """
    found = boxes(layer, points, cloud, 1)
    return dict(voxels=found['voxels'][:, 0], coors=found['coors'], first_point=found['first_point'])


def cylinder_points(layer: VoxelizationByGridShape, points: Tensor, cloud: Tensor) -> VoxelDict:
    """Cylinder3D's rows are points: (n, C) -> (n, C + 2) rho, phi, z, x, y, rest; coors (n, 4) cloud, rho, phi, z."""
    rows = polar_points(points)
    coors = cylinder_cells(rows[:, :3], layer.point_cloud_range, layer.voxel_size)
    coors = torch.cat((cloud[:, None].to(coors), coors), dim=1)
    return dict(voxels=rows, coors=coors, first_point=torch.arange(len(points), device=points.device))


VOXEL_TYPES: dict[str, Callable[[VoxelizationByGridShape, Tensor, Tensor], VoxelDict]] = {
    'hard': hard_voxels,
    'minkunet': first_points,
    'cylindrical': cylinder_points,
}


def stated_grid(preprocessor: Mapping) -> Grid:
    """The grid that a config's ``data_preprocessor`` states: its ``loss_grid``, where it has one, or its voxels'."""
    stated = preprocessor.get('loss_grid') or preprocessor['voxel_layer']
    return Grid(stated['point_cloud_range'], stated['voxel_size'])


@MODELS.register_module()
class ViewPreprocessor(Det3DDataPreprocessor):
    """Batch of :class:`ViewPair` -> dict(views=SparseViews) on the model's device, voxelised.

    Takes the ``data_preprocessor`` settings of the model it pretrains for: ``voxel=True``, ``voxel_type`` (one of
    VOXEL_TYPES), ``voxel_layer``, ``max_voxels``. Voxels are mmdet3d's dict, one row per voxel: ``voxels``, ``coors``
    [batch, z, y, x] (with 'cylindrical' [batch, rho, phi, z]), ``num_points`` of hard voxels; and ``loss_cell`` (V,)
    int64, the row in ``cells`` of the loss voxel that a voxel lies in, -1 where it lies in none of them.

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
                'loss_grid=dict(point_cloud_range=..., voxel_size=...); others are the loss grid themselves'
            )
        self.loss_grid = loss_grid

    def grid(self, loss_stride: int) -> Grid:
        """The grid in which points are counted to loss voxels of ``loss_stride`` voxels."""
        if self.loss_grid is not None:
            return Grid(self.loss_grid['point_cloud_range'], self.loss_grid['voxel_size'], loss_stride)
        return Grid(self.voxel_layer.point_cloud_range, self.voxel_layer.voxel_size, loss_stride)

    def forward(self, data: dict, training: bool = False) -> dict:
        views: SparseViews = pack_pairs(data['views']).to(self.device)
        local = views.local
        if local is not None:
            local = replace(local, voxels=self.voxelize_points(local.points, local.cell_of_point))
        return dict(views=replace(views, local=local, voxels=self.voxelize_points(views.points, views.cell_of_point)))

    def voxelize_points(self, points: list[Tensor], cell_of_point: Tensor | None = None) -> VoxelDict:
        """Voxels of one tensor (n, C) per cloud, as the class says; cell_of_point: (N,) of all points, None: no cells.

        While training, ValueError for more voxels than the model's limit: it would drop the points beyond, and their
        loss voxels had no feature. A frozen encoder is fed whole scans, of other data sets too: there, all voxels are
        kept.
        """
        if cell_of_point is None:
            cell_of_point = torch.full((sum(map(len, points)),), -1, device=points[0].device)
        # all clouds at once: what a GPU is waited for does not grow with the batch
        cloud = torch.cat([cell_of_point.new_full((len(one),), number) for number, one in enumerate(points)])
        voxels = VOXEL_TYPES[self.voxel_type](self.voxel_layer, torch.cat(points), cloud)
        self.require_room(voxels['coors'][:, 0], len(points))
        voxels['loss_cell'] = cell_of_point.index_select(0, voxels.pop('first_point'))
        return voxels

    def require_room(self, cloud_of_voxel: Tensor, num_clouds: int) -> None:
        """InputError while training where a cloud has more voxels than the model's limit."""
        if not self.training or self.voxel_limit <= 0:
            return
        fullest = int(points_in_rows(cloud_of_voxel.long(), num_clouds).max())
        if fullest > self.voxel_limit:
            raise InputError(
                f'a view has {fullest} voxels and the voxel layer holds {self.voxel_limit}, so points would be lost: '
                'raise max_voxels of model.data_preprocessor (of its voxel_layer for hard voxels), enlarge voxel_size '
                'or lower max_points of TwoViews'
            )

    @property
    def voxel_limit(self) -> int:
        """Voxels of a cloud beyond which the model would drop some while it trains; 0 or less: none."""
        if self.voxel_type == 'cylindrical':
            return 0
        if self.voxel_type == 'minkunet':
            return self.max_voxels or 0
        return self.voxel_layer.max_voxels[0]


def select_voxels(voxels: VoxelDict, chosen: Tensor) -> VoxelDict:
    """The voxels in the chosen ones, (M,) bool, of M loss voxels; their ``loss_cell`` counts the chosen ones only."""
    kept = (chosen[voxels['loss_cell']] & (voxels['loss_cell'] >= 0)).nonzero().squeeze(1)
    selected = {name: value.index_select(0, kept) for name, value in voxels.items()}
    return {**selected, 'loss_cell': (chosen.cumsum(0) - 1)[selected['loss_cell']]}
