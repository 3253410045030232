"""Checkpoints that a run goes on from exactly, in whatever folder they lie by then."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mmengine.hooks
import numpy as np
import torch
from mmdet3d.registry import HOOKS
from mmengine.dist import all_gather_object, get_rank, is_main_process
from mmengine.runner import IterBasedTrainLoop

from ...errors import InputError

RANDOM_STATES = 'random_states'
"""Key in a checkpoint: the states of the random numbers, one of each rank."""
FRAMES = 'frames'
"""Key in a checkpoint: how many frames its run is trained on, which its config does not say."""
SUPERSEDED = 'superseded'
"""Key in a checkpoint: names of the older ones that go when it is written (max_keep_ckpts)."""


@HOOKS.register_module()
class CheckpointHook(mmengine.hooks.CheckpointHook):
    """mmengine's hook, and in its place in every config, whose checkpoints also hold the random numbers of all ranks.

    They go on after a resume, so that drop path and shuffled orders do, too. A best checkpoint is looked for in the
    folder of this run, not where it lay when it was written: what is replaced there is the run's own. What a kill left
    lying between the writing of a checkpoint and the end of those that it replaces goes when the run goes on.
    """

    states: list[dict[str, Any]] | None = None
    resumed_states: list[dict[str, Any]] | None = None
    left_lying: Sequence[str] = ()

    def after_load_checkpoint(self, runner, checkpoint: dict[str, Any]) -> None:
        if runner._resume:  # weights to start from bring no random numbers
            self.resumed_states = checkpoint.get(RANDOM_STATES)
            self.left_lying = checkpoint.get(SUPERSEDED, ())

    def before_save_checkpoint(self, runner, checkpoint: dict[str, Any]) -> None:
        if self.states is not None:
            checkpoint[RANDOM_STATES] = self.states
            checkpoint[FRAMES] = frames_of(runner)
            # removals wait until it is written (dos_mm3d/compat/mmengine.py:write_files_atomically)
            checkpoint[SUPERSEDED] = [path.name for path, _ in getattr(self.file_backend, 'waiting', ())]

    def before_train(self, runner) -> None:
        super().before_train(runner)
        if is_main_process() and self.max_keep_ckpts > 0:
            for path in (Path(self.out_dir, Path(name).name) for name in self.left_lying):
                if path.is_file():
                    path.unlink()
                    runner.logger.info(f'{path}: removed, its successor was written (max_keep_ckpts)')
        if getattr(self, 'best_ckpt_path', None):
            self.best_ckpt_path = self._in_own_folder(self.best_ckpt_path)
        for name, path in getattr(self, 'best_ckpt_path_dict', {}).items():
            self.best_ckpt_path_dict[name] = self._in_own_folder(path) if path else None

    def before_train_epoch(self, runner) -> None:
        """Restore what a resume has brought, after a loop of iterations has thrown away the batches already used."""
        states, self.resumed_states = self.resumed_states, None
        if states is None:
            return
        if len(states) != runner.world_size:
            runner.logger.warning(
                f'the run had {len(states)} processes and has {runner.world_size} now: its total batch is another one, '
                'and random numbers (drop path, shuffled orders) begin anew'
            )
            return
        loop, state = runner.train_loop, states[get_rank()]
        if isinstance(loop, IterBasedTrainLoop):
            loop.dataloader_iterator = _calling(loop.dataloader_iterator, loop.iter, lambda: set_random_state(state))
        else:
            set_random_state(state)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict[str, Any]) -> None:
        self.states = all_gather_object(random_state())  # all ranks come here, the first one writes
        super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner, metrics: dict[str, Any]) -> None:
        """InputError for what no metric gives, where mmengine has a KeyError."""
        wanted = [name for name in getattr(self, 'key_indicators', ()) if name != 'auto']
        if lacking := [name for name in wanted if name not in metrics]:
            raise InputError(
                f'default_hooks.checkpoint.save_best={lacking[0]}: the validation gives no such number; it gives '
                f'{", ".join(metrics)}. The run goes on with --resume and one of these, or without save_best'
            )
        super()._save_best_checkpoint(runner, metrics)

    def _in_own_folder(self, path: str) -> str:
        return self.file_backend.join_path(self.out_dir, Path(path).name)


def frames_of(runner) -> int | None:
    """How many frames a training has to draw from; None of a data set without an end."""
    dataset = runner.train_loop.dataloader.dataset
    return len(dataset) if hasattr(dataset, '__len__') else None


def random_state() -> dict[str, Any]:
    """State of the random numbers of torch (CPU, and the GPU in use), numpy and Python; plain data."""
    kind, keys, *rest = np.random.get_state()
    return {
        'torch': torch.get_rng_state(),
        'cuda': torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        'numpy': [kind, torch.from_numpy(keys.astype(np.int64)), *rest],
        'python': random.getstate(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what :func:`random_state` gave; that of a GPU where there is one."""
    torch.set_rng_state(state['torch'].cpu())
    if state['cuda'] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())
    kind, keys, *rest = state['numpy']
    np.random.set_state((kind, keys.cpu().numpy().astype(np.uint32), *rest))
    version, numbers, following = state['python']
    random.setstate((version, tuple(numbers), following))


def _calling(batches: Iterator, after: int, call: Callable[[], None]) -> Iterator:
    """The same batches; `call` is called when `after` of them are used, before the next one is asked for."""
    for _ in range(after):
        yield next(batches)
    call()
    yield from batches
