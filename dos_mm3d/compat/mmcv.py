"""Bugs of mmcv: operations that it lacks on the CPU."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from torch import Tensor

from ..cpu.scatter import scatter_points
from ..cpu.sparse_conv import sparse_conv
from ..errors import InputError


def convolve_sparsely_with_mmcv_on_cpu() -> None:
    """Let mmcv's own sparse convolution modules, which mmdet3d's Cylinder3D is made of, run on CPU tensors.

    Symptom: "get_indice_pairs is not implemented on CPU" (mmcv 2.1.0; mmdet3d 1.4.0 imports these modules by name, so
    its switch to spconv does not reach them). The modules, the layout of their kernels and how they look up index pairs
    stay; pairs come from spconv, sums from our race-free kernels. CUDA tensors still go to mmcv.

    spconv's modules in their place would compute another network. mmcv's look for index pairs by ``indice_key`` alone
    and never ask for which kernel these were made. mmdet3d's Cylinder3D gives layers of different kernels one key, so
    that its (3, 1, 3) kernels work on the neighbours of its (1, 3, 3) ones, and its 3 x 3 x 3 kernels use the first 9
    of 27 weights (github.com/xinge008/Cylinder3D, issue 102). Weights trained with that are right with that alone: it
    is kept, offset k of the pairs meets kernel k of the weight.
    Test: tests/test_compat/test_mmcv.py.
    Can go when mmcv has CPU kernels for them.
    """
    if find_spec('spconv') is None:
        return
    from mmcv.ops import sparse_functional, sparse_ops
    from spconv.core import ConvAlgo
    from spconv.pytorch import ops

    def spconv_pairs(indices: Tensor, batch_size: int, spatial_shape: list[int], *settings: Any) -> tuple:
        return ops.get_indice_pairs(indices, batch_size, spatial_shape, ConvAlgo.Native, *settings)

    for name, subm, inverse in (('conv', False, False), ('inverse_conv', False, True), ('subm_conv', True, False)):
        original = getattr(sparse_functional, f'indice_{name}')
        setattr(sparse_functional, f'indice_{name}', _convolver(original, subm, inverse))
    sparse_ops.get_indice_pairs = _pair_finder(sparse_ops.get_indice_pairs, spconv_pairs)


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


def scatter_points_on_cpu() -> None:
    """Let dynamic voxelisation (SegVFE, Cylinder3D's labels) reduce the points of a voxel on CPU tensors.

    Symptom: "dynamic_point_to_voxel_forward_impl: implementation for device cpu not found" (mmcv 2.1.0, and mmdet3d
    1.4.0's copy that also returns the voxel of each point). CUDA tensors still go to mmcv.
    Test: tests/test_cpu/test_scatter.py.
    Can go when mmcv has a CPU kernel for it.
    """
    from mmcv import ops
    from mmcv.ops import scatter_points as mmcv_scatter
    from mmdet3d.models.data_preprocessors import data_preprocessor, voxelize

    for module, name in (
        (mmcv_scatter, 'dynamic_scatter'),
        (ops, 'dynamic_scatter'),
        (voxelize, 'dynamic_scatter_3d'),
        (data_preprocessor, 'dynamic_scatter_3d'),
    ):
        setattr(module, name, _scatter_on_any_device(getattr(module, name)))


def _scatter_on_any_device(original: Callable[..., tuple]) -> Callable[..., tuple]:
    def dynamic_scatter(
        feats: Tensor, coors: Tensor, reduce_type: str = 'max', return_map: bool = False
    ) -> tuple[Tensor, ...]:
        with_map = (return_map,) if return_map else ()
        if feats.device.type != 'cpu':
            return original(feats, coors, reduce_type, *with_map)
        reduced = scatter_points(feats, coors, reduce_type)
        return reduced if return_map else reduced[:2]

    return dynamic_scatter
