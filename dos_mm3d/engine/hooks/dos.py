"""When the teacher moves and the schedules advance; what that means is the model's business."""

import torch
from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn

from ...errors import InputError
from ...functional.schedules import cosine_ramp
from ...models.methods.student_teacher import StudentTeacher


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside DistributedDataParallel, or the model itself."""
    return model.module if is_model_wrapper(model) else model


def require_moved_teacher(runner) -> None:
    """InputError where a teacher would stay as it began, and every schedule with it, as no hook moves them."""
    if isinstance(unwrap(runner.model), StudentTeacher) and not any(isinstance(hook, DOSHook) for hook in runner.hooks):
        raise InputError(
            'custom_hooks: has no DOSHook, and without it the teacher stays as it began; wanted '
            "dict(type='DOSHook', momentum=(0.994, 1.0)) among them, as in configs/_base_/pretraining_runtime.py"
        )


class OptimizerStepCounter:
    """Counts real steps of an optimiser: not accumulation, not a step that a gradient scaler skipped.

    GradScaler either does not call ``step`` on overflow, or, for fused optimisers, calls it with ``found_inf`` set.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.count = 0
        self.handle = optimizer.register_step_post_hook(self.after_step)

    def after_step(self, optimizer: torch.optim.Optimizer, args: tuple, kwargs: dict) -> None:
        found_inf = getattr(optimizer, 'found_inf', None)
        self.count += int(found_inf is None or not bool(found_inf))


@HOOKS.register_module()
class DOSHook(Hook):
    """Schedules before, teacher update after every iteration in which the optimiser really stepped.

    Args:
        momentum: share of the teacher that stays at an update, teacher <- momentum * teacher + (1 - momentum) *
            student, at the first and at the last iteration; half a cosine in between.
    """

    def __init__(self, momentum: tuple[float, float] = (0.994, 1.0)) -> None:
        if not all(0 <= one <= 1 for one in momentum):
            raise InputError(f'momentum is the share of the teacher that stays, in [0, 1], got {tuple(momentum)}')
        if momentum[0] == 1 or momentum[0] > momentum[1]:
            raise InputError(
                f'momentum is the share of the teacher that stays, at the first and at the last iteration; wanted '
                f'one that begins below 1, where the teacher would not move, and does not fall, got {tuple(momentum)}'
            )
        self.momentum = tuple(momentum)

    def before_train(self, runner) -> None:
        self.steps = OptimizerStepCounter(runner.optim_wrapper.optimizer)
        self.num_skipped = 0

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        unwrap(runner.model).set_step(runner.iter, runner.max_iters)
        self.steps_before = self.steps.count

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        self.report_skipped(runner, data_batch or {})
        if self.steps.count == self.steps_before:
            return
        momentum = cosine_ramp(runner.iter, runner.max_iters, *self.momentum)
        unwrap(runner.model).update_teacher(momentum)
        runner.message_hub.update_scalar('train/teacher_momentum', momentum)

    def after_train(self, runner) -> None:
        self.steps.handle.remove()

    def report_skipped(self, runner, data_batch: dict) -> None:
        """Say which sweeps the data set replaced (on_bad_file='skip'), and how many so far."""
        messages = [message for sample in data_batch.get('skipped', []) for message in sample.splitlines()]
        for message in messages:
            self.num_skipped += 1
            runner.logger.warning(f'skipped sweep {self.num_skipped}: {message}')
        if messages:
            runner.message_hub.update_scalar('train/sweeps_skipped', float(self.num_skipped))
