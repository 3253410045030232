"""Numbers as shades: similarities, and softmaps, most of which lie far below their peak."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from numpy.typing import NDArray

from .viewed import ViewedSweep


def heat(shares: NDArray[np.floating]) -> NDArray[np.floating]:
    """(...) numbers from 0 to 1 -> (..., 3) colours, brighter is more, and on a dark ground 0 is still seen."""
    return matplotlib.colormaps['magma'](0.15 + 0.85 * shares)[..., :3]


def shown_share(maps: NDArray[np.floating], top: NDArray[np.floating]) -> NDArray[np.floating]:
    """Softmaps (m, P) as shades from 0 to 1: the square root of the share of the largest value, `top` (P,)."""
    return np.sqrt(maps / np.maximum(top, 1e-30))


def softmap_tops(sweeps: Sequence[ViewedSweep]) -> dict[str, NDArray[np.floating]]:
    """Kind -> (P,) the largest value of each prototype's softmap in any of the sweeps, which share their shades."""
    features = [sweep.features for sweep in sweeps if sweep.features is not None]
    kinds = list(features[0].softmaps) if features else []
    return {kind: np.max([one.softmaps[kind].max(0) for one in features], axis=0) for kind in kinds}
