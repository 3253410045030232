"""Names of an exported backbone, turned back into those of a pretraining."""

from collections.abc import Mapping

from torch import Tensor

from ..backbones.base import LossVoxelBackbone

SIDES = ('student', 'teacher')


def on_both_sides(state_dict: Mapping[str, Tensor], kind: type[LossVoxelBackbone]) -> Mapping[str, Tensor]:
    """The tensors of an exported backbone as those of student and teacher, what else there is as it is; the very same
    dict where none is of such a backbone.

    kind: of the backbone, which says under which names it is exported.
    """
    by_task = getattr(kind, 'downstream_names_by_task', {})
    for names in (getattr(kind, 'downstream_names', {}), *by_task.values()):
        theirs = {name: own_name(name, names) for name in state_dict}
        if any(theirs.values()):
            return {
                place: value
                for name, value in state_dict.items()
                for place in ([f'{side}.backbone.{theirs[name]}' for side in SIDES] if theirs[name] else [name])
            }
    return state_dict


def own_name(name: str, names: Mapping[str, str]) -> str | None:
    """The name that a tensor has here. names: prefix here -> prefix downstream; None where none is the tensor's."""
    fitting = [ours for ours, theirs in names.items() if name.startswith(theirs)]
    ours = max(fitting, key=lambda prefix: len(names[prefix]), default=None)
    return None if ours is None else ours + name.removeprefix(names[ours])
