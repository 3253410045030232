"""A Frame of the raw records -> the fields of a frame record."""

import numpy as np
from waymo_open_dataset import dataset_pb2

from .range_images import matrix_4x4

CAMERA = dataset_pb2.CameraName
CAMERA_NUMBERS = (CAMERA.FRONT, CAMERA.FRONT_LEFT, CAMERA.FRONT_RIGHT, CAMERA.SIDE_LEFT, CAMERA.SIDE_RIGHT)


def parse_frame(data: bytes, segment: str) -> dataset_pb2.Frame:
    """The frame in a record of a segment's file. ValueError or DecodeError where it is none, or of
    another segment."""
    frame = dataset_pb2.Frame.FromString(data)
    if not frame.context.name:
        raise ValueError('found no frame of the Perception data. Those of v1.4.x are wanted, not the Motion data')
    if frame.context.name != segment:
        raise ValueError(
            f'found a frame of segment {frame.context.name!r} in the file of {segment!r}. Give the file its own name, '
            f'segment-{frame.context.name}_with_camera_labels.tfrecord'
        )
    return frame


def record_fields(frame: dataset_pb2.Frame) -> dict:
    """Arguments of FrameRecord but for `frame` and what is known of the points."""
    labels = frame.laser_labels
    return {
        'segment': frame.context.name,
        'timestamp_us': frame.timestamp_micros,
        'global_from_vehicle': matrix_4x4(frame.pose),
        'box': np.array([box_row(label.box) for label in labels]).reshape(-1, 7),
        'type': np.array([label.type for label in labels]),
        'difficulty': np.array([label.detection_difficulty_level for label in labels]),
        'num_points': np.array([label.num_lidar_points_in_box for label in labels]),
        'speed': np.array([(label.metadata.speed_x, label.metadata.speed_y) for label in labels]).reshape(-1, 2),
        'track_id': np.array([label.id for label in labels]),
        'camera_box': np.array([box_row(label.camera_synced_box) for label in labels]).reshape(-1, 7),
        'most_visible_camera': np.array([camera_number(label.most_visible_camera_name) for label in labels]),
        **image_boxes(frame),
        **cameras(frame.context),
    }


def box_row(box) -> tuple[float, ...]:
    """x, y, z, length, width, height, heading."""
    return (box.center_x, box.center_y, box.center_z, box.length, box.width, box.height, box.heading)


def camera_number(name: str) -> int:
    """Official number 1 to 5 of a name like FRONT_LEFT, 0 where there is none."""
    number = CAMERA.Name.Value(name) if name else 0
    return number if number in CAMERA_NUMBERS else 0


def image_boxes(frame: dataset_pb2.Frame) -> dict[str, np.ndarray]:
    """image_box (N, 4) and image_camera (N,): of each object the first camera into which its box was projected."""
    found = {}
    for camera in frame.projected_lidar_labels:
        for label in camera.labels:
            half = (label.box.length / 2, label.box.width / 2)
            found[label.id] = (
                label.box.center_x - half[0],
                label.box.center_y - half[1],
                label.box.center_x + half[0],
                label.box.center_y + half[1],
            )
    boxes, indices = np.zeros((len(frame.laser_labels), 4)), np.full(len(frame.laser_labels), -1)
    for row, label in enumerate(frame.laser_labels):
        # the projected labels' ids are the objects' ids and the camera's name
        keys = [f'{label.id}_{CAMERA.Name.Name(number)}' for number in CAMERA_NUMBERS]
        index = next((index for index, key in enumerate(keys) if key in found), None)
        if index is not None:
            boxes[row], indices[row] = found[keys[index]], index
    return {'image_box': boxes, 'image_camera': indices}


def cameras(context: dataset_pb2.Context) -> dict[str, np.ndarray]:
    """Sizes (5, 2), intrinsics (5, 4) and extrinsics (5, 4, 4). ValueError where a camera has no calibration."""
    by_number = {calibration.name: calibration for calibration in context.camera_calibrations}
    if missing := [CAMERA.Name.Name(number) for number in CAMERA_NUMBERS if number not in by_number]:
        raise ValueError(f'found no calibration of cameras {missing}, wanted five cameras, as in v1.4.x')
    ordered = [by_number[number] for number in CAMERA_NUMBERS]
    return {
        'camera_size': np.array([(camera.width, camera.height) for camera in ordered]),
        'camera_intrinsic': np.array([list(camera.intrinsic)[:4] for camera in ordered]),
        'vehicle_from_camera': np.stack([matrix_4x4(camera.extrinsic) for camera in ordered]),
    }
