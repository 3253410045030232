"""A GPU, pretended on the CPU: what would wait for it, and what would mix two devices.

Tensors are ordinary ones of the CPU. Those that carry a mark are said to lie in the host's memory, all others on
cuda:0; a TorchFunctionMode answers for them, follows the marks through every operation, raises where torch would, and
counts what stops the host until the GPU has caught up: operations whose size depends on values, numbers that are read,
and copies that are not made from pinned memory in the background. What it cannot see: kernels, streams, several GPUs,
and the inside of spconv's and mmcv's operators, which run here on the CPU as they are. The softmap loss takes its torch
form: Triton's kernels are waited for nowhere, and take minutes in the interpreter.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from mmcv.ops import scatter_points, sparse_functional, sparse_ops
from mmdet3d.models.data_preprocessors import data_preprocessor, voxelize
from spconv.pytorch.conv import SparseConvolutionBase
from torch import Tensor, nn
from torch.nn.utils import clip_grad
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from dos_mm3d.functional import streaming_fused

HOST, GPU = torch.device('cpu'), torch.device('cuda', 0)


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ROOT = Path(__file__).resolve().parents[2]
FACTORIES = names(
    'tensor as_tensor scalar_tensor arange zeros ones empty full rand randn randint randperm linspace eye'
)
LIKE = names('zeros_like ones_like empty_like full_like rand_like randn_like')
NEW = names('new_tensor new_zeros new_ones new_empty new_full')
FROM_VALUES = names('tensor as_tensor new_tensor scalar_tensor')
READ = names('item tolist __bool__ __float__ __int__ __index__ __contains__ equal is_nonzero allclose')
"""Names of what gives the host a number."""
SIZED_BY_VALUES = names(
    'nonzero argwhere masked_select unique _unique2 unique_consecutive bincount eigvalsh linalg_eigvalsh '
    'repeat_interleave segment_reduce'
)
"""Names of what looks at values on the host, to know how large the result is or whether the arguments may be."""
TWICE = names('unique _unique2 unique_consecutive bincount segment_reduce')
"""Those that look for two numbers, one after the other."""
MOVES = names('to cpu cuda pin_memory type_as')
ANYWHERE = names('__getitem__ __setitem__ index_put_ copy_ __set__ requires_grad_ _make_subclass')
"""Names of what takes tensors of two devices."""
KERNELS = (
    (SparseConvolutionBase, '_conv_forward'),
    (sparse_functional, 'indice_conv'),
    (sparse_functional, 'indice_inverse_conv'),
    (sparse_functional, 'indice_subm_conv'),
    (sparse_ops, 'get_indice_pairs'),
    (scatter_points, 'dynamic_scatter'),
    (voxelize, 'dynamic_scatter_3d'),
    (data_preprocessor, 'dynamic_scatter_3d'),
)
"""Operators of spconv and mmcv that have CUDA kernels; those of the CPU are in their place here."""


class MixedDevices(RuntimeError):
    """What torch raises of tensors on two devices."""


class PretendedGPU(TorchFunctionMode):
    """Active in a with block; ``waits`` counts (place in the code, what) since it was last cleared."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[tuple[str, str]] = Counter()

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, '__name__', str(func))
        if name == '__get__':
            return self.attribute(func, args[0])
        if name in MOVES:
            return self.move(func, name, args, kwargs)
        if name in FACTORIES or name in LIKE or name in NEW:
            return self.make(func, name, args, kwargs)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        on_gpu = [tensor for tensor in tensors if not on_host(tensor)]
        if on_gpu:
            self.look(name, args, kwargs, tensors)
        out = func(*args, **kwargs)
        if (tensors and not on_gpu) or name == 'from_numpy':
            mark(out)
        return out

    def attribute(self, func: Callable, tensor: Tensor) -> Any:
        """device, is_cuda, is_cpu of a tensor; an attribute that is a tensor, such as its gradient, lies there, too."""
        attribute = getattr(getattr(func, '__self__', None), '__name__', '')
        known = dict(device=HOST if on_host(tensor) else GPU, is_cuda=not on_host(tensor), is_cpu=on_host(tensor))
        if attribute in known:
            return known[attribute]
        value = func(tensor)
        return mark(value) if on_host(tensor) and value is not tensor else value

    def move(self, func: Callable, name: str, args: tuple, kwargs: dict) -> Tensor:
        """A copy to another device, or to another dtype on the same."""
        tensor, *others = args
        if name == 'pin_memory':
            if not on_host(tensor):
                raise RuntimeError('cannot pin a tensor of cuda:0, only those of the CPU can be pinned')
            pinned = mark(tensor.clone())
            pinned._pinned = True
            return pinned
        target = {'cpu': HOST, 'cuda': GPU}.get(name) or asked_device([*others, kwargs.get('device')])
        kept = [other for other in others if not is_place(other)]
        settings = {key: value for key, value in kwargs.items() if key != 'device'}
        out = func(tensor, *kept, **settings) if name in ('to', 'type_as') and (kept or settings) else tensor
        now = HOST if on_host(tensor) else GPU
        target = target or now
        if target.type == now.type:
            return mark(out) if now == HOST else out
        in_background = target == GPU and kwargs.get('non_blocking') and getattr(tensor, '_pinned', False)
        if not in_background:
            self.wait(f'copy to {"the host" if target == HOST else "the GPU"}')
        out = out.clone() if out is tensor else out
        out._host = target == HOST
        return out

    def make(self, func: Callable, name: str, args: tuple, kwargs: dict) -> Tensor:
        """A new tensor on the device that is asked for; the host's where none is."""
        device = asked_device([kwargs.get('device')])
        if device is None:
            like = args[0] if name in LIKE | NEW else None
            device = GPU if like is not None and not on_host(like) else HOST
        if device.type == 'cuda' and name in FROM_VALUES and not isinstance(args[-1], Tensor):
            self.wait(f'{name} of numbers')
        out = func(*args, **{key: value for key, value in kwargs.items() if key != 'device'})
        out._host = device.type == 'cpu'
        return out

    def look(self, name: str, args: tuple, kwargs: dict, tensors: list[Tensor]) -> None:
        """Before an operation of which a tensor lies on the GPU: count its waits, raise what torch would raise."""
        if name in ('numpy', '__array__'):
            raise TypeError(f"can't convert cuda:0 device type tensor to numpy, at {place()}")
        sized = name in SIZED_BY_VALUES and not kwargs.get('unsafe') and kwargs.get('output_size') is None
        if name == 'repeat_interleave' and not any(isinstance(arg, Tensor) for arg in args[1:]):
            sized = False
        if name in READ or sized:
            self.wait(name, 2 if name in TWICE else 1)
        if name == 'copy_' and on_host(args[0]) != on_host(args[1]):
            self.wait('copy_ between devices')
        if name in ('__getitem__', '__setitem__', 'index_put_', 'index_put'):
            indices = [index for index in tree_leaves(args[1]) if isinstance(index, Tensor)]
            if any(index.dtype in (torch.bool, torch.uint8) for index in indices):
                self.wait('rows picked by a mask')
            if any(on_host(index) and index.dim() for index in indices):
                self.wait("rows picked by the host's numbers")
        elif name not in ANYWHERE and any(on_host(tensor) and tensor.dim() for tensor in tensors):
            shapes = [f'{tuple(one.shape)} on {"cpu" if on_host(one) else "cuda:0"}' for one in tensors]
            raise MixedDevices(f'{name} of {", ".join(shapes)}, at {place()}')

    def wait(self, what: str, times: int = 1) -> None:
        self.waits[place(), what] += times


