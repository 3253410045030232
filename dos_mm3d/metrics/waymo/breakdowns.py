"""The official breakdowns: which shards a box belongs to, and what they are called."""

import numpy as np
from numpy.typing import NDArray

TYPES = ('VEHICLE', 'PEDESTRIAN', 'SIGN', 'CYCLIST')  # of type 1, 2, 3, 4
LEVELS = (1, 2)
RANGE_NAMES = ('[0, 30)', '[30, 50)', '[50, +inf)')
_RANGE_EDGES_M = (30.0, 50.0)

SHARD_NAMES = (
    *(f'OBJECT_TYPE_TYPE_{kind}' for kind in TYPES),
    *(f'RANGE_TYPE_{kind}_{band}' for kind in TYPES for band in RANGE_NAMES),
)


def breakdown_name(shard: int, level: int) -> str:
    """The official name of a shard at difficulty `level`, such as 'RANGE_TYPE_VEHICLE_[0, 30)_LEVEL_1'."""
    return f'{SHARD_NAMES[shard]}_LEVEL_{level}'


def shards(box: NDArray[np.float64], kind: NDArray[np.int64]) -> NDArray[np.int64]:
    """The two shards of every box (N, 2): of its type, and of its type and range.

    box: (N, 7), metres, in the vehicle frame. kind: (N,) 1 to 4. Range is the distance of the centre in three
    dimensions. A prediction is put into a range by its own centre, not by that of what it matches.
    """
    distance_m = np.sqrt((box[:, :3] ** 2).sum(axis=1))
    band = np.digitize(distance_m, _RANGE_EDGES_M)
    return np.stack([kind - 1, len(TYPES) + len(RANGE_NAMES) * (kind - 1) + band], axis=1)
