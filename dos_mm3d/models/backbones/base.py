"""The contract of every backbone that DOS pretrains."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class LossVoxelBackbone(nn.Module, ABC):
    """Views in, one feature per loss voxel out.

    ``out_channels``: width C of the features; ``loss_stride``: edge of a loss voxel in voxels.
    Subclasses wrap modules of mmdet3d unchanged, under the detector's configuration, so that the weights
    fit by construction.
    """

    out_channels: int
    loss_stride: int

    @abstractmethod
    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        """voxel_dict: mmdet3d's voxels / num_points / coors; cells (M, 4) int [view, z, y, x] -> (M, C).

        Row i of the result belongs to ``cells[i]``.
        """
