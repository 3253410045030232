"""Geometry that looks wrong though every number is possible: named in the log, never changed.

The thresholds leave alone what sound sweeps of real sensors show."""

import numpy as np

NEAR_M, NEAR_SHARE = 1.0, 0.1
REPEATED_SHARE, ONE_PLACE_SHARE = 0.05, 0.005  # sound sweeps of real sensors: at most 0.0004 at one place
FLAT_RATIO = 3.0  # how many times wider the spread of z is than that of another axis
LAYER_M, UPSIDE_DOWN_RATIO, UPSIDE_DOWN_SHARE = 0.5, 8.0, 0.25
FULL_TURNS = (360.0, 2 * np.pi)
FEW_POINTS, SMALL_M = 512, 6.0
HARDLY_ANY_POINTS = 256  # of a whole sweep; LiDARs give thousands
PLANE_M = 0.02
SHELL_M, SHELL_SHARE, SHELL_LEAST_M = 1e-3, 0.02, 2.0


def suspicions(points: np.ndarray) -> list[str]:
    """What of (N, 4) points, metres, looks wrong, one clause each; empty for a sweep as others."""
    xyz = points[:, :3]
    found = [_few(xyz), _near(xyz), _shell(xyz), _repeated(xyz), _axes(xyz), _upside_down(xyz), _angles(xyz)]
    return [clause for clause in found if clause]


def _few(xyz: np.ndarray) -> str:
    span = np.ptp(xyz, axis=0).max()
    if len(xyz) < FEW_POINTS and span < SMALL_M:
        return (
            f'few points close together (fewer than {FEW_POINTS} within {SMALL_M:g} m): an object cut out of a sweep?'
        )
    if len(xyz) < HARDLY_ANY_POINTS:
        return f'fewer than {HARDLY_ANY_POINTS} points: boxes, a radar, or a file that is cut off?'
    return ''


def _near(xyz: np.ndarray) -> str:
    if (np.percentile(np.abs(xyz), 99, axis=0) < SMALL_M).all() and len(xyz) >= FEW_POINTS:
        return f'99 % of the points within {SMALL_M:g} m: in another unit than metres, or scaled?'
    share = (np.abs(xyz[:, :2]) < NEAR_M).all(1).mean()
    return (
        '' if share < NEAR_SHARE else f'{NEAR_SHARE:.0%} of the points or more within {NEAR_M:g} m: the vehicle itself?'
    )


def _shell(xyz: np.ndarray) -> str:
    """At one and the same distance: where a driver puts what gave no return."""
    distance = np.sqrt((xyz.astype(np.float64) ** 2).sum(1))
    steps = np.bincount((distance[(distance > SHELL_LEAST_M) & (distance < 1e3)] / SHELL_M).astype(np.int64))
    n_there = (steps[1:] + steps[:-1]).max(initial=0)  # a distance may lie on the edge of a step
    if len(xyz) < FEW_POINTS or n_there < SHELL_SHARE * len(xyz):
        return ''
    there = (np.argmax(steps[1:] + steps[:-1]) + 1) * SHELL_M
    return f'{SHELL_SHARE:.0%} of the points or more at the same distance ({there:.4g} m): points without a return?'


def _repeated(xyz: np.ndarray) -> str:
    step = max(1, len(xyz) // 2**15)
    looked_at = np.ascontiguousarray(xyz[::step]) if step > 1 else np.ascontiguousarray(xyz)
    rows = looked_at.view(np.dtype((np.void, looked_at.dtype.itemsize * 3)))
    _, first, counts = np.unique(rows, return_index=True, return_counts=True)
    if 1 - len(counts) / len(looked_at) >= REPEATED_SHARE:
        return f'{REPEATED_SHARE:.0%} of the points or more at places of others'
    if len(xyz) < FEW_POINTS or counts.max() < ONE_PLACE_SHARE * len(looked_at):
        return ''
    place = ', '.join(f'{value:.4g}' for value in looked_at[first[counts.argmax()]])
    return f'{ONE_PLACE_SHARE:.1%} of the points or more at one place ({place}): points without a return?'


def _axes(xyz: np.ndarray) -> str:
    low, high = np.percentile(xyz, [5, 95], axis=0)
    spread = np.maximum(high - low, 1e-3)
    flat = int(np.argmin(spread))
    if flat == 2 and spread[2] < PLANE_M:
        return f'z is the same for all points, within {PLANE_M:g} m: a scanner of one plane, or a lost column?'
    if flat == 2 or spread[2] < FLAT_RATIO * spread[flat] or np.median(spread) < 2 * spread[flat]:
        return ''
    return f'{"xy"[flat]} is the flattest axis, not z: axes in the order of a camera? Wanted z up'


def _upside_down(xyz: np.ndarray) -> str:
    """Below the ground there is nothing, above it a lot; the ground is the fullest layer."""
    low, high = np.percentile(xyz[:, 2], [0.5, 99.5])
    if high - low < 4 * LAYER_M:
        return ''
    counts, edges = np.histogram(xyz[:, 2], np.arange(low, high + LAYER_M, LAYER_M))
    ground = edges[counts.argmax()]
    below = (xyz[:, 2] < ground - LAYER_M).sum()
    above = (xyz[:, 2] > ground + 2 * LAYER_M).sum()
    if below < UPSIDE_DOWN_RATIO * max(above, 1) or below < UPSIDE_DOWN_SHARE * len(xyz):
        return ''
    return 'the fullest layer of z lies on top, with points below it only: z down? Wanted z up'


def _angles(xyz: np.ndarray) -> str:
    """Range, azimuth and elevation in some order: one is never negative, another one spans a full turn."""
    if len(xyz) < FEW_POINTS:
        return ''
    low, high = xyz.min(0), xyz.max(0)
    largest = np.maximum(np.abs(xyz).max(0), 1e-3)
    for turning in range(3):
        span, most = float(high[turning] - low[turning]), largest[turning]
        turns = any(0.97 * full < span <= 1.001 * full and most <= 1.001 * full for full in FULL_TURNS)
        far = next((axis for axis in range(3) if axis != turning and low[axis] >= 0), None)
        if turns and far is not None:
            return (
                f'{"xyz"[far]} is never negative and {"xyz"[turning]} spans one full turn: range and angles instead of '
                'x, y, z?'
            )
    return ''
