"""Genuine raw records of a small scene, FOLDER/{training,validation,testing}/segment-*.tfrecord.

The scene is level ground at height 0 and a round wall, in global coordinates; the vehicle drives over it, rolling and
pitching, while its TOP lidar turns.
"""

import zlib
from pathlib import Path

import numpy as np
from waymo_open_dataset import dataset_pb2, label_pb2

from tests.helpers.waymo_raw_files import framed

# split, context name, frames, those with semantic labels, x of the start [m]
SEGMENTS = (
    ('training', '1005081002024129653_5313_150_5333_150', 3, (1,), 20.0),
    ('training', '10017090168044687777_6380_000_6400_000', 2, (0, 1), 20000.0),
    ('validation', '10203656353524179475_7625_000_7645_000', 2, (1,), -300.0),
    ('testing', '10084636266401282188_1120_000_1140_000', 1, (), 5.0),
)
ROAD, BUILDING = 18, 14
WALL_M = 30.0
TOP_SIZE, SIDE_SIZE = (8, 60), (6, 40)
SWEEP_S, SPEED_M_S, TURN_RAD_S = 0.1, 12.0, 0.4
LIDARS = {  # number: x, y, z [m], yaw [rad]
    1: (1.4, 0.0, 2.2, 0.7),
    2: (4.0, 0.1, 0.7, 0.0),
    3: (3.2, 1.0, 0.9, 1.5),
    4: (3.2, -1.0, 0.9, -1.5),
    5: (-1.2, 0.0, 0.5, 3.1),
}


def vehicle_pose(start_m: float, seconds):
    """roll, pitch, yaw, x, y, z (..., 6) of the vehicle in the global frame."""
    yaw = 0.3 + TURN_RAD_S * seconds
    zero = np.zeros_like(seconds)
    x, y = start_m + SPEED_M_S * seconds * np.cos(yaw), -50 + SPEED_M_S * seconds * np.sin(yaw)
    return np.stack([zero + 0.02, 0.03 * np.cos(7 * seconds), yaw, x, y, zero + 0.35], axis=-1)


