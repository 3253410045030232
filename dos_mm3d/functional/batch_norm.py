"""BatchNorm statistics of other data than those that a network was trained on."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _PooledMoments:
    """Count, sum and sum of squares per channel over everything that enters one layer, in float64."""

    def __init__(self) -> None:
        self.count, self.total, self.squares = 0, 0.0, 0.0

    def add(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Forward pre-hook: inputs[0] is (N, C, ...), pooled over every axis but the second."""
        values = inputs[0].detach().double()
        others = [axis for axis in range(values.dim()) if axis != 1]
        self.count += values.numel() // values.shape[1]
        self.total = self.total + values.sum(others)
        self.squares = self.squares + values.square().sum(others)

    def write(self, layer: _BatchNorm) -> None:
        """Mean and unbiased variance, PyTorch's convention for running statistics, into the layer."""
        mean = self.total / self.count
        variance = (self.squares / self.count - mean.square()).clamp_min(0) * self.count / max(self.count - 1, 1)
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)


@torch.no_grad()
def reestimate_batch_norm(model: nn.Module, forward: Callable[[object], object], batches: Iterable[object]) -> None:
    """Set the running statistics of every BatchNorm in `model` to the pooled mean and variance over all batches.

    forward(batch) runs the model, whose BatchNorms normalise by the batch meanwhile (deeper layers thus see inputs that
    were normalised batch by batch; exact for the first layer, and for all where one batch holds everything).
    The training flag of every module is as before afterwards. ValueError where there is nothing to estimate from.
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    moments, flags = [_PooledMoments() for _ in layers], [layer.training for layer in layers]
    handles = [layer.register_forward_pre_hook(moment.add) for layer, moment in zip(layers, moments)]
    try:
        for layer in layers:  # these alone: dropout and the like stay as they are
            layer.train()
        for batch in batches:
            forward(batch)
    finally:
        for layer, flag, handle in zip(layers, flags, handles):
            layer.train(flag)
            handle.remove()
    if layers and not all(moment.count for moment in moments):
        raise ValueError(
            f'{sum(not m.count for m in moments)} of {len(layers)} BatchNorms saw no data: no batches given?'
        )
    for layer, moment in zip(layers, moments):
        moment.write(layer)
