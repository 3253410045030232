"""What crosses between the host and a GPU, which the host waits for at each crossing: as seldom as can be."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor


def constant(values: Sequence[float], dtype: torch.dtype, device: torch.device) -> Tensor:
    """(n,) tensor of ``values``, which nobody may write to: the same one for every call, copied once."""
    return _made_once(tuple(values), dtype, torch.device(device))


@lru_cache(maxsize=256)
def _made_once(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # what is made in it could not be used outside
        return torch.tensor(values, dtype=dtype, device=device)


def as_numbers(scalars: Mapping[str, Tensor]) -> dict[str, float]:
    """Scalars of one device as numbers, in one copy."""
    return dict(zip(scalars, torch.stack([value.detach().double() for value in scalars.values()]).tolist()))


def without_waiting(value: Tensor, device: torch.device | str) -> Tensor:
    """A tensor on another device; to a GPU through pinned memory, from which it is copied while the work goes on."""
    device = torch.device(device)
    if device.type == 'cuda' and value.device.type == 'cpu':
        value = value.pin_memory()
    return value.to(device, non_blocking=True)