def matrix(pose: np.ndarray) -> np.ndarray:
    """(4, 4) of roll, pitch, yaw, x, y, z."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(pose[:3]), np.sin(pose[:3])
    roll = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    pitch = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    yaw = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = yaw @ pitch @ roll, pose[3:]
    return result


def make_frame(name: str, number: int, labelled: bool, start_m: float, with_boxes: bool) -> dataset_pb2.Frame:
    """A frame with five lidars, both returns, boxes and, where wanted, semantic labels."""
    frame = dataset_pb2.Frame(timestamp_micros=1_550_000_000_000_000 + 100_000 * number)
    frame.context.name = name
    seconds = SWEEP_S * number
    frame.pose.transform.extend(matrix(vehicle_pose(start_m, np.float64(seconds))).ravel())
    for lidar in (3, 1, 5, 2, 4):  # not in the order of their numbers
        add_lidar(frame, lidar, seconds, start_m, labelled)
    for camera in range(1, 6):
        calibration = frame.context.camera_calibrations.add(name=camera, width=1920, height=1280 if camera < 4 else 886)
        calibration.intrinsic.extend([2000.0 + camera, 2001.0, 960.0, 640.0, 0.1, 0, 0, 0, 0])
        calibration.extrinsic.transform.extend(matrix(np.array([0, 0, 0.5 * camera, 1.5, 0.1, 2.1])).ravel())
    if with_boxes:
        add_boxes(frame)
    return frame


def add_lidar(frame, lidar: int, seconds: float, start_m: float, labelled: bool) -> None:
    """Range images of a lidar and its calibration."""
    height, width = TOP_SIZE if lidar == 1 else SIDE_SIZE
    extrinsic = matrix(np.array([0, 0, LIDARS[lidar][3], *LIDARS[lidar][:3]]))
    calibration = frame.context.laser_calibrations.add(name=lidar)
    calibration.extrinsic.transform.extend(extrinsic.ravel())
    if lidar == 1:
        rising = np.linspace(-0.4, 0.1, height) ** 3 * 4 + np.linspace(-0.2, 0.05, height)
        calibration.beam_inclinations.extend(rising)
    else:
        calibration.beam_inclination_min, calibration.beam_inclination_max = -0.9, 0.2
        rising = -0.9 + (np.arange(height) + 0.5) / height * 1.1
    azimuth = np.pi - (np.arange(width) + 0.5) / width * 2 * np.pi - np.arctan2(extrinsic[1, 0], extrinsic[0, 0])
    times = seconds + SWEEP_S * (np.arange(width) / width - 0.5) if lidar == 1 else np.full(width, seconds)
    poses = vehicle_pose(start_m, times)
    distance, number = np.zeros((height, width)), np.zeros((height, width), int)
    for column in range(width):
        global_from_lidar = matrix(poses[column]) @ extrinsic
        incl = rising[::-1]
        ray = np.stack([np.cos(azimuth[column]) * np.cos(incl), np.sin(azimuth[column]) * np.cos(incl), np.sin(incl)])
        distance[:, column], number[:, column] = hit(global_from_lidar, ray, start_m)
    random = np.random.default_rng(lidar)
    far = random.random((height, width)) < 0.3
    laser = frame.lasers.add(name=lidar)
    for image, seen in ((laser.ri_return1, random.random((height, width)) < 0.9), (laser.ri_return2, far)):
        fields = random.random((height, width, 4)).astype(np.float32)
        fields[..., 0] = np.where(seen, distance, -1)
        fields[..., 3] = np.where(np.arange(width) < width // 5, 1, -1)
        image.range_image_compressed = packed(dataset_pb2.MatrixFloat(), fields)
        image.camera_projection_compressed = packed(dataset_pb2.MatrixInt32(), np.zeros((height, width, 6), int))
        if lidar == 1 and labelled:
            classes = np.stack([np.zeros_like(number), number], axis=-1)
            image.segmentation_label_compressed = packed(dataset_pb2.MatrixInt32(), classes)
    if lidar == 1:
        every = np.broadcast_to(poses, (height, width, 6))
        laser.ri_return1.range_image_pose_compressed = packed(dataset_pb2.MatrixFloat(), every)


def hit(global_from_lidar: np.ndarray, ray: np.ndarray, start_m: float):
    """Distance to ground or wall along rays (3, n) of the lidar, and what it is."""
    origin, direction = global_from_lidar[:3, 3], global_from_lidar[:3, :3] @ ray
    origin = origin - [start_m, -50, 0]
    with np.errstate(divide='ignore'):
        ground = np.where(direction[2] < 0, -origin[2] / direction[2], np.inf)
    a, b = (direction[:2] ** 2).sum(0), direction[:2].T @ origin[:2]
    wall = (-b + np.sqrt(b**2 + a * (WALL_M**2 - (origin[:2] ** 2).sum()))) / a
    return np.minimum(ground, wall), np.where(ground < wall, ROAD, BUILDING)


def packed(message, array: np.ndarray) -> bytes:
    """Compressed Matrix of an array."""
    message.data.extend(array.ravel().tolist())
    message.shape.dims.extend(array.shape)
    return zlib.compress(message.SerializeToString())


def add_boxes(frame: dataset_pb2.Frame) -> None:
    """A car with everything, a pedestrian without a camera, a sign."""
    car = frame.laser_labels.add(id='car-1', type=1, num_lidar_points_in_box=40, detection_difficulty_level=2)
    car.box.CopyFrom(label_pb2.Label.Box(center_x=8, center_y=3, center_z=1, length=4, width=2, height=1.5, heading=1))
    car.camera_synced_box.CopyFrom(car.box)
    car.camera_synced_box.center_x = 8.25
    car.most_visible_camera_name = 'FRONT_LEFT'
    car.metadata.speed_x, car.metadata.speed_y = 3.0, -1.5
    walker = frame.laser_labels.add(id='walker', type=2, num_lidar_points_in_box=3)
    walker.box.CopyFrom(label_pb2.Label.Box(center_x=-5, center_y=3, center_z=1, length=1, width=1, height=2))
    frame.laser_labels.add(id='sign', type=3)
    for camera in (3, 2):
        labels = frame.projected_lidar_labels.add(name=camera)
        label = labels.labels.add(id='car-1_' + dataset_pb2.CameraName.Name.Name(camera))
        label.box.center_x, label.box.center_y, label.box.length, label.box.width = 100 * camera, 50, 20, 10


def write(folder: Path) -> None:
    """All segments."""
    for split, name, count, labelled, start_m in SEGMENTS:
        frames = [make_frame(name, i, i in labelled, start_m, split != 'testing') for i in range(count)]
        write_segment(folder / split, name, frames)


def write_segment(folder: Path, name: str, frames: list) -> None:
    """In the framing of TensorFlow's writer."""
    folder.mkdir(parents=True, exist_ok=True)
    content = framed(*(frame.SerializeToString() for frame in frames))
    (folder / f'segment-{name}_with_camera_labels.tfrecord').write_bytes(content)


def spoil(folder: Path) -> None:
    """A good frame and then one with a fault."""
    name = SEGMENTS[0][1]
    for kind in ('label', 'lidar', 'name', 'motion'):
        frames = [make_frame(name, number, True, 20.0, True) for number in (0, 1)]
        if kind == 'label':
            image = frames[1].lasers[1].ri_return1
            image.segmentation_label_compressed = packed(dataset_pb2.MatrixInt32(), np.full((*TOP_SIZE, 2), 23))
        elif kind == 'lidar':
            del frames[1].lasers[:]
        elif kind == 'name':
            frames[1].context.name = 'another'
        else:
            frames[1].context.name = ''
        write_segment(folder / kind / 'training', name, frames)
