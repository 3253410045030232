"""Toy runs of a backbone with BatchNorm and a head, whose weights are kept after every step."""

from pathlib import Path
from typing import Any

import torch
from mmdet3d.registry import HOOKS, MODELS
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import Tensor, nn

from tests.helpers.toy_runs import toy_run

BACKBONE = 'backbone.'


@MODELS.register_module()
class TwoParts(BaseModel):
    """Two layers and BatchNorm, then a linear head. penalty: of 1/2 |w - w0|^2 of the backbone, in the loss."""

    def __init__(self, penalty: float = 0.0) -> None:
        super().__init__()
        self.penalty = penalty
        self.backbone = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 4))
        self.head = nn.Linear(4, 1)
        self.start: dict[str, Tensor] = {}

    def forward(self, inputs: Tensor, mode: str = 'loss') -> dict[str, Tensor]:
        if not self.start:
            self.start = {name: value.detach().clone() for name, value in self.backbone.named_parameters()}
        loss = (self.head(self.backbone(inputs)) - 1).square().mean()
        moved = [(value - self.start[name]).square().sum() for name, value in self.backbone.named_parameters()]
        return {'loss': loss + self.penalty / 2 * sum(moved)}


@HOOKS.register_module()
class KeepStates(Hook):
    """The state dict before the first and after every step."""

    priority = 'LOWEST'

    def before_train(self, runner) -> None:
        runner.states = {runner.iter: _copy(runner.model)}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        runner.states[runner.iter + 1] = _copy(runner.model)


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def two_part_run(work_dir: Path, *hooks: dict, resume: Path | None = None, **changed: Any) -> dict[int, dict]:
    """Step -> state dict after it, 0 before the first, of eight steps unless `max_iters` says otherwise."""
    model = dict(type='TwoParts', _delete_=True) | changed.pop('model', {})
    settings = {'max_iters': 8, 'model': model, 'custom_hooks': [*hooks, dict(type='KeepStates')]} | changed
    return toy_run(work_dir, resume=resume, **settings).states


def part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if name.startswith(prefix)}


def alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Bit by bit."""
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())
