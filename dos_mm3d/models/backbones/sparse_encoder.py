"""mmdet3d's SparseEncoder (SECOND, CenterPoint) as a backbone of features at the loss voxels."""

from mmdet3d.registry import MODELS
from mmengine.config import ConfigDict
from torch import Tensor, cat

from ...functional.sparse_lookup import find_rows, flat_index
from .base import LossVoxelBackbone


@MODELS.register_module()
class SparseEncoderBackbone(LossVoxelBackbone):
    """Voxel encoder and SparseEncoder of a detector; every stage up-cast to the loss voxels and concatenated.

    A loss voxel is a stride-``loss_stride`` cell of the voxel grid. Its feature is that of its parent cell in each
    stage of the encoder (stride 2, 4, 8, 8 in CenterPoint) and in ``conv_out``, the layer that the detector reads:
    left out, it would be exported untrained. Stages finer than the loss voxels are not used.

    Args:
        voxel_encoder, middle_encoder: the detector's configurations, unchanged.
    """

    def __init__(self, voxel_encoder: dict, middle_encoder: dict, loss_stride: int = 2) -> None:
        super().__init__()
        self.loss_stride = loss_stride
        self.voxel_encoder = MODELS.build(voxel_encoder)
        self.middle_encoder = MODELS.build(ConfigDict(middle_encoder, return_middle_feats=True))
        self.out_channels = self.count_channels(middle_encoder.get('block_type', 'conv_module'))

    def count_channels(self, block_type: str) -> int:
        """Channels of the stages that are used, plus those of ``conv_out``.

        The first stage of 'basicblock' encoders ends with stride 2, that of 'conv_module' encoders has stride 1.
        """
        channels = self.middle_encoder.encoder_channels
        stages = channels if block_type == 'basicblock' else channels[1:]
        return sum(stage[-1] for stage in stages) + self.middle_encoder.output_channels

    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        voxels = self.voxel_encoder(voxel_dict['voxels'], voxel_dict['num_points'], voxel_dict['coors'])
        bird_eye, stages = self.middle_encoder(voxels, voxel_dict['coors'], batch_size)
        features = [self.upcast(stage, cells) for stage in stages if self.stride_of(stage) >= self.loss_stride]
        features.append(self.upcast_dense(bird_eye, stages[-1], cells))
        return cat(features, dim=1)

    def stride_of(self, stage) -> int:
        """Horizontal stride of a stage, a power of two."""
        return round(self.middle_encoder.sparse_shape[2] / stage.spatial_shape[2])

    def parents(self, cells: Tensor, stride: int, shape: list[int]) -> Tensor:
        """(M, 4) parent of each loss voxel at ``stride``, clamped where a stage without padding ends early."""
        parents = cells.clone()
        parents[:, 1:] = cells[:, 1:] // (stride // self.loss_stride)
        limit = parents.new_tensor(shape) - 1
        parents[:, 1:] = parents[:, 1:].minimum(limit)
        return parents

    def upcast(self, stage, cells: Tensor) -> Tensor:
        """(M, C) feature of the parent of each loss voxel; ValueError if one is not an active site."""
        shape = stage.spatial_shape
        rows = find_rows(self.parents(cells, self.stride_of(stage), shape), stage.indices, shape)
        if (rows < 0).any():
            raise ValueError(
                f'{int((rows < 0).sum())} of {len(rows)} loss voxels have no parent at stride {self.stride_of(stage)}: '
                'loss voxels and encoder input were made from different points (max_voxels of the voxel layer reached, '
                'or another point_cloud_range or voxel_size in the transforms)'
            )
        # index_select, not [rows]: the gradient of the latter adds up in any order on several CPU threads
        return stage.features.index_select(0, rows)

    def upcast_dense(self, bird_eye: Tensor, last_stage, cells: Tensor) -> Tensor:
        """(M, C) of ``conv_out``, which mmdet3d hands out as (B, C * D, H, W)."""
        batch, _, height, width = bird_eye.shape
        channels = self.middle_encoder.output_channels
        sites = bird_eye.view(batch, channels, -1, height, width).permute(0, 2, 3, 4, 1)
        shape = [last_stage.spatial_shape[0], height, width]
        parents = self.parents(cells, self.stride_of(last_stage), shape)
        # kernel (3, 1, 1), stride (2, 1, 1), no padding: output o covers inputs 2 o .. 2 o + 2
        parents[:, 1] = (parents[:, 1] // 2).clamp_max(sites.shape[1] - 1)
        return sites.reshape(-1, channels).index_select(0, flat_index(parents, sites.shape[1:4]))
