"""A frame's range images -> points, in float64 and without TensorFlow.

Geometry as waymo_open_dataset/utils/range_image_utils.py has it (release 1.6.7): columns go from azimuth pi to -pi,
rows from the highest beam down, and a pixel of the TOP lidar has the pose that the vehicle had when it was measured.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from waymo_open_dataset import dataset_pb2

TOP = dataset_pb2.LaserName.TOP
RANGE, INTENSITY, ELONGATION, NO_LABEL_ZONE = range(4)
Field = descriptor_pb2.FieldDescriptorProto


@dataclass
class Points:
    """table (P, 6) float32 as frame_record.py describes it; no_label_zone (P,) uint8; semantic (P,) uint8 or None."""

    table: np.ndarray
    no_label_zone: np.ndarray
    semantic: np.ndarray | None


def frame_points(frame: dataset_pb2.Frame) -> Points:
    """First returns of all lidars by their number, then second returns; of each its pixels with a range, row by row.

    ValueError where a lidar lacks its range images or calibration.
    """
    lasers = {laser.name: laser for laser in frame.lasers}
    calibrations = sorted(frame.context.laser_calibrations, key=lambda calibration: calibration.name)
    if not calibrations or sorted(lasers) != [calibration.name for calibration in calibrations]:
        raise ValueError(
            f'found range images of lidars {sorted(lasers)} and calibrations of '
            f'{[calibration.name for calibration in calibrations]}, wanted both of the same ones. Frames of the '
            'camera-only and of the Motion data have none: take the Perception data of v1.4.x'
        )
    pixel_pose = decode(lasers[TOP].ri_return1.range_image_pose_compressed, 'pose') if TOP in lasers else None
    parts = []
    for index in (0, 1):
        for calibration in calibrations:
            laser = lasers[calibration.name]
            image = (laser.ri_return1, laser.ri_return2)[index]
            parts.append(_return_points(frame, calibration, image, index, pixel_pose))
    tables = [part.table for part in parts]
    labels = [part.semantic for part in parts]
    if any(found is not None for found in labels):  # 0 where only another lidar has labels
        labels = [np.zeros(len(table), np.uint8) if found is None else found for found, table in zip(labels, tables)]
        semantic = np.concatenate(labels)
    else:
        semantic = None
    return Points(np.concatenate(tables), np.concatenate([part.no_label_zone for part in parts]), semantic)


def _return_points(frame, calibration, image, index: int, pixel_pose: np.ndarray | None) -> Points:
    """Points of one return of one lidar."""
    pixels = decode(image.range_image_compressed, 'range')
    row, column = np.nonzero(pixels[..., RANGE] > 0)
    values = pixels[row, column]
    xyz_m = vehicle_points(calibration, pixels.shape[:2], row, column, values[:, RANGE].astype(np.float64))
    offset = np.full(len(row), -1.0)
    if calibration.name == TOP:
        xyz_m = to_frame(xyz_m, pixel_pose[row, column].astype(np.float64), matrix_4x4(frame.pose))
        offset = (index * pixels.shape[0] + row) * pixels.shape[1] + column
    table = np.column_stack([xyz_m, values[:, INTENSITY], values[:, ELONGATION], offset]).astype(np.float32)
    semantic = None
    if image.segmentation_label_compressed:
        semantic = checked_labels(integers(image.segmentation_label_compressed)[row, column, 1])
    return Points(table, (values[:, NO_LABEL_ZONE] == 1).astype(np.uint8), semantic)


def vehicle_points(calibration, shape: tuple, row: np.ndarray, column: np.ndarray, range_m: np.ndarray) -> np.ndarray:
    """(P, 3) metres in the vehicle frame of the pixels' own moments. shape: rows and columns of the range image."""
    extrinsic = matrix_4x4(calibration.extrinsic)
    turn_rad = np.arctan2(extrinsic[1, 0], extrinsic[0, 0])
    azimuth_rad = (2 * (shape[1] - column - 0.5) / shape[1] - 1) * np.pi - turn_rad
    inclination_rad = inclinations(calibration, shape[0])[row]
    level_m = np.cos(inclination_rad) * range_m
    xyz_m = np.column_stack(
        [np.cos(azimuth_rad) * level_m, np.sin(azimuth_rad) * level_m, np.sin(inclination_rad) * range_m]
    )
    return xyz_m @ extrinsic[:3, :3].T + extrinsic[:3, 3]


