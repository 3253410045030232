"""Fixtures of the config tests."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def recorded() -> Iterator[list[dict]]:
    """Registers a hook that keeps the outputs of every training step."""
    from mmdet3d.registry import HOOKS
    from mmengine.hooks import Hook

    outputs: list[dict] = []

    @HOOKS.register_module(name='RecordLosses', force=True)
    class RecordLosses(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            losses.append({name: float(value) for name, value in outputs.items()})

    losses = outputs
    yield outputs
    HOOKS._module_dict.pop('RecordLosses')
