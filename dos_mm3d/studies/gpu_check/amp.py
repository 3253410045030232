"""Half precision: a step that overflows must change nothing, and the run must go on."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from .check import Check, CheckFailed, Found, Place
from .training import pretraining, train

OVERFLOW = {'init_scale': 2.0**60, 'backoff_factor': 2.0**-50, 'growth_interval': 1000}
"""Of the gradient scaler: float16 overflows in the first step, and the scale is 1024 in the second."""
STEPS = 4


def checks() -> list[Check]:
    """All of this stage."""
    return [Check('amp/overflow', overflow, needs_gpu='mixed precision needs one')]


def overflow(place: Place) -> Found:
    """Of float16 with a scale that is far too large, the first step moves neither student nor teacher."""
    cfg, watch = pretraining('minkunet', place, 'amp', steps=STEPS), MovedTensors()
    cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype='float16', loss_scale=OVERFLOW)
    losses = train(cfg, [watch])
    facts = {'losses': losses, 'moved': watch.moved}
    if not torch.tensor(losses).isfinite().all():
        raise CheckFailed(f'losses {losses}', facts)
    if watch.moved[0] or not all(watch.moved[1:]):
        raise CheckFailed(
            f'parameters moved in each step: {watch.moved}, wanted all but the first, which overflows', facts
        )
    return Found(f'the step that overflows is left out, the next {STEPS - 1} are not', facts)


class MovedTensors(Hook):
    """How many parameters of student, teacher and head moved in each step."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.moved: list[int] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        self.before = {name: value.detach().clone() for name, value in runner.model.named_parameters()}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        now = runner.model.named_parameters()
        self.moved.append(sum(not torch.equal(value, self.before[name]) for name, value in now))
