"""SPVCNN as a backbone of features at the loss voxels."""

from typing import ClassVar

import torch
from mmdet3d.registry import MODELS
from spconv.pytorch import SparseConvTensor
from torch import Tensor

from ..minkunet import MinkUNetAdapter, to_xyz


@MODELS.register_module()
class SPVCNNAdapter(MinkUNetAdapter):
    """As MinkUNet's adapter, with a decoder that the points add to; the last stage is what the points have at the end.

    Args:
        backbone: the segmentor's configuration of :class:`SPVCNN`. ``drop_ratio=0``: the teacher is in training mode,
            and dropout would make its targets noisy.
    """

    columns_kernels: ClassVar = ('backbone.conv_input.0.net.0.kernel',)
    columns_axis: ClassVar = 1
    exported_layout: ClassVar = 'torchsparse: (K, C_in, C_out), (C_in, C_out) for K = 1'

    def decoder_widths(self) -> list[int]:
        return self.backbone.decoder_channels

    def decode(self, voxel_dict: dict[str, Tensor], lowest: Tensor, batch_size: int) -> list[SparseConvTensor]:
        sites = to_xyz(voxel_dict['coors'], lowest)
        # as in the other backbones: sparse convolutions stay in full precision under autocast
        with torch.autocast(sites.device.type, enabled=False):
            return self.backbone.stages(voxel_dict['voxels'].float(), sites, batch_size)[1:]
