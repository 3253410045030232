"""mmdet3d's PointPillars (PillarFeatureNet, PointPillarsScatter, SECOND) as a backbone of features at the pillars."""

from itertools import accumulate
from operator import mul
from typing import ClassVar

import torch
from mmdet3d.models.data_preprocessors.voxelize import VoxelizationByGridShape
from mmdet3d.registry import MODELS
from torch import Tensor

from ...cpu.cell_keys import cell_keys
from ...errors import InputError
from ...structures import Grid
from .base import LossVoxelBackbone, features_at, parents_of, require_equal


@MODELS.register_module()
class PillarBackbone(LossVoxelBackbone):
    """Pillar encoder, bird's-eye map and 2D backbone of a detector; pillar features and all stages at the pillars.

    A loss voxel is a pillar: one voxel that fills the height of the range. Its feature is that of the pillar itself,
    then that of its parent cell in each stage of SECOND (stride 2, 4, 8 in CenterPoint). Without the first, the pillars
    of one cell of the first stage would be rows without a difference, and the loss tells rows apart. Pillars that the
    student is not given are zeros in its map, as empty ground is.

    Args:
        voxel_encoder, middle_encoder, backbone: the detector's configurations, unchanged.
    """

    downstream_names: ClassVar = {'voxel_encoder.': 'pts_voxel_encoder.', 'backbone.': 'pts_backbone.'}
    columns_setting: ClassVar = ('voxel_encoder.in_channels', 0)
    loss_stride = 1

    def __init__(self, voxel_encoder: dict, middle_encoder: dict, backbone: dict) -> None:
        super().__init__()
        self.voxel_encoder = MODELS.build(voxel_encoder)
        self.middle_encoder = MODELS.build(middle_encoder)
        self.backbone = MODELS.build(backbone)
        self.strides = list(accumulate(backbone['layer_strides'], mul))
        self.out_channels = middle_encoder['in_channels'] + sum(backbone['out_channels'])

    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        coors = voxel_dict['coors']
        require_one_layer(int(coors[:, 1].amax()) + 1 if len(coors) else 1)
        # a copy: with legacy=True, PillarFeatureNet writes into its input, which the teacher reads after the student
        pillars = self.voxel_encoder(voxel_dict['voxels'].clone(), voxel_dict['num_points'], coors)
        stages = zip(self.backbone(self.bird_eye_view(pillars, coors, batch_size)), self.strides, strict=True)
        features = [self.at_parents(stage, cells, stride) for stage, stride in stages]
        shape = [1, self.middle_encoder.ny, self.middle_encoder.nx]
        return torch.cat([features_at(cells, pillars, coors, shape), *features], dim=1)

    def bird_eye_view(self, pillars: Tensor, coors: Tensor, batch_size: int) -> Tensor:
        """(B, C, ny, nx), what the middle encoder makes: it picks the pillars of one view after the other, and a GPU is
        waited for at each pick."""
        ny, nx = self.middle_encoder.ny, self.middle_encoder.nx
        cell = cell_keys(coors[:, [0, 2, 3]], [ny, nx])
        flat = pillars.new_zeros(batch_size * ny * nx, pillars.shape[1]).index_copy(0, cell, pillars)
        return flat.view(batch_size, ny, nx, -1).permute(0, 3, 1, 2).contiguous()

    def require_grid(self, voxel_layer: VoxelizationByGridShape) -> None:
        """InputError unless the voxels are pillars, and map and pillar encoder are made for them."""
        grid = Grid(voxel_layer.point_cloud_range, voxel_layer.voxel_size)
        layers, *size = grid.shape
        require_one_layer(layers)
        encoder = self.voxel_encoder
        made_for = [self.middle_encoder.ny, self.middle_encoder.nx]
        require_equal('output_shape (y, x) of the middle encoder', made_for, 'pillars of the voxel layer', size)
        own = [*encoder.point_cloud_range, encoder.vx, encoder.vy, encoder.vz]
        stated = [*grid.point_cloud_range, *grid.voxel_size_m]
        require_equal('point_cloud_range and voxel_size of the voxel encoder', own, 'those of the voxel layer', stated)

    def at_parents(self, stage: Tensor, cells: Tensor, stride: int) -> Tensor:
        """Stage (B, C, h, w) -> (M, C) feature of the cell that each loss voxel lies in."""
        _, channels, height, width = stage.shape
        rows = cell_keys(parents_of(cells, stride)[:, [0, 2, 3]], [height, width])
        return stage.permute(0, 2, 3, 1).reshape(-1, channels).index_select(0, rows)


def require_one_layer(layers: int) -> None:
    """InputError if voxels lie above one another: one of them would overwrite the others in the map."""
    if layers != 1:
        raise InputError(
            f'PillarBackbone got voxels in {layers} layers: make voxel_size[2] the height of point_cloud_range, in the '
            'voxel layer and in the transforms'
        )
