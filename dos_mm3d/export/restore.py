"""Back from an exported file to the pretraining model that its backbone is of, to probe what ships."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..models.backbones.base import LossVoxelBackbone
from ..models.methods.exported_names import own_name
from .backbone import FORMAT, backbone_class, read_export
from .config_text import read_values
from .conversion import unregistered
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
    if unknown := unregistered(config['model']):
        raise InputError(
            f'{path}: its config names the classes {unknown[:5]}, which are registered nowhere; wanted those of a '
            'config of configs/dos. Give the config of its pretraining: --config PATH'
        )
    return {name: config[name] for name in KEPT if name in config}


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
