"""Pretrained parts that stand still until the new ones have learnt to read them."""

from collections.abc import Sequence

from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook

from ...errors import InputError
from ..named_parts import modules_below, parameters_below
from .dos import unwrap


@HOOKS.register_module()
class FrozenStartHook(Hook):
    """Freezes parts of a model for the first share of a run; BatchNorm statistics stand still with the weights.

    Frozen or not is a function of the step, so that a resumed run needs no memory. What is frozen has no gradient: the
    optimiser neither moves nor decays it. Several processes need `find_unused_parameters = True` in the config.

    Args:
        prefixes: of the names of what is frozen.
        share: of the run's steps, above 0 and below 1.
    """

    priority = 'BELOW_NORMAL'

    def __init__(self, prefixes: Sequence[str], share: float) -> None:
        if not 0.0 < share < 1.0:
            raise InputError(f'FrozenStartHook: share is {share}, wanted more than 0 and less than 1 of the steps')
        self.prefixes, self.share = tuple(prefixes), share

    def before_train(self, runner) -> None:
        model = unwrap(runner.model)
        # what the model itself keeps frozen stays so
        self.parameters = [one for one in parameters_below(model, self.prefixes).values() if one.requires_grad]
        self.modules = modules_below(model, self.prefixes)
        self.frozen_steps = round(self.share * runner.max_iters)
        self._require_gradients(runner.iter >= self.frozen_steps)

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        if runner.iter < self.frozen_steps:
            for module in self.modules:  # the loop puts all into training mode
                module.training = False
        elif runner.iter == self.frozen_steps:
            self._require_gradients(True)
            unwrap(runner.model).train()
            runner.logger.info(f'step {runner.iter + 1}: {", ".join(self.prefixes)} train from here on')

    def after_train(self, runner) -> None:
        self._require_gradients(True)

    def _require_gradients(self, wanted: bool) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(wanted)
