"""Which backbone a checkpoint holds, and how its tensors are called in the mmdet3d model that they are for."""

from collections.abc import Mapping

from mmdet3d.registry import MODELS
from torch import Tensor

from ..errors import InputError
from ..models.backbones.base import LossVoxelBackbone


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
