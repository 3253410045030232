"""What KITTI's annotators would have said of a frame of the procedural world: a line for each object in the image."""

import numpy as np

from ..cpu.boxes import count_points_in_boxes
from ..datasets.kitti.layout import IMAGE_SIZE
from .lidar import Sweep
from .semantickitti_writer import LIDAR_TO_CAMERA
from .traffic import Actor
from .waymo_cameras import corners
from .world import Scene

FIRST_ACTOR = 2
CAMERA = np.array([[721.5377, 0.0, 609.5593, 0.0], [0.0, 721.5377, 172.854, 0.0], [0.0, 0.0, 1.0, 0.0]])
NAME_OF = {
    'car': 'Car',
    'truck': 'Truck',
    **dict.fromkeys(('bus', 'trailer', 'construction_vehicle'), 'Misc'),
    **dict.fromkeys(('pedestrian', 'child', 'worker'), 'Pedestrian'),
}
"""Kind of actor -> name of its label; cycles have one only with a rider, cones, barriers and bins none."""
NAME_OF_RIDDEN = {'bicycle': 'Cyclist', 'motorcycle': 'Misc'}
VAN_HEIGHT_M = 1.85
"""Cars above it are vans, so that there are some: they may be taken for cars."""
VISIBLE_SHARES = (0.7, 0.35)
"""Of an object's rays, for occlusion 0 and 1; 2 below."""
LEAST_HEIGHT_PX = 20.0
"""Lower ones are regions that nobody labelled."""
NEAREST_M = 0.1
STUFF = 'DontCare -1 -1 -10 {} -1 -1 -1 -1000 -1000 -1000 -10'


def label_lines(scene: Scene, sweep: Sweep, t: float) -> list[str]:
    """Lines of label_2 at t seconds, don't-care regions last; of what the image shows and a point of the sweep met."""
    boxes = _boxes_of_lidar(scene, t)
    points = count_points_in_boxes(sweep.points, boxes)
    pixels, depth = _project(corners(boxes))
    whole = np.concatenate([pixels.min(1), pixels.max(1)], 1)
    seen = np.clip(whole, 0, np.tile(IMAGE_SIZE, 2) - 1)
    size, whole_size = seen[:, 2:] - seen[:, :2], whole[:, 2:] - whole[:, :2]
    truncated = 1 - size.prod(1) / whole_size.prod(1)
    lines, stuff = [], []
    for i, actor in enumerate(scene.actors):
        name, visible = _name(actor), sweep.visible[i + FIRST_ACTOR]
        if name is None or not points[i] or (size[i] <= 0).any() or depth[i].max() < NEAREST_M:
            continue
        image = ' '.join(f'{value:.2f}' for value in seen[i])
        if size[i, 1] < LEAST_HEIGHT_PX:
            stuff.append(STUFF.format(image))
            continue
        occluded = sum(visible < share for share in VISIBLE_SHARES)
        alpha, numbers = _in_camera(boxes[i])
        lines.append(f'{name} {truncated[i]:.2f} {occluded} {alpha:.2f} {image} {numbers}')
    return lines + stuff


def _name(actor: Actor) -> str | None:
    if actor.kind == 'car' and actor.size_m[2] > VAN_HEIGHT_M:
        return 'Van'
    return NAME_OF_RIDDEN.get(actor.kind) if actor.with_rider else NAME_OF.get(actor.kind)


def _boxes_of_lidar(scene: Scene, t: float) -> np.ndarray:
    """(A, 7) of every actor in the LiDAR's frame, upright in it."""
    boxes, pose = scene.boxes(t), scene.lidar_pose(t)
    boxes[:, :3] = (boxes[:, :3] - pose.origin) @ pose.turn
    boxes[:, 6] -= np.arctan2(pose.turn[1, 0], pose.turn[0, 0])
    return boxes


def _project(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, K, 2) and depths (N, K) [m] of points (N, K, 3) of the LiDAR's frame; those behind the camera are
    moved before it."""
    inside = points @ LIDAR_TO_CAMERA.turn.T + LIDAR_TO_CAMERA.origin
    depth = inside[..., 2].copy()
    inside[..., 2] = np.maximum(depth, NEAREST_M)
    pixels = inside @ CAMERA[:, :3].T
    return pixels[..., :2] / pixels[..., 2:], depth


def _in_camera(box: np.ndarray) -> tuple[float, str]:
    """Angle of observation [rad], and height, width, length, place of the centre of the bottom and turn, as KITTI
    writes them."""
    bottom = box[:3] - [0, 0, box[5] / 2]
    x, y, z = LIDAR_TO_CAMERA.turn @ bottom + LIDAR_TO_CAMERA.origin
    turn = _wrapped(-box[6] - np.pi / 2)
    numbers = (box[5], box[4], box[3], x, y, z, turn)
    return _wrapped(turn - np.arctan2(x, z)), ' '.join(f'{value:.2f}' for value in numbers)


def _wrapped(angle: float) -> float:
    """In [-pi, pi)."""
    return float(np.mod(angle + np.pi, 2 * np.pi) - np.pi)
