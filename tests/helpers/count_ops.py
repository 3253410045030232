"""Counts what torch dispatches: on a GPU, about the number of kernels that are launched."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from torch.utils._python_dispatch import TorchDispatchMode

# they make a view, take memory or hand over a number, and compute nothing
NOT_COUNTED = {
    *('alias', 'as_strided', 'detach', 'diagonal', 'expand', 'permute', 'select', 'slice', 'split', 'split_with_sizes'),
    *('squeeze', 't', 'transpose', 'unbind', 'unfold', 'unsqueeze', 'view', '_unsafe_view', '_reshape_alias'),
    *('empty', 'empty_like', 'empty_strided', 'new_empty', 'new_empty_strided', 'lift_fresh', '_local_scalar_dense'),
}


class CountOps(TorchDispatchMode):
    """``with CountOps() as count``: how often each op was called; ``count.total()`` of all."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.paused = False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.partition('.')[0]
        self.calls[name] += not self.paused and name not in NOT_COUNTED
        return func(*args, **(kwargs or {}))

    def total(self) -> int:
        return self.calls.total()

    def left_out(self, function: Callable) -> Callable:
        """The function, of whose ops none is counted."""

        @wraps(function)
        def call(*args, **kwargs):
            with self.pause():
                return function(*args, **kwargs)

        return call

    @contextmanager
    def pause(self) -> Iterator[None]:
        before, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = before
