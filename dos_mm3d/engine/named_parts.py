"""Parts of a model by the beginnings of their names, as pretraining or a config names them."""

from collections.abc import Sequence

from torch import nn
from torch.nn import Parameter

from ..errors import InputError


def parameters_below(model: nn.Module, prefixes: Sequence[str]) -> dict[str, Parameter]:
    """Name -> parameter, of those whose names begin with one of the prefixes; InputError for one that fits none."""
    names = dict(model.named_parameters())
    if lost := [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in names)]:
        groups = sorted({'.'.join(name.split('.')[:2]) + '.' for name in names})
        raise InputError(
            f'{type(model).__name__} has no parameter whose name begins with {", ".join(lost)}; wanted some of '
            f'{", ".join(groups)}'
        )
    return {name: parameter for name, parameter in names.items() if name.startswith(tuple(prefixes))}


def modules_below(model: nn.Module, prefixes: Sequence[str]) -> list[nn.Module]:
    """The modules whose names begin with one of the prefixes, or are it without its last dot."""
    return [module for name, module in model.named_modules() if f'{name}.'.startswith(tuple(prefixes))]
