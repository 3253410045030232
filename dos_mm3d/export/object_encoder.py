"""Turns a pretraining checkpoint of AsymDSD into a plain weight file of its encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdet3d.registry import MODELS
from torch import Tensor

from ..errors import InputError
from ..files import check_output
from ..models.backbones import DeepPatchEmbedding, PatchEmbedding, PatchEncoder
from .asymdsd import FORMAT as CONVERTED
from .config_text import portable_text, read_values
from .conversion import types_in
from .files import groups_of, is_ours, read_checkpoint, tensors_in, write_weights

FORMAT = 'dos_mm3d object encoder 1'
BRANCHES = ('teacher', 'student')
PARTS = {one.__name__ for one in (PatchEncoder, PatchEmbedding, DeepPatchEmbedding)}
WANTED = (
    'wanted a checkpoint that tools/train.py wrote with a config of configs/asymdsd, or what tools/convert_asymdsd.py '
    'made of a public one'
)
CHECKPOINT = 'wanted a checkpoint that tools/train.py wrote with a config of configs/dos or configs/asymdsd'
CROP_SIZES = ('points', 'patches', 'points_per_patch')


def holds_object_encoder(path: str | Path) -> bool:
    """Whether a checkpoint is of AsymDSD. MissingFileError or InputError where it is none at all."""
    tensors = tensors_in(read_checkpoint(path), str(path), CHECKPOINT, bare=True)
    return any(name.startswith(f'{BRANCHES[0]}.encoder.') for name in tensors)


def export_object_encoder(
    checkpoint_path: str | Path, out_path: str | Path, *, branch: str = 'teacher'
) -> dict[str, Any]:
    """Write one branch's :class:`PatchEncoder` under its own names; predictor, heads and mask token stay behind.

    `init_cfg=dict(type='Pretrained', checkpoint=out_path)` of a PatchEncoder takes the file. Its `meta` has the
    arguments of that encoder (`encoder`) and the sizes of the whole crops that it saw (`whole`, where the checkpoint
    says). The config text of the checkpoint is read and never run.

    Args:
        checkpoint_path: what tools/train.py or tools/convert_asymdsd.py wrote.
        out_path: the file to write.
        branch: 'teacher' or 'student'.

    Returns:
        The file's `meta` without the config text, plus `tensors` and `parameters` (counts).

    Raises:
        MissingFileError: there is no such checkpoint.
        InputError: it is none of AsymDSD, is not finite, or its config says of another encoder.
        OutputExistsError: `out_path` is the checkpoint itself, or anything else that no export has written.
    """
    if branch not in BRANCHES:
        raise InputError(f'branch is {branch!r}, wanted one of {BRANCHES}')
    check_output(out_path, checkpoint_path, ours=is_ours)
    weights, meta = read_object_encoder(checkpoint_path, branch=branch)
    meta = write_weights(weights, out_path, {'format': FORMAT, 'branch': branch, **meta}, source=checkpoint_path)
    counts = {'tensors': len(weights), 'parameters': sum(value.numel() for value in weights.values())}
    return {key: value for key, value in meta.items() if key != 'config'} | counts


def read_object_encoder(path: str | Path, *, branch: str = 'teacher') -> tuple[dict[str, Tensor], dict[str, Any]]:
    """One branch's encoder in a checkpoint, or in what was exported of one.

    Returns:
        The tensors by their names in the encoder, and `encoder` (its arguments), `whole` (sizes of the whole crops, or
        None), `iteration` (or None) and `config` (text, which is never run, maybe empty).

    Raises what :func:`export_object_encoder` does.
    """
    source = str(path)
    checkpoint = read_checkpoint(path)
    tensors, meta = tensors_in(checkpoint, source, WANTED), checkpoint.get('meta')
    exported = isinstance(meta, Mapping) and meta.get('format') == FORMAT
    prefix = '' if exported else f'{branch}.encoder.'
    weights = {name.removeprefix(prefix): value.clone() for name, value in tensors.items() if name.startswith(prefix)}
    if exported and meta.get('branch') != branch:
        raise InputError(f'{source}: holds the encoder of the {meta.get("branch")}, wanted that of the {branch}')
    if not weights:
        raise InputError(f'{source}: no tensor begins with {prefix}; found {groups_of(tensors, 2)}; {WANTED}')
    told = _told_by_export(meta, source) if exported else _told(meta, source)
    require_encoder(told['encoder'], weights, source)
    return weights, told


def require_encoder(config: Mapping[str, Any], weights: Mapping[str, Tensor], source: str) -> None:
    """InputError unless the encoder of a config has just these tensors."""
    wanted = {name: tuple(value.shape) for name, value in MODELS.build(dict(config)).state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if differing := sorted({name for name, _ in wanted.items() ^ found.items()}):
        raise InputError(
            f'{source}: {len(differing)} tensors of its encoder are not those that its config makes, first '
            f'{differing[0]}: {found.get(differing[0])}, wanted {wanted.get(differing[0])}; {WANTED}'
        )


def _told(meta: Any, source: str) -> dict[str, Any]:
    """What a checkpoint says of its encoder, as plain numbers and text."""
    if not isinstance(meta, Mapping):
        raise InputError(f'{source}: has no meta; {WANTED}')
    if meta.get('format') == CONVERTED:
        return {'iteration': None, 'encoder': _encoder(meta.get('model'), source), 'whole': None, 'config': ''}
    text = meta.get('cfg')
    if not isinstance(text, str):
        raise InputError(f"{source}: no config text in meta['cfg']; {WANTED}")
    values = read_values(text, source)
    return {
        'iteration': iteration if isinstance(iteration := meta.get('iter'), int) else None,
        'encoder': _encoder(values.get('model'), source),
        'whole': _whole(values.get('train_dataloader')),
        'config': portable_text(text),
    }


def _told_by_export(meta: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The same of an exported file."""
    told = {name: meta.get(name) for name in ('iteration', 'whole', 'config')}
    return {**told, 'encoder': _known(meta.get('encoder'), source)}


def _encoder(model: Any, source: str) -> dict[str, Any]:
    """Arguments of the encoder of an AsymDSD."""
    encoder = _known(model.get('encoder') if isinstance(model, Mapping) else None, source)
    return {**encoder, 'cls_token': model.get('cls') is not None, 'init_cfg': None}


def _known(encoder: Any, source: str) -> dict[str, Any]:
    """Arguments of an encoder; InputError where it names a class that is none of ours, which the registry would import
    and call."""
    if not isinstance(encoder, Mapping):
        raise InputError(f'{source}: its config has no model.encoder; {WANTED}')
    if strange := sorted(set(types_in(encoder)) - PARTS):
        raise InputError(f'{source}: its encoder is made of {strange[:3]}, wanted {", ".join(sorted(PARTS))}; {WANTED}')
    return dict(encoder)


def _whole(loader: Any) -> dict[str, int] | None:
    """Sizes of the whole crops in a loader's pipeline, None where it draws none."""
    dataset = (loader.get('dataset') if isinstance(loader, Mapping) else None) or {}
    steps = [step for step in dataset.get('pipeline') or () if isinstance(step, Mapping)]
    whole = next((step['whole'] for step in steps if step.get('type') == 'DrawObjectCrops'), None)
    return None if whole is None else {name: int(whole[name]) for name in CROP_SIZES}
