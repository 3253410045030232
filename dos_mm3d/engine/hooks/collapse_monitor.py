"""Stop a run whose features collapse: the loss would not show it (docs/method.md, "Monitors")."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from mmdet3d.registry import HOOKS
from mmengine.dist import all_gather_object, all_reduce, all_reduce_dict, is_main_process
from mmengine.hooks import Hook
from torch import Tensor, nn

from ...errors import InputError, InputTypeError, UserError
from ...visualization.curves import MONITORS, draw_monitors
from ...visualization.style import write_png
from .collapse_failures import NOT_FINITE, Judge, advise, choose_failures, describe
from .dos import unwrap

HISTORY = 'collapse_monitor'
"""Key of the looks so far in the message hub, which checkpoints carry: a resumed run's picture starts at step 1."""
OUTSIDE = 'collapse_monitor_outside'
"""Key, there too, of the looks that each failure has lasted: it is named as soon as without the interruption."""


class CollapseError(UserError, RuntimeError):
    """The features of a pretraining run have collapsed."""


@HOOKS.register_module()
class CollapseMonitorHook(Hook):
    """Logs the model's collapse statistics, draws them, and stops a collapsed run with its name and likely cause.

    With the defaults a failure is named within ``patience * interval`` = 40 iterations of crossing its limit; a loss
    that is not finite in its own iteration; a parameter, buffer or statistic that is not finite at the next look.
    All ranks decide on numbers that were reduced over all of them, and so alike.

    Args:
        interval: iterations between two looks.
        patience: consecutive looks outside a limit before the failure is named.
        warmup_iters: iterations in which only what no start of a run explains is named: values that are not finite,
            and exactly constant features. Looks in it count towards patience.
        limits: {statistic: limit} in place of those of collapse_failures.py; None leaves a statistic unjudged.
        on_collapse: 'stop' raises :class:`CollapseError`; 'warn' writes to the log, once per ``patience`` looks.
        draw_interval: iterations between two drawings of <log folder>/collapse.png; the end and a stop draw it, too.
    """

    def __init__(
        self,
        interval: int = 10,
        patience: int = 4,
        warmup_iters: int = 0,
        limits: Mapping[str, float | None] | None = None,
        on_collapse: str = 'stop',
        draw_interval: int = 200,
    ) -> None:
        if on_collapse not in ('stop', 'warn'):
            raise InputError(f"on_collapse must be 'stop' or 'warn', got {on_collapse!r}")
        if min(interval, patience, draw_interval) < 1:
            raise InputError(f'{interval=}, {patience=} and {draw_interval=} must be at least 1')
        self.interval = interval
        self.on_collapse = on_collapse
        self.draw_interval = draw_interval
        self.judge = Judge(choose_failures(limits or {}), patience, warmup_iters)
        self.history: dict[str, dict[str, list[float]]] = {}
        self.warned_not_finite = -math.inf

    def before_train(self, runner) -> None:
        model = unwrap(runner.model)
        if not hasattr(model, 'collapse_statistics'):
            raise InputTypeError(
                f'CollapseMonitorHook asks the model for collapse_statistics(), which {type(model).__name__} does not '
                'have; take the hook out of custom_hooks'
            )
        self.history = runner.message_hub.get_info(HISTORY) or {}
        runner.message_hub.update_info(HISTORY, self.history)
        lasted = runner.message_hub.get_info(OUTSIDE) or {}
        self.judge.looks_outside |= {name: lasted.get(name, 0) for name in self.judge.looks_outside}
        runner.message_hub.update_info(OUTSIDE, self.judge.looks_outside)

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        loss = mean_over_ranks(outputs['loss'])
        if not math.isfinite(loss):
            self.report_not_finite(runner, [f'the loss ({loss})'])
        elif self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner):
            self.look(runner)
        if self.every_n_train_iters(runner, self.draw_interval):
            self.draw(runner)

    def after_train(self, runner) -> None:
        self.draw(runner)

    def look(self, runner) -> None:
        """Log the statistics, means over all ranks, and name what has lasted or is not finite."""
        model = unwrap(runner.model)
        if broken := names_not_finite(model):
            self.report_not_finite(runner, broken)
            return
        statistics = means_over_ranks(model.collapse_statistics())
        for name, value in statistics.items():
            runner.message_hub.update_scalar(f'train/{name}', value)
            series = self.history.setdefault(name, dict(step=[], value=[]))
            series['step'].append(runner.iter + 1)
            series['value'].append(value)
        if broken := [name for name, value in statistics.items() if not math.isfinite(value)]:
            self.report_not_finite(runner, [f'the features ({", ".join(broken)})'], statistics)
        elif failures := self.judge.look(runner.iter + 1, statistics):
            self.judge.forget(failures)
            self.report(runner, describe(failures, statistics, runner.cfg), statistics)

    def report_not_finite(self, runner, broken: list[str], statistics: dict[str, float] | None = None) -> None:
        """At once, whatever the warm-up; in warn mode at most once in ``patience`` looks."""
        if runner.iter - self.warned_not_finite < self.judge.patience * self.interval:
            return
        self.warned_not_finite = runner.iter
        shown = ', '.join(broken[:4]) + (f' and {len(broken) - 4} more' if len(broken) > 4 else '')
        advice = f'{advise(NOT_FINITE, runner.cfg)} Look for extreme coordinates or intensities, too.'
        self.report(runner, f'not finite: {shown}. {advice}', statistics or {})

    def report(self, runner, finding: str, statistics: dict[str, float]) -> None:
        """Raise or warn; before raising, what the run will not write any more: the picture and the last numbers."""
        message = (
            f'pretraining has collapsed at iteration {runner.iter + 1}: {finding} '
            f'Checkpoints written so far are in {runner.work_dir}, curves in {self.picture(runner)}.'
        )
        if self.on_collapse == 'warn':
            runner.logger.warning(message)
            return
        self.draw(runner)
        if statistics:
            runner.visualizer.add_scalars(statistics, step=runner.iter + 1)
        runner.visualizer.close()  # TensorBoard's writer has its last two minutes in memory
        raise CollapseError(message)

    def picture(self, runner) -> Path:
        return Path(runner.log_dir) / 'collapse.png'

    def draw(self, runner) -> None:
        """collapse.png beside the log: every statistic over steps, with its limit."""
        limits = {failure.statistic: failure.limit for failure in self.judge.failures}
        if self.history.keys() & MONITORS.keys() and is_main_process():
            write_png(draw_monitors(self.history, limits), self.picture(runner))


