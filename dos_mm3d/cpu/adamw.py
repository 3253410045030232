"""Compiled loops of AdamW on the CPU: what torch does in a dozen passes over the memory takes two and a root.

All compiled code stays in this file: numba's disk cache notices changes of this file only. Floating-point operations
are single float32 ones in the order of torch's kernels, fused where these are, so that no bit differs (torch 2.13 with
AVX-512).
"""

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def _fused(typingctx, a, b, c):
    """a * b + c in float32, rounded once."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType()] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, 'llvm.fma.f32'), args)

    return types.float32(*(types.float32,) * 3), codegen


@njit(cache=True, nogil=True)
def follow(average, square, gradient, share, keep, take):
    """average <- average + share (gradient - average), square <- keep square + take gradient^2; all float32, (n,)."""
    for i in range(len(gradient)):
        average[i] = _fused(share, gradient[i] - average[i], average[i])
        square[i] = _fused(take * gradient[i], gradient[i], square[i] * keep)


@njit(cache=True, nogil=True, error_model='numpy')
def move(weight, average, root, keep, correction, eps, rate):
    """weight <- keep weight - rate average / (root / correction + eps); all float32, arrays (n,)."""
    for i in range(len(weight)):
        weight[i] = weight[i] * keep + (-rate * average[i]) / (root[i] / correction + eps)
