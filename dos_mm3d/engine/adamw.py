"""AdamW as configs name it: torch's numbers, computed faster on the CPU."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import AdamW

from ..cpu.adamw import follow, move

OTHER_WAYS = ('amsgrad', 'maximize', 'foreach', 'capturable', 'differentiable', 'fused')


@OPTIMIZERS.register_module(name='AdamW')  # not a name of its own: a run goes on with the kind that it began with
class CompiledAdamW(AdamW):
    """torch's AdamW, with its state; parameters in float32 on the CPU are moved by :mod:`dos_mm3d.cpu.adamw`, on one
    thread, since it is the memory that they wait for.

    Where some parameter is of another kind, or another way of computing is asked for, all of it is torch's own.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step, as torch's."""
        if not all(map(can_compile, self.param_groups)):
            return unwrap(AdamW.step)(self, closure)  # without torch's hooks, which are around this one already
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group['params']:
                if weight.grad is not None:
                    self.move(weight, group)
        return loss

    def move(self, weight: Tensor, group: dict[str, Any]) -> None:
        """Move one parameter by the settings of its group."""
        state = self.state[weight]
        if not state:
            state['step'] = torch.tensor(0.0)
            state['exp_avg'], state['exp_avg_sq'] = torch.zeros_like(weight), torch.zeros_like(weight)
        state['step'] += 1
        step, rate, (beta1, beta2) = state['step'].item(), group['lr'], group['betas']
        average, square = state['exp_avg'], state['exp_avg_sq']
        follow(flat(average), flat(square), flat(weight.grad.contiguous()), *singles(1 - beta1, beta2, 1 - beta2))
        settings = 1 - rate * group['weight_decay'], (1 - beta2**step) ** 0.5, group['eps'], rate / (1 - beta1**step)
        # the root is torch's: its library rounds some of them otherwise than the processor
        move(flat(weight), flat(average), flat(square.sqrt()), *singles(*settings))


def can_compile(group: dict[str, Any]) -> bool:
    """Whether a group of parameters is one of those that are compiled."""
    plain = not any(group.get(name) for name in OTHER_WAYS) and not isinstance(group['lr'], Tensor)
    return plain and all(
        weight.device.type == 'cpu' and weight.dtype == torch.float32 and weight.is_contiguous()
        for weight in group['params']
    )


def flat(values: Tensor) -> np.ndarray:
    """(n,) the memory of a contiguous tensor."""
    return values.detach().view(-1).numpy()


def singles(*numbers: float) -> list[np.float32]:
    """The numbers in float32, as torch rounds them before it computes."""
    return [np.float32(number) for number in numbers]
