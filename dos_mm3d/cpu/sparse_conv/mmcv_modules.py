"""The doors of mmcv's sparse convolution modules that lead to :func:`sparse_conv` on CPU tensors.

mmcv's modules look for index pairs by ``indice_key`` alone and never ask for which kernel these were made. mmdet3d's
Cylinder3D gives layers of different kernels one key, so that its (3, 1, 3) kernels work on the neighbours of its
(1, 3, 3) ones, and its 3 x 3 x 3 kernels use the first 9 of 27 weights (github.com/xinge008/Cylinder3D, issue 102).
Weights trained with that are right with that alone: it is kept, offset k of the pairs meets kernel k of the weight.
"""

from collections.abc import Callable
from types import ModuleType

from torch import Tensor

from dos_mm3d.cpu.sparse_conv.convolution import sparse_conv

from ...errors import InputError


def _pair_finder(original: Callable, spconv_pairs: Callable) -> Callable:
    """A stand-in for mmcv's `get_indice_pairs`; `spconv_pairs` is that of spconv, its native algorithm filled in."""

    def get_indice_pairs(
        indices,
        batch_size,
        spatial_shape,
        ksize=3,
        stride=1,
        padding=0,
        dilation=1,
        out_padding=0,
        subm=False,
        transpose=False,
        grid=None,
    ):
        settings = (ksize, stride, padding, dilation, out_padding)
        if indices.device.type != 'cpu':
            return original(indices, batch_size, spatial_shape, *settings, subm, transpose, grid)
        shape = [int(size) for size in spatial_shape]
        lists = (list(value) if isinstance(value, (list, tuple)) else [value] * len(shape) for value in settings)
        sites, pairs, counts = spconv_pairs(indices, int(batch_size), shape, *lists, subm, transpose)
        # mmcv's layout (offsets, 2, sites); the tensor behind it keeps what was computed from the pairs
        in_mmcv_layout = pairs.transpose(0, 1)
        in_mmcv_layout.spconv_pairs = pairs
        return sites, in_mmcv_layout, counts

    get_indice_pairs.original = original
    return get_indice_pairs


def _convolver(original: Callable, subm: bool, inverse: bool) -> Callable:
    """A stand-in for one of mmcv's functions: CPU tensors come here, others go to `original`."""

    def convolve(features, filters, indice_pairs, indice_pair_num, num_activate_out):
        if features.device.type != 'cpu':
            return original(features, filters, indice_pairs, indice_pair_num, num_activate_out)
        kernels = _kernels_of_offsets(filters, len(indice_pair_num))
        pairs = indice_pairs.spconv_pairs
        return sparse_conv(features, kernels, pairs, indice_pair_num, num_activate_out, subm=subm, inverse=inverse)

    convolve.original = original
    return convolve


def _kernels_of_offsets(filters: Tensor, n_offsets: int) -> Tensor:
    """Filters (*kernel, in, out) of mmcv -> (out, n_offsets, in), the first `n_offsets` of them."""
    kernels = filters.flatten(0, -3)
    if len(kernels) < n_offsets:
        raise InputError(
            f'a sparse convolution with kernel {tuple(filters.shape[:-2])} shares its indice_key with one of '
            f'{n_offsets} offsets, more than it has weights; give it an indice_key of its own'
        )
    return kernels[:n_offsets].permute(2, 0, 1)


def patch_mmcv(functional: ModuleType, ops: ModuleType, spconv_pairs: Callable) -> None:
    """Route the CPU computation of mmcv's sparse modules to `sparse_conv`; a second call does nothing.

    `functional` and `ops` are mmcv.ops.sparse_functional and sparse_ops; `spconv_pairs` takes (indices, batch_size,
    spatial_shape, ksize, stride, padding, dilation, out_padding, subm, transpose) and returns spconv's pairs.
    """
    if hasattr(functional.indice_conv, 'original'):
        return
    for name, subm, inverse in (('conv', False, False), ('inverse_conv', False, True), ('subm_conv', True, False)):
        original = getattr(functional, f'indice_{name}')
        setattr(functional, f'indice_{name}', _convolver(original, subm, inverse))
    ops.get_indice_pairs = _pair_finder(ops.get_indice_pairs, spconv_pairs)
