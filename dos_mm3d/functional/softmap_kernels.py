"""Triton kernels of the softmap loss: blocks of logits live in registers, and every sum has one order.

Imported by streaming_fused.py alone, where Triton is there. No atomics: a program owns its output, and rows that are
dealt out over `SPLIT` programs leave partial sums, float64 for scalars per column, which the caller adds up. So the
same inputs give the same bits.

Common arguments: F (N, D) features, P (K, D) prototypes in the dtype of the products, `inv_t` one over the temperature;
FS, PS those of the student. BIAS (K,) is added to the teacher's logits and ROWS (N,) taken from them, which makes them
log p. PRECISION is that of float32 products, 'ieee' or 'tf32'.
"""

import triton
import triton.language as tl


@triton.jit
def logits(
    F, P, rows, cols, N, inv_t,
    K: tl.constexpr, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BD: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """(BN, BK) float32 logits of rows and columns, 0 beyond N and K."""
    total = tl.zeros((BN, BK), tl.float32)
    for first in range(0, D, BD):
        d = first + tl.arange(0, BD)
        inside = d[None, :] < D
        f = tl.load(F + rows[:, None].to(tl.int64) * D + d[None, :], mask=(rows[:, None] < N) & inside, other=0.0)
        p = tl.load(P + cols[:, None] * D + d[None, :], mask=(cols[:, None] < K) & inside, other=0.0)
        total += tl.dot(f.to(P.dtype.element_ty), tl.trans(p), input_precision=PRECISION)
    return total * inv_t


@triton.jit
def log_p(
    F, P, BIAS, ROWS, rows, cols, N, inv_t,
    K: tl.constexpr, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BD: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """(BN, BK) logits + BIAS - ROWS."""
    bias = tl.load(BIAS + cols, mask=cols < K, other=0.0)
    of_row = tl.load(ROWS + rows, mask=rows < N, other=0.0)
    return logits(F, P, rows, cols, N, inv_t, K, D, BN, BK, BD, PRECISION) + bias[None, :] - of_row[:, None]


@triton.jit
def add_rows(x, inside, top, total, moment):
    """ColumnLogSumExp.add of streaming_blocks.py for the rows that are inside; (BK,), top float32, else float64."""
    x = tl.where(inside, x, float('-inf'))
    higher = tl.maximum(top, tl.max(x, 0))
    rescale = tl.exp(top - higher).to(tl.float64)
    weight = tl.exp(x - higher[None, :])
    total = total * rescale + tl.sum(weight, 0).to(tl.float64)
    moment = moment * rescale + tl.sum(tl.where(inside, weight * x, 0.0), 0).to(tl.float64)
    return higher, total, moment


@triton.jit
def row_logsumexp(
    F, P, BIAS, OUT, N, inv_t,
    K: tl.constexpr, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BD: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """OUT (N,): logsumexp over prototypes of logits + BIAS. Grid: blocks of rows."""
    rows = tl.program_id(0) * BN + tl.arange(0, BN)
    top = tl.full((BN,), float('-inf'), tl.float32)
    total = tl.zeros((BN,), tl.float32)
    for first in range(0, K, BK):
        cols = first + tl.arange(0, BK)
        bias = tl.load(BIAS + cols, mask=cols < K, other=float('-inf'))
        x = logits(F, P, rows, cols, N, inv_t, K, D, BN, BK, BD, PRECISION) + bias[None, :]
        higher = tl.maximum(top, tl.max(x, 1))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(x - higher[:, None]), 1)
        top = higher
    tl.store(OUT + rows, top + tl.log(total), mask=rows < N)


@triton.jit
def column_logsumexp(
    F, P, BIAS, ROWS, TOP, SUMS, N, inv_t, SPLIT: tl.constexpr,
    K: tl.constexpr, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BD: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Of log p over points: TOP (SPLIT, K), SUMS (2, SPLIT, K) as add_rows has them. Grid: blocks of columns, SPLIT."""
    cols = tl.program_id(0) * BK + tl.arange(0, BK)
    top = tl.full((BK,), float('-inf'), tl.float32)
    total = tl.zeros((BK,), tl.float64)
    moment = tl.zeros((BK,), tl.float64)
    for first in range(tl.program_id(1) * BN, N, BN * SPLIT):
        rows = first + tl.arange(0, BN)
        x = log_p(F, P, BIAS, ROWS, rows, cols, N, inv_t, K, D, BN, BK, BD, PRECISION)
        top, total, moment = add_rows(x, rows[:, None] < N, top, total, moment)
    here = tl.program_id(1) * K + cols
    tl.store(TOP + here, top, mask=cols < K)
    tl.store(SUMS + here, total, mask=cols < K)
    tl.store(SUMS + SPLIT * K + here, moment, mask=cols < K)


@triton.jit
def compare(
    F, P, BIAS, ROWS, FS, PS, TOP, SUMS, N, inv_t, inv_t_student, SPLIT: tl.constexpr,
    K: tl.constexpr, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BD: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """TOP (SPLIT, K), SUMS (5, SPLIT, K): the student's as add_rows has them, then the sums over points of p, of
    p log p and of p times the student's logit. Grid: blocks of columns, SPLIT."""
    cols = tl.program_id(0) * BK + tl.arange(0, BK)
    top = tl.full((BK,), float('-inf'), tl.float32)
    total = tl.zeros((BK,), tl.float64)
    moment = tl.zeros((BK,), tl.float64)
    mass = tl.zeros((BK,), tl.float64)
    p_log_p = tl.zeros((BK,), tl.float64)
    cross = tl.zeros((BK,), tl.float64)
    for first in range(tl.program_id(1) * BN, N, BN * SPLIT):
        rows = first + tl.arange(0, BN)
        inside = rows[:, None] < N
        log = log_p(F, P, BIAS, ROWS, rows, cols, N, inv_t, K, D, BN, BK, BD, PRECISION)
        p = tl.where(inside, tl.exp(log), 0.0)
        mass += tl.sum(p, 0).to(tl.float64)
        p_log_p += tl.sum(p * log, 0).to(tl.float64)
        x = logits(FS, PS, rows, cols, N, inv_t_student, K, D, BN, BK, BD, PRECISION)
        cross += tl.sum(p * x, 0).to(tl.float64)
        top, total, moment = add_rows(x, inside, top, total, moment)
    here = tl.program_id(1) * K + cols
    tl.store(TOP + here, top, mask=cols < K)
    tl.store(SUMS + here, total, mask=cols < K)
    tl.store(SUMS + SPLIT * K + here, moment, mask=cols < K)
    tl.store(SUMS + 2 * SPLIT * K + here, mass, mask=cols < K)
    tl.store(SUMS + 3 * SPLIT * K + here, p_log_p, mask=cols < K)
    tl.store(SUMS + 4 * SPLIT * K + here, cross, mask=cols < K)


@triton.jit
def excess(
    F, P, BIAS, ROWS, FS, PS, MASS, LOG_TOTAL, FACTOR, rows, cols, N, inv_t, inv_t_student,
    K: tl.constexpr, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BD: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """(BN, BK) FACTOR * (student softmap - target), in the dtype of the products; 0 beyond N and K."""
    log = log_p(F, P, BIAS, ROWS, rows, cols, N, inv_t, K, D, BN, BK, BD, PRECISION)
    target = tl.exp(log) / tl.load(MASS + cols, mask=cols < K, other=1.0)[None, :]
    x = logits(FS, PS, rows, cols, N, inv_t_student, K, D, BN, BK, BD, PRECISION)
    student = tl.exp(x - tl.load(LOG_TOTAL + cols, mask=cols < K, other=0.0)[None, :])
    inside = (rows[:, None] < N) & (cols[None, :] < K)
    return tl.where(inside, (student - target) * tl.load(FACTOR), 0.0).to(PS.dtype.element_ty)


@triton.jit
def feature_gradient(
    F, P, BIAS, ROWS, FS, PS, MASS, LOG_TOTAL, FACTOR, OUT, N, inv_t, inv_t_student, WIDTH: tl.constexpr,
    K: tl.constexpr, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BD: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """OUT (N, D): excess @ PS. Grid: blocks of rows. WIDTH: D or the next power of two."""
    rows = tl.program_id(0) * BN + tl.arange(0, BN)
    d = tl.arange(0, WIDTH)
    total = tl.zeros((BN, WIDTH), tl.float32)
    for first in range(0, K, BK):
        cols = first + tl.arange(0, BK)
        e = excess(
            F, P, BIAS, ROWS, FS, PS, MASS, LOG_TOTAL, FACTOR, rows, cols, N, inv_t, inv_t_student,
            K, D, BN, BK, BD, PRECISION,
        )  # fmt: skip
        p = tl.load(PS + cols[:, None] * D + d[None, :], mask=(cols[:, None] < K) & (d[None, :] < D), other=0.0)
        total += tl.dot(e, p, input_precision=PRECISION)
    here = OUT + rows[:, None].to(tl.int64) * D + d[None, :]
    tl.store(here, total.to(OUT.dtype.element_ty), mask=(rows[:, None] < N) & (d[None, :] < D))


@triton.jit
def prototype_gradient(
    F, P, BIAS, ROWS, FS, PS, MASS, LOG_TOTAL, FACTOR, OUT, N, inv_t, inv_t_student, WIDTH: tl.constexpr,
    SPLIT: tl.constexpr,
    K: tl.constexpr, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BD: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """OUT (SPLIT, K, D): excess.T @ FS over a share of the rows. Grid: blocks of columns, SPLIT."""
    cols = tl.program_id(0) * BK + tl.arange(0, BK)
    d = tl.arange(0, WIDTH)
    total = tl.zeros((BK, WIDTH), tl.float32)
    for first in range(tl.program_id(1) * BN, N, BN * SPLIT):
        rows = first + tl.arange(0, BN)
        e = excess(
            F, P, BIAS, ROWS, FS, PS, MASS, LOG_TOTAL, FACTOR, rows, cols, N, inv_t, inv_t_student,
            K, D, BN, BK, BD, PRECISION,
        )  # fmt: skip
        f = tl.load(
            FS + rows[:, None].to(tl.int64) * D + d[None, :],
            mask=(rows[:, None] < N) & (d[None, :] < D),
            other=0.0,
        )
        total += tl.dot(tl.trans(e), f.to(PS.dtype.element_ty), input_precision=PRECISION)
    here = OUT + (tl.program_id(1) * K + cols)[:, None] * D + d[None, :]
    tl.store(here, total, mask=(cols[:, None] < K) & (d[None, :] < D))
