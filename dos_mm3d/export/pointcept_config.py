"""The model configuration of a Point Transformer V3 state dict: what shapes show, what is said, what is assumed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError, MissingFileError
from ..functional.serialization import CURVES
from .config_text import read_section, require_plain
from .pointcept_shapes import (
    RPE_PATCH_SIZES,
    STEM_WEIGHTS,
    block_settings,
    find_variant,
    fitting_patch_sizes,
    get,
    has,
    levels,
    rpe_rows,
)

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
ASKED_FOR = {
    'enc_num_head': ('--heads', 'of each level of the encoder, finest first; public models: its channels / 16'),
    'dec_num_head': ('--decoder-heads', 'of each level of the decoder, finest first'),
    'enc_patch_size': ('--patch-size', 'voxels of an attention sequence; public models: 1024'),
}
"""Without which features would be others, and which public models do not agree on -> option, what it is."""
ASSUMED = {
    'order': list(CURVES),
    'stride': 2,
    'pre_norm': True,
    'shuffle_orders': True,
    'attn_drop': 0.0,
    'proj_drop': 0.0,
    'drop_path': 0.3,
}
"""What all public models share, taken where nothing says otherwise."""
WHOLE_NUMBERS = {name for name in PUBLISHED if name.startswith(('enc_', 'dec_')) or name in ('in_channels', 'stride')}
WHOLE_NUMBERS |= {'dec_patch_size'}
TRAINING_ONLY = ('shuffle_orders', 'attn_drop', 'proj_drop', 'drop_path')
HARMLESS = {
    *('type', 'enc_mode', 'cls_mode', 'traceable', 'freeze_encoder', 'mask_token', 'layer_scale', 'dec_patch_size'),
    *('enable_rpe', 'enable_flash', 'upcast_attention', 'upcast_softmax', 'pdnorm_bn', 'pdnorm_ln', 'pdnorm_decouple'),
    *('pdnorm_adaptive', 'pdnorm_affine', 'pdnorm_conditions'),
}
"""Other entries of published configs, which shapes or --condition say, or which do not change what is computed."""
GIVEN, FILE, SHAPES, ASSUMPTION = 'given', 'config in the file', 'shapes', 'assumed'
"""Where a setting can come from."""


def ptv3_config(
    tensors: Mapping[str, Tensor], published: Mapping[str, Any], given: Mapping[str, Any], *, source: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Arguments of :class:`PTv3` (with ``type``) for a backbone's tensors, and where each setting comes from.

    Args:
        tensors: names without prefix (embedding.*, enc.*, dec.*), kernels (out, k, k, k, in).
        published: the config that came with them.
        given: what the user says of them, under the names of published configs.
        source: the file, for errors.

    Raises:
        InputError: the tensors are not of this family, or contradict a config; configs contradict each other; or
            nothing says what shapes do not show and public models do not share (ASKED_FOR).
    """
    variant = find_variant(tensors, source)
    config = dict(
        type='PTv3',
        variant=variant,
        in_channels=get(tensors, STEM_WEIGHTS[variant], source, ndim=5 if variant == 'm1' else 2).shape[-1],
        mask_token='embedding.mask_token' in tensors,
        orders=None,
        encoder=levels(tensors, 'enc', 'block0.norm1.0.weight', source, ndim=1),
        decoder=None,
        block=block_settings(tensors, source),
    )
    if has(tensors, r'dec\.dec\d+\.'):
        config['decoder'] = levels(tensors, 'dec', 'up.proj.0.weight', source, ndim=2)
    if config['decoder'] is not None and variant == 'm3':
        config['decoder']['rope'] = has(tensors, r'dec\..*\.attn\.rope\.inv_freq')
    origins = take_over(config, stated(published, given, source), source)
    check_patch_sizes(config, tensors, published, source)
    origins |= assume(config, tensors, source)
    return {name: value for name, value in config.items() if value is not None}, origins


def stated(published: Mapping[str, Any], given: Mapping[str, Any], source: str) -> dict[str, tuple[Any, str]]:
    """Name -> value and origin of all that is said; InputError where the two contradict each other."""
    for name, value in (*published.items(), *given.items()):
        check_value(name, as_list(value), source)
    values = {name: (as_list(value), FILE) for name, value in published.items() if name in PUBLISHED}
    for name, value in given.items():
        if name in values and values[name][0] != as_list(value):
            raise InputError(f'{source}: its own config says {name}={values[name][0]}, given is {as_list(value)}')
        values.setdefault(name, (as_list(value), GIVEN))
    return values


def check_value(name: str, value: Any, source: str) -> None:
    """InputError for a value that the entry of a published config cannot have."""
    items = value if isinstance(value, list) else [value]
    if name in WHOLE_NUMBERS:
        fits, wanted = all(type(item) is int and 0 < item < 1 << 20 for item in items), 'positive whole numbers'
    elif name == 'order':
        fits, wanted = all(isinstance(item, str) and item in CURVES for item in items), f'some of {", ".join(CURVES)}'
    elif name in PUBLISHED:
        fits, wanted = isinstance(value, int | float) and 0 <= value < 100, 'a number, or True or False'
    else:
        return
    if name.startswith(('enc_', 'dec_')) and not name.endswith('patch_size') and not isinstance(value, list):
        fits, wanted = False, 'positive whole numbers, a list of one for each level'
    if not fits or not items:
        raise InputError(f'{source}: {name} is {str(value)[:80]}, wanted {wanted}')


def place_of(config: dict[str, Any], name: str) -> tuple[dict[str, Any] | None, str]:
    """Section of our config, None where the model has none, and our name in it, of a published name."""
    section, ours = PUBLISHED[name]
    return (config if section is None else config[section]), ours


