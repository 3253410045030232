"""Point Transformer V3: m1 (the original), m2 (Sonata, Concerto) and m3 (Utonia): docs/ptv3.md."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from spconv.pytorch import SubMConv3d
from torch import nn

from ....errors import InputError
from ....functional.serialization import CURVES
from .block import Block
from .cloud import Cloud
from .layers import Stem
from .pooling import GridPooling, Pooling, SerializedPooling, Unpooling
from .settings import VARIANTS, BlockSettings, DecoderSettings, EncoderSettings

LINEAR_STD = 0.02


@MODELS.register_module()
class PTv3(BaseModule):
    """A cloud of voxels in, the same cloud with features out; parameters are named as in the public checkpoints.

    Without ``decoder`` the result is the coarsest level, whose ``finer`` chain holds the output of every stage; see
    :func:`upcast`. With it, the input's level, whose ``coarser`` chain holds the outputs of the decoder's levels.

    Args:
        in_channels: width of the input features.
        encoder, decoder: :class:`EncoderSettings`, :class:`DecoderSettings`; block: :class:`BlockSettings`.
        variant: m1 has a convolutional stem, BatchNorm outside the blocks and pools along the curve; m2 a linear stem
            and LayerNorm everywhere, and pools on the grid; m3 is m2 with rotary positions.
        orders: curves; block i of a stage attends along curve i mod their number.
        shuffle_orders: permute the curves while training, anew at the input and at every pooling; in eval mode
            nothing is shuffled. False: never anywhere.
        mask_token: have a learned embedding for masked rows (m2, m3).
        input_scale: factor on each input channel, which brings metres and intensities of 0-255 to one size; a part of
            the model, so that it is the same wherever the weights go.
        recompute_blocks: activation checkpointing.
    """

    def __init__(
        self,
        in_channels: int,
        encoder: dict,
        decoder: dict | None = None,
        block: dict | None = None,
        variant: str = 'm2',
        orders: Sequence[str] = tuple(CURVES),
        shuffle_orders: bool = True,
        mask_token: bool = False,
        input_scale: Sequence[float] | None = None,
        recompute_blocks: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.variant, self.orders, self.shuffle_orders = variant, tuple(orders), shuffle_orders
        self.encoder, self.block = EncoderSettings(**encoder), BlockSettings(**(block or {}))
        self.decoder = None if decoder is None else DecoderSettings(**decoder)
        self.in_channels, self.recompute_blocks = in_channels, recompute_blocks
        self.check(mask_token, input_scale)
        self.register_buffer('input_scale', torch.tensor(input_scale or [1.0] * in_channels), persistent=False)
        self.embedding = Stem(variant, in_channels, self.encoder.channels[0], mask_token=mask_token)
        self.enc = self.build_encoder()
        self.dec = None if self.decoder is None else self.build_decoder()
        if variant != 'm1':
            self.apply(initialise)

    @property
    def out_channels(self) -> int:
        """Width of the result's features."""
        return self.encoder.channels[-1] if self.decoder is None else self.decoder.channels[0]

    def forward(self, cloud: Cloud) -> Cloud:
        """Unserialized cloud -> cloud; see the class."""
        if cloud.feat.shape[1] != self.in_channels:
            raise ValueError(f'the cloud has {cloud.feat.shape[1]} features per voxel, in_channels={self.in_channels}')
        cloud = cloud.with_feat(cloud.feat * self.input_scale)
        cloud = cloud.serialized(self.orders, shuffle=self.shuffle_orders and self.training)
        cloud = self.enc(self.embedding(cloud))
        return cloud if self.dec is None else self.dec(cloud)

    def check(self, mask_token: bool, input_scale: Sequence[float] | None) -> None:
        """ValueError for settings that contradict one another."""
        if self.variant not in VARIANTS:
            raise InputError(f'variant is {self.variant!r}, wanted one of {", ".join(VARIANTS)}')
        if unknown := set(self.orders) - set(CURVES):
            raise InputError(f'orders has {sorted(unknown)}, wanted some of {", ".join(CURVES)}')
        if self.variant == 'm1' and (wrong := set(self.encoder.strides) - {2, 4, 8}):
            raise InputError(f'variant m1 pools along the curves with strides of 2, 4 or 8, got {sorted(wrong)}')
        if mask_token and self.variant == 'm1':
            raise InputError('variant m1 has no mask token: set mask_token=False, or choose m2')
        if input_scale is not None and len(input_scale) != self.in_channels:
            raise InputError(f'input_scale has {len(input_scale)} factors for {self.in_channels} input channels')
        if self.decoder is not None:
            self.decoder.check(len(self.encoder.channels))

    def build_encoder(self) -> nn.Sequential:
        """enc0, enc1, ...: a pooling, except in the first, and blocks."""
        settings = self.encoder
        rates = drop_path_rates(self.block.drop_path, settings.depths)
        stages = nn.Sequential()
        for level, channels in enumerate(settings.channels):
            stage = nn.Sequential()
            if level:
                stage.add_module('down', self.build_pooling(level))
            self.add_blocks(stage, level, channels, settings.heads[level], rates[level], rope=self.variant == 'm3')
            stages.add_module(f'enc{level}', stage)
        return stages

    def build_decoder(self) -> nn.Sequential:
        """dec2, dec1, dec0, say: an unpooling and blocks; the coarsest level has the largest drop path rates."""
        settings = self.decoder
        rates = drop_path_rates(self.block.drop_path, settings.depths)
        widths = (*settings.channels, self.encoder.channels[-1])
        rope = self.variant == 'm3' and settings.rope
        stages = nn.Sequential()
        for level in reversed(range(len(settings.channels))):
            unpooling = Unpooling(self.variant, widths[level + 1], self.encoder.channels[level], widths[level])
            stage = nn.Sequential()
            stage.add_module('up', unpooling)
            self.add_blocks(stage, level, widths[level], settings.heads[level], rates[level][::-1], rope=rope)
            stages.add_module(f'dec{level}', stage)
        return stages

    def build_pooling(self, level: int) -> Pooling:
        """The pooling that leads to a level."""
        channels, stride = self.encoder.channels[level - 1 : level + 1], self.encoder.strides[level - 1]
        pooling = SerializedPooling if self.variant == 'm1' else GridPooling
        return pooling(self.variant, *channels, stride, orders=self.orders, shuffle=self.shuffle_orders)

    def add_blocks(
        self, stage: nn.Sequential, level: int, channels: int, heads: int, rates: Sequence[float], *, rope: bool
    ) -> None:
        """block0, block1, ... of one stage, one for each drop path rate."""
        for i, rate in enumerate(rates):
            block = Block(
                channels,
                heads,
                self.encoder.patch_sizes[level],
                self.block,
                level=level,
                order_index=i % len(self.orders),
                drop_path=rate,
                rope=rope,
                recompute=self.recompute_blocks,
            )
            stage.add_module(f'block{i}', block)


def drop_path_rates(largest: float, depths: Sequence[int]) -> list[list[float]]:
    """Rates from 0 to ``largest`` in equal steps over all blocks, cut into the levels, finest first."""
    n_blocks = sum(depths)
    rates = [largest * i / max(n_blocks - 1, 1) for i in range(n_blocks)]
    ends = list(accumulate(depths))
    return [rates[end - depth : end] for end, depth in zip(ends, depths)]


def initialise(module: nn.Module) -> None:
    """Weights of m2 and m3 (docs/ptv3.md, "Variants"): truncated normal, biases 0."""
    if isinstance(module, (nn.Linear, SubMConv3d)):
        nn.init.trunc_normal_(module.weight, std=LINEAR_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
