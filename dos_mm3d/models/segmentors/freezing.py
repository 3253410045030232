"""Modules that take no part in training: evaluation mode, no gradient, no statistics."""

from collections.abc import Sequence

from torch import nn


class Frozen:
    """Keeps some modules out of training, except for parts of them.

    Call :meth:`apply` after every ``train()``, and :meth:`check` before a step.

    Args:
        modules: all in them is in eval mode and without gradient, whatever ``model.train()`` says, so BatchNorm
            statistics stay and neither dropout, drop path nor shuffling is active.
        trained: submodules that train after all.
    """

    def __init__(self, modules: Sequence[nn.Module], trained: Sequence[nn.Module] = ()) -> None:
        spared = {inner for module in trained for inner in module.modules()}
        self.modules = [inner for module in modules for inner in module.modules() if inner not in spared]
        for module in self.modules:
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)

    def apply(self) -> None:
        """Put the frozen modules into eval mode, one by one: their trained submodules keep their mode."""
        for module in self.modules:
            module.training = False

    def check(self) -> None:
        """RuntimeError if anything frozen would train."""
        training = [type(module).__name__ for module in self.modules if module.training]
        learning = [
            type(module).__name__
            for module in self.modules
            if any(parameter.requires_grad for parameter in module.parameters(recurse=False))
        ]
        if training or learning:
            raise RuntimeError(
                f'{len(training)} of {len(self.modules)} frozen modules are in training mode (first: '
                f'{(training or ["none"])[0]}), {len(learning)} have parameters that want a gradient (first: '
                f'{(learning or ["none"])[0]}): something called train() or requires_grad_() on a part of the model'
            )
