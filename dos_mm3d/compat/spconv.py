"""Bugs of spconv: its kernels for the CPU."""

import math
from collections.abc import Callable
from functools import wraps
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import nn

from ..cpu.sparse_conv import find_pairs, sparse_conv
from ..errors import InputError

# spconv's CPU search for neighbours counts cells in 32 bits and mixes up voxels beyond, without a word (spconv 2.3.8).
MAX_CPU_CELLS = 2**31


def convolve_sparsely_on_cpu() -> None:
    """Compute the convolutions of spconv's modules on CPU tensors by our own race-free kernels.

    Symptom: spconv 2.3.8's CPU scatter-add loses updates on more than one thread, its backward asks for a CUDA stream,
    its eval path refuses a bias, its search for index pairs is slow, and SubM convolutions without indice_key
    (mmdet3d's SparseBasicBlock) search again and again. CUDA tensors still go to spconv.
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
    ops.get_indice_pairs = _pair_finder(ops.get_indice_pairs, ops)


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


def normalise_no_sites_with_other_ranks() -> None:
    """Let a rank without any site take part in a SyncBatchNorm.

    Symptom: spconv 2.3.8's SparseSequential leaves out what is not of spconv where a tensor has no sites. A
    SyncBatchNorm of the other ranks then waits for this one until the run is ended; torch's own takes empty input.
    Test: tests/test_cpu/test_sparse_conv.py.
    Can go when spconv calls such layers.
    """
    if find_spec('spconv') is None:
        return
    from spconv.pytorch import SparseConvTensor, SparseSequential
    from spconv.pytorch.modules import is_spconv_module

    def forward(self, input):
        for module in self._modules.values():
            if is_spconv_module(module) or not isinstance(input, SparseConvTensor):
                input = module(input)
            elif len(input.indices) or isinstance(module, nn.SyncBatchNorm):
                input = input.replace_feature(module(input.features))
        return input

    SparseSequential.forward = forward


def convolve_in_full_precision_under_bfloat16() -> None:
    """Let sparse convolutions compute in float32 under autocast to bfloat16.

    Symptom: spconv 2.3.8 casts what its convolutions are given to float16 under autocast of any kind, so that a run in
    bfloat16, which needs no loss scaling, has gradients in float16, which do.
    Test: tests/test_cpu/test_sparse_conv.py.
    Can go when spconv asks for autocast's dtype.
    """
    if find_spec('spconv') is None:
        return
    from spconv.pytorch.conv import SparseConvolutionBase

    original = SparseConvolutionBase._conv_forward

    @wraps(original)
    def conv_forward(self, training, input, weight, *rest, **named):
        device = input.features.device.type
        if not _casts_to_bfloat16(device):
            return original(self, training, input, weight, *rest, **named)
        with torch.autocast(device, enabled=False):
            features = input.replace_feature(input.features.to(weight.dtype))
            return original(self, training, features, weight, *rest, **named)

    SparseConvolutionBase._conv_forward = conv_forward


def _casts_to_bfloat16(device: str) -> bool:
    """Whether autocast for a kind of device is on, and to bfloat16."""
    if hasattr(torch, 'get_autocast_dtype'):
        return torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.bfloat16
    return torch.is_autocast_enabled() and torch.get_autocast_gpu_dtype() == torch.bfloat16  # torch before 2.4


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


def _pair_finder(original: Callable, sizes: ModuleType) -> Callable:
    """`get_indice_pairs` by our search for CPU tensors, of a submanifold convolution once per tensor of sites.

    mmdet3d's SparseBasicBlock names no indice_key, so spconv would compute them for every convolution. They are kept on
    the tensor of sites itself, with its version: whoever writes to it gets new ones.

    sizes: has spconv's rules for the size of an output's grid; of one without cells the original complains.
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
        transpose=False,
        *rest,
        **named,
    ):
        geometry = (ksize, stride, padding, dilation)
        on_cpu = indices.device.type == 'cpu'
        if on_cpu:
            _check_cells(batch_size, spatial_shape)

        def compute():
            if on_cpu and len(ksize) == 3 and min(ksize) > 0:
                if subm:
                    shape = spatial_shape
                elif transpose:
                    shape = sizes.get_deconv_output_size(spatial_shape, *geometry, out_padding)
                else:
                    shape = sizes.get_conv_output_size(spatial_shape, *geometry)
                if min(shape) > 0:
                    return find_pairs(indices, shape, *geometry, subm=subm, transposed=transpose)
            settings = (*geometry, out_padding, subm, transpose, *rest)
            return original(indices, batch_size, spatial_shape, algo, *settings, **named)

        # Inference tensors carry no version, so a write to them would go unnoticed.
        if not on_cpu or not subm or indices.is_inference():
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