def on_host(tensor: Tensor) -> bool:
    return getattr(tensor, '__dict__', {}).get('_host', False)


def mark(value: Any) -> Any:
    """Say of every tensor in nested containers, a batch for instance, that it lies in the host's memory."""
    if isinstance(value, Tensor):
        value._host = True
    elif isinstance(value, dict):
        mark(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            mark(item)
    elif is_dataclass(value):
        mark([getattr(value, field.name) for field in fields(value)])
    elif hasattr(value, 'all_items'):  # mmengine's elements of data
        mark([item for _, item in value.all_items()])
    elif isinstance(getattr(value, 'tensor', None), Tensor):  # boxes
        mark(value.tensor)
    return value


def is_place(value: Any) -> bool:
    return isinstance(value, str | torch.device) or (isinstance(value, int) and not isinstance(value, bool))


def asked_device(candidates: list[Any]) -> torch.device | None:
    for one in candidates:
        if isinstance(one, Tensor):
            return HOST if on_host(one) else GPU
        if is_place(one):
            return GPU if isinstance(one, int) or torch.device(one).type == 'cuda' else HOST
    return None


def place() -> str:
    """The innermost line, of whatever library, that is not torch's."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ or '/site-packages/torch/' in frame.f_code.co_filename:
        frame = frame.f_back
    name = frame.f_code.co_filename
    for root in ('site-packages/', f'{ROOT}/'):
        name = name.rpartition(root)[2] if root in name else name
    return f'{name}:{frame.f_lineno}'


@contextmanager
def pretended_gpu(model: nn.Module) -> Iterator[PretendedGPU]:
    """A model, and what is computed in the block, is said to lie on the GPU; KERNELS see what is there."""
    gpu = PretendedGPU()
    with ExitStack() as stack:
        for owner, name in KERNELS:
            stack.enter_context(mock.patch.object(owner, name, unseen(getattr(owner, name))))
        stack.enter_context(mock.patch.object(streaming_fused, 'has_triton', lambda: False))
        grouped = clip_grad._group_tensors_by_device_and_dtype
        stack.enter_context(
            mock.patch.object(clip_grad, '_group_tensors_by_device_and_dtype', lambda *args: on_gpu(grouped(*args)))
        )
        stack.enter_context(mock.patch.object(model.data_preprocessor, '_device', GPU))
        stack.enter_context(gpu)
        yield gpu


def on_gpu(groups: dict) -> dict:
    """Gradients by device and dtype, which torch's C++ sorts by the device that they really have."""
    return {(GPU, dtype): group for (_, dtype), group in groups.items()}


def unseen(function: Callable) -> Callable:
    """The same function, of whose inside the mode sees nothing."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with torch._C.DisableTorchFunction():
            return function(*args, **kwargs)

    return call
