"""One fixed cut of the training scenes into pretraining, probe training and validation, by scene."""

from collections.abc import Sequence

import numpy as np

from ..errors import InputError

# The key frames of one short scene are near copies: 20 labelled scans are worth what the number of their scenes is.
PROBE_TRAIN_SHARE = 0.4
VALIDATION_SHARE = 0.1
_CUT_SEED = 0


def cut_scenes(train_scene_names: Sequence[str]) -> dict[str, list[str]]:
    """Disjoint scenes `pretrain`, `probe_train` and `validation` (40 scenes: 20, 16, 4), always the same for one set.

    The order of the names is irrelevant. With few scenes validation is the first to be empty; fewer than two distinct
    scenes cannot be cut (ValueError). The official val scenes are the test split and never come in here.
    """
    names = sorted(set(train_scene_names))
    if len(names) < 2:
        raise InputError(f'need at least 2 training scenes (one to pretrain on, one to probe on), got {names}')
    # Shuffled, because neighbouring scene names are often recorded (or generated) alike.
    shuffled = [names[i] for i in np.random.default_rng(_CUT_SEED).permutation(len(names))]
    n_probe = max(1, round(PROBE_TRAIN_SHARE * len(names)))
    n_validation = round(VALIDATION_SHARE * len(names))
    return dict(
        probe_train=sorted(shuffled[:n_probe]),
        validation=sorted(shuffled[n_probe : n_probe + n_validation]),
        pretrain=sorted(shuffled[n_probe + n_validation :]),
    )
