"""Parts of a weight file that a fine-tuning leaves where it found them."""

from collections.abc import Sequence
from typing import Any

from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook

from ...errors import InputError


@HOOKS.register_module()
class SkipWeightsHook(Hook):
    """``load_from`` without some of its tensors, such as a pretrained decoder; a resumed run takes all.

    Args:
        prefixes: of the names of the tensors that are not taken.
    """

    priority = 'HIGH'  # before an averaged copy takes the same weights

    def __init__(self, prefixes: Sequence[str]) -> None:
        self.prefixes = tuple(prefixes)

    def after_load_checkpoint(self, runner, checkpoint: dict[str, Any]) -> None:
        if runner._resume:
            return
        weights = checkpoint['state_dict']
        skipped = [name for name in weights if name.startswith(self.prefixes)]
        if not skipped:
            raise InputError(
                f'SkipWeightsHook: {runner.cfg.load_from} has no tensor whose name begins with '
                f'{", ".join(self.prefixes)}; its first is {next(iter(weights))}'
            )
        for name in skipped:
            del weights[name]
        runner.logger.info(f'{len(skipped)} tensors of {runner.cfg.load_from} are not taken: {skipped[0]}, ...')
