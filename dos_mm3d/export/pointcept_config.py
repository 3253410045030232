"""The model configuration that fits a Point Transformer V3 state dict, read off its shapes (docs/ptv3.md, "Keys")."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..functional.serialization import CURVES

HEAD_DIM = 16  # of every public m1 and m2 model; their state dicts do not show it
PATCH_SIZE = 1024
RPE_PATCH_SIZES = (48, 64, 128, 256, 512, 1024)
STEM_WEIGHTS = dict.fromkeys(('m2', 'm3'), 'embedding.stem.linear.weight') | {'m1': 'embedding.stem.conv.weight'}
# names in published config dicts -> (our section, our name); the values of lists are one per level
PUBLISHED = {
    'in_channels': (None, 'in_channels'),
    'order': (None, 'orders'),
    'shuffle_orders': (None, 'shuffle_orders'),
    'stride': ('encoder', 'strides'),
    'enc_channels': ('encoder', 'channels'),
    'enc_depths': ('encoder', 'depths'),
    'enc_num_head': ('encoder', 'heads'),
    'enc_patch_size': ('encoder', 'patch_sizes'),
    'dec_channels': ('decoder', 'channels'),
    'dec_depths': ('decoder', 'depths'),
    'dec_num_head': ('decoder', 'heads'),
    'mlp_ratio': ('block', 'mlp_ratio'),
    'qkv_bias': ('block', 'qkv_bias'),
    'attn_drop': ('block', 'attn_drop'),
    'proj_drop': ('block', 'proj_drop'),
    'drop_path': ('block', 'drop_path'),
    'pre_norm': ('block', 'pre_norm'),
}
SHAPES_SAY = ('in_channels', 'enc_channels', 'enc_depths', 'dec_channels', 'dec_depths', 'mlp_ratio', 'qkv_bias')


def ptv3_config(
    tensors: Mapping[str, Tensor], published: Mapping[str, Any] | None = None, *, source: str
) -> dict[str, Any]:
    """Arguments of :class:`PTv3` (with ``type``) for a backbone's tensors.

    tensors: names without prefix (embedding.*, enc.*, dec.*), kernels (out, k, k, k, in). published: the config that
    came with them, for what shapes do not show (heads, patch sizes, curves, rates); without it, the values that all
    public models share. Raises ValueError, naming ``source``, if the tensors are not of this family, or if the
    published config contradicts them.
    """
    variant = find_variant(tensors, source)
    config = dict(
        type='PTv3',
        variant=variant,
        in_channels=tensors[STEM_WEIGHTS[variant]].shape[-1],
        mask_token='embedding.mask_token' in tensors,
        orders=list(CURVES),
        encoder=levels(tensors, 'enc', 'block0.norm1.0.weight', source),
        decoder=levels(tensors, 'dec', 'up.proj.0.weight', source) if has(tensors, r'dec\.dec\d+\.') else None,
        block=block_settings(tensors, source),
    )
    config['encoder'] |= dict(patch_sizes=rpe_patch_size(tensors, source), strides=2)
    if config['decoder'] is not None and variant == 'm3':
        config['decoder']['rope'] = has(tensors, r'dec\..*\.attn\.rope\.inv_freq')
    take_over(config, published or {}, source)
    return {name: value for name, value in config.items() if value is not None}


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


def levels(tensors: Mapping[str, Tensor], side: str, norm: str, source: str) -> dict[str, list[int]]:
    """Channels, depths and heads of the levels of 'enc' or 'dec'. norm: of every level, as wide as its channels."""
    depths: dict[int, int] = {}
    for found in filter(None, (re.match(rf'{side}\.{side}(\d+)\.(?:block(\d+)\.)?', name) for name in tensors)):
        level, depth = int(found[1]), 0 if found[2] is None else int(found[2]) + 1
        depths[level] = max(depths.get(level, 0), depth)
    numbers = range(max(depths) + 1)
    channels = [len(get(tensors, f'{side}.{side}{level}.{norm}', source)) for level in numbers]
    heads = [heads_of(tensors, f'{side}.{side}{level}.block0.attn', channels[level]) for level in numbers]
    return dict(channels=channels, depths=[depths.get(level, 0) for level in numbers], heads=heads)


def block_settings(tensors: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """What all blocks share, read off the first."""
    first = 'enc.enc0.block0.'
    expanded, channels = get(tensors, f'{first}mlp.0.fc1.weight', source).shape
    settings = dict(mlp_ratio=expanded // channels, qkv_bias=f'{first}attn.qkv.bias' in tensors)
    if f'{first}ls1.0.gamma' in tensors:
        settings['layer_scale'] = 1.0
    if f'{first}attn.rpe.rpe_table' in tensors:
        settings['rpe'] = True
    return settings


def heads_of(tensors: Mapping[str, Tensor], attention: str, channels: int) -> int:
    """Number of heads, from the tables that have one column or frequency per head (width), else by the public width."""
    table, frequencies = (tensors.get(f'{attention}.{name}') for name in ('rpe.rpe_table', 'rope.inv_freq'))
    if table is not None:
        return table.shape[1]
    head_dim = HEAD_DIM if frequencies is None else 6 * len(frequencies)
    return max(channels // head_dim, 1)


def rpe_patch_size(tensors: Mapping[str, Tensor], source: str) -> int:
    """Patch size: that which gives the relative position table its length, else the public models'."""
    table = tensors.get('enc.enc0.block0.attn.rpe.rpe_table')
    if table is None:
        return PATCH_SIZE
    fitting = [size for size in RPE_PATCH_SIZES if 3 * (2 * int((4 * size) ** (1 / 3) * 2) + 1) == len(table)]
    if not fitting:
        raise InputError(f'{source}: a relative position table of {len(table)} rows fits none of {RPE_PATCH_SIZES}')
    return fitting[0]


def take_over(config: dict[str, Any], published: Mapping[str, Any], source: str) -> None:
    """Put the published values into ``config``; ValueError where they contradict the shapes."""
    for name, (section, ours) in PUBLISHED.items():
        place = config if section is None else config[section]
        if name not in published or place is None:
            continue
        value = as_list(published[name])
        if name not in SHAPES_SAY:
            place[ours] = value
        elif value != place[ours]:
            raise InputError(f'{source}: its config says {name}={value}, its tensors {place[ours]}')
    if isinstance(config['orders'], str):
        config['orders'] = [config['orders']]
    if config['decoder'] is not None and 'dec_patch_size' in published:
        # encoder and decoder share their tables level by level
        n_levels = len(config['decoder']['channels'])
        sizes = config['encoder']['patch_sizes'], as_list(published['dec_patch_size'])
        wanted, given = ([size] * n_levels if isinstance(size, int) else size[:n_levels] for size in sizes)
        if wanted != given:
            raise InputError(
                f'{source}: dec_patch_size {given} differs from enc_patch_size {wanted} on the same levels'
            )


def has(tensors: Mapping[str, Tensor], pattern: str) -> bool:
    """Whether a name begins with a regular expression."""
    return any(re.match(pattern, name) for name in tensors)


def as_list(value: Any) -> Any:
    """Tuples as lists, so that values compare and print alike."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def get(tensors: Mapping[str, Tensor], name: str, source: str) -> Tensor:
    """A tensor that the file must have."""
    if name not in tensors:
        raise InputError(f'{source}: {name} is missing, so the model cannot be told from its tensors')
    return tensors[name]
