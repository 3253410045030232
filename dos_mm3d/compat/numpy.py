"""Bugs that numpy's releases make in others."""

import numpy as np


def restore_numpy_long() -> None:
    """Let mmdet3d paste ground-truth objects into scans.

    Symptom: ObjectSample raises "module 'numpy' has no attribute 'long'" with numpy 1.24 to 1.26 (mmdet3d 1.4.0,
    datasets/transforms/dbsampler.py). numpy 2 has the name again, with this meaning.
    Test: tests/test_configs/test_centerpoint_configs.py.
    Can go when mmdet3d writes np.int64, or with numpy >= 2.
    """
    if 'long' not in vars(np):  # hasattr would make numpy 1.24 to 1.26 warn
        np.long = np.int64
