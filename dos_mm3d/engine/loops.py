"""Training loop over a stream of draws that resumes by position."""

import logging
from itertools import chain, repeat
from typing import Any

from mmdet3d.registry import LOOPS
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from mmengine.runner import IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ..datasets.steps import check_steps
from ..datasets.stream import StreamSampler, SweepStream
from ..errors import InputError, InputTypeError
from ..functional.host import as_numbers
from ..models.methods.student_teacher import StudentTeacher
from .hooks.dos import unwrap


@LOOPS.register_module()
class StreamTrainLoop(IterBasedTrainLoop):
    """mmengine's IterBasedTrainLoop whose data go on after a resume where they had stopped.

    mmengine 0.10.7 loads and discards every batch of the iterations already done; a stream is asked for the next
    position instead.  The loader must have a `StreamSampler`. Its data set is told the grid of the model, if it has
    one, before workers start."""

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, *args, **kwargs) -> None:
        if isinstance(dataloader, dict):
            dataloader = runner.build_dataloader(dataloader, seed=runner.seed)
        dataloader.dataset.grid = getattr(unwrap(runner.model), 'grid', None)
        super().__init__(runner, dataloader, *args, **kwargs)
        sampler = self.dataloader.sampler
        if not isinstance(sampler, StreamSampler):
            raise InputTypeError(
                f"StreamTrainLoop needs train_dataloader.sampler=dict(type='StreamSampler'), "
                f'got {type(sampler).__name__}; for another sampler use IterBasedTrainLoop'
            )
        if self.runner._randomness_cfg.get('diff_rank_seed'):
            raise InputError(
                'randomness.diff_rank_seed=True is not supported: StreamSampler gives each rank its own positions of '
                'one stream, which needs one seed. Remove diff_rank_seed'
            )
        n_drawn, n_frames = self.dataloader.batch_size * get_world_size(), len(self.dataloader.dataset)
        if n_frames < n_drawn:
            print_log(
                f'{n_frames} sweeps for steps of {n_drawn}: a step has some of them several times, each time in other '
                'views. Add sweeps, or lower train_dataloader.batch_size.',
                logger='current',
                level=logging.WARNING,
            )
        if isinstance(self.dataloader.dataset, SweepStream):
            if isinstance(unwrap(runner.model), StudentTeacher):
                check_steps(self.dataloader.dataset.transforms, whole=True)
            if channels := runner.cfg.get('input_channels'):
                self.dataloader.dataset.require_columns(channels)
            self.dataloader.dataset.warn_if_out_of_range()
        # The runner may draw its seed, and find another one in the checkpoint only after this loop has been built.
        self._seed_is_runners = sampler.seed == self.runner.seed

    def run_iter(self, data_batch: dict[str, Any]) -> None:
        """One step, as in the base class; hooks are given its losses as numbers, for which a GPU is waited for once."""
        batch = dict(batch_idx=self._iter, data_batch=data_batch)
        self.runner.call_hook('before_train_iter', **batch)
        outputs = self.runner.model.train_step(data_batch, optim_wrapper=self.runner.optim_wrapper)
        self.runner.call_hook('after_train_iter', **batch, outputs=as_numbers(outputs))
        self._iter += 1

    def run(self) -> None:
        """Train from the current iteration to the last one."""
        if self._iter > 0:
            self._go_on_from_here()
        try:
            return super().run()
        finally:
            self._end_workers()

    def _go_on_from_here(self) -> None:
        """Point the loader at the draws of the current iteration, with the seed that the checkpoint has brought."""
        sampler = self.dataloader.sampler
        if self._seed_is_runners:
            sampler.seed = self.runner.seed
        sampler.skip_to(self._iter, self.dataloader.batch_size)
        # The workers have prefetched from position 0 since the loop was built: they end, with what they hold.
        self._end_workers()
        batches = iter(self.dataloader)
        # run() of the base class begins by drawing `iter` batches that it does not use: it is given as many empty ones.
        self.dataloader_iterator = chain(repeat(None, self._iter), batches)
        print_log(
            f'Data go on at position {sampler.start}; advancing the loader, as mmengine says next, costs nothing.',
            logger='current',
        )

    def _end_workers(self) -> None:
        """Drop the iterator and with it the workers; left to the garbage collector, each takes 5 s to end."""
        self.dataloader_iterator = None
        self.dataloader._iterator = None  # where the loader keeps persistent workers
