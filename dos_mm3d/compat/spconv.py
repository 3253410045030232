"""Bugs of spconv: its kernels for the CPU."""

import math
from collections.abc import Callable
from importlib.util import find_spec

from ..cpu.sparse_conv import sparse_conv
from ..errors import InputError

# spconv's CPU search for neighbours counts cells in 32 bits and mixes up voxels beyond, without a word (spconv 2.3.8).
MAX_CPU_CELLS = 2**31


def convolve_sparsely_on_cpu() -> None:
    """Compute the convolutions of spconv's modules on CPU tensors by our own race-free kernels.

    Symptom: spconv 2.3.8's CPU scatter-add loses updates on more than one thread, its backward asks for a CUDA stream,
    its eval path refuses a bias, and SubM convolutions without indice_key (mmdet3d's SparseBasicBlock) compute their
    index pairs again and again. CUDA tensors still go to spconv.
    Test: tests/test_cpu/test_sparse_conv.py.
    Can go when spconv's CPU kernels are race-free.
    """
    if find_spec('spconv') is None:
        return
    from spconv.pytorch import functional, ops
    from spconv.pytorch.conv import tv

    for name, subm, inverse in (('conv', False, False), ('inverse_conv', False, True), ('subm_conv', True, False)):
        original = getattr(functional, f'indice_{name}')
        setattr(functional, f'indice_{name}', _convolver(original, subm, inverse, tv.gemm.Activation.None_))
    ops.get_indice_pairs = _pair_sharer(ops.get_indice_pairs)


def take_native_algorithm_on_cpu() -> None:
    """Let spconv's modules compute by index pairs on CPU tensors, whatever wheel of spconv there is.

    Symptom: a wheel built for CUDA (seen with cu120 2.3.6 and cu126 2.3.8) chooses its implicit gemm when a layer is
    built, which has no code for the CPU: on a GPU machine nothing works on CPU tensors. CUDA tensors still take the
    algorithm that was chosen.
    Test: tests/test_cpu/test_sparse_conv.py.
    Can go when spconv chooses by the tensor.
    """
    if find_spec('spconv') is None:
        return
    from spconv.core import ConvAlgo
    from spconv.pytorch.conv import SparseConvolutionBase

    SparseConvolutionBase._conv_forward = _native_on_cpu(SparseConvolutionBase._conv_forward, ConvAlgo.Native)


def _native_on_cpu(original: Callable, native: object) -> Callable:
    """A stand-in for `_conv_forward`, which looks at `self.algo`: that is the native one as long as the call lasts."""

    def conv_forward(self, training, input, *rest, **named):
        if input.features.device.type != 'cpu' or self.algo == native:
            return original(self, training, input, *rest, **named)
        chosen, self.algo = self.algo, native
        try:
            return original(self, training, input, *rest, **named)
        finally:
            self.algo = chosen

    conv_forward.original = original
    return conv_forward


def _convolver(original: Callable, subm: bool, inverse: bool, no_activation: object) -> Callable:
    """A stand-in for one of spconv's functions: CPU tensors come here, others go to `original`."""

    def convolve(
        features,
        filters,
        indice_pairs,
        indice_pair_num,
        n_outputs,
        algo,
        timer=None,
        bias=None,
        act_alpha=0.0,
        act_beta=0.0,
        act_type=no_activation,
    ):
        if features.device.type != 'cpu':
            settings = (algo, timer, bias, act_alpha, act_beta, act_type)
            return original(features, filters, indice_pairs, indice_pair_num, n_outputs, *settings)
        if act_type != no_activation:
            raise NotImplementedError(
                f'a sparse convolution on the CPU has no fused activation, got {act_type}; put the activation in a '
                'module of its own'
            )
        out = sparse_conv(features, filters, indice_pairs, indice_pair_num, n_outputs, subm=subm, inverse=inverse)
        return out if bias is None else out + bias

    convolve.original = original
    return convolve


class GridTooLargeError(InputError):
    """More cells than spconv's CPU code tells apart."""


def _check_cells(batch_size: int, spatial_shape: list[int]) -> None:
    """GridTooLargeError for a grid in which spconv would find wrong neighbours."""
    cells = int(batch_size) * math.prod(map(int, spatial_shape))  # mmdet3d hands an int32 tensor, which would overflow
    if cells >= MAX_CPU_CELLS:
        raise GridTooLargeError(
            f'{batch_size} samples in a grid of {list(map(int, spatial_shape))} have {cells} cells; on the CPU spconv '
            f'can tell fewer than {MAX_CPU_CELLS} apart: lower the batch size, crop the clouds or enlarge the voxels'
        )


def _pair_sharer(original: Callable) -> Callable:
    """`get_indice_pairs` that computes the pairs of a submanifold convolution once per tensor of sites on the CPU.

    mmdet3d's SparseBasicBlock names no indice_key, so spconv would compute them for every convolution. They are kept on
    the tensor of sites itself, with its version: whoever writes to it gets new ones.
    """

    def get_indice_pairs(
        indices,
        batch_size,
        spatial_shape,
        algo,
        ksize,
        stride,
        padding,
        dilation,
        out_padding,
        subm=False,
        *rest,
        **named,
    ):
        def compute():
            settings = (ksize, stride, padding, dilation, out_padding, subm)
            return original(indices, batch_size, spatial_shape, algo, *settings, *rest, **named)

        if indices.device.type == 'cpu':
            _check_cells(batch_size, spatial_shape)
        # Inference tensors carry no version, so a write to them would go unnoticed.
        if indices.device.type != 'cpu' or not subm or indices.is_inference():
            return compute()
        key = (indices._version, batch_size, *map(tuple, (spatial_shape, ksize, dilation)))
        known = getattr(indices, '_dos_subm_pairs', {})
        if key not in known:
            known = {old: value for old, value in known.items() if old[0] == indices._version}
            known[key] = compute()[1:]
            indices._dos_subm_pairs = known
        return indices, *known[key]

    get_indice_pairs.original = original
    return get_indice_pairs
