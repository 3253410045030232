"""Register-tiled CPU kernels of the sparse convolution (numba).

Two tiles do all the arithmetic, and one transposes, written as LLVM vectors because no loop that numba vectorises keeps
a block of accumulators in registers. Every sum has one owner and one order, whatever the number of threads, so results
are the same to the last bit. A kernel takes the address of a job, an int64 array that `launch.py` fills: job[0] counts
the units of work taken, the rest are addresses and sizes; rows lie `..s` bytes apart.

All compiled code stays in this file: numba's disk cache notices changes of this file only.
"""

import llvmlite.binding as llvm
import numpy as np
import torch
from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_FEATURES = llvm.get_host_cpu_features()
VECTOR_BYTES = 64 if _FEATURES.get('avx512f', False) else 32
_WIDE = VECTOR_BYTES == 64
# Accumulators per tile: 24 of 32 registers with AVX-512, 8 to 12 of 16 below it.
_ROWS_4, _ROWS_2, _ROWS_1 = (6, 12, 16) if _WIDE else (2, 6, 8)
_OUTER_4, _OUTER_2, _OUTER_1 = (4, 8, 16) if _WIDE else (2, 4, 8)
JOB_VALUES = 20  # of a job
OUTER_CHANNELS = 16  # the weight gradient's output channels come in multiples of this, hence of every _OUTER_*
_OUTER_PAIRS = 32  # pairs per pass of the weight gradient: both gathered blocks then stay in the inner caches
OUTER_SPAN = 64  # output channels per unit of work of the weight gradient

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


class _Emitter:
    """Writes the LLVM instructions both tiles share; `zero_type` says float32 or float64."""

    def __init__(self, builder: ir.IRBuilder, zero_type: types.Type) -> None:
        self.builder = builder
        self.scalar = ir.FloatType() if zero_type == types.float32 else ir.DoubleType()
        self.item_bytes = 4 if zero_type == types.float32 else 8
        self.lanes = VECTOR_BYTES // self.item_bytes
        self.vector = ir.VectorType(self.scalar, self.lanes)

    def load(self, address: ir.Value, kind: ir.Type, offset: int = 0) -> ir.Value:
        """The value of type `kind` at `address` + `offset` bytes; elements are aligned, vectors need not be."""
        value = self.builder.load(self._pointer(address, kind, offset))
        value.align = 4 if kind is _I32 else self.item_bytes
        return value

    def store(self, value: ir.Value, address: ir.Value, offset: int) -> None:
        self.builder.store(value, self._pointer(address, value.type, offset)).align = self.item_bytes

    def row(self, rows: ir.Value, position: int, base: ir.Value, stride: ir.Value) -> ir.Value:
        """Address of the row that the `position`-th entry of the int32 list `rows` names."""
        index = self.builder.zext(self.load(rows, _I32, 4 * position), _I64)
        return self.builder.add(base, self.builder.mul(index, stride))

    def splat(self, value: ir.Value) -> ir.Value:
        empty = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(empty, value, _I32(0))
        return self.builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_I32, self.lanes), None))

    def pick(self, first: ir.Value, second: ir.Value, lanes: list[int]) -> ir.Value:
        """The named lanes of two vectors, those of the second behind those of the first."""
        return self.builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(_I32, self.lanes), lanes))

    def load_tile(self, rows: list[ir.Value], vectors: int) -> list[list[ir.Value]]:
        return [[self.load(row, self.vector, v * VECTOR_BYTES) for v in range(vectors)] for row in rows]

    def store_tile(self, tile: list[list[ir.Value]], rows: list[ir.Value]) -> None:
        for row, values in zip(rows, tile):
            for v, value in enumerate(values):
                self.store(value, row, v * VECTOR_BYTES)

    def accumulate(self, tile: list[list[ir.Value]], scalars: list[ir.Value], vectors: list[ir.Value]) -> list:
        """tile[r][v] + scalars[r] * vectors[v], as fused multiply-adds."""
        name = f'llvm.fma.v{self.lanes}f{8 * self.item_bytes}'
        fma = cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(self.vector, [self.vector] * 3), name)
        wide = [self.splat(scalar) for scalar in scalars]
        return [
            [self.builder.call(fma, (wide[r], vector, tile[r][v])) for v, vector in enumerate(vectors)]
            for r in range(len(tile))
        ]

    def loop(self, count: ir.Value, state: list[ir.Value], step) -> list[ir.Value]:
        """Run state = step(index, state) `count` >= 1 times with the state in registers."""
        before = self.builder.block
        body = self.builder.append_basic_block('tile')
        after = self.builder.append_basic_block('done')
        self.builder.branch(body)
        self.builder.position_at_end(body)
        index = self.builder.phi(_I64)
        carried = [self.builder.phi(value.type) for value in state]
        index.add_incoming(_I64(0), before)
        for phi, value in zip(carried, state):
            phi.add_incoming(value, before)
        following = step(index, carried)
        next_index = self.builder.add(index, _I64(1))
        index.add_incoming(next_index, body)
        for phi, value in zip(carried, following):
            phi.add_incoming(value, body)
        self.builder.cbranch(self.builder.icmp_signed('<', next_index, count), body, after)
        self.builder.position_at_end(after)
        return following

    def _pointer(self, address: ir.Value, kind: ir.Type, offset: int) -> ir.Value:
        if offset:
            address = self.builder.add(address, _I64(offset))
        return self.builder.inttoptr(address, kind.as_pointer())


