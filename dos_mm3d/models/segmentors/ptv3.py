"""Point Transformer V3 that labels every point of a scan: linear probe, decoder probe, fine-tuning."""

from collections.abc import Sequence
from typing import Literal

from mmdet3d.models.segmentors import MinkUNet
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ...functional.voxelize import voxelize_points
from ..backbones.ptv3 import Cloud, PTv3, upcast
from ..heads.point import PointFeatures


@MODELS.register_module()
class PTv3Segmentor(MinkUNet):
    """Points -> voxels -> PTv3 -> logits of the voxels, handed to all of their points.

    PTv3 with a decoder gives the decoder's features; without one, all stages of the encoder up-cast to the voxels and
    concatenated, finest first. What is done with the features is as in mmdet3d's MinkUNet.

    Args:
        backbone: :class:`PTv3`; ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')`` loads an
            exported pretraining, as ``load_from`` does.
        decode_head: :class:`PointHead`, whose ``channels`` follow from the backbone.
        voxel_size: edges in metres of PTv3's grid, as in pretraining.
        frozen: 'backbone', all of it (linear probe); 'encoder', all but the decoder (decoder probe); None, nothing.
        settings: ``data_preprocessor``, ``train_cfg``, ``test_cfg`` and ``init_cfg``, as in mmdet3d's segmentors.
    """

    def __init__(
        self,
        backbone: dict,
        decode_head: dict,
        voxel_size: Sequence[float],
        frozen: Literal['backbone', 'encoder'] | None = None,
        **settings,
    ) -> None:
        super().__init__(backbone=backbone, decode_head=decode_head, **settings)
        self.voxel_size_m = tuple(voxel_size)
        self.frozen = freeze(self.backbone, frozen)

    def _init_decode_head(self, decode_head: dict) -> None:
        super()._init_decode_head({'channels': feature_channels(self.backbone), **decode_head})

    def train(self, mode: bool = True) -> 'PTv3Segmentor':
        """Training mode for all that is not frozen: BatchNorm statistics stay, no dropout is active there."""
        super().train(mode)
        for module in self.frozen:  # one by one: submodules that train keep their mode
            module.training = False
        return self

    def extract_feat(self, batch_inputs: dict) -> PointFeatures:
        """points: B tensors (n, C), columns as the backbone was pretrained on -> features at their voxels."""
        voxels = voxelize_points(batch_inputs['points'], voxel_size_m=self.voxel_size_m)
        cloud = Cloud.from_points(
            voxels.mean, voxels.mean[:, :3], voxels.batch, grid_coord=voxels.grid_coord, batch_size=len(voxels.sizes)
        )
        # a decoded cloud is on the finest level already: up-casting leaves it alone
        return PointFeatures(upcast(self.backbone(cloud)).feat, voxels.voxel_of_point, voxels.sizes)

    def loss(self, batch_inputs: dict, batch_data_samples: list) -> dict[str, Tensor]:
        """Losses over all labelled points; RuntimeError if something frozen would train."""
        check_frozen(self.frozen)
        return super().loss(batch_inputs, batch_data_samples)


def feature_channels(backbone: PTv3) -> int:
    """Width of the features that are classified: the decoder's, or the sum over the encoder's stages."""
    return sum(backbone.encoder.channels) if backbone.decoder is None else backbone.out_channels


def freeze(backbone: PTv3, part: str | None) -> list[nn.Module]:
    """Take a part of PTv3 out of training; its modules. With 'encoder' its curves are not shuffled either: an encoder
    that is frozen computes the same in training as in evaluation."""
    if part not in ('backbone', 'encoder', None):
        raise InputError(f"frozen is {part!r}, wanted 'backbone', 'encoder' or None")
    if part == 'encoder' and backbone.dec is None:
        raise InputError(
            "frozen='encoder' trains a decoder and backbone.decoder is None: add one, or freeze 'backbone'"
        )
    if part is None:
        return []
    trained = set(backbone.dec.modules()) if part == 'encoder' else set()
    modules = [module for module in backbone.modules() if module not in trained]
    for module in modules:
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(False)
    return modules


def check_frozen(modules: list[nn.Module]) -> None:
    """RuntimeError if anything frozen would train."""
    wrong = [m for m in modules if m.training or any(p.requires_grad for p in m.parameters(recurse=False))]
    if wrong:
        raise RuntimeError(
            f'{len(wrong)} of {len(modules)} frozen modules are in training mode or have parameters that want a '
            f'gradient, the first is a {type(wrong[0]).__name__}: something called train() or requires_grad_() on a '
            'part of the model'
        )
