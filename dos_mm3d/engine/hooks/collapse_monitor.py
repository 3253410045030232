"""Stop a run whose features collapse: the loss would not show it (dos.md 3.2, trial.md)."""

import math
from dataclasses import dataclass

from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook

from .dos import unwrap


class CollapseError(RuntimeError):
    """The features of a pretraining run have collapsed."""


@dataclass(frozen=True)
class Limit:
    """A healthy range of one statistic, and what to change when it is left."""

    minimum: float = -math.inf
    maximum: float = math.inf
    remedy: str = ''

    def violated(self, value: float) -> bool:
        return not self.minimum <= value <= self.maximum

    def __str__(self) -> str:
        return f'at least {self.minimum:g}' if self.minimum > -math.inf else f'at most {self.maximum:g}'


REMEDIES = dict(
    effective_rank='lower the learning rate, or raise teacher_keep',
    cosine_std='sharpen the targets: lower head.teacher_temperature, which must stay below student_temperature',
    prototypes_used='lower head.alpha or head.num_prototypes, or lower the learning rate',
    largest_usage='lower head.alpha, or raise head.n_iters',
    column_entropy='features are constant: lower head.teacher_temperature and the learning rate',
)


@HOOKS.register_module()
class CollapseMonitorHook(Hook):
    """Logs the model's collapse statistics and stops a collapsed run with the setting that is most likely at fault.

    Args:
        interval: iterations between two looks.
        patience: consecutive looks outside a limit before the run stops.
        warmup_iters: iterations without judgement; little happens in the first 150 steps.
        min_effective_rank, min_cosine_std, min_prototypes_used, max_largest_usage, max_column_entropy: limits.
        on_collapse: 'stop' raises :class:`CollapseError`, 'warn' writes to the log.
    """

    def __init__(
        self,
        interval: int = 10,
        patience: int = 4,
        warmup_iters: int = 100,
        min_effective_rank: float = 2.0,
        min_cosine_std: float = 0.02,
        min_prototypes_used: float = 0.05,
        max_largest_usage: float = 0.95,
        max_column_entropy: float = 0.999,
        on_collapse: str = 'stop',
    ) -> None:
        if on_collapse not in ('stop', 'warn'):
            raise ValueError(f"on_collapse must be 'stop' or 'warn', got {on_collapse!r}")
        self.interval = interval
        self.patience = patience
        self.warmup_iters = warmup_iters
        self.on_collapse = on_collapse
        self.limits = dict(
            effective_rank=Limit(minimum=min_effective_rank, remedy=REMEDIES['effective_rank']),
            cosine_std=Limit(minimum=min_cosine_std, remedy=REMEDIES['cosine_std']),
            prototypes_used=Limit(minimum=min_prototypes_used, remedy=REMEDIES['prototypes_used']),
            largest_usage=Limit(maximum=max_largest_usage, remedy=REMEDIES['largest_usage']),
            column_entropy=Limit(maximum=max_column_entropy, remedy=REMEDIES['column_entropy']),
        )
        self.strikes = dict.fromkeys(self.limits, 0)

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        self.check_finite(runner, outputs or {})
        if not (self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner)):
            return
        statistics = unwrap(runner.model).collapse_statistics()
        for name, value in statistics.items():
            runner.message_hub.update_scalar(f'train/{name}', value)
        if runner.iter >= self.warmup_iters:
            self.judge(runner, statistics)

    def judge(self, runner, statistics: dict[str, float]) -> None:
        """Count looks outside each limit; stop or warn once patience is used up."""
        for name, limit in self.limits.items():
            self.strikes[name] = self.strikes[name] + 1 if limit.violated(statistics[name]) else 0
        worst = [name for name, count in self.strikes.items() if count >= self.patience]
        if worst:
            self.report(runner, worst, statistics)

    def report(self, runner, names: list[str], statistics: dict[str, float]) -> None:
        findings = '; '.join(
            f'{name} is {statistics[name]:.3g}, healthy is {self.limits[name]}: {self.limits[name].remedy}'
            for name in names
        )
        numbers = ', '.join(f'{name} {value:.3g}' for name, value in statistics.items())
        message = (
            f'the features have collapsed at iteration {runner.iter + 1}: {findings}. All statistics: {numbers}. '
            f'Checkpoints written so far are in {runner.work_dir}.'
        )
        if self.on_collapse == 'stop':
            raise CollapseError(message)
        self.strikes.update(dict.fromkeys(names, 0))
        runner.logger.warning(message)

    def check_finite(self, runner, outputs: dict) -> None:
        """A loss of NaN or infinity is final, whatever ``on_collapse`` says: the next step spreads it."""
        if 'loss' not in outputs:
            return
        loss = float(outputs['loss'].detach())
        if not math.isfinite(loss):
            raise CollapseError(
                f'the loss is {loss} at iteration {runner.iter + 1}: lower the learning rate or '
                f'clip_grad.max_norm, and look for extreme intensities. Checkpoints are in {runner.work_dir}.'
            )
