"""Numbers that never change, as tensors that are on their device already."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor


def constant(values: Sequence[float], dtype: torch.dtype, device: torch.device) -> Tensor:
    """(n,) tensor of ``values``, which nobody may write to: the same one for every call.

    ``torch.tensor(values, device=...)`` copies from pageable memory, and a GPU is waited for at each of its calls.
    """
    return _made_once(tuple(values), dtype, torch.device(device))


@lru_cache(maxsize=256)
def _made_once(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # what is made in it could not be used outside
        return torch.tensor(values, dtype=dtype, device=device)
