"""Whether a key of the command line can change anything: what is not known is refused, with the nearest that are."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from mmengine import registry as registries
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ..errors import InputError


def _arguments(*callables: Any) -> set[str]:
    return {name for one in callables for name in inspect.signature(one).parameters} - {'self'}


OF_RUNNERS = _arguments(Runner.__init__) - {'cfg'} | {
    *('runner_type', 'custom_imports', 'sync_bn', 'find_unused_parameters', 'model_wrapper_cfg'),
    *('activation_checkpointing', 'efficient_conv_bn_eval', 'compile', 'tta_model', 'tta_pipeline'),
}
"""Variables that mean something in every config, also where it does not state them."""
OF_BUILDERS = {'type', '_delete_', '_scope_', 'priority', 'constructor', 'paramwise_cfg', 'convert_to_iter_based'}
"""Entries that mmengine takes out before it builds a class."""
_LOADER = _arguments(DataLoader.__init__) | {'num_batch_per_epoch', 'disable_subprocess_warning'}
OF_SECTIONS = {
    'train_dataloader': _LOADER,
    'val_dataloader': _LOADER,
    'test_dataloader': _LOADER,
    'train_cfg': _arguments(EpochBasedTrainLoop.__init__, IterBasedTrainLoop.__init__) | {'by_epoch'},
    'randomness': _arguments(Runner.set_randomness),
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'optim_wrapper.paramwise_cfg': {
        *('custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult', 'dwconv_decay_mult'),
        *('dcn_offset_lr_mult', 'bypass_duplicate', 'layer_decay'),
    },
}
"""Entries of variables that name no class; mmengine takes others without a word."""
_MADE_BY = {
    'randomness': Runner.set_randomness,
    **{f'{loop}_dataloader': DataLoader.__init__ for loop in ('train', 'val', 'test')},
}
OPEN = {'optim_wrapper.paramwise_cfg'}
"""Of these, those that a class of the user's own may read further entries of."""


def require_known(key: str, cfg: Config, path: Path) -> None:
    """InputError, with the nearest names, for a key that nothing would read.

    Its first part must be a variable of the config or of runners. What follows is an entry that is there, or one that
    the class, or mmengine's section, around it takes. Where neither tells, a name that is nearly one of those that are
    known is taken for a slip.
    """
    first, *rest = key.split('.')
    variables = {name for name in cfg if not name.startswith('_')}
    if first not in variables | OF_RUNNERS:
        near = (
            _called(key, cfg) or get_close_matches(first.lower(), sorted(variables | OF_RUNNERS)) or sorted(variables)
        )
        raise _Unknown(path, first, key, near)
    place, within = cfg.get(first), first
    for name in rest:
        if isinstance(place, list | tuple) and not (name.isdigit() and int(name) < len(place)):
            raise InputError(
                f'{path}: {key} has no place: {within} is a list of {len(place)}, and its entries are named by their '
                f'numbers, {within}.0 the first'
            )
        if place is None and within in OF_SECTIONS:
            place = {}
        if isinstance(place, Mapping) and name not in place:
            taken, is_all = _settings_of(cfg, within) or _entries_of(place, within)
            near = get_close_matches(name, sorted(taken))
            if name not in taken and (is_all or near):
                raise _Unknown(f'{path}: {within}', name, key, near or sorted(taken - OF_BUILDERS))
        place, within = _entry(place, name), f'{within}.{name}'


def may_be_none(cfg: Config, key: str) -> bool:
    """Whether a dotted key is an argument that the class around it can do without: its default is None."""
    return None in [argument.default for argument in _arguments_called(cfg, key)]


def is_text(cfg: Config, key: str) -> bool:
    """Whether a dotted key is an argument that the class around it says to be a text, or None."""
    kinds = [set(get_args(argument.annotation) or {argument.annotation}) for argument in _arguments_called(cfg, key)]
    return bool(kinds) and all(kind - {NoneType} == {str} for kind in kinds)


def default_number(cfg: Config, key: str) -> float | None:
    """The number that stands for a dotted key where nothing is said, of an argument that has one."""
    numbers = (argument.default for argument in _arguments_called(cfg, key))
    return next((number for number in numbers if type(number) in (int, float)), None)


