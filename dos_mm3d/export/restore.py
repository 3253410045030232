"""Back from an exported file to the pretraining model that its backbone is of, to probe what ships."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmdet3d.registry import MODELS
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor

from ..errors import InputError
from ..models.backbones.base import LossVoxelBackbone
from ..models.methods.exported_names import own_name
from .backbone import FORMAT, backbone_class, read_export
from .config_text import read_values
from .files import is_kernel, read_checkpoint, to_spconv2

KEPT = ('model', 'input_channels', 'ground_z_m', 'forward_axis', 'train_dataloader', 'train_cfg', 'randomness')
"""Variables of the config in a file that are read; the others could only make something run."""


def is_export(path: str | Path) -> bool:
    """Whether a file is one of tools/export_backbone.py. InputError where it cannot be read."""
    meta = read_checkpoint(path).get('meta')
    return isinstance(meta, dict) and meta.get('format') == FORMAT


def config_of_export(path: str | Path) -> dict[str, Any]:
    """The pretraining config in an exported file: literals, which are parsed and never run.

    InputError where it is no export, was altered, or names a class that is registered nowhere: mmengine would import
    and call it."""
    config = read_values(read_export(path)['meta']['config'], str(path))
    if missing := {'model', 'train_dataloader'} - set(config):
        raise InputError(f'{path}: its config has no {sorted(missing)}; export it again from its checkpoint')
    known = {name for registry in _registries() for name in registry.module_dict}
    if unknown := sorted(set(types_in(config['model'])) - known):
        raise InputError(
            f'{path}: its config names the classes {unknown[:5]}, which are registered nowhere; wanted those of a '
            'config of configs/dos. Give the config of its pretraining: --config PATH'
        )
    return {name: config[name] for name in KEPT if name in config}


def types_in(config: Any) -> Iterator[str]:
    """Every `type` in nested containers."""
    if isinstance(config, Mapping):
        if 'type' in config:
            yield str(config['type'])
        config = tuple(config.values())
    if isinstance(config, list | tuple):
        for item in config:
            yield from types_in(item)


def _registries() -> Iterator[Any]:
    """mmdet3d's models and what they inherit from, where mmengine looks a plain name up, and initialisers."""
    yield WEIGHT_INITIALIZERS
    registry = MODELS
    while registry is not None:
        yield registry
        registry = registry.parent


def backbone_of_export(path: str | Path) -> dict[str, Tensor]:
    """The backbone's tensors under the names, in the kernel layout and in the precision of pretraining.

    InputError where the file is no export, or was altered.
    """
    export = read_export(path)
    kind = backbone_class(export['meta']['backbone'], str(path))
    return {
        our_name(name, kind, str(path)): (
            to_spconv2(value) if is_kernel(value) and not kind.kernels_are_spconv1 else value
        ).float()
        if value.is_floating_point()
        else value
        for name, value in export['state_dict'].items()
    }


def our_name(name: str, kind: type[LossVoxelBackbone], source: str) -> str:
    """The name in the backbone of a tensor of an exported file. InputError where it has none."""
    for names in (kind.downstream_names, *kind.downstream_names_by_task.values()):
        if (own := own_name(name, names)) is not None:
            return own
    raise InputError(f'{source}: {name} is no tensor of {kind.__name__}; export it again from its checkpoint')
