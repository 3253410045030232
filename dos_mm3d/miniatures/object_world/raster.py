"""A depth image of triangles, as a depth camera takes it: what is nearest along each ray hides the rest."""

import numba
import numpy as np

NOTHING = -1
NEAR = 0.05


@numba.njit(cache=True)
def depth_image(corners: np.ndarray, focal_px: float, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest face of every pixel of a square image.

    Args:
        corners: (F, 3, 3) of triangles in the camera's frame: x right, y down, z along the view. A triangle that comes
            nearer than NEAR is not seen.
        focal_px: pixels by which a ray at 45 degrees is off the middle.
        size_px: edge of the image.

    Returns:
        depth (size, size) float64 along z, inf where nothing is; face (size, size) int64, NOTHING there.
    """
    depth = np.full((size_px, size_px), np.inf)
    face = np.full((size_px, size_px), NOTHING, np.int64)
    middle = size_px / 2
    u, v, w = np.empty(3), np.empty(3), np.empty(3)
    for f in range(corners.shape[0]):
        if min(corners[f, 0, 2], corners[f, 1, 2], corners[f, 2, 2]) < NEAR:
            continue
        for k in range(3):
            w[k] = 1.0 / corners[f, k, 2]
            u[k] = middle + focal_px * corners[f, k, 0] * w[k]
            v[k] = middle + focal_px * corners[f, k, 1] * w[k]
        area = (u[1] - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (v[1] - v[0])
        if abs(area) < 1e-9:
            continue
        # pixels whose centres, at whole numbers and a half, lie between the outermost corners
        left, right = max(int(np.ceil(u.min() - 0.5)), 0), min(int(np.floor(u.max() - 0.5)), size_px - 1)
        top, bottom = max(int(np.ceil(v.min() - 0.5)), 0), min(int(np.floor(v.max() - 0.5)), size_px - 1)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                x, y = column + 0.5, row + 0.5
                a = ((u[1] - x) * (v[2] - y) - (u[2] - x) * (v[1] - y)) / area
                b = ((u[2] - x) * (v[0] - y) - (u[0] - x) * (v[2] - y)) / area
                c = 1.0 - a - b
                if a < 0.0 or b < 0.0 or c < 0.0:
                    continue
                z = 1.0 / (a * w[0] + b * w[1] + c * w[2])  # 1 / z is linear over the image
                if z < depth[row, column]:
                    depth[row, column] = z
                    face[row, column] = f
    return depth, face