def is_yes_or_no(cfg: Config, key: str) -> bool:
    """Whether a dotted key is an argument that is True or False where nothing else is said."""
    return any(type(argument.default) is bool for argument in _arguments_called(cfg, key))


def _arguments_called(cfg: Config, key: str) -> list[inspect.Parameter]:
    """The arguments that a dotted key may be, by the class that the place around it names, or by what mmengine makes
    of that place."""
    above, _, name = key.rpartition('.')
    place = value_at(cfg, above) if above else None
    kind = place.get('type') if isinstance(place, Mapping) else None
    made = [
        one
        for registered in (registered_as(kind) if isinstance(kind, str) else ())
        for one in constructors_of(registered)
    ]
    made += [_MADE_BY[above]] if above in _MADE_BY else []
    return [inspect.signature(one).parameters[name] for one in made if name in inspect.signature(one).parameters]


def _called(name: str, place: Any, within: str = '') -> list[str]:
    """The places in what runners read of a config that are called so."""
    if not isinstance(place, Mapping | Config):
        return []
    entries = {key: f'{within}.{key}' if within else key for key in place if within or key in OF_RUNNERS}
    return [where for key, where in entries.items() if within and key == name] + [
        found for key, where in entries.items() for found in _called(name, place[key], where)
    ]


class _Unknown(InputError):
    """A key of which nobody knows what it is."""

    def __init__(self, place: str | Path, name: str, key: str, near: Sequence[str]) -> None:
        super().__init__(f'{place} has no {name}, so {key} would change nothing; nearest: {", ".join(near)}')


def value_at(cfg: Mapping[str, Any] | Config, key: str) -> Any:
    """The value at a dotted key of a config; None where there is none."""
    found: Any = cfg
    for part in key.split('.'):
        found = _entry(found, part)
    return found


def _entry(place: Any, name: str) -> Any:
    if isinstance(place, list | tuple):
        return place[int(name)] if name.isdigit() and int(name) < len(place) else None
    return place.get(name) if isinstance(place, Mapping | Config) else None


def _entries_of(place: Mapping[str, Any], within: str) -> tuple[set[str], bool]:
    """Names of entries that a mapping of the config has or may have, and whether these are all."""
    there = set(place) | OF_BUILDERS
    if isinstance(place.get('type'), str):
        found = [arguments_of(one) for one in registered_as(place['type'])]
        return there.union(*(names for names, _ in found)), bool(found) and all(is_all for _, is_all in found)
    return there | OF_SECTIONS.get(within, set()), within in OF_SECTIONS.keys() - OPEN


def _settings_of(cfg: Config, within: str) -> tuple[set[str], bool] | None:
    """What the class around a place makes of it, where its `SETTINGS` name that."""
    above, _, name = within.rpartition('.')
    around = value_at(cfg, above) if above else None
    kind = around.get('type') if isinstance(around, Mapping) else None
    made = [getattr(one, 'SETTINGS', {}).get(name) for one in (registered_as(kind) if isinstance(kind, str) else ())]
    return next((arguments_of(one) for one in made if one is not None), None)


def arguments_of(kind: Any) -> tuple[set[str], bool]:
    """Every argument that a class, or function, takes, and whether these are all.

    What a class passes on to the one that it is made from counts, and to the one that its `KEYWORDS_OF` names; it may
    pass on to others, too.
    """
    taken: set[str] = set()
    for one in constructors_of(kind):
        parameters = inspect.signature(one).parameters.values()
        taken |= {parameter.name for parameter in parameters} - {'self', 'args', 'kwargs'}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            return taken, True
    return taken, not constructors_of(kind)


def constructors_of(kind: Any) -> list[Any]:
    if not isinstance(kind, type):
        return [kind]
    made = [vars(one)['__init__'] for one in kind.__mro__ if '__init__' in vars(one) and one is not object]
    return [*made, *(constructors_of(kind.KEYWORDS_OF) if hasattr(kind, 'KEYWORDS_OF') else ())]


def registered_as(name: str) -> Iterator[Any]:
    """What is registered under a name, with or without its package before it, in any registry that has been filled."""
    name = name.rpartition('.')[2]
    for root in vars(registries).values():
        if isinstance(root, Registry):
            for one in (root, *root.children.values()):
                if name in one.module_dict:
                    yield one.module_dict[name]
