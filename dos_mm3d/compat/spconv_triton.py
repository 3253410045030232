"""The package spconv-triton in spconv's place, for GPUs that no wheel of spconv has code for."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import torch

REPLACED = ('core', 'pytorch')
"""The parts of spconv that mmdet3d and we use; what else there is of it stays spconv's."""


def put_triton_in_place_of_spconv() -> None:
    """Let ``spconv.pytorch`` and ``spconv.core`` be those of spconv-triton, before anything imports them.

    It has spconv's modules, with the same parameters and layout, and computes in Triton. mmdet3d registers what it
    finds as ``spconv.pytorch``. That happens with ``DOS_SPCONV=triton`` in the environment, and where there is a GPU,
    a spconv for the CPU alone, and spconv-triton. CPU tensors get their index pairs from spconv and are convolved by
    our kernels. Not run on a GPU.

    Symptom: spconv 2.3.8's wheels have code for compute capability 6.0 to 9.0, so newer GPUs cannot use them; in
    spconv-triton 1.0.0, which can, nothing works on CPU tensors.
    Test: tests/test_compat/test_spconv_triton.py.
    Can go when spconv has wheels for newer GPUs.

    Raises:
        ImportError: mmdet3d's models were imported before, with spconv's modules.
    """
    if not _is_wanted():
        return
    if 'mmdet3d.models' in sys.modules:
        raise ImportError(
            'mmdet3d.models were imported before dos_mm3d, with a spconv that cannot use this GPU; import dos_mm3d '
            "first (mmdet3d's own tools/train.py cannot: use dos_mm3d's)"
        )
    pairs_on_cpu, native = import_module('spconv.pytorch.ops').get_indice_pairs, import_module('spconv.core').ConvAlgo
    triton_ops = import_module('spconv_triton.pytorch.ops')
    triton_ops.get_indice_pairs = _pairs_on_any_device(triton_ops.get_indice_pairs, pairs_on_cpu, native.Native)
    _alias('spconv', 'spconv_triton')


def stands_in() -> bool:
    """Whether spconv-triton is in spconv's place."""
    return import_module('spconv.pytorch').__name__.startswith('spconv_triton')


def _is_wanted() -> bool:
    if os.environ.get('DOS_SPCONV') == 'triton':
        return True
    there = find_spec('spconv') is not None and find_spec('spconv_triton') is not None
    return there and torch.cuda.is_available() and import_module('spconv.cppconstants').CPU_ONLY_BUILD


def _alias(package: str, other: str) -> None:
    """Let the names of `REPLACED` in `package` stand for those of `other`, which are imported."""
    for name in list(sys.modules):
        if name.startswith(f'{package}.') and name.split('.')[1] in REPLACED:
            del sys.modules[name]
    for name, module in list(sys.modules.items()):
        if name.startswith(f'{other}.') and name.split('.')[1] in REPLACED:
            sys.modules[package + name.removeprefix(other)] = module
    for part in REPLACED:
        setattr(sys.modules[package], part, sys.modules[f'{other}.{part}'])


def _pairs_on_any_device(on_gpu: Callable, on_cpu: Callable, native: object) -> Callable:
    """`get_indice_pairs` of Triton for CUDA tensors and of spconv, whose native algorithm is `native`, for others."""

    def get_indice_pairs(indices, batch_size, spatial_shape, algo, *settings):
        if indices.device.type != 'cpu':
            return on_gpu(indices, batch_size, spatial_shape, algo, *settings)
        return on_cpu(indices, batch_size, spatial_shape, native, *settings)

    return get_indice_pairs