def take_over(config: dict[str, Any], values: Mapping[str, tuple[Any, str]], source: str) -> dict[str, str]:
    """Put what is said into ``config``; gives published name -> origin. InputError where it contradicts the shapes."""
    origins = {}
    for name in PUBLISHED:
        place, ours = place_of(config, name)
        if place is None:
            continue
        shown = place.get(ours)
        if shown is not None:
            origins[name] = SHAPES
        if name not in values:
            continue
        value, origin = values[name]
        if shown is None:
            place[ours], origins[name] = value, origin
        elif value != shown:
            says = 'its config says' if origin == FILE else 'given is'
            raise InputError(f'{source}: {says} {name}={value}, its tensors {shown}')
    if isinstance(config['orders'], str):
        config['orders'] = [config['orders']]
    return origins


def assume(config: dict[str, Any], tensors: Mapping[str, Tensor], source: str) -> dict[str, str]:
    """Fill what nobody says with what all public models share; gives published name -> origin.

    InputError, which names the options, for what they do not share.
    """
    fitting = fitting_patch_sizes(tensors)
    if fitting and config['encoder'].get('patch_sizes') is None:
        config['encoder']['patch_sizes'] = fitting[0]  # others give a table of the same length, of an odd size
    elif config['encoder'].get('patch_sizes') is not None:
        fitting = []
    unknown = [name for name in ASKED_FOR if (place := place_of(config, name))[0] is not None and _lacks(*place)]
    if unknown:
        options = '; '.join(f'{option}, {what}' for option, what in (ASKED_FOR[name] for name in unknown))
        raise InputError(
            f'{source}: neither its tensors nor a config in it say {", ".join(unknown)}, without which its features '
            f'would be others. Give them ({options}), or the config that it was trained with (--config FILE)'
        )
    origins = {'enc_patch_size': ASSUMPTION} if fitting else {}
    for name, value in ASSUMED.items():
        place, ours = place_of(config, name)
        if _lacks(place, ours):
            place[ours], origins[name] = value, ASSUMPTION
    return origins


def _lacks(place: Mapping[str, Any], ours: str) -> bool:
    return place.get(ours) is None


def warnings_about(
    origins: Mapping[str, str], published: Mapping[str, Any], given: Mapping[str, Any], *, decoder: bool
) -> list[str]:
    """Sentences about what was assumed, or is said in the config and not known here."""
    assumed = [name for name, origin in origins.items() if origin == ASSUMPTION]
    said = {**published, **given}
    if decoder and 'dec_patch_size' not in said:
        assumed.append('dec_patch_size (as enc_patch_size)')
    texts = []
    if features := [name for name in assumed if name not in TRAINING_ONLY]:
        texts.append(
            f'assumed, as all public models have it: {", ".join(features)}. Where the model differs, so do its '
            'features: give --orders, --strides or the config that it was trained with (--config FILE)'
        )
    if training := [name for name in assumed if name in TRAINING_ONLY]:
        texts.append(f'assumed, of meaning for further training only: {", ".join(training)}')
    if not decoder and (useless := [name for name in given if name.startswith('dec_')]):
        texts.append(f'there is no decoder in it, so {", ".join(useless)} is not used')
    if said.get('enable_flash') is False:
        texts.append(
            'enable_flash=False: the reference then cuts every sample to sequences of the shortest one in its batch; '
            'here sequences are always cut as flash attention wants them'
        )
    if strange := sorted(set(said) - set(PUBLISHED) - HARMLESS):
        texts.append(f'its config has {", ".join(strange)}, not known here: compare features if they change the model')
    return texts


def check_patch_sizes(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], published: Mapping[str, Any], source: str
) -> None:
    """InputError where patch sizes do not fit the table of relative positions, or the decoder's are others."""
    table = tensors.get('enc.enc0.block0.attn.rpe.rpe_table')
    said = config['encoder'].get('patch_sizes')
    first = said[0] if isinstance(said, list) and said else said
    if table is not None and (rpe_rows(first) != len(table) if first else not fitting_patch_sizes(tensors)):
        sizes = first or RPE_PATCH_SIZES
        raise InputError(f'{source}: a relative position table of {len(table)} rows fits no patch size of {sizes}')
    if config['decoder'] is None or said is None or 'dec_patch_size' not in published:
        return
    # encoder and decoder share their tables level by level
    n_levels = len(config['decoder']['channels'])
    sizes = said, as_list(published['dec_patch_size'])
    wanted, given = ([size] * n_levels if isinstance(size, int) else size[:n_levels] for size in sizes)
    if wanted != given:
        raise InputError(f'{source}: dec_patch_size {given} differs from enc_patch_size {wanted} on the same levels')


def as_list(value: Any) -> Any:
    """Tuples as lists, so that values compare and print alike."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def read_published(path: str | Path) -> dict[str, Any]:
    """Settings of the backbone in a config of Pointcept: .py, which is not run, or .json.

    MissingFileError without the file; InputError where it has none, or one is no literal.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such config; give the file that Pointcept's training was started with")
    try:
        text = path.read_text()
        content = json.loads(text) if path.suffix == '.json' else None
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: no text, or no whole JSON ({error})') from error
    if path.suffix == '.json':
        text = f'config = {content!r}'  # one reader for both
    else:
        require_plain(text, {'model', 'backbone', *PUBLISHED}, source=str(path))
    prefix = 'config.' if path.suffix == '.json' else ''
    places = [f'{prefix}{place}' for place in ('model.backbone', 'backbone', 'model', '')]
    wanted = [*PUBLISHED, 'dec_patch_size', 'enable_flash']
    return read_section(text, *places, wanted=wanted, source=str(path))
