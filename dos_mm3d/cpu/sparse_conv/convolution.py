"""The convolution as an autograd function."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .kernels import OUTER_CHANNELS
from .launch import accumulate_outer, accumulate_rows, transpose
from .pairs import Pairs

_VECTOR_BYTES = 64
_DTYPES = (torch.float32, torch.float64)


class _SparseConv(torch.autograd.Function):
    """y[o] = sum over pairs (i, o) of offset k of W[k] x[i]; `backwards` swaps i and o (inverse convolution)."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, pairs, backwards: bool) -> Tensor:
        ctx.pairs, ctx.backwards = pairs, backwards
        ctx.save_for_backward(x, weight)
        blocks, n_rows, mirrored = _targets(pairs, backwards)
        out = accumulate_rows(x, _output_columns(weight), blocks, n_rows, mirrored)
        return _cut_columns(out, weight.shape[0])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        grad = grad.contiguous()
        grad_x = _input_gradient(grad, weight, ctx.pairs, ctx.backwards) if ctx.needs_input_grad[0] else None
        grad_weight = _weight_gradient(x, grad, weight, ctx.pairs, ctx.backwards) if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight, None, None


def _targets(pairs, backwards: bool) -> tuple:
    """Blocks, number of rows and mirroring for a sum into the outputs, or `backwards` into the inputs."""
    if not backwards:
        return pairs.by_output, pairs.n_outputs, False
    return (pairs.by_output, pairs.n_inputs, True) if pairs.subm else (pairs.by_input, pairs.n_inputs, False)


def _output_columns(weight: Tensor) -> Tensor:
    """(out, *kernel, in) -> (offsets, in, out and zeros up to a whole number of vectors)."""
    matrix = weight.contiguous().flatten(1)
    if any(_missing(size, matrix) for size in matrix.shape):
        lines = _pad_columns(matrix.t()).contiguous()
    else:
        lines = transpose(matrix)
    return lines.view(-1, weight.shape[-1], lines.shape[1])


def _input_gradient(grad: Tensor, weight: Tensor, pairs, backwards: bool) -> Tensor:
    blocks, n_rows, mirrored = _targets(pairs, not backwards)
    kernel = _pad_columns(weight.contiguous().flatten(1, -2)).permute(1, 0, 2)
    return _cut_columns(accumulate_rows(grad, kernel, blocks, n_rows, mirrored), weight.shape[-1])


def _weight_gradient(x: Tensor, grad: Tensor, weight: Tensor, pairs, backwards: bool) -> Tensor:
    # by rows of the outputs, since that is how weights lie in memory
    lists = pairs.lists if backwards else pairs.lists[:, [1, 0, 2, 3]]
    dw = accumulate_outer(_pad_columns(grad, OUTER_CHANNELS), _pad_columns(x), lists)
    return dw[: weight.shape[0], :, : weight.shape[-1]].reshape(weight.shape)


def _missing(size: int, like: Tensor, multiple: int | None = None) -> int:
    """What lacks to a `multiple`, by default a whole number of vectors of elements such as `like`'s."""
    return -size % (multiple or _VECTOR_BYTES // like.element_size())


def _pad_columns(matrix: Tensor, multiple: int | None = None) -> Tensor:
    """With zero columns up to a `multiple`, by default a whole number of vectors; the matrix itself if it fits."""
    missing = _missing(matrix.shape[-1], matrix, multiple)
    return F.pad(matrix, (0, missing)) if missing else matrix


def _cut_columns(matrix: Tensor, n_columns: int) -> Tensor:
    """The first columns, and the matrix itself where those are all: autograd forbids in-place sums into a view."""
    return matrix if matrix.shape[1] == n_columns else matrix[:, :n_columns].clone()


def _check(features: Tensor, weight: Tensor) -> None:
    if features.dtype not in _DTYPES or weight.dtype != features.dtype:
        raise TypeError(
            f'sparse convolution on the CPU got features of {features.dtype} and weights of {weight.dtype}, wanted '
            'both torch.float32 or both torch.float64; convert them, or switch autocast off around the sparse encoder'
        )
    if features.shape[1] != weight.shape[-1]:
        raise ValueError(
            f'sparse convolution got features with {features.shape[1]} channels for a weight of {tuple(weight.shape)} '
            '(out, *kernel, in)'
        )


def _pairs_of(indice_pairs: Tensor, indice_pair_num: Tensor, n_inputs: int, n_outputs: int, subm: bool):
    """The pairs, kept on the tensor they come from: every layer and pass that shares it finds them there."""
    known = getattr(indice_pairs, '_dos_pairs', None)
    if known is None or (known.n_inputs, known.n_outputs, known.subm) != (n_inputs, n_outputs, subm):
        known = Pairs(indice_pairs, indice_pair_num, n_inputs, n_outputs, subm)
        indice_pairs._dos_pairs = known
    return known


def sparse_conv(
    features: Tensor,
    weight: Tensor,
    indice_pairs: Tensor,
    indice_pair_num: Tensor,
    n_outputs: int,
    *,
    subm: bool = False,
    inverse: bool = False,
) -> Tensor:
    """Convolve `features` (n, in) with `weight` (out, *kernel, in) over spconv's index pairs; returns (n_outputs, out).

    `indice_pairs` (2, K, N) int32 and `indice_pair_num` (K,) are what `spconv.pytorch.ops.get_indice_pairs` returns;
    with `inverse` those of the convolution that is undone. float32 and float64; the same bits on any number of threads.
    """
    _check(features, weight)
    n_inputs = n_outputs if inverse else features.shape[0]
    n_targets = features.shape[0] if inverse else n_outputs
    pairs = _pairs_of(indice_pairs, indice_pair_num, n_inputs, n_targets, subm)
    return _SparseConv.apply(features.contiguous(), weight, pairs, inverse)