def inclinations(calibration, rows: int) -> np.ndarray:
    """(rows,) radians, the top row first; evenly spaced where the calibration has only the two ends."""
    if len(calibration.beam_inclinations):
        rising = np.array(calibration.beam_inclinations)
    else:
        span = calibration.beam_inclination_max - calibration.beam_inclination_min
        rising = calibration.beam_inclination_min + (np.arange(rows) + 0.5) / rows * span
    if len(rising) != rows:
        raise ValueError(f'lidar {calibration.name}: found {len(rising)} inclinations and {rows} rows, wanted as many')
    return rising[::-1]


def to_frame(xyz_m: np.ndarray, pose: np.ndarray, global_from_vehicle: np.ndarray) -> np.ndarray:
    """Points (P, 3) in the vehicle frames of their own moments -> in that of the frame.

    pose: (P, 6) of each moment: roll, pitch, yaw [rad] and x, y, z [m], global from vehicle.
    """
    (c_roll, c_pitch, c_yaw), (s_roll, s_pitch, s_yaw) = np.cos(pose[:, :3]).T, np.sin(pose[:, :3]).T
    x, y, z = xyz_m.T
    y, z = c_roll * y - s_roll * z, s_roll * y + c_roll * z
    x, z = c_pitch * x + s_pitch * z, c_pitch * z - s_pitch * x
    x, y = c_yaw * x - s_yaw * y, s_yaw * x + c_yaw * y
    # the difference first: global coordinates are large
    moved = np.column_stack([x, y, z]) + (pose[:, 3:] - global_from_vehicle[:3, 3])
    return moved @ np.linalg.inv(global_from_vehicle[:3, :3]).T


def decode(compressed: bytes, what: str) -> np.ndarray:
    """(rows, columns, channels) float32 of a MatrixFloat. ValueError where it is missing or damaged."""
    if not compressed:
        raise ValueError(f'a {what} image is missing: wanted the Perception data of v1.4.x, with all lidars')
    matrix = FLOATS_AS_BYTES.FromString(zlib.decompress(compressed))
    shape = dataset_pb2.MatrixShape.FromString(matrix.shape)
    return np.frombuffer(matrix.data, '<f4').reshape(tuple(shape.dims))


def integers(compressed: bytes) -> np.ndarray:
    """(rows, columns, channels) int32 of a MatrixInt32."""
    matrix = dataset_pb2.MatrixInt32.FromString(zlib.decompress(compressed))
    return np.fromiter(matrix.data, np.int32, len(matrix.data)).reshape(tuple(matrix.shape.dims))


def checked_labels(numbers: np.ndarray) -> np.ndarray:
    """(P,) uint8. ValueError where there are others than the official 0 to 22."""
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() <= 22:
        raise ValueError(f'found semantic labels {numbers.min()} to {numbers.max()}, wanted 0 (undefined) to 22')
    return numbers.astype(np.uint8)


def matrix_4x4(transform: dataset_pb2.Transform) -> np.ndarray:
    """(4, 4) float64."""
    return np.array(transform.transform, np.float64).reshape(4, 4)


def _floats_as_bytes() -> type:
    """A MatrixFloat whose packed numbers are one field of bytes, as which they lie in the file as well: protobuf hands
    out a million floats one by one."""
    file = descriptor_pb2.FileDescriptorProto(name='floats_as_bytes.proto')
    message = file.message_type.add(name='FloatsAsBytes')
    for number, name in enumerate(('data', 'shape'), 1):
        message.field.add(name=name, number=number, label=Field.LABEL_OPTIONAL, type=Field.TYPE_BYTES)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName('FloatsAsBytes'))


FLOATS_AS_BYTES = _floats_as_bytes()
