"""What the shapes of a Point Transformer V3 state dict say of the model (docs/ptv3.md, "Keys")."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..errors import InputError

RPE_TABLE = 'rpe.rpe_table'
RPE_PATCH_SIZES = (48, 64, 128, 256, 512, 1024)
STEM_WEIGHTS = dict.fromkeys(('m2', 'm3'), 'embedding.stem.linear.weight') | {'m1': 'embedding.stem.conv.weight'}


def find_variant(tensors: Mapping[str, Tensor], source: str) -> str:
    """m1, m2 or m3."""
    if has(tensors, r'enc\.enc\d+\.block\d+\.conv\.'):
        raise InputError(f'{source}: a LitePT backbone (its blocks have conv instead of cpe), which is not built here')
    if not has(tensors, r'enc\.enc\d+\.block\d+\.attn\.'):
        raise InputError(f'{source}: no tensor enc.enc0.block0.attn.*, so it is no Point Transformer V3')
    if STEM_WEIGHTS['m1'] in tensors:
        return 'm1'
    if STEM_WEIGHTS['m2'] not in tensors:
        raise InputError(f'{source}: neither {STEM_WEIGHTS["m1"]} nor {STEM_WEIGHTS["m2"]} is in it')
    return 'm3' if has(tensors, r'.*\.attn\.rope\.inv_freq$') else 'm2'


def levels(tensors: Mapping[str, Tensor], side: str, norm: str, source: str, *, ndim: int) -> dict[str, list[int]]:
    """Channels, depths and heads of the levels of 'enc' or 'dec'. norm: a tensor of `ndim` dimensions of every level,
    the first its channels."""
    depths: dict[int, int] = {}
    for found in filter(None, (re.match(rf'{side}\.{side}(\d+)\.(?:block(\d+)\.)?', name) for name in tensors)):
        level, depth = int(found[1]), 0 if found[2] is None else int(found[2]) + 1
        depths[level] = max(depths.get(level, 0), depth)
    numbers = range(max(depths) + 1)
    if (most := max(depths.values())) > len(tensors):
        raise InputError(f'{source}: a tensor of {side} is of block {most - 1}, and there are {len(tensors)} tensors')
    channels = [len(get(tensors, f'{side}.{side}{level}.{norm}', source, ndim=ndim)) for level in numbers]
    heads = [heads_of(tensors, f'{side}.{side}{level}.block0.attn', channels[level], source) for level in numbers]
    found = dict(channels=channels, depths=[depths.get(level, 0) for level in numbers], heads=heads)
    return found | {'heads': None if None in heads else heads}


def block_settings(tensors: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """What all blocks share, read off the first."""
    first = 'enc.enc0.block0.'
    expanded, channels = get(tensors, f'{first}mlp.0.fc1.weight', source, ndim=2).shape
    settings = dict(mlp_ratio=expanded // channels, qkv_bias=f'{first}attn.qkv.bias' in tensors)
    if f'{first}ls1.0.gamma' in tensors:
        settings['layer_scale'] = 1.0
    if f'{first}attn.{RPE_TABLE}' in tensors:
        settings['rpe'] = True
    return settings


def heads_of(tensors: Mapping[str, Tensor], attention: str, channels: int, source: str) -> int | None:
    """Number of heads, of the tables that have one column or frequency per head (width); None where there is none."""
    table, frequencies = f'{attention}.{RPE_TABLE}', f'{attention}.rope.inv_freq'
    if table in tensors:
        return get(tensors, table, source, ndim=2).shape[1]
    if frequencies not in tensors:
        return None
    return max(channels // (6 * len(get(tensors, frequencies, source, ndim=1))), 1)


def fitting_patch_sizes(tensors: Mapping[str, Tensor]) -> list[int]:
    """Usual patch sizes that give the relative position table its length; none where there is no table."""
    table = tensors.get(f'enc.enc0.block0.attn.{RPE_TABLE}')
    return [] if table is None else [size for size in RPE_PATCH_SIZES if rpe_rows(size) == len(table)]


def rpe_rows(patch_size: int) -> int:
    """Length of the relative position table for a patch size."""
    return 3 * (2 * int((4 * patch_size) ** (1 / 3) * 2) + 1)


def has(tensors: Mapping[str, Tensor], pattern: str) -> bool:
    """Whether a name begins with a regular expression."""
    return any(re.match(pattern, name) for name in tensors)


def get(tensors: Mapping[str, Tensor], name: str, source: str, *, ndim: int) -> Tensor:
    """A tensor that the file must have, of so many dimensions, none of them 0."""
    if name not in tensors:
        raise InputError(f'{source}: {name} is missing, so the model cannot be told from its tensors')
    if tensors[name].ndim != ndim or not tensors[name].numel():
        raise InputError(
            f'{source}: {name} has shape {tuple(tensors[name].shape)}, wanted {ndim} sizes, none of them 0'
        )
    return tensors[name]
