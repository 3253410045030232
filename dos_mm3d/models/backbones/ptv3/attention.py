"""Attention within the sequences of a serialized cloud, by torch's own kernels or by flash_attn."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import InputError, MissingPackageError
from .cloud import Cloud
from .patches import Patches
from .positions import RelativePositionTable, Rope
from .settings import BlockSettings


class SerializedAttention(nn.Module):
    """Multi-head attention of every voxel to those of its sequence on one curve.

    A sample shorter than the patch is one sequence by itself, in every path and on every device: what a sample gets
    does not depend on the others in its batch.

    Args:
        channels: width C of the features.
        heads: a divisor of C.
        patch_size: voxels of a sequence.
        order_index: the curve that is attended along.
        settings: of all blocks.
        rope: rotary positions.
    """

    def __init__(
        self, channels: int, heads: int, patch_size: int, order_index: int, settings: BlockSettings, *, rope: bool
    ) -> None:
        super().__init__()
        self.heads, self.patch_size, self.order_index = heads, patch_size, order_index
        self.attn_drop = settings.attn_drop
        self.flash_attention = find_flash_attention() if settings.attention == 'flash_attn' else None
        self.qkv = nn.Linear(channels, 3 * channels, bias=settings.qkv_bias)
        self.proj = nn.Linear(channels, channels)
        self.proj_drop = nn.Dropout(settings.proj_drop)
        self.rope = Rope(channels // heads, settings.rope) if rope else None
        self.rpe = RelativePositionTable(patch_size, heads) if settings.rpe else None

    def forward(self, cloud: Cloud, feat: Tensor) -> Tensor:
        """feat (N, C) -> (N, C)."""
        read, place = cloud.attention_rows(self.patch_size, self.order_index)
        # ordered before the layer, which makes three rows of each; index_select, not [rows]: the gradient of the latter
        # adds up in any order on several CPU threads
        qkv = self.qkv(feat.index_select(0, read)).view(len(read), 3, self.heads, -1)
        if self.rope is not None:
            q, k, v = qkv.unbind(1)
            qkv = torch.stack((*self.rope(q, k, cloud.coord.index_select(0, read)), v), dim=1)
        out = self.attend(qkv, cloud, read)
        out = out.flatten(1).index_select(0, place)
        return self.proj_drop(self.proj(out))

    def attend(self, qkv: Tensor, cloud: Cloud, read: Tensor) -> Tensor:
        """qkv (T, 3, H, d) in the order of the sequences -> (T, H, d)."""
        patches = cloud.patches(self.patch_size)
        dropout = self.attn_drop if self.training else 0.0
        if self.flash_attention is not None:
            return flash_attend(self.flash_attention, qkv, patches, dropout)
        grid_coord = None if self.rpe is None else cloud.grid_coord.index_select(0, read)
        return sdpa_attend(qkv, patches, dropout, self.rpe, grid_coord)


def sdpa_attend(
    qkv: Tensor, patches: Patches, dropout: float, rpe: nn.Module | None, grid_coord: Tensor | None
) -> Tensor:
    """scaled_dot_product_attention, one call for all sequences of equal length; qkv (T, 3, H, d) -> (T, H, d)."""
    sizes = [count * length for count, length in patches.shapes]
    whole = len(sizes) == 1  # most batches: nothing to cut, or to copy together again, forwards and backwards
    groups = (qkv,) if whole else qkv.split(sizes)
    places = [None] * len(sizes) if grid_coord is None else grid_coord.split(sizes)
    outs = []
    for group, place, shape in zip(groups, places, patches.shapes):
        q, k, v = group.unflatten(0, shape).permute(2, 0, 3, 1, 4)  # each (P, H, L, d)
        bias = None if rpe is None else rpe(place.unflatten(0, shape)).to(q.dtype)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout)
        outs.append(out.transpose(1, 2).flatten(0, 1))
    return outs[0] if whole else torch.cat(outs)


def flash_attend(kernel: Callable[..., Tensor], qkv: Tensor, patches: Patches, dropout: float) -> Tensor:
    """The same by flash_attn's variable-length kernel, in half precision whatever the autocast state."""
    if not on_gpu(qkv):
        raise InputError(f"block.attention='flash_attn' got features on {qkv.device}, wanted a GPU; use 'sdpa' here")
    half = qkv if qkv.dtype in (torch.float16, torch.bfloat16) else qkv.bfloat16()
    out = kernel(half, patches.cumulative_lengths(), patches.longest, dropout_p=dropout)
    return out.to(qkv.dtype)


def on_gpu(tensor: Tensor) -> bool:
    """Whether flash_attn's kernels can read a tensor."""
    return tensor.is_cuda


def find_flash_attention() -> Callable[..., Tensor]:
    """flash_attn's kernel for packed q, k, v and sequences of any length. ImportError without the package."""
    if find_spec('flash_attn') is None:
        raise MissingPackageError(
            "block.attention='flash_attn' needs the package flash-attn, which is not installed: install it, or set "
            "block.attention='sdpa', which computes the same"
        )
    return import_module('flash_attn').flash_attn_varlen_qkvpacked_func