def _join(tile: list[list[ir.Value]]) -> list[ir.Value]:
    return [value for row in tile for value in row]


def _split(flat: list[ir.Value], vectors: int) -> list[list[ir.Value]]:
    return [list(flat[i : i + vectors]) for i in range(0, len(flat), vectors)]


@intrinsic(prefer_literal=True)
def _rows_tile(typingctx, zero, n_rows, n_vectors, src, dst, x, x_stride, out, out_stride, w, w_stride, n_channels):
    """out[dst[r]] += x[src[r]] @ w for `n_rows` pairs and `n_vectors` vectors of columns."""
    rows, vectors = n_rows.literal_value, n_vectors.literal_value

    def codegen(context, builder, signature, args):
        emit = _Emitter(builder, zero)
        src, dst, x, x_stride, out, out_stride, w, w_stride, n_channels = args[3:]
        inputs = [emit.row(src, r, x, x_stride) for r in range(rows)]
        outputs = [emit.row(dst, r, out, out_stride) for r in range(rows)]

        def step(channel, flat):
            line = builder.add(w, builder.mul(channel, w_stride))
            weights = emit.load_tile([line], vectors)[0]
            shift = builder.mul(channel, _I64(emit.item_bytes))
            scalars = [emit.load(builder.add(row, shift), emit.scalar) for row in inputs]
            return _join(emit.accumulate(_split(flat, vectors), scalars, weights))

        flat = emit.loop(n_channels, _join(emit.load_tile(outputs, vectors)), step)
        emit.store_tile(_split(flat, vectors), outputs)
        return context.get_dummy_value()

    return types.void(zero, n_rows, n_vectors, *(types.int64,) * 9), codegen


@intrinsic(prefer_literal=True)
def _outer_tile(typingctx, zero, n_rows, n_vectors, src, dst, x, x_stride, g, g_stride, dw, dw_stride, n_pairs):
    """dw[r] += sum over pairs of x[src, r] * g[dst] for `n_rows` channels and `n_vectors` vectors of columns."""
    rows, vectors = n_rows.literal_value, n_vectors.literal_value

    def codegen(context, builder, signature, args):
        emit = _Emitter(builder, zero)
        src, dst, x, x_stride, g, g_stride, dw, dw_stride, n_pairs = args[3:]
        lines = [builder.add(dw, builder.mul(dw_stride, _I64(r))) for r in range(rows)]

        def step(pair, flat):
            shift = builder.mul(pair, _I64(4))
            x_row = emit.row(builder.add(src, shift), 0, x, x_stride)
            g_row = emit.row(builder.add(dst, shift), 0, g, g_stride)
            scalars = [emit.load(x_row, emit.scalar, r * emit.item_bytes) for r in range(rows)]
            return _join(emit.accumulate(_split(flat, vectors), scalars, emit.load_tile([g_row], vectors)[0]))

        flat = emit.loop(n_pairs, _join(emit.load_tile(lines, vectors)), step)
        emit.store_tile(_split(flat, vectors), lines)
        return context.get_dummy_value()

    return types.void(zero, n_rows, n_vectors, *(types.int64,) * 9), codegen


