"""mmengine's one-cycle schedule for groups of parameters with rates of their own."""

from typing import Any

from mmdet3d.registry import PARAM_SCHEDULERS
from mmengine.optim import OneCycleLR


@PARAM_SCHEDULERS.register_module()
class ProportionalOneCycleLR(OneCycleLR):
    """mmengine's sets one peak in all groups, which undoes layer-wise rates; here each has its share of it.

    With one rate for all it is mmengine's.

    Args:
        optimizer: whose groups have rates; that of a group without one of its own is the optimiser's.
        eta_max: peak of the optimiser's rate; a group with a tenth of that rate has a tenth of this peak.
        args, kwargs: mmengine's.
    """

    def __init__(self, optimizer: Any, *args: Any, eta_max: float, **kwargs: Any) -> None:
        base = getattr(optimizer, 'optimizer', optimizer).defaults['lr']
        peaks = [eta_max * group['lr'] / base for group in optimizer.param_groups]
        super().__init__(optimizer, *args, eta_max=peaks, **kwargs)
