"""How often a training step waits for the GPU."""

import warnings

import torch
from mmengine.hooks import Hook

SYNCHRONIZING = 'called a synchronizing CUDA operation'
"""What torch says of each, with torch.cuda.set_sync_debug_mode('warn')."""


class SyncCounter(Hook):
    """Counts waits in every step but the first ones, in which libraries are loaded and kernels chosen.

    Only torch's own are seen, not those inside spconv and Triton.
    """

    priority = 'LOWEST'

    def __init__(self, first: int = 5) -> None:
        self.first = first
        self.counts: list[int] = []

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        self.caught = warnings.catch_warnings(record=True)
        self.seen = self.caught.__enter__()
        warnings.simplefilter('always')
        set_debug_mode('warn' if runner.iter >= self.first else 'default')

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        set_debug_mode('default')
        self.caught.__exit__(None, None, None)
        if runner.iter >= self.first:
            self.counts.append(sum(SYNCHRONIZING in str(warning.message) for warning in self.seen))


def set_debug_mode(mode: str) -> None:
    """'warn' or 'default'; a function of its own, which a test without a GPU replaces."""
    torch.cuda.set_sync_debug_mode(mode)