@intrinsic
def _transpose_tile(typingctx, zero, source, source_stride, target, target_stride):
    """Write the square of as many rows as a vector has lanes, transposed.

    At each stage halves twice as wide change places between two rows, as in the transposition of a block matrix.
    """

    def codegen(context, builder, signature, args):
        emit = _Emitter(builder, zero)
        source, source_stride, target, target_stride = args[1:]
        lanes = range(emit.lanes)
        addresses = [builder.add(source, builder.mul(source_stride, _I64(r))) for r in lanes]
        rows = [row[0] for row in emit.load_tile(addresses, 1)]
        half = 1
        while half < emit.lanes:
            for r in lanes:
                if not r & half:
                    above, below = rows[r], rows[r + half]
                    rows[r] = emit.pick(above, below, [i + emit.lanes - half if i & half else i for i in lanes])
                    rows[r + half] = emit.pick(above, below, [i + emit.lanes if i & half else i + half for i in lanes])
            half *= 2
        addresses = [builder.add(target, builder.mul(target_stride, _I64(r))) for r in lanes]
        emit.store_tile([[row] for row in rows], addresses)
        return context.get_dummy_value()

    return types.void(zero, *(types.int64,) * 4), codegen


@intrinsic
def _next_unit(typingctx, job):
    """Atomically take the next unit of work: returns job[0] and adds one to it."""

    def codegen(context, builder, signature, args):
        return builder.atomic_rmw('add', args[0], _I64(1), 'monotonic')

    return types.int64(types.CPointer(types.int64)), codegen


