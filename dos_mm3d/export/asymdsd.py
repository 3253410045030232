"""Turns AsymDSD's public checkpoints into ours, and ours into theirs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..files import check_output
from .asymdsd_names import TOKENS, public_name
from .config_text import read_values
from .conversion import Conversion, check_fit, places_of
from .files import groups_of, is_ours, read_checkpoint, tensors_in, write_weights

FORMAT = 'dos_mm3d asymdsd 1'
HEAD_WIDTH = 64
"""Channels of an attention head in every public model, of encoder and predictor."""
WANTED = (
    'Give a checkpoint of AsymDSD: a public one, with student.point_encoder.*, or one of ours, with student.encoder.*'
)
PUBLIC, OURS = 'student.point_encoder.', 'student.encoder.'
TEMPERATURES = dict(patch=(0.05, 0.07), cls=(0.04, 0.07))
"""Of the teacher in every public configuration."""


def convert_asymdsd(
    path: str | Path, out_path: str | Path, *, heads: int | None = None, predictor_heads: int | None = None
) -> Conversion:
    """Write a public checkpoint with our names, or one of ours with the public ones, whichever ``path`` is not.

    Sizes and form follow from names and shapes; nothing in the file is executed. The new file is
    `{'state_dict': ..., 'meta': ...}`, tensors as they were, the two tokens as (D,) with us and (1, 1, D) there;
    `meta['model']` are the arguments of the :class:`AsymDSD` that the weights fit.

    Args:
        path: a checkpoint of either kind.
        out_path: the file to write.
        heads: attention heads of the encoder, which no tensor shows; None: what the file says, or else one for each
            HEAD_WIDTH channels.
        predictor_heads: the same of the predictor.

    Raises:
        MissingFileError: there is no such file.
        InputError: it is no such checkpoint, needs code to load, is not finite or not whole, or its shapes contradict
            one another, or the file says of other heads.
        OutputExistsError: `out_path` is the file itself, or anything else that no conversion has written.
    """
    check_output(out_path, path, ours=is_ours)
    source = str(path)
    checkpoint = read_checkpoint(path)
    tensors = tensors_in(checkpoint, source, WANTED, bare=True)
    stated = stated_heads(checkpoint, source)
    heads, origin = settled('--heads', heads, stated.get('encoder'), source)
    predictor_heads, predictor_origin = settled('--predictor-heads', predictor_heads, stated.get('predictor'), source)
    to_public = any(name.startswith(OURS) for name in tensors)
    names = public_names(tensors, to_public=to_public, source=source)
    public = {theirs: tensors[name] for theirs, name in names.items()}
    model = asymdsd_config(public, heads=heads, predictor_heads=predictor_heads, source=source)
    parts = places_of(model, source)
    deep = model['encoder']['embedding']['type'] == 'DeepPatchEmbedding'
    places = {name: public_name(name, deep=deep) for name in parts}
    found = {name: as_row(public[theirs], theirs) for name, theirs in places.items() if theirs in public}
    check_fit(found, parts, source)
    weights = {places[name]: as_token(value, name) for name, value in found.items()} if to_public else found
    facts = dict(format=FORMAT, names='public' if to_public else 'dos_mm3d', model=model)
    write_weights(weights, out_path, facts, source=path)
    used = {names[places[name]] for name in found}
    return Conversion(
        used=tuple(name for name in tensors if name in used),
        unused=tuple(name for name in tensors if name not in used),
        missing=tuple(name if to_public else theirs for name, theirs in places.items() if name not in found),
        model=model,
        origins=dict(heads=origin, predictor_heads=predictor_origin),
        warnings=tuple(warnings_about(model, heads, predictor_heads)),
        parameters=sum(value.numel() for value in weights.values()),
    )


def stated_heads(checkpoint: Mapping[str, Any], source: str) -> dict[str, int]:
    """'encoder' and 'predictor' -> their heads, where the file says: in the config of a training, which is read and
    never run, or in what an earlier conversion has written."""
    meta = checkpoint.get('meta')
    if not isinstance(meta, Mapping):
        return {}
    text = meta.get('cfg')
    model = meta.get('model') if meta.get('format') == FORMAT else None
    if isinstance(text, str):
        model = read_values(text, source).get('model')
    parts = model if isinstance(model, Mapping) else {}
    found = {
        name: part.get('heads') for name in ('encoder', 'predictor') if isinstance(part := parts.get(name), Mapping)
    }
    return {name: heads for name, heads in found.items() if type(heads) is int and heads > 0}


def settled(option: str, given: int | None, stated: int | None, source: str) -> tuple[int | None, str]:
    """Heads, None where nobody says, and where they come from; InputError where command line and file differ."""
    if given and stated and given != stated:
        raise InputError(f'{source}: {option} {given}, and the file says {stated}: leave {option} out')
    return (given, 'given') if given else (stated, 'stated') if stated else (None, 'assumed')


def public_names(tensors: Mapping[str, Tensor], *, to_public: bool, source: str) -> dict[str, str]:
    """Public name -> name in the file. InputError for a file of something else, or one that holds a tensor twice."""
    if not to_public and not any(PUBLIC in name for name in tensors):
        raise InputError(f'{source}: no AsymDSD. Found {groups_of(tensors, 2)}. {WANTED}')
    if to_public:
        deep = f'{OURS}embedding.first.0.bias' in tensors
        names = {public_name(name, deep=deep): name for name in tensors}
    else:
        names = {current_name(name): name for name in tensors}
    if len(names) < len(tensors):
        twice = sorted(set(tensors) - set(names.values()))
        raise InputError(f'{source}: {len(twice)} tensors are there under two names, such as {twice[0]}. {WANTED}')
    return names


def current_name(name: str) -> str:
    """A public name as the present code has it: without the mark of torch.compile, modules under their new names."""
    attention = 'cross_attn' if '.predictor.' in name else 'self_attn'
    name = re.sub(r'(^|\.)_orig_mod\.', r'\1', name)
    return name.replace('.attn_module.', f'.{attention}.').replace('.ffn_module.', '.ffn.')


def as_row(value: Tensor, theirs: str) -> Tensor:
    """A token (1, 1, D) as (D,); every other tensor as it is."""
    is_token = theirs.endswith(TOKENS) and value.ndim == 3 and value.shape[:2] == (1, 1)
    return value.reshape(-1) if is_token else value


def as_token(value: Tensor, ours: str) -> Tensor:
    """A token (D,) as (1, 1, D); every other tensor as it is."""
    return value.reshape(1, 1, -1) if ours.endswith(TOKENS) else value


def asymdsd_config(
    public: Mapping[str, Tensor], *, heads: int | None, predictor_heads: int | None, source: str
) -> dict[str, Any]:
    """Arguments of :class:`AsymDSD` (with ``type``) for tensors under their public names.

    What training alone needs is as in the public configurations. InputError where a tensor that shows a size is not
    there, or none says how many heads share a width.
    """
    shown = Shown(public, source)
    branches = [name for name in ('patch', 'cls') if f'student.{name}_projection_head.linear.bias' in public]
    for name in {'patch', 'cls'} - set(branches):
        if f'teacher.{name}_centering.center' in public:
            raise InputError(f'{source}: lacks student.{name}_projection_head, but has its centering. {WANTED}')
    encoder = encoder_config(shown)
    encoder['heads'] = heads or heads_of(encoder['channels'], '--heads', source)
    model = dict(type='AsymDSD', encoder=encoder, data_preprocessor=dict(type='PatchPreprocessor'))
    model |= {name: branch_config(shown, name) for name in branches}
    if 'patch' in branches:
        model['predictor'] = predictor_config(shown)
        width = model['predictor']['channels']
        model['predictor']['heads'] = predictor_heads or heads_of(width, '--predictor-heads', source)
    if branches == ['patch']:
        model['regression_weight'] = 1.0
    return model


class Shown:
    """Sizes that tensors show.

    Args:
        public: tensors under their public names.
        source: the file, for errors.
    """

    def __init__(self, public: Mapping[str, Tensor], source: str) -> None:
        self.public, self.source = public, source

    def rows(self, name: str) -> int:
        """First size of a tensor; InputError where it is not there, or empty."""
        if name not in self.public or not self.public[name].numel() or not self.public[name].ndim:
            raise InputError(f'{self.source}: lacks {name}, which shows a size of the model. {WANTED}')
        return self.public[name].shape[0]

    def count(self, before: str, after: str) -> int:
        """How many numbered tensors there are."""
        pattern = re.compile(f'{re.escape(before)}\\d+{re.escape(after)}')
        return sum(bool(pattern.fullmatch(name)) for name in self.public)


def encoder_config(shown: Shown) -> dict[str, Any]:
    """Arguments of :class:`PatchEncoder`, without heads."""
    stack = f'{PUBLIC}encoder.stack.'
    channels = shown.rows(f'{PUBLIC}encoder.norm.weight')
    embedding = f'{PUBLIC}patch_embedding.point_embedding.'
    if f'{embedding}blocks.0.mlp.0.weight' in shown.public:
        stages = [
            [
                shown.rows(f'{embedding}blocks.{stage}.mlp.{4 * layer}.weight')
                for layer in range(shown.count(f'{embedding}blocks.{stage}.mlp.', '.bias'))
            ]
            for stage in (0, 1)
        ]
        config = dict(type='DeepPatchEmbedding', first_channels=stages[0], second_channels=stages[1][:-1])
    else:
        hidden = [shown.rows(f'{embedding}{layer}.weight') for layer in ('block_1.0', 'block_1.3', 'block_2.0')]
        config = dict(type='PatchEmbedding', hidden_channels=hidden)
    return dict(
        type='PatchEncoder',
        channels=channels,
        depth=shown.count(stack, '.ffn.norm.weight'),
        embedding=config,
        mlp_ratio=shown.rows(f'{stack}0.ffn.mlp.linear_1.weight') / channels,
    )


def branch_config(shown: Shown, name: str) -> dict[str, Any]:
    """A branch's arguments of :class:`AsymDSD`."""
    head = f'student.{name}_projection_head.'
    return dict(
        head=dict(
            type='CategoryHead',
            hidden_channels=shown.rows(f'{head}mlp.mlp.0.weight'),
            bottleneck_channels=shown.rows(f'{head}mlp.mlp.8.weight'),
            num_categories=shown.rows(f'{head}linear.bias'),
        ),
        targets=dict(type='CentredTargets', temperature=TEMPERATURES[name]),
    )


