"""BatchNorm statistics of the data that a network is fine-tuned on, before its first step."""

from collections.abc import Sequence
from typing import Any

from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook
from torch import nn

from ...errors import InputError
from ...functional.batch_norm import reestimate_batch_norm
from ..named_parts import modules_below, parameters_below
from ..training_frames import same_on_all_ranks, training_batches
from .dos import unwrap


@HOOKS.register_module()
class TargetBatchNormHook(Hook):
    """Before the first step: the running statistics of parts of the model become those of training frames.

    What is trained normalises by its batches anyway, and forgets; it matters for parts that begin frozen, and for a
    head that is fitted before the first step.

    Args:
        prefixes: of the names of those parts.
        frames: of the training set, evenly spread, augmented as in training.
    """

    priority = 'BELOW_NORMAL'

    def __init__(self, prefixes: Sequence[str], frames: int = 40) -> None:
        if frames < 1:
            raise InputError(f'TargetBatchNormHook: frames is {frames}, wanted 1 or more')
        self.prefixes, self.frames = tuple(prefixes), frames

    def before_train(self, runner) -> None:
        if runner.iter > 0:  # resumed: the statistics have moved on
            return
        model = unwrap(runner.model)
        parameters_below(model, self.prefixes)
        parts = nn.ModuleList(modules_below(model, self.prefixes))
        model.eval()

        def forward(batch: dict[str, Any]) -> None:
            model(**batch, mode='loss')

        reestimate_batch_norm(parts, forward, training_batches(runner, self.frames))
        same_on_all_ranks(*(value.data for value in parts.buffers()))