@intrinsic
def _at(typingctx, address):
    """The int64 `address` as a pointer to int64."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], _I64.as_pointer())

    return types.CPointer(types.int64)(types.int64), codegen


@njit(inline='always')
def _rows_strip(zero, full, part, vectors, src, dst, n, x, xs, o, os, w, ws, c):
    """out[dst] += x[src] @ w for one strip of `vectors` vectors of columns; `full`, `part`, then one row at a time."""
    i = 0
    while n - i >= full:
        _rows_tile(zero, full, vectors, src + 4 * i, dst + 4 * i, x, xs, o, os, w, ws, c)
        i += full
    while n - i >= part:
        _rows_tile(zero, part, vectors, src + 4 * i, dst + 4 * i, x, xs, o, os, w, ws, c)
        i += part
    while n > i:
        _rows_tile(zero, 1, vectors, src + 4 * i, dst + 4 * i, x, xs, o, os, w, ws, c)
        i += 1


@njit
def _rows_all(zero, src, dst, n, x, xs, o, os, w, ws, c):
    """All columns of out[dst] += x[src] @ w for one list of `n` pairs; widest strips first."""
    left = os
    while left >= 4 * VECTOR_BYTES:
        _rows_strip(zero, _ROWS_4, 2, 4, src, dst, n, x, xs, o, os, w, ws, c)
        o, w, left = o + 4 * VECTOR_BYTES, w + 4 * VECTOR_BYTES, left - 4 * VECTOR_BYTES
    if left >= 2 * VECTOR_BYTES:
        _rows_strip(zero, _ROWS_2, 4, 2, src, dst, n, x, xs, o, os, w, ws, c)
        o, w, left = o + 2 * VECTOR_BYTES, w + 2 * VECTOR_BYTES, left - 2 * VECTOR_BYTES
    if left > 0:
        _rows_strip(zero, _ROWS_1, 4, 1, src, dst, n, x, xs, o, os, w, ws, c)


@njit
def _rows_job(zero, pointer):
    """Take blocks of output rows until none is left; a block's pairs come offset by offset, in one fixed order."""
    job = carray(pointer, JOB_VALUES)
    n_units, n_offsets, starts_at, src, dst, x, xs, o, os, w, ws, w_size, c, mirror, n_rows, block = job[1:17]
    starts = carray(_at(starts_at), n_units * n_offsets + 1)
    unit = _next_unit(pointer)
    while unit < n_units:
        first_row = unit * block
        carray(_at(o + first_row * os), min(block, n_rows - first_row) * os // 8)[:] = 0
        for k in range(n_offsets):
            first = starts[unit * n_offsets + k]
            n = starts[unit * n_offsets + k + 1] - first
            if n > 0:
                slab = n_offsets - 1 - k if mirror else k
                _rows_all(zero, src + 4 * first, dst + 4 * first, n, x, xs, o, os, w + slab * w_size, ws, c)
        unit = _next_unit(pointer)


@njit(inline='always')
def _outer_strip(zero, rows, vectors, src, dst, n, x, xs, g, gs, dw, dws, span, item):
    for r in range(0, span, rows):
        _outer_tile(zero, rows, vectors, src, dst, x + r * item, xs, g, gs, dw + r * dws, dws, n)


@njit
def _outer_all(zero, src, dst, n, x, xs, g, gs, dw, dws, span, item):
    """dw (span, columns) += x[src]^T @ g[dst] over `n` pairs that fit the cache; widest strips of columns first."""
    left = gs
    while left >= 4 * VECTOR_BYTES:
        _outer_strip(zero, _OUTER_4, 4, src, dst, n, x, xs, g, gs, dw, dws, span, item)
        g, dw, left = g + 4 * VECTOR_BYTES, dw + 4 * VECTOR_BYTES, left - 4 * VECTOR_BYTES
    if left >= 2 * VECTOR_BYTES:
        _outer_strip(zero, _OUTER_2, 2, src, dst, n, x, xs, g, gs, dw, dws, span, item)
        g, dw, left = g + 2 * VECTOR_BYTES, dw + 2 * VECTOR_BYTES, left - 2 * VECTOR_BYTES
    if left > 0:
        _outer_strip(zero, _OUTER_1, 1, src, dst, n, x, xs, g, gs, dw, dws, span, item)


@njit
def _outer_job(zero, pointer):
    """Take (offset, span of channels of x) units until none is left; each sums its pairs in the order of the list.

    dw is (channels of x, offsets, columns).
    """
    job = carray(pointer, JOB_VALUES)
    n_units, n_spans, lists_at, x, xs, g, gs, dw, dws, c, item = job[1:12]
    lists = carray(_at(lists_at), (n_units // n_spans, 4))
    unit = _next_unit(pointer)
    while unit < n_units:
        src, dst, n, k = lists[unit // n_spans]
        first = unit % n_spans * OUTER_SPAN
        span = min(OUTER_SPAN, c - first)
        slab = dw + first * dws + k * gs
        for i in range(0, n, _OUTER_PAIRS):
            m = min(_OUTER_PAIRS, n - i)
            _outer_all(zero, src + 4 * i, dst + 4 * i, m, x + first * item, xs, g, gs, slab, dws, span, item)
        unit = _next_unit(pointer)


@njit
def _transpose_job(zero, pointer):
    """Take bands of rows, as high as a vector has lanes, until none is left; they become columns of the target."""
    job = carray(pointer, JOB_VALUES)
    n_units, n_tiles, lanes, source, source_stride, target, target_stride = job[1:8]
    unit = _next_unit(pointer)
    while unit < n_units:
        band, columns = source + unit * lanes * source_stride, target + unit * VECTOR_BYTES
        for i in range(n_tiles):
            lines = columns + i * lanes * target_stride
            _transpose_tile(zero, band + i * VECTOR_BYTES, source_stride, lines, target_stride)
        unit = _next_unit(pointer)


JOB = types.void(types.CPointer(types.int64))


def _rows_f32(pointer):
    _rows_job(np.float32(0), pointer)


def _rows_f64(pointer):
    _rows_job(np.float64(0), pointer)


def _outer_f32(pointer):
    _outer_job(np.float32(0), pointer)


def _outer_f64(pointer):
    _outer_job(np.float64(0), pointer)


def _transpose_f32(pointer):
    _transpose_job(np.float32(0), pointer)


def _transpose_f64(pointer):
    _transpose_job(np.float64(0), pointer)


SOURCES = {
    ('rows', torch.float32): _rows_f32,
    ('rows', torch.float64): _rows_f64,
    ('outer', torch.float32): _outer_f32,
    ('outer', torch.float64): _outer_f64,
    ('transpose', torch.float32): _transpose_f32,
    ('transpose', torch.float64): _transpose_f64,
}
