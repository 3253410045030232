"""Which model a pretrained backbone is trained on, and whether its weights fit it, known before anything is trained."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdet3d.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.registry import init_default_scope

from ...errors import InputError, MissingFileError
from ...export.backbone import backbone_class, export_backbone, read_export
from ...export.loading import fit_report
from ..project import config_file
from .datasets import DataSet
from .sources import Source

BACKBONE_NAMES = {
    'SparseEncoderBackbone': 'second',
    'VoxelNetBackbone': 'voxelnet',
    'PTv3Backbone': 'ptv3',
    'MinkUNetAdapter': 'minkunet',
    'SPVCNNAdapter': 'spvcnn',
    'Cylinder3DAdapter': 'cylinder3d',
    'PillarBackbone': 'pillars',
}
SEGMENTATION, DETECTION, ANCHORS = 'configs/segmentation/', 'configs/centerpoint/', 'configs/second/'
# kind of work -> backbone -> configs, of which the first that exists and has the checkpoint's grid is taken
CONFIGS: dict[str, dict[str, tuple[str, ...]]] = {
    'linear_probe': {'ptv3': (f'{SEGMENTATION}ptv3_linear_probe_{{data}}.py',)},
    'decoder_probe': {'ptv3': (f'{SEGMENTATION}ptv3_decoder_probe_{{data}}.py',)},
    'finetune': {
        'ptv3': (f'{SEGMENTATION}ptv3_finetune_{{data}}.py',),
        'minkunet': (f'{SEGMENTATION}minkunet_{{data}}.py', f'{SEGMENTATION}minkunet_small_{{data}}.py'),
        'spvcnn': (f'{SEGMENTATION}spvcnn_{{data}}.py',),
    },
    'detection': {
        'second': (
            f'{DETECTION}centerpoint_voxel01_{{data}}.py',
            f'{DETECTION}centerpoint_voxel0075_{{data}}.py',
            f'{DETECTION}centerpoint_small_{{data}}.py',
        ),
        'voxelnet': (f'{ANCHORS}second_{{data}}.py', f'{ANCHORS}second_small_{{data}}.py'),
        'ptv3': (f'{DETECTION}centerpoint_ptv3_{{data}}.py', f'{DETECTION}centerpoint_ptv3_small_{{data}}.py'),
    },
}


def backbone_of(source: Source) -> str:
    """Short name of a checkpoint's backbone; ValueError for one that nothing downstream is made of."""
    name = source.config['model']['backbone']['type']
    if name not in BACKBONE_NAMES:
        raise InputError(f'{source.checkpoint}: its backbone is {name}; wanted one of {", ".join(BACKBONE_NAMES)}')
    return BACKBONE_NAMES[name]


def require_one_backbone(sources: Sequence[Source]) -> None:
    """InputError where checkpoints are of different backbones: one downstream model is trained from all."""
    if len(set(map(backbone_of, sources))) > 1:
        named = ', '.join(f'{source.checkpoint} ({backbone_of(source)})' for source in sources)
        raise InputError(f'{named}: different backbones; wanted checkpoints of one, one call for each backbone')


def require_seeds_for(runs: Mapping[str, Sequence[Source]], seeds: int) -> None:
    """InputError where a data set has more checkpoints than there are trainings to start from them."""
    for dataset, found in runs.items():
        if len(found) > seeds:
            raise InputError(
                f'{len(found)} checkpoints pretrained on {dataset} and --seeds {seeds}: seed i trains from checkpoint '
                f'i; wanted --seeds {len(found)} or more'
            )


def encoder_prefixes(source: Source, task: str) -> tuple[str, ...]:
    """Of the names of the weights that a checkpoint gives the model of a task."""
    kind = backbone_class(source.config['model']['backbone']['type'], str(source.checkpoint))
    names = kind.downstream_names_by_task.get(task, kind.downstream_names)
    return tuple(dict.fromkeys(names.values()))


