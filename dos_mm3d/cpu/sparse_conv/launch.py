"""Runs the kernels on torch tensors, on as many threads as torch may use.

The threads are those of torch's own OpenMP pool: workers of a second pool would fight its spinning ones for the cores,
and processes where torch is held to one thread (data loading workers, which are forked) start none.
"""

import ctypes
import warnings
from functools import cache

import numpy as np
import torch
from numba import cfunc
from torch import Tensor

from .kernels import JOB, JOB_VALUES, OUTER_SPAN, SOURCES, VECTOR_BYTES
from .pairs import Blocks


@cache
def _compiled(name: str, dtype: torch.dtype):
    """The C function of one kernel, compiled when first needed and kept on disk by numba."""
    return cfunc(JOB, cache=True)(SOURCES[name, dtype])


@cache
def _parallel_region():
    """`GOMP_parallel` of the OpenMP library that torch itself is linked to, or None where torch has none."""
    region = getattr(ctypes.CDLL(torch._C.__file__), 'GOMP_parallel', None)
    if region is None:
        warnings.warn('torch is built without GNU OpenMP: sparse convolutions run on one thread', stacklevel=2)
        return None
    region.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    region.restype = None
    return region


def _run(name: str, dtype: torch.dtype, *values: int) -> None:
    """Run one job, whose first value is its number of units, on at most `torch.get_num_threads()` threads."""
    job = np.zeros(JOB_VALUES, np.int64)
    job[1 : 1 + len(values)] = values
    kernel = _compiled(name, dtype)
    n_threads = min(torch.get_num_threads(), values[0])
    if n_threads > 1 and (region := _parallel_region()) is not None:
        region(kernel.address, job.ctypes.data, n_threads, 0)
    else:
        kernel.ctypes(job.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)))


def accumulate_rows(x: Tensor, weight: Tensor, blocks: Blocks, n_rows: int, mirrored: bool) -> Tensor:
    """out[d] = sum over pairs (s, d) of every offset k of x[s] @ weight[k].

    x (n, c), weight (offsets, c, columns) with columns a multiple of a vector and next to each other in memory; returns
    (n_rows, columns). With `mirrored` the pairs of offset k meet weight[offsets - 1 - k].
    """
    out = x.new_empty(n_rows, weight.shape[2])  # the kernel begins a block with zeros
    n_offsets, n_channels, n_columns = weight.shape
    item = x.element_size()
    line, (slab, weight_line) = n_columns * item, (item * weight.stride(axis) for axis in (0, 1))
    starts, src, dst = (array.ctypes.data for array in (blocks.starts, blocks.src, blocks.dst))
    sizes = (n_channels * item, out.data_ptr(), line, weight.data_ptr(), weight_line, slab, n_channels)
    _run(
        'rows',
        x.dtype,
        blocks.n_blocks,
        n_offsets,
        starts,
        src,
        dst,
        x.data_ptr(),
        *sizes,
        mirrored,
        n_rows,
        blocks.rows,
    )
    return out


def accumulate_outer(x: Tensor, y: Tensor, lists: np.ndarray) -> Tensor:
    """dw[:, k] = sum over the pairs (s, d) of offset k of x[s]^T y[d].

    x (n, c) with c a multiple of OUTER_CHANNELS, y (m, columns) with columns a multiple of a vector, `lists` as in
    `Pairs.lists`; returns (c, offsets, columns).
    """
    n_channels, n_columns = x.shape[1], y.shape[1]
    dw = x.new_zeros(n_channels, len(lists), n_columns)
    item = x.element_size()
    n_spans = -(-n_channels // OUTER_SPAN)
    order = np.ascontiguousarray(lists[np.argsort(-lists[:, 2], kind='stable')])
    line = n_columns * item
    addresses = (order.ctypes.data, x.data_ptr(), n_channels * item, y.data_ptr(), line, dw.data_ptr())
    _run('outer', x.dtype, len(lists) * n_spans, n_spans, *addresses, len(lists) * line, n_channels, item)
    return dw


def transpose(matrix: Tensor) -> Tensor:
    """(n, m) contiguous -> (m, n) contiguous, several times as fast as torch; both multiples of a vector's lanes."""
    n_rows, n_columns = matrix.shape
    out = matrix.new_empty(n_columns, n_rows)
    item = matrix.element_size()
    lanes = VECTOR_BYTES // item
    places = (matrix.data_ptr(), n_columns * item, out.data_ptr(), n_rows * item)
    _run('transpose', matrix.dtype, n_rows // lanes, n_columns // lanes, lanes, *places)
    return out
