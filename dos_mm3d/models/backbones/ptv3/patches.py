"""Cuts serialized samples into sequences for attention (docs/ptv3.md, "Blocks and patch attention")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from ....functional.host import without_waiting


@dataclass(frozen=True)
class Patches:
    """Sequences of a batch of N serialized rows, those of equal length together; no sequence spans two samples.

    Args:
        source: (T,) int64, serialized position that each place of the concatenated sequences reads, T >= N.
        target: (N,) int64, place that holds the result of each serialized position.
        shapes: (number of sequences, their length) of each group, in the order of ``source``.
    """

    source: Tensor
    target: Tensor
    shapes: tuple[tuple[int, int], ...]

    def cumulative_lengths(self) -> Tensor:
        """(S + 1,) int32 boundaries of the sequences, as variable-length kernels want them."""
        lengths = [length for count, length in self.shapes for _ in range(count)]
        return torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=self.source.device)

    @property
    def longest(self) -> int:
        return max(length for _, length in self.shapes)


def cut_patches(counts: Sequence[int], patch_size: int, device: torch.device | str = 'cpu') -> Patches:
    """Cut samples of ``counts`` rows into sequences of ``patch_size``.

    A sample of at most patch_size rows is one sequence of its own length. The last sequence of a longer one keeps its
    remaining rows first and borrows the others from the end of the sequence before; the borrowed copies' results are
    dropped. All follows from numbers that the host has: it is made there, and handed over in two copies.
    """
    starts = [0, *accumulate(counts)]
    by_length: dict[int, list[tuple[int, int]]] = {}
    for start, count in zip(starts, counts):
        if count:
            by_length.setdefault(min(count, patch_size), []).append((start, count))
    sources, shapes = [], []
    target = np.empty(starts[-1], np.int64)
    place = 0
    for length, samples in by_length.items():
        group_start = place
        for start, count in samples:
            positions = np.arange(-(-count // length) * length)
            target[start : start + count] = positions[:count] + place
            sources.append(start + np.where(positions < count, positions, positions - length))
            place += len(positions)
        shapes.append(((place - group_start) // length, length))
    source, target = (without_waiting(torch.from_numpy(rows), device) for rows in (np.concatenate(sources), target))
    return Patches(source, target, tuple(shapes))
