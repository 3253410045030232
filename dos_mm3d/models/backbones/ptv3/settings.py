"""What the layers of Point Transformer V3 are told: unknown keys are TypeErrors, impossible values ValueErrors."""

from dataclasses import dataclass, field
from typing import Literal

from ....errors import InputError

VARIANTS = ('m1', 'm2', 'm3')


@dataclass(frozen=True)
class RopeSettings:
    """Rotary positions: frequencies base^(-2j/D); training draws factors exp(U(+-ln r)), shifts U(+-s) m.

    jitter: r of one factor per axis; rescale: r of one factor for all axes; shift_m: s. None draws nothing.
    """

    base: float = 10.0
    shift_m: float | None = None
    jitter: float | None = 1.1
    rescale: float | None = 1.2


@dataclass(frozen=True)
class BlockSettings:
    """What all blocks share.

    Args:
        mlp_ratio: hidden width of the MLP over that of the block.
        qkv_bias: whether queries, keys and values have a bias.
        attn_drop: dropout of the attention's weights.
        proj_drop: dropout behind attention and MLP.
        drop_path: the largest rate, reached in the deepest block.
        layer_scale: initial gamma; None for no such parameters.
        pre_norm: normalise before attention and MLP, else after their sums.
        attention: 'sdpa' runs anywhere, 'flash_attn' needs that package and a GPU.
        rpe: learned relative position table, with 'sdpa' only.
        rope: rotary positions of variant m3.
    """

    mlp_ratio: int = 4
    qkv_bias: bool = True
    attn_drop: float = 0.0
    proj_drop: float = 0.0
    drop_path: float = 0.3
    layer_scale: float | None = None
    pre_norm: bool = True
    attention: Literal['sdpa', 'flash_attn'] = 'sdpa'
    rpe: bool = False
    rope: RopeSettings = field(default_factory=RopeSettings)

    def __post_init__(self) -> None:
        if isinstance(self.rope, dict):
            object.__setattr__(self, 'rope', RopeSettings(**self.rope))
        if self.attention not in ('sdpa', 'flash_attn'):
            raise InputError(f"block.attention is {self.attention!r}, wanted 'sdpa' or 'flash_attn'")
        if self.rpe and self.attention != 'sdpa':
            raise InputError("block.rpe adds a bias to the logits, which flash_attn cannot: set attention='sdpa'")


@dataclass(frozen=True)
class Levels:
    """What each level has, the finest first.

    Args:
        channels: width.
        depths: number of blocks.
        heads: attention heads.
    """

    channels: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]

    def require(self, owner: str, **lengths: int) -> None:
        """ValueError unless every named setting has so many numbers, and heads divide channels."""
        for name, length in lengths.items():
            if len(value := getattr(self, name)) != length:
                raise InputError(f'{owner}.{name} is {value}, wanted {length} numbers, one per level')
        for width, count in zip(self.channels, self.heads):
            if width % count:
                raise InputError(f'{owner}: {width} channels do not split into {count} heads')


@dataclass(frozen=True)
class EncoderSettings(Levels):
    """Levels of the encoder; level s > 0 starts with a pooling of strides[s - 1].

    Args: those of :class:`Levels`, and
        patch_sizes: voxels of a sequence on each level; one number stands for all.
        strides: of each pooling; one number stands for all.
    """

    patch_sizes: tuple[int, ...] | int = 1024
    strides: tuple[int, ...] | int = 2

    def __post_init__(self) -> None:
        levels = len(self.channels)
        for name, count in (('patch_sizes', levels), ('strides', levels - 1)):
            if isinstance(number := getattr(self, name), int):
                object.__setattr__(self, name, (number,) * count)
        self.require('encoder', depths=levels, heads=levels, patch_sizes=levels, strides=levels - 1)


@dataclass(frozen=True)
class DecoderSettings(Levels):
    """Levels of the decoder; there is one less than in the encoder, whose patch sizes they share.

    Args: those of :class:`Levels`, and
        rope: whether the blocks of variant m3 rotate here too.
    """

    rope: bool = True

    def check(self, encoder_levels: int) -> None:
        """ValueError unless there is one number per level."""
        levels = encoder_levels - 1
        self.require('decoder', channels=levels, depths=levels, heads=levels)
