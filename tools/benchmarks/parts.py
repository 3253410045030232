"""Where the time of a training step goes: a stopwatch for parts that lie within one another, and what is a part."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

import spconv.pytorch.ops
from mmengine.runner import Runner
from spconv.pytorch.conv import SparseConvolution

from dos_mm3d.cpu.sparse_conv import convolution, pairs

from .measure import forget_peak, held_mib, resident_peak_mib

OTHER = 'other'  # between the parts: the loop, the choice of rows, the sum of the losses


class Stopwatch:
    """Seconds of each part, without those of the parts inside it; every moment belongs to one of them.

    Attributes:
        wall_s, cpu_s: part -> seconds since :meth:`start`, on the wall and of all threads of this process.
        peak_mib: part -> the most resident memory while it ran, above that at :meth:`start`; empty unless asked for.
    """

    def __init__(self, *, memory: bool) -> None:
        self.memory = memory
        self.running = [OTHER]
        self.start()

    def start(self) -> None:
        """Forget all seconds; the part that runs goes on."""
        self.wall_s, self.cpu_s, self.peak_mib = defaultdict(float), defaultdict(float), {}
        if self.memory:
            self.held_mib = held_mib()
        self.since = time.perf_counter(), time.process_time()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What runs inside belongs to this part."""
        self.charge()
        self.running.append(name)
        try:
            yield
        finally:
            self.charge()
            self.running.pop()

    def charge(self) -> None:
        """Book what has passed since the last call on the part that runs."""
        name, (wall, cpu) = self.running[-1], self.since
        self.wall_s[name] += time.perf_counter() - wall
        self.cpu_s[name] += time.process_time() - cpu
        if self.memory:
            self.peak_mib[name] = max(self.peak_mib.get(name, 0.0), resident_peak_mib() - self.held_mib)
            forget_peak()
        self.since = time.perf_counter(), time.process_time()

    def timed(self, name: str, function: Callable) -> Callable:
        """The function as a part."""

        @wraps(function)
        def call(*args, **kwargs):
            with self.part(name):
                return function(*args, **kwargs)

        return call


class TimedIterator:
    """An iterator whose every draw is a part."""

    def __init__(self, watch: Stopwatch, name: str, iterator: Iterator) -> None:
        self.next = watch.timed(name, iterator.__next__)

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        return self.next()


@contextmanager
def parts_of_a_step(watch: Stopwatch, runner: Runner) -> Iterator[None]:
    """While this lasts, the parts of a DOS training on the CPU are timed.

    The sparse convolutions' arithmetic is one part, forwards and backwards; 'backward' is what else goes backwards,
    'backbone' what else the backbones of both sides do forwards.
    """
    model, loop, optimizer = runner.model, runner.train_loop, runner.optim_wrapper
    places = [
        (model.data_preprocessor, 'forward', 'voxels'),
        *((side.backbone, 'forward', 'backbone') for side in (model.student, model.teacher)),
        *((side.projector, 'forward', 'projector') for side in (model.student, model.teacher)),
        (SparseConvolution, 'forward', 'around convolutions'),
        (spconv.pytorch.ops, 'get_indice_pairs', 'index search'),
        (convolution, '_pairs_of', 'index search'),
        (pairs, '_blocks', 'index search'),
        (convolution, 'accumulate_rows', 'convolutions'),
        (convolution, 'accumulate_outer', 'convolutions'),
        (model.head, 'forward', 'head'),
        (optimizer, 'backward', 'backward'),
        (optimizer, 'step', 'optimiser'),
        (optimizer, 'zero_grad', 'optimiser'),
        (model, 'update_teacher', 'EMA'),
        (runner, 'call_hook', 'hooks'),
    ]
    patches = [patch.object(owner, name, watch.timed(part, getattr(owner, name))) for owner, name, part in places]
    for each in patches:
        each.start()
    loop.dataloader_iterator = TimedIterator(watch, 'data', loop.dataloader_iterator)
    try:
        yield
    finally:
        for each in reversed(patches):
            each.stop()


PARTS = (
    *('data', 'voxels', 'index search', 'convolutions', 'around convolutions', 'backbone', 'projector', 'head'),
    *('backward', 'optimiser', 'EMA', 'hooks', OTHER),
)
