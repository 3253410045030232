"""Whether an override of one place leaves others as they were that a config makes from the same number."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..errors import InputError
from .config_changes import leaves_of
from .known_keys import OF_RUNNERS, value_at

SECTIONS = ('model', 'train_cfg', 'optim_wrapper', 'param_scheduler')
COUPLED = {'max_iters', 'max_epochs', 'total_steps', 'T_max', 'end', 'lr', 'eta_max', 'voxel_size', 'point_cloud_range'}
"""Names of what means one thing wherever it stands in these sections. Other numbers may come from one variable and be
chosen apart: how often a checkpoint is written, a batch and the one that a rate was chosen for."""
SHOWN = 3


def require_whole(
    path: Path, before: Config, now: Config, dotted: Mapping[str, Any], made_with: Callable[[str, Any], Config | None]
) -> None:
    """InputError, with the variable to override instead, where a dotted key gives one place of several another number:
    `train_cfg.max_iters` without the schedule's length, a rate without its peak.

    Args:
        path: of the config.
        before: without the dotted keys.
        now: with them.
        dotted: these keys, and what was given for them.
        made_with: a variable and another value of it -> the config, None where it cannot be made.
    """
    left = _places(before)
    for key, value in dotted.items():
        old, new = value_at(before, key), value_at(now, key)
        if key.rpartition('.')[2] not in COUPLED or key not in left or old == new:
            continue
        for name in [name for name in before if _is_variable(name) and _same(before[name], old)]:
            whole = made_with(name, new)
            made = {} if whole is None else _places(whole)
            if key not in made or not _same(made[key], new):
                continue
            others = [one for one in made if made[one] != left.get(one) and value_at(now, one) == value_at(before, one)]
            if others:
                more = f' and {len(others) - SHOWN} more' if len(others) > SHOWN else ''
                raise InputError(
                    f'{path}: {key}={value} alone would leave {", ".join(others[:SHOWN])}{more}, made from the same '
                    f'{name}={old}, as before; say {name}={value}'
                )


def _places(cfg: Config) -> dict[str, Any]:
    """Dotted key -> value, of the sections."""
    return dict(leaves_of({name: cfg[name] for name in SECTIONS if name in cfg}))


def _is_variable(name: str) -> bool:
    return not name.startswith('_') and name not in OF_RUNNERS


def _is_numeric(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_numeric, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    """Whether both are the same number, or the same numbers in a list or a tuple."""
    return _is_numeric(one) and _is_numeric(other) and _listed(one) == _listed(other)


def _listed(value: Any) -> Any:
    return list(map(_listed, value)) if isinstance(value, list | tuple) else value
