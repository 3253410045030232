"""Says so when training waits for its data, and what a joint pretraining is fed."""

import os
import time
from collections import Counter

from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook

from ...errors import InputError


@HOOKS.register_module()
class DataWaitHook(Hook):
    """One warning for the first interval in which training waits for data too long, one at the end for the whole run.

    mmengine's ``data_time`` counts whatever lies between two iterations: checkpoints, validation, other hooks. This one
    counts the data loader alone, on this rank. The first wait of a run, in which the workers start, does not count.

    Args:
        limit: share of the time spent waiting above which a run is called data-bound.
        interval: iterations over which the share is taken; a shorter run is not judged.
    """

    priority = 'LOWEST'  # last after an iteration: from then on nothing but the loader runs

    def __init__(self, limit: float = 0.3, interval: int = 50) -> None:
        if not 0 < limit < 1 or interval < 1:
            raise InputError(f'limit must be in (0, 1) and interval at least 1, got {limit} and {interval}')
        self.limit, self.interval = limit, interval

    def before_train(self, runner) -> None:
        self.waits_s, self.steps_s = [], []
        self.left_s = self.began_s = None
        self.warned = False

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        self.began_s = time.perf_counter()

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        now_s = time.perf_counter()
        if self.left_s is not None:
            self.waits_s.append(self.began_s - self.left_s)
            self.steps_s.append(now_s - self.began_s)
            if len(self.waits_s) % self.interval == 0 and not self.warned:
                self.warned = self.judge(runner, self.interval, f'the last {self.interval} iterations')
        self.left_s = time.perf_counter()

    def after_train_epoch(self, runner) -> None:
        """What other hooks do then, such as saving, is not waiting."""
        self.left_s = time.perf_counter()

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Nor is validation, which runs between two iterations of training."""
        self.left_s = time.perf_counter()

    def after_train(self, runner) -> None:
        if len(self.waits_s) >= self.interval:
            self.judge(runner, len(self.waits_s), f'all {len(self.waits_s)} iterations')

    def judge(self, runner, count: int, which: str) -> bool:
        """Warn where the last ``count`` iterations were bound by the data; whether they were."""
        wait_s, step_s = sum(self.waits_s[-count:]), sum(self.steps_s[-count:])
        share = wait_s / (wait_s + step_s)
        if share > self.limit:
            runner.logger.warning(
                f'this run is bound by its data: {share:.0%} of the time of {which} went into waiting for the loader '
                f'({wait_s / count:.3f} s of {(wait_s + step_s) / count:.3f} s each). {remedy(runner)}'
            )
        return share > self.limit


def remedy(runner) -> str:
    """What to change, with the numbers of this run."""
    return (
        f'Raise train_dataloader.num_workers (now {runner.train_dataloader.num_workers}; this process may use '
        f'{len(os.sched_getaffinity(0))} CPU cores), give a sample fewer points (num_sweeps, max_points), or move the '
        'files to a faster disk. `python tools/benchmark.py data` tells what a sample costs one core.'
    )


SAMPLES = 'samples_of_member'
"""Key of the counts in the message hub, which checkpoints carry: a resumed run goes on counting."""


@HOOKS.register_module()
class MemberSharesHook(Hook):
    """Logs `share_<member>`: which part of all samples so far came from each member of a :class:`JointSweeps`.

    Counted on rank 0, whose samples are every n-th of the stream; samples without a member count as nothing.
    """

    def before_train(self, runner) -> None:
        self.counts = Counter(runner.message_hub.get_info(SAMPLES, {}))

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        self.counts.update((data_batch or {}).get('member', []))
        runner.message_hub.update_info(SAMPLES, dict(self.counts))
        for name, count in sorted(self.counts.items()):
            runner.message_hub.update_scalar(f'train/share_{name}', count / self.counts.total())

    def after_train(self, runner) -> None:
        text = ', '.join(f'{name} {count}' for name, count in sorted(self.counts.items()))
        runner.logger.info(f'samples of each member on this rank: {text or "none has one"}')
