"""Turns a pretraining checkpoint into a plain weight file for the mmdet3d model that its backbone is of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdet3d.registry import MODELS
from torch import Tensor

from ..errors import InputError
from ..files import check_output
from ..models.backbones.base import LossVoxelBackbone
from .config_text import portable_text, read_entry, read_values, takes_ranks
from .conversion import check_fit, places_of, unregistered
from .files import groups_of, is_kernel, is_ours, read_checkpoint, tensors_in, tensors_sha256, to_spconv1, write_weights
from .half import half_difference, in_half, require_small

FORMAT = 'dos_mm3d backbone 1'
BRANCHES = ('teacher', 'student')
TASKS = ('detection', 'segmentation')
OURS = 'wanted a checkpoint that tools/train.py wrote with a config of configs/dos'


def export_backbone(
    checkpoint_path: str | Path,
    out_path: str | Path,
    *,
    branch: str = 'teacher',
    task: str | None = None,
    half: bool = False,
) -> dict[str, Any]:
    """Write one branch's backbone, BatchNorm statistics included, under the names of the mmdet3d model it is of.

    Which backbone it is, and hence the names, is read in the config text of the checkpoint, which is never run. The
    file loads with `weights_only`, through `load_from` and through `init_cfg=dict(type='Pretrained', checkpoint=...)`
    of a detector or segmentor. Kernels are in spconv-1 layout, the one that mmdet3d's loader expects of a plain dict
    (SPVCNN's in torchsparse's, which it takes as it is). Its `meta` says what the backbone was fed: `input_channels`
    with units, whether `intensity_ranks` were taken, and `point_cloud_range` and `voxel_size` in metres, as the model
    has them.

    Args:
        checkpoint_path: what tools/train.py wrote.
        out_path: the file to write.
        branch: 'teacher' or 'student'.
        task: 'detection' or 'segmentation' where the backbone fits models of both (PTv3: detection by default).
        half: store large tensors in float16; models get float32 parameters. Needs the sweeps of the pretraining, on
            which features are compared.

    Returns:
        The file's `meta` without the config text, plus `tensors` and `parameters` (counts).

    Raises:
        MissingFileError: there is no such checkpoint.
        InputError: the checkpoint is not one of our pretraining, is not finite, or does not fit the channels that its
            own config names; or half precision changes its features by more than `half.LIMIT`.
        OutputExistsError: `out_path` is the checkpoint itself, or anything else that no export has written.
    """
    if branch not in BRANCHES:
        raise InputError(f'branch is {branch!r}, wanted one of {BRANCHES}')
    check_output(out_path, checkpoint_path, ours=is_ours)
    checkpoint = read_checkpoint(checkpoint_path)
    source = str(checkpoint_path)
    backbone = _backbone_tensors(tensors_in(checkpoint, source, OURS), branch, source)
    meta = _describe(checkpoint, branch, source)
    kind = backbone_class(meta['backbone'], source)
    _check_channels(backbone, kind, meta, source)
    weights = {
        name: to_spconv1(value) if is_kernel(value) and not kind.kernels_are_spconv1 else value.clone()
        for name, value in renamed(backbone, names_for(kind, task, source), source).items()
    }
    _check_model(backbone, meta['config'], source)
    if half:
        meta['half_difference'] = half_difference(checkpoint['meta']['cfg'], backbone, source)
        require_small(meta['half_difference'], source)
        weights = in_half(weights)
    meta = write_weights(weights, out_path, {**meta, 'kernel_layout': kind.exported_layout}, source=checkpoint_path)
    read_export(out_path)
    counts = {'tensors': len(weights), 'parameters': sum(value.numel() for value in weights.values())}
    return {key: value for key, value in meta.items() if key != 'config'} | counts


def read_export(path: str | Path) -> dict[str, Any]:
    """An exported file, its tensors checked against the sha256 inside. ValueError if it is not one, or was altered."""
    export = read_checkpoint(path)
    meta = export.get('meta')
    if not isinstance(meta, dict) or meta.get('format') != FORMAT:
        raise InputError(f'{path}: not a file of tools/export_backbone.py; it holds {sorted(map(str, export))[:8]}')
    found = tensors_sha256(export['state_dict'])
    if found != meta['sha256']:
        raise InputError(
            f'{path}: its tensors hash to {found[:12]}…, its meta says {meta["sha256"][:12]}…; export again'
        )
    return export


def _backbone_tensors(tensors: Mapping[str, Tensor], branch: str, source: str) -> dict[str, Tensor]:
    """The branch's backbone under our names, kernels still in spconv-2 layout."""
    prefix = f'{branch}.backbone.'
    backbone = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    if not backbone:
        raise InputError(
            f'{source}: not a pretraining checkpoint of this project. Found {groups_of(tensors, 3)}; wanted {prefix}*. '
            'Give a checkpoint that tools/train.py wrote with a config of configs/dos; an exported file is already '
            'what mmdet3d loads.'
        )
    return backbone


def _describe(checkpoint: dict[str, Any], branch: str, source: str) -> dict[str, Any]:
    """The provenance that travels with the weights: plain strings, numbers and lists only."""
    training = checkpoint.get('meta')
    if not isinstance(training, dict) or not isinstance(training.get('cfg'), str):
        raise InputError(f"{source}: no config text in meta['cfg']; wanted a checkpoint that tools/train.py wrote")
    text = training['cfg']
    # the grid of the voxels; where these are sectors, that of the loss voxels
    places = [f'model.data_preprocessor.{layer}' for layer in ('loss_grid', 'voxel_layer')]
    grid = {
        name: read_entry(text, *(f'{place}.{name}' for place in places), source=source)
        for name in ('point_cloud_range', 'voxel_size')
    }
    channels = read_entry(text, 'input_channels', source=source)
    if not _all_of(channels, str) or not all(_all_of(value, int | float) for value in grid.values()):
        raise InputError(
            f'{source}: its config has input_channels={str(channels)[:80]}, {str(grid)[:160]}; wanted a list of '
            'names and two of numbers'
        )
    return {
        'format': FORMAT,
        'backbone': read_entry(text, 'model.backbone.type', source=source),
        'branch': branch,
        'iteration': iteration if isinstance(iteration := training.get('iter'), int) else None,
        'input_channels': list(channels),
        'intensity_ranks': takes_ranks(read_values(text, source).get('train_dataloader')),
        **{name: list(value) for name, value in grid.items()},
        'config': portable_text(text),
    }


