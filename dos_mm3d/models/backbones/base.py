"""The contract of every backbone that DOS pretrains."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class LossVoxelBackbone(nn.Module, ABC):
    """Views in, one feature per loss voxel out.

    ``out_channels``: width C of the features; ``loss_stride``: edge of a loss voxel in voxels.
    Subclasses wrap modules of mmdet3d unchanged, under the detector's configuration, so that the weights
    fit by construction.
    ``downstream_names``: prefix here -> prefix in the mmdet3d model that the weights are for; the longest that fits
    counts, and every tensor must have one ({'': ''} keeps all names). ``columns_kernels``: names here of the
    kernel, one for each variant, whose inputs, its ``columns_axis``, are the columns of the points; none where a layer
    that is learnt comes first.
    ``kernels_are_spconv1``: kernels lie in memory as (kD, kH, kW, C_in, C_out), as mmcv's modules have them, not as
    spconv 2's. ``exported_layout``: what is said of the kernels in the exported file.
    ``downstream_names_by_task``: where the weights fit models of several tasks, the names for each of them.
    """

    downstream_names: ClassVar[dict[str, str]]
    downstream_names_by_task: ClassVar[dict[str, dict[str, str]]] = {}
    columns_kernels: ClassVar[tuple[str, ...]] = ()
    columns_axis: ClassVar[int] = -1
    kernels_are_spconv1: ClassVar[bool] = False
    exported_layout: ClassVar[str] = 'spconv-1: (kD, kH, kW, C_in, C_out)'
    out_channels: int
    loss_stride: int

    def init_weights(self) -> None:
        """As the detector begins: every part follows its own ``init_cfg``, a pretrained checkpoint included."""
        for part in self.children():
            if hasattr(part, 'init_weights'):
                part.init_weights()

    @abstractmethod
    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        """voxel_dict: what the preprocessor's voxel_type makes: mmdet3d's voxels, coors (num_points for hard voxels,
        loss_cells for cylindrical ones), one row per voxel; cells (M, 4) int [view, z, y, x] -> (M, C).

        Row i of the result belongs to ``cells[i]``.
        """
