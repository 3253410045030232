"""What came of a conversion of somebody else's weights."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmdet3d.registry import MODELS
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from ..errors import InputError


@dataclass(frozen=True)
class Conversion:
    """What was done with each tensor, and the model that they fit.

    Args:
        used: names in the file of the tensors that were taken.
        unused: names in the file of those that were not.
        missing: names in the model of those that the file lacks.
        model: arguments of the model.
        origins: name of a setting, as in published configs -> where it comes from.
        warnings: sentences about what was assumed or is not known.
        parameters: how many numbers were written.
    """

    used: tuple[str, ...]
    unused: tuple[str, ...]
    missing: tuple[str, ...]
    model: dict[str, Any]
    origins: dict[str, str]
    warnings: tuple[str, ...]
    parameters: int

    def report(self) -> str:
        """The used, unused and missing tensors, one line for those of a block together."""
        names = dict(used=self.used, unused=self.unused, missing=self.missing)
        return '\n'.join(line for title, found in names.items() for line in _lines(title, found))


def _lines(title: str, names: Sequence[str]) -> list[str]:
    groups = Counter(re.sub(r'(\.(?:block|blocks\.|stack\.)\d+\.).*', r'\1*', name) for name in names)
    counted = [f'    {group}' + (f' ({count})' if count > 1 else '') for group, count in groups.items()]
    return [f'{title}: {len(names)} tensors', *counted]


STATISTICS = ('running_mean', 'running_var')


def places_of(model: dict[str, Any], source: str, device: str = 'meta') -> dict[str, Tensor]:
    """Every tensor of a model, parameters as such. InputError if it cannot be built.

    device: 'meta' for tensors without numbers, which not every module of mmdet3d can be built with.
    """
    try:
        with torch.random.fork_rng(devices=[]), torch.device(device):
            return dict(MODELS.build(model).state_dict(keep_vars=True))
    except Exception as error:  # of settings that are none, modules raise nearly anything
        raise InputError(f'{source}: no model can be built for its tensors and config: {error}') from error


def types_in(config: Any) -> Iterator[str]:
    """Every `type` in nested containers."""
    if isinstance(config, Mapping):
        if 'type' in config:
            yield str(config['type'])
        config = tuple(config.values())
    if isinstance(config, list | tuple):
        for item in config:
            yield from types_in(item)


def unregistered(config: Any) -> list[str]:
    """Sorted classes in nested containers that are registered nowhere: mmengine would import and call them."""
    known = {name for registry in _registries() for name in registry.module_dict}
    return sorted(set(types_in(config)) - known)


def _registries() -> Iterator[Any]:
    """mmdet3d's models and what they inherit from, where mmengine looks a plain name up, and initialisers."""
    yield WEIGHT_INITIALIZERS
    registry = MODELS
    while registry is not None:
        yield registry
        registry = registry.parent


def check_fit(tensors: Mapping[str, Tensor], places: Mapping[str, Tensor], source: str) -> None:
    """InputError unless every tensor that the model has a place for fits there, and nothing that it has learnt, or
    counted for BatchNorm, is missing: it would be a random number."""
    shapes = [
        f'{name} {tuple(tensors[name].shape)}, wanted {tuple(place.shape)}'
        for name, place in places.items()
        if name in tensors and tensors[name].shape != place.shape
    ]
    if shapes:
        raise InputError(f'{source}: {len(shapes)} tensors do not fit the model of the others: {"; ".join(shapes[:4])}')
    kinds = [
        f'{name} {tensors[name].dtype}, wanted {place.dtype}'
        for name, place in places.items()
        if name in tensors and place.is_floating_point() and not tensors[name].is_floating_point()
    ]
    if kinds:
        raise InputError(
            f'{source}: {len(kinds)} tensors are whole numbers, as of a quantised model, whose scale is not in them: '
            f'{"; ".join(kinds[:4])}'
        )
    lost = [
        name
        for name, place in places.items()
        if name not in tensors and (isinstance(place, nn.Parameter) or name.endswith(STATISTICS))
    ]
    if lost:
        raise InputError(
            f'{source}: lacks {len(lost)} of {len(places)} tensors of the model that the others are of, which would be '
            f'random: {", ".join(lost[:4])}'
        )