def _all_of(values: Any, kind: Any) -> bool:
    """Whether values are a list, not an empty one, of one kind."""
    return isinstance(values, list | tuple) and bool(values) and all(isinstance(value, kind) for value in values)


def _check_channels(
    backbone: Mapping[str, Tensor], kind: type[LossVoxelBackbone], meta: Mapping[str, Any], source: str
) -> None:
    """The model must take as many channels as the config names: its first kernel where no layer that is learnt comes
    before it, or else what its settings say. Names are in the config's variable alone."""
    channels = meta['input_channels']
    if any(name.startswith('voxel_encoder.') for name in backbone):
        if kind.columns_setting is None:
            return
        place, added = kind.columns_setting
        what = f'model.backbone.{place}'
        if (stated := _number_at(meta['config'], what, source)) is None:
            return  # mmdet3d's own number, which is not in the file
        taken = stated - added
    elif kind.columns_kernels:
        first = next((backbone[name] for name in kind.columns_kernels if name in backbone), None)
        if first is None:
            raise InputError(
                f'{source}: its {kind.__name__} has none of {", ".join(kind.columns_kernels)}, which takes the points'
            )
        if not -first.ndim <= kind.columns_axis < first.ndim:
            raise InputError(
                f'{source}: its first kernel has the shape {list(first.shape)}, which no layer has; give a checkpoint '
                'that tools/train.py wrote'
            )
        what, taken = 'first kernel', first.shape[kind.columns_axis]
    else:
        return
    if taken != len(channels):
        raise InputError(
            f'{source}: its {what} takes {taken} channels, its config names {len(channels)} '
            f'({", ".join(channels)}); make input_channels in the config say what the encoder was fed'
        )


def _check_model(backbone: Mapping[str, Tensor], text: str, source: str) -> None:
    """The tensors must be those of the backbone that the config makes, all of them and no others: a model that loads
    the file keeps random numbers where one is missing."""
    config = read_values(text, source)['model']['backbone']
    if unknown := unregistered(config):
        raise InputError(f'{source}: its config names the classes {unknown[:5]}, which are registered nowhere; {OURS}')
    places = places_of(config, source, device='cpu')
    check_fit(backbone, places, source)
    if strange := sorted(set(backbone) - set(places)):
        raise InputError(
            f'{source}: {len(strange)} of {len(backbone)} tensors are none of the backbone that its config makes, '
            f'first {strange[0]}; {OURS}'
        )


def _number_at(text: str, place: str, source: str) -> int | None:
    """A whole number of a config text; None where it has no such entry, or something else there."""
    found: Any = read_values(text, source)
    for name in place.split('.'):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, int) else None


def backbone_class(name: str, source: str) -> type[LossVoxelBackbone]:
    """The class that a config names. ValueError if it is none of ours, or one with no downstream model.

    Looked up in the registry's table only: mmengine's own lookup imports what an unknown name says.
    """
    exportable = {
        key: value
        for key, value in MODELS.module_dict.items()
        if isinstance(value, type) and issubclass(value, LossVoxelBackbone) and hasattr(value, 'downstream_names')
    }
    if name not in exportable:
        raise InputError(
            f'{source}: its config names the backbone {name!r}, wanted one that is exported: '
            f'{", ".join(sorted(exportable))}. A backbone of your own needs downstream_names, and its module imported'
        )
    return exportable[name]


def names_for(kind: type[LossVoxelBackbone], task: str | None, source: str) -> Mapping[str, str]:
    """Prefix here -> prefix in the model of a task; None is the one that the backbone is mostly for.

    ValueError if the backbone's weights fit no model of that task, or models of one task only.
    """
    if task is None:
        return kind.downstream_names
    if task not in kind.downstream_names_by_task:
        known = ', '.join(kind.downstream_names_by_task)
        advice = (
            f'choose one of {known}' if known else 'its weights fit one kind of model, so leave the task (--for) out'
        )
        raise InputError(f'{source}: {kind.__name__} has no names for {task!r}; {advice}')
    return kind.downstream_names_by_task[task]


def renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str], source: str) -> dict[str, Tensor]:
    """The backbone's tensors under their downstream names. ValueError if one has no place, or two have the same."""
    homeless = [name for name in tensors if downstream_name(name, names) is None]
    if homeless:
        raise InputError(
            f'{source}: the backbone holds tensors that the downstream model has no place for: '
            f'{", ".join(homeless[:5])}; wanted only {", ".join(names)}'
        )
    found = {downstream_name(name, names): value for name, value in tensors.items()}
    if len(found) < len(tensors):
        raise InputError(f'{source}: downstream_names {dict(names)} give two tensors the same name')
    return found


def downstream_name(name: str, names: Mapping[str, str]) -> str | None:
    """Name of a tensor with the longest prefix of ``names`` that fits replaced; None where none does."""
    prefix = max((prefix for prefix in names if name.startswith(prefix)), key=len, default=None)
    return None if prefix is None else names[prefix] + name.removeprefix(prefix)
