"""Weight decay towards the pretrained weights."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook
from torch import Tensor

from ...errors import InputError
from ...functional.l2_sp import pull_back_
from ..named_parts import parameters_below
from .dos import unwrap

KEY = 'l2_sp_start'  # in a checkpoint


@HOOKS.register_module()
class L2SPHook(Hook):
    """Before every step of the optimiser w <- w - lr * strength * (w - w0), with w0 the weights of the first step.

    It takes the place of the weight decay of these weights, which must have groups of the optimiser to themselves:
    ``optim_wrapper.paramwise_cfg=dict(custom_keys={'backbone.': {}})``, or LayerDecay. Checkpoints hold w0, so that a
    resumed run is pulled to where it began.

    Args:
        prefixes: of the names of the pulled weights.
        strength: of the pull, in the unit of AdamW's weight decay.
    """

    priority = 'BELOW_NORMAL'
    start: dict[str, Tensor] | None = None

    def __init__(self, prefixes: Sequence[str], strength: float) -> None:
        if strength <= 0:
            raise InputError(f'L2SPHook: strength is {strength}, wanted more than 0')
        self.prefixes, self.strength = tuple(prefixes), strength

    def after_load_checkpoint(self, runner, checkpoint: dict[str, Any]) -> None:
        if runner._resume:  # weights to start from are the start, whatever run they come from
            self.start = checkpoint.get(KEY)

    def before_save_checkpoint(self, runner, checkpoint: dict[str, Any]) -> None:
        checkpoint[KEY] = self.start

    def before_train(self, runner) -> None:
        pulled = parameters_below(unwrap(runner.model), self.prefixes)
        if self.start is None:
            self.start = {name: value.detach().clone() for name, value in pulled.items()}
        self.start = {name: self.start[name].to(value.device) for name, value in pulled.items()}
        optimizer = runner.optim_wrapper.optimizer
        found = [(group, *self._pairs(group, pulled)) for group in optimizer.param_groups]
        self.groups = [(group, weights, start) for group, weights, start in found if weights]
        for group, weights, _ in self.groups:
            if len(weights) < len(group['params']):
                raise InputError(
                    f'L2SPHook: {", ".join(self.prefixes)} share a group of the optimiser with other weights, whose '
                    'decay is another one; wanted groups of their own: '
                    "optim_wrapper.paramwise_cfg=dict(custom_keys={'PREFIX': {}})"
                )
            group['weight_decay'] = 0.0
        self.handle = optimizer.register_step_pre_hook(self._pull)

    def after_train(self, runner) -> None:
        self.handle.remove()

    def _pairs(self, group: dict[str, Any], pulled: dict[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The pulled weights of a group of the optimiser, and where they are pulled to."""
        inside = {id(parameter) for parameter in group['params']}
        names = [name for name, value in pulled.items() if id(value) in inside]
        return [pulled[name] for name in names], [self.start[name] for name in names]

    def _pull(self, optimizer: torch.optim.Optimizer, args: tuple, kwargs: dict) -> None:
        for group, weights, start in self.groups:
            pull_back_(weights, start, share=group['lr'] * self.strength)
