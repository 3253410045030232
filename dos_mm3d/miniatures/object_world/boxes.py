"""What is cut out of a scan: the object alone, its box, or a box that is off (ScanObjectNN's variants)."""

from __future__ import annotations

import numpy as np

from ..shapes import rotation
from .scan import Scan, Scene

VARIANTS = ('obj_only', 'obj_bg', 'pb_t50_rs')
"""The object's own points; all in its box; all in a box that is shifted by up to half its size, turned and scaled."""
MARGIN = 1.06
SHIFT, TURN_RAD, SCALE = 0.5, np.pi / 12, (0.8, 1.25)
BOX_TRIES = 12
LEAST_OWN, LEAST_SHARE = 200, 0.6
"""What must be left of an object: points, and the share of those that the scan has."""


def cut(scan: Scan, scene: Scene, variant: str, rng: np.random.Generator) -> np.ndarray | None:
    """(n,) rows of a scan that a variant keeps; None where too little of the object is among them.

    A box that is off is drawn until it keeps enough, a few times."""
    enough = max(LEAST_OWN, LEAST_SHARE * scan.own.sum())
    for _ in range(BOX_TRIES if variant == 'pb_t50_rs' else 1):
        rows = np.flatnonzero(scan.own if variant == 'obj_only' else _in_box(scan.xyz, scene, variant, rng))
        if scan.own[rows].sum() >= enough:
            return rows
    return None


def _in_box(xyz: np.ndarray, scene: Scene, variant: str, rng: np.random.Generator) -> np.ndarray:
    """(n,) bool of the points in the object's box, or in one that is off."""
    shift, turn, scale = np.zeros(3), 0.0, MARGIN
    if variant == 'pb_t50_rs':
        shift = rng.uniform(-SHIFT, SHIFT, 3) * 2 * scene.half
        turn, scale = float(rng.uniform(-TURN_RAD, TURN_RAD)), rng.uniform(*SCALE, 3)
    centre = scene.middle + rotation(scene.yaw_rad) @ shift
    local = (xyz - centre) @ rotation(scene.yaw_rad + turn)
    return (np.abs(local) <= scale * scene.half).all(1)


def resampled(rows: np.ndarray, n_points: int, rng: np.random.Generator) -> np.ndarray:
    """(n_points,) of some rows in random order, all of them before any comes again."""
    whole, rest = divmod(n_points, len(rows))
    return np.concatenate([rng.permutation(rows) for _ in range(whole)] + [rng.permutation(rows)[:rest]])
