"""Counts what torch dispatches: on a GPU, about the number of kernels that are launched."""

from collections import Counter

from torch.utils._python_dispatch import TorchDispatchMode

# they make a view or ask for a size, and launch nothing
VIEWS = ('alias', 'as_strided', 'detach', 'expand', 'permute', 'select', 'slice', 'split', 'squeeze', 't', 'transpose')
VIEWS += ('split_with_sizes', 'unbind', 'unsqueeze', 'view', '_unsafe_view', 'unfold')


class CountOps(TorchDispatchMode):
    """``with CountOps() as count``: how often each op was called, views left out."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.partition('.')[0]
        self.calls[name] += name not in VIEWS
        return func(*args, **(kwargs or {}))

    def total(self) -> int:
        return self.calls.total()