def mean_over_ranks(value: float | Tensor) -> float:
    """Mean of a number over the ranks of a distributed run, not finite where one rank's is not."""
    total = torch.tensor(float(torch.as_tensor(value).detach()), dtype=torch.float64)
    all_reduce(total, 'mean')
    return float(total)


def means_over_ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Means over those ranks of a distributed run that have a value, not finite where one of these is not.

    A rank may lack one: the entropies of a comparison, where none of its views has shared two points yet. So that ranks
    reduce the same, each first tells which it has.
    """
    names = dict.fromkeys(name for there in all_gather_object(list(values)) for name in there)
    sums = {name: torch.tensor([float(values.get(name, 0)), name in values], dtype=torch.float64) for name in names}
    all_reduce_dict(sums, 'sum')
    return {name: float(total / count) for name, (total, count) in sums.items()}


def names_not_finite(model: nn.Module) -> list[str]:
    """Names of the floating-point parameters and buffers that hold NaN or infinity, on whichever rank."""
    tensors = {name: t.detach() for name, t in model.state_dict().items() if t.is_floating_point() and t.numel()}
    if not tensors:
        return []
    # the ends of the values, NaN included, without a copy of any tensor and with one synchronisation in all
    ends = torch.stack([end.float() for t in tensors.values() for end in t.aminmax()]).view(-1, 2)
    broken = (~ends.isfinite()).any(1).float()
    all_reduce(broken, 'max')
    return [name for name, is_broken in zip(tensors, broken.tolist()) if is_broken]