def predictor_config(shown: Shown) -> dict[str, Any]:
    """Arguments of :class:`PatchPredictor`, without heads."""
    stack = 'student.predictor.module.stack.'
    channels = shown.rows('student.predictor.embedding.weight')
    return dict(
        type='PatchPredictor',
        channels=channels,
        depth=shown.count(stack, '.ffn.norm.weight'),
        mlp_ratio=shown.rows(f'{stack}0.ffn.mlp.linear_1.weight') / channels,
    )


def heads_of(channels: int, option: str, source: str) -> int:
    """As in all public models; InputError for a width that this does not divide."""
    if channels % HEAD_WIDTH:
        raise InputError(
            f'{source}: no tensor shows how many attention heads share {channels} channels, and public models have one '
            f'for each {HEAD_WIDTH}: give {option}'
        )
    return channels // HEAD_WIDTH


def warnings_about(model: Mapping[str, Any], heads: int | None, predictor_heads: int | None) -> list[str]:
    """Sentences about what was assumed."""
    assumed = [f'encoder.heads={model["encoder"]["heads"]} (--heads)'] if heads is None else []
    if 'predictor' in model and predictor_heads is None:
        assumed.append(f'predictor.heads={model["predictor"]["heads"]} (--predictor-heads)')
    texts = []
    if assumed:
        texts.append(f'assumed, as all public models have it: {", ".join(assumed)}. With others, features differ')
    texts.append('temperatures, weights of the terms and drop path are not in the file; the first two are the public')
    return texts
