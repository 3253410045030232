"""What came of a conversion of somebody else's weights."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmdet3d.registry import MODELS
from torch import Tensor

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


def shapes_of(model: dict[str, Any], source: str) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a model, which is built without memory for it. ValueError if it cannot be built."""
    try:
        with torch.device('meta'):
            return {name: tuple(value.shape) for name, value in MODELS.build(model).state_dict().items()}
    except (TypeError, ValueError) as error:
        raise InputError(f'{source}: no model can be built for its tensors and config: {error}') from error


def check_shapes(tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
    """ValueError unless every tensor that the model has a place for fits there."""
    wrong = [
        f'{name} {tuple(tensors[name].shape)}, wanted {shape}'
        for name, shape in shapes.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    if wrong:
        raise InputError(f'{source}: {len(wrong)} tensors do not fit the model of the others: {"; ".join(wrong[:4])}')
