"""spconv's index pairs, and the order in which the CPU kernels read them; built once per pair tensor."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numba import njit
from torch import Tensor

_MIN_BLOCK_ROWS, _MAX_BLOCK_ROWS = 64, 512
_BLOCKS_FOR_THREADS = 12  # wanted where several threads share them; one alone reads the kernel the less, the larger


@dataclass(frozen=True)
class Blocks:
    """Pairs grouped by (block of destination rows, offset): those of block b, offset k lie at starts[b * K + k] on."""

    starts: np.ndarray  # (n_blocks * K + 1,) int64
    src: np.ndarray  # (pairs,) int32 rows read
    dst: np.ndarray  # (pairs,) int32 rows written; within one group no row occurs twice
    n_blocks: int
    rows: int  # of a block; the last may have fewer


@njit(cache=True, nogil=True)
def _group(sources, targets, counts, shift, starts, src, dst):
    """Stable counting sort of all pairs by (target >> shift, offset)."""
    n_offsets = len(counts)
    for k in range(n_offsets):
        for i in range(counts[k]):
            starts[(targets[k, i] >> shift) * n_offsets + k + 1] += 1
    for i in range(1, len(starts)):
        starts[i] += starts[i - 1]
    cursor = starts[:-1].copy()
    for k in range(n_offsets):
        for i in range(counts[k]):
            group = (targets[k, i] >> shift) * n_offsets + k
            src[cursor[group]] = sources[k, i]
            dst[cursor[group]] = targets[k, i]
            cursor[group] += 1


@njit(cache=True, nogil=True)
def _highest(rows, counts):
    """The highest of the first counts[k] of rows (K, n), for each k; -1: there is none."""
    highest = -1
    for k in range(len(counts)):
        for row in rows[k, : counts[k]]:
            highest = max(highest, row)
    return highest


def _blocks(sources: np.ndarray, targets: np.ndarray, counts: np.ndarray, n_rows: int) -> Blocks:
    """Group pairs (K, >= counts.max()) by blocks of a power of two of the `n_rows` target rows."""
    n_wanted = _BLOCKS_FOR_THREADS if torch.get_num_threads() > 1 else 1
    rows = min(max(n_rows // n_wanted, _MIN_BLOCK_ROWS), _MAX_BLOCK_ROWS)
    shift = rows.bit_length() - 1
    n_blocks = -(-n_rows // (1 << shift))
    starts = np.zeros(n_blocks * len(counts) + 1, np.int64)
    src, dst = np.empty((2, int(counts.sum())), np.int32)
    _group(sources, targets, counts, shift, starts, src, dst)
    return Blocks(starts, src, dst, n_blocks, 1 << shift)


class Pairs:
    """All (input row, output row) pairs of one convolution, offset by offset.

    Built from spconv's `indice_pairs` (2, K, N) int32 and `indice_pair_num` (K,). For submanifold convolutions spconv
    counts only the pairs of offsets before the centre: the centre pairs every site with itself, and an offset after it
    holds the pairs of its mirror image with the two sides swapped.
    """

    def __init__(
        self, indice_pairs: Tensor, indice_pair_num: Tensor, n_inputs: int, n_outputs: int, subm: bool
    ) -> None:
        # detached: the arrays would otherwise hold the very tensor that these pairs are kept on, for ever
        self.inputs, self.outputs = np.ascontiguousarray(indice_pairs.detach().numpy())
        self.counts = indice_pair_num.numpy().astype(np.int64)
        self.n_inputs, self.n_outputs, self.subm = n_inputs, n_outputs, subm
        if subm:
            self._count_mirrored()
        n_found, n_reached = self.inputs.shape[1], _highest(self.outputs, self.counts) + 1
        if n_found != n_inputs or n_reached > n_outputs:
            raise ValueError(
                f'index pairs are for {n_found} input rows and at least {n_reached} output rows, the features say '
                f'{n_inputs} and {n_outputs}; features and indices do not belong together'
            )

    def _count_mirrored(self) -> None:
        n_offsets, n_sites = self.inputs.shape
        if n_offsets % 2 == 0:
            raise NotImplementedError(
                f'a submanifold convolution got {n_offsets} kernel offsets, wanted an odd number; use odd kernel sizes'
            )
        before = self.counts[: n_offsets // 2]
        self.counts = np.concatenate([before, [n_sites], before[::-1]])

    @cached_property
    def by_output(self) -> Blocks:
        return _blocks(self.inputs, self.outputs, self.counts, self.n_outputs)

    @cached_property
    def by_input(self) -> Blocks:
        """The same pairs backwards. Not for submanifold ones, where `by_output` with mirrored weights says the same."""
        return _blocks(self.outputs, self.inputs, self.counts, self.n_inputs)

    @cached_property
    def lists(self) -> np.ndarray:
        """(K, 4) int64: addresses of the input and output rows of each offset, their number, the offset."""
        offsets = np.arange(len(self.counts))
        addresses = [side.ctypes.data + offsets * side.strides[0] for side in (self.inputs, self.outputs)]
        return np.stack([*addresses, self.counts, offsets], axis=1).astype(np.int64)
