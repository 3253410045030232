"""AdamW as fast as torch has it."""

from collections.abc import Iterable
from typing import Any

import torch
from mmengine.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import AdamW

OTHER_WAYS = {'fused', 'foreach', 'capturable', 'differentiable'}


@OPTIMIZERS.register_module()
class FusedAdamW(AdamW):
    """torch's AdamW, in one pass over the parameters where torch has that for their device.

    It rounds otherwise than the plain one, in the last bits of float32, and so do runs. A resumed run goes on in the
    way of its checkpoint.

    Args:
        params: as for torch's.
        settings: as for torch's; one that chooses another way of computing leaves the choice to it.
    """

    def __init__(self, params: Iterable[Tensor | dict[str, Any]], **settings: Any) -> None:
        groups = list(params)
        if not settings.keys() & OTHER_WAYS:
            settings['fused'] = all(map(can_fuse, devices_of(groups)))
        super().__init__(groups, **settings)


def devices_of(groups: Iterable[Tensor | dict[str, Any]]) -> set[torch.device]:
    """Where the parameters of an optimiser's groups lie."""
    found = set()
    for group in groups:
        params = group['params'] if isinstance(group, dict) else group
        found |= {param.device for param in ([params] if isinstance(params, Tensor) else params)}
    return found


def can_fuse(device: torch.device) -> bool:
    """Whether this torch has a fused AdamW for a device: on the CPU it came with torch 2.4."""
    try:
        AdamW([torch.zeros(1, device=device)], fused=True)
    except RuntimeError:
        return False
    return True
