"""One frame record -> one entry of mmdet3d 1.4's Waymo infos, with the difficulty and no-label zone that it lacks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .frame_record import CAMERAS, CYCLIST, FOLDERS, PEDESTRIAN, POINT_COLUMNS, VEHICLE, FrameRecord

LABEL_OF_TYPE = {VEHICLE: 0, PEDESTRIAN: 1, CYCLIST: 2}
"""Type of a box -> place in mmdet3d's classes Car, Pedestrian, Cyclist; signs are left out, as there."""
TYPE_OF_CLASS = {'Car': VEHICLE, 'Pedestrian': PEDESTRIAN, 'Cyclist': CYCLIST}
CAMERA_TO_IMAGE = np.array([[0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""Axes x forward, y left, z up -> x right, y down, z forward."""
_MOST_POINTS_OF_LEVEL_2 = 5


def frame_info(name: str, record: FrameRecord, earlier: Sequence[dict], *, labelled: bool) -> dict:
    """Entry of the frame `name`; `earlier`: the entries of the frames before it in its segment, newest first, which
    become its sweeps.

    Beyond mmdet3d's converter: `no_label_zone_path` and, where there are semantic labels, `pts_semantic_mask_path`
    (both relative to the folder that holds velodyne/), and `difficulty` of every instance."""
    info = {
        'sample_idx': int(name),
        'timestamp': record.timestamp_us,
        'ego2global': record.global_from_vehicle.astype(np.float32).tolist(),
        'context_name': record.segment,
        'images': _images(name, record),
        'lidar_points': {'lidar_path': f'{name}.bin', 'num_pts_feats': POINT_COLUMNS},
        'no_label_zone_path': f'{FOLDERS["no_label_zone"]}/{name}.bin',
    }
    if record.has_semantic:
        info['pts_semantic_mask_path'] = f'{FOLDERS["semantic"]}/{name}.bin'
    if earlier:
        info['lidar_sweeps'] = [_lidar_sweep(entry) for entry in earlier]
        info['image_sweeps'] = [_image_sweep(entry) for entry in earlier]
    if labelled:
        info['instances'] = instances(record)
        info['cam_sync_instances'] = instances(record, camera_synced=True)
    return info


def instances(record: FrameRecord, *, camera_synced: bool = False) -> list[dict]:
    """Vehicles, pedestrians and cyclists with at least one point, as mmdet3d selects them.

    camera_synced: only those that a camera sees, with the box at the camera's time."""
    boxes = record.camera_box if camera_synced else record.box
    levels, counts = waymo_difficulty(record.difficulty, record.num_points)
    kept = np.isin(record.type, list(LABEL_OF_TYPE)) & counts
    if camera_synced:
        kept &= record.most_visible_camera > 0
    entries = []
    for group_id, row in enumerate(np.flatnonzero(kept), 1):
        label = LABEL_OF_TYPE[int(record.type[row])]
        box = boxes[row].copy()
        box[2] -= box[5] / 2  # mmdet3d keeps the centre of the bottom
        camera = record.most_visible_camera[row] - 1 if camera_synced else max(record.image_camera[row], 0)
        has_image = record.image_camera[row] >= 0
        entries.append(
            {
                'group_id': group_id,
                'camera_id': int(camera),
                'bbox': record.image_box[row].tolist() if has_image else [0.0] * 4,
                'bbox_label': label,
                'bbox_3d': box.tolist(),
                'bbox_label_3d': label,
                'num_lidar_pts': int(record.num_points[row]),
                'difficulty': int(levels[row]),
            }
        )
    return entries


def waymo_difficulty(annotated: NDArray, n_points: NDArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Difficulty (N,) 1 or 2, and which boxes count at all (N,).

    annotated: (N,) the level in the label, 0 where it is unset. n_points: (N,) LiDAR points in the box. An unset level
    is 2 for at most 5 points, else 1; a box without any point is not ground truth. ValueError for other values.
    """
    annotated, n_points = np.asarray(annotated), np.asarray(n_points)
    if annotated.shape != n_points.shape or annotated.ndim != 1:
        raise InputError(f'annotated {annotated.shape} and n_points {n_points.shape} must be (N,), one entry per box')
    if not np.isin(annotated, (0, 1, 2)).all():
        found = sorted(set(annotated[~np.isin(annotated, (0, 1, 2))].tolist()))
        raise InputError(f'annotated difficulty must be 0 (unset), 1 or 2, got {found}')
    if (n_points < 0).any():
        raise InputError(f'n_points must be >= 0, got {n_points.min()}: count the points of each box again')
    by_points = np.where(n_points <= _MOST_POINTS_OF_LEVEL_2, 2, 1)
    return np.where(annotated == 0, by_points, annotated).astype(np.int64), n_points > 0


def _images(name: str, record: FrameRecord) -> dict[str, dict]:
    images = {}
    for index, camera in enumerate(CAMERAS):
        focal_x, focal_y, centre_x, centre_y = record.camera_intrinsic[index]
        projection = np.array([[focal_x, 0, centre_x, 0], [0, focal_y, centre_y, 0], [0, 0, 1.0, 0]])
        lidar2cam = CAMERA_TO_IMAGE @ np.linalg.inv(record.vehicle_from_camera[index])
        images[camera] = {
            'img_path': f'{name}.jpg',
            'height': int(record.camera_size[index, 1]),
            'width': int(record.camera_size[index, 0]),
            'lidar2cam': lidar2cam.astype(np.float32).tolist(),
            'cam2img': projection.astype(np.float32).tolist(),
            'lidar2img': (projection @ lidar2cam).astype(np.float32).tolist(),
        }
    return images


def _lidar_sweep(entry: dict) -> dict:
    path = entry['lidar_points']['lidar_path']
    return {'timestamp': entry['timestamp'], 'ego2global': entry['ego2global'], 'lidar_points': {'lidar_path': path}}


def _image_sweep(entry: dict) -> dict:
    images = {camera: {'img_path': image['img_path']} for camera, image in entry['images'].items()}
    return {'timestamp': entry['timestamp'], 'ego2global': entry['ego2global'], 'images': images}
