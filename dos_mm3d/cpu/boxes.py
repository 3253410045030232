"""Which points lie in which boxes."""

import numba
import numpy as np
from numpy.typing import NDArray


def count_points_in_boxes(points: NDArray, boxes: NDArray) -> NDArray[np.int64]:
    """Number of points in each box, (M,): nuScenes' num_lidar_pts.

    Args:
        points: (N, 3 or more) x, y, z in metres.
        boxes: (M, 7) x, y, z of the centre, length, width, height in metres, heading in radians.
    """
    boxes, xyz = boxes.astype(np.float64), points[:, :3].astype(np.float64)
    return _count(xyz, boxes[:, :3], np.cos(boxes[:, 6]), np.sin(boxes[:, 6]), boxes[:, 3:6] / 2)


@numba.njit(cache=True)
def _count(points, centre, yaw_cos, yaw_sin, half):
    counts = np.zeros(centre.shape[0], np.int64)
    for m in range(centre.shape[0]):
        reach = np.hypot(half[m, 0], half[m, 1])
        for n in range(points.shape[0]):
            x, y = points[n, 0] - centre[m, 0], points[n, 1] - centre[m, 1]
            if abs(x) > reach or abs(y) > reach or abs(points[n, 2] - centre[m, 2]) > half[m, 2]:
                continue
            if (
                abs(yaw_cos[m] * x + yaw_sin[m] * y) <= half[m, 0]
                and abs(yaw_cos[m] * y - yaw_sin[m] * x) <= half[m, 1]
            ):
                counts[m] += 1
    return counts
