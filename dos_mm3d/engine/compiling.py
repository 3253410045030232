"""Whether torch can compile as a config asks: upstream that shows at the first step, when all else is built."""

import copy
from collections.abc import Mapping

import torch
from mmengine.config import Config
from mmengine.device import get_device

from ..errors import InputError


def check_compile(cfg: Config) -> None:
    """InputError, with the backends that are there, where `compile` of a config does not compile the sum of two numbers
    on this machine: no such backend, mode or option, or a compiler that it needs is missing."""
    settings = cfg.get('compile')
    if settings is None or settings is False:
        return
    if settings is not True and not isinstance(settings, Mapping):
        raise InputError(
            f"compile={settings!r}: wanted True, False or arguments of torch.compile, such as dict(backend='inductor')"
        )
    arguments = {} if settings is True else copy.deepcopy(dict(settings))
    try:
        torch.compile(_sum, **arguments)(torch.ones(1, device=get_device()))
    except Exception as error:  # backends raise what they like
        said = next(iter(str(error).strip().splitlines()), 'no message')
        raise InputError(
            f'compile={settings}: torch cannot compile so ({type(error).__name__}: {said}); its backends are '
            f'{", ".join(torch.compiler.list_backends())}. Correct it, or leave compile out'
        ) from error


def _sum(value: torch.Tensor) -> torch.Tensor:
    return value + 1