def pretrained_parts(exported: Path, prefixes: Sequence[str]) -> list[str]:
    """Prefixes of the names of what an exported file holds, one for each part of the backbone: `backbone.encoder.`.
    prefixes: of the backbone's (:func:`encoder_prefixes`)."""
    names = read_export(exported)['state_dict']
    found = ((name, prefix) for name in names for prefix in prefixes if name.startswith(prefix))
    return sorted({prefix + name.removeprefix(prefix).partition('.')[0] + '.' for name, prefix in found})


def find_config(work: str, source: Source, dataset: DataSet) -> Path:
    """The config of a kind of work for a checkpoint's backbone on a data set; of several the one with its voxel size.

    ValueError, saying why, where the backbone knows no such kind; FileNotFoundError where there is no config for the
    data set.
    """
    kind = backbone_of(source)
    if kind not in CONFIGS[work]:
        others = [other for other, backbones in CONFIGS.items() if kind in backbones]
        raise InputError(
            f'{source.checkpoint}: there is no {work} of its backbone, {kind}; what there is beside the linear '
            f'probes: {", ".join(others) or "nothing"}; or name a config of it with --downstream CONFIG'
        )
    # the embedded sets other than nuScenes are read with the real ones' configs, at another root
    data_names = dict.fromkeys([dataset.name, dataset.name.removeprefix('synthetic_')])
    candidates = [config_file(pattern.format(data=name)) for name in data_names for pattern in CONFIGS[work][kind]]
    present = [path for path in candidates if path.is_file()]
    if not present:
        raise MissingFileError(
            f'{candidates[0]}: no such config, so there is no {work} of {kind} on {dataset.name}; write one, or name '
            'another with --downstream CONFIG'
        )
    if len(present) == 1:
        return present[0]
    grid = list(source.config.get('voxel_size') or ())
    return next((path for path in present if Config.fromfile(path).get('voxel_size') == grid), present[0])


def export_once(source: Source, task: str, folder: Path) -> Path:
    """Export a checkpoint's teacher below `folder`, unless that was done; a file that is exported already stays where
    it is. ValueError where it is no pretraining's."""
    if source.exported:
        return source.checkpoint
    kind = backbone_class(source.config['model']['backbone']['type'], str(source.checkpoint))
    names = task if task in kind.downstream_names_by_task else None
    file = folder / 'exports' / f'{source.name}_{task}_{source.sha256[:12]}.pth'
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        export_backbone(source.checkpoint, file, task=names)
    return file


def require_fit(checkpoint: Path, exported: Path, config: Mapping[str, Any], config_file: Path) -> None:
    """ValueError, which names the file that was given, where pretraining was fed other channels, or on another grid,
    than the downstream model, or where any tensor of what was exported of it finds no place of its shape there. What
    the config does not state is not compared."""
    export = read_export(exported)
    meta = export['meta']
    for name, title in (('input_channels', 'channels'), ('voxel_size', 'voxel size')):
        pretrained, wanted = meta[name], config.get(name)
        if wanted is not None and list(wanted) != list(pretrained):
            raise InputError(
                f'{checkpoint}: pretrained with the {title} {_text(pretrained)}; {config_file} has '
                f'{_text(wanted)}. Give a checkpoint of the same, or another config: --downstream CONFIG'
            )
    init_default_scope('mmdet3d')
    model = MODELS.build(ConfigDict(copy.deepcopy(config['model'])))
    report = fit_report(model, export['state_dict'])
    if lost := [*report.unexpected, *report.wrong_shape.values()]:
        raise InputError(
            f'{checkpoint}: {len(lost)} of its tensors do not fit the {type(model).__name__} of '
            f'{config_file}, first {lost[0]} ({report.summary()}): a backbone of another size. Give a checkpoint of '
            'the same size, or another config: --downstream CONFIG'
        )


def require_device_for(config: Mapping[str, Any], path: Path) -> None:
    """ValueError where a config wants mixed precision of a GPU and there is none: every cell would fail."""
    if config['optim_wrapper'].get('type') == 'AmpOptimWrapper' and get_device() == 'cpu':
        raise InputError(
            f'{path}: trains in mixed precision (AmpOptimWrapper), which needs a GPU, and there is none. Run '
            'it where there is one, or name a config without: --downstream CONFIG'
        )


def _text(values: Sequence[Any]) -> str:
    return '[' + ', '.join(map(str, values)) + ']'
