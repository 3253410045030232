"""Waymo's five cameras: where they look, and which of them sees a box. No images are written."""

import numpy as np

from .shapes import rotation

YAWS_DEG = (0.0, 45.0, -45.0, 90.0, -90.0)
SIZES = np.array([(1920, 1280), (1920, 1280), (1920, 1280), (1920, 886), (1920, 886)])
FOCAL_PX = 2050.0
POSITION_M = (1.54, 0.0, 2.12)
NEAREST_M = 0.5


def camera_fields() -> dict[str, np.ndarray]:
    """camera_size, camera_intrinsic and vehicle_from_camera of a FrameRecord, in the official order."""
    poses = np.tile(np.eye(4), (len(YAWS_DEG), 1, 1))
    for pose, yaw_deg in zip(poses, YAWS_DEG):
        pose[:3, :3] = rotation(np.radians(yaw_deg)).round(9)
        pose[:3, 3] = POSITION_M
    intrinsic = np.column_stack([np.full((len(SIZES), 2), FOCAL_PX), SIZES / 2])
    return {'camera_size': SIZES, 'camera_intrinsic': intrinsic, 'vehicle_from_camera': poses}


def seen_fields(boxes: np.ndarray) -> dict[str, np.ndarray]:
    """camera_box, most_visible_camera, image_box and image_camera of boxes (N, 7) of the vehicle frame.

    A camera sees a box whose corners are all before it and whose centre is in its picture; cameras and lidars measure
    at the same instant, so that the camera's box is the lidar's."""
    cameras = camera_fields()
    image_box, image_camera = np.zeros((len(boxes), 4)), np.full(len(boxes), -1)
    for number in reversed(range(len(YAWS_DEG))):  # the first one that sees it is kept
        pose, size = cameras['vehicle_from_camera'][number], cameras['camera_size'][number]
        pixel, depth = _project(corners(boxes), pose, size)
        middle, centre_depth = _project(boxes[:, None, :3], pose, size)
        seen = (depth > NEAREST_M).all(1) & (centre_depth > NEAREST_M).all(1)
        seen &= ((middle >= 0) & (middle < size)).all((1, 2))
        clipped = np.clip(np.concatenate([pixel.min(1), pixel.max(1)], 1), 0, np.tile(size, 2))
        image_box[seen], image_camera[seen] = clipped[seen], number
    return {
        'camera_box': boxes,
        'most_visible_camera': image_camera + 1,
        'image_box': image_box,
        'image_camera': image_camera,
    }


def corners(boxes: np.ndarray) -> np.ndarray:
    """(N, 8, 3) corners of boxes (N, 7)."""
    signs = np.stack(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5], indexing='ij'), -1).reshape(8, 3)
    local = signs[None] * boxes[:, None, 3:6].astype(np.float64)
    cos, sin = np.cos(boxes[:, 6:7]), np.sin(boxes[:, 6:7])
    x, y = cos * local[..., 0] - sin * local[..., 1], sin * local[..., 0] + cos * local[..., 1]
    return np.stack([x, y, local[..., 2]], -1) + boxes[:, None, :3]


def _project(points: np.ndarray, pose: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, K, 2), right and down, and depths (N, K) [m] of points (N, K, 3) of the vehicle frame."""
    inside = (points - pose[:3, 3]) @ pose[:3, :3]
    depth = np.maximum(inside[..., 0], 1e-6)
    return size / 2 - FOCAL_PX * inside[..., 1:] / depth[..., None], inside[..., 0]
