"""What tests read from a finished tiny run."""

import numpy as np
from mmengine.runner import Runner


def losses_of(runner: Runner) -> np.ndarray:
    """Training loss of every step, all finite."""
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    assert np.isfinite(losses).all(), losses
    return losses
