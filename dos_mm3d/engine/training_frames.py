"""Frames of a run's own training set before its first step, without moving any of the run's random numbers."""

from collections.abc import Iterator
from typing import Any

from mmengine.dist import broadcast
from mmengine.runner import Runner, set_random_seed
from torch import Tensor

from ..spread import evenly_spread
from .hooks.checkpoint import random_state, set_random_state
from .hooks.dos import unwrap


def training_batches(runner: Runner, frames: int) -> Iterator[dict[str, Any]]:
    """Batches of the training loader's size as the model is given them: {'inputs', 'data_samples'}, augmented.

    The same on every rank, and in every run with one seed: `frames` frames, evenly spread over the training set, some
    of them several times, each time augmented anew, where it has fewer. Random numbers are put back at the end.
    """
    loader, preprocess = runner.train_dataloader, unwrap(runner.model).data_preprocessor
    number = len(loader.dataset)
    wanted = evenly_spread(range(number), frames) if frames <= number else [i % number for i in range(frames)]
    state = random_state()
    try:
        set_random_seed(runner.seed)
        for first in range(0, len(wanted), loader.batch_size):
            samples = [loader.dataset[index] for index in wanted[first : first + loader.batch_size]]
            yield preprocess(loader.collate_fn(samples), training=True)
    finally:
        set_random_state(state)


def same_on_all_ranks(*tensors: Tensor) -> None:
    """Give the first rank's values to all, in place: sums on a GPU differ in their last bits."""
    for tensor in tensors:
        broadcast(tensor, src=0)
