"""What a run on a GPU gets by default; one on the CPU stays as its config says."""

import os
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

import torch
from mmdet3d.registry import OPTIM_WRAPPERS
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from torch import nn

from .loaders import LOADERS

DETERMINISTIC_WORKSPACE = ':4096:8'
"""Of cuBLAS, whose products are one order of sums with it: docs.nvidia.com/cuda/cublas, "Results reproducibility"."""


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """mmengine's OptimWrapper; on a GPU, forward passes are under autocast to bfloat16.

    bfloat16 has the exponents of float32: gradients do not vanish, and no GradScaler is needed. Where the mathematics
    wants float32 (norms, Sinkhorn, losses, sparse convolutions) the models end autocast themselves; parameters,
    gradients, the optimiser and the teacher's average are float32 anyway. A GPU without bfloat16 (before Ampere)
    computes in float32. ``type='OptimWrapper'`` is float32 everywhere, ``--amp`` is mmengine's float16.

    Args: those of mmengine's OptimWrapper.
    """

    @contextmanager
    def optim_context(self, model: nn.Module):
        with super().optim_context(model), torch.autocast('cuda', torch.bfloat16, enabled=has_bfloat16()):
            yield


def has_bfloat16() -> bool:
    """Whether there is a GPU that computes in bfloat16 itself."""
    return torch.cuda.is_available() and torch.cuda.get_device_capability()[0] >= 8


def settle_for_gpu(cfg: Config) -> None:
    """What a GPU can have without a word in the config: batches in pinned memory that are copied while it computes, and
    TF32 for products and convolutions of float32 (NVIDIA_TF32_OVERRIDE=0 in the environment forbids it).

    ``randomness.deterministic`` gets cuBLAS's workspace, too, without which torch refuses its products.
    """
    if (cfg.get('randomness') or {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', DETERMINISTIC_WORKSPACE)
    if not torch.cuda.is_available():
        return
    for name in LOADERS:
        if isinstance(loader := cfg.get(name), dict):
            loader.setdefault('pin_memory', True)
    if isinstance(preprocessor := (cfg.get('model') or {}).get('data_preprocessor'), dict):
        preprocessor.setdefault('non_blocking', True)
    if os.environ.get('NVIDIA_TF32_OVERRIDE') != '0':
        allow_tf32()


def allow_tf32() -> None:
    """Products and convolutions of float32 may round their factors to the 10 bits of TF32, on GPUs that have it."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    if find_spec('spconv') is not None:
        import_module('spconv.constants').SPCONV_ALLOW_TF32 = True
