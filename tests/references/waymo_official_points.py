"""What the official code makes of raw records. Runs in the environment of waymo-open-dataset with TensorFlow, which
tests/references/waymo_metric/compare.py describes:

PYTHON waymo_official_points.py FOLDER    an .npz beside each FOLDER/*/*.tfrecord: table_i (P, 6), no_label_zone_i,
                                          semantic_i of frame i
"""

import os
import sys
from pathlib import Path

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
# the official functions parse a bytearray, which protobuf 4's faster implementation refuses
os.environ['PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION'] = 'python'

import numpy as np
import tensorflow as tf
from waymo_open_dataset import dataset_pb2
from waymo_open_dataset.utils import frame_utils


def extract(segment: Path) -> None:
    """Points by the official functions, in the columns of the velodyne files."""
    arrays = {}
    for number, data in enumerate(tf.data.TFRecordDataset(str(segment), compression_type='')):
        frame = dataset_pb2.Frame.FromString(data.numpy())
        images, projections, labels, pose = frame_utils.parse_range_image_and_camera_projection(frame)
        tables, zones, classes = [], [], []
        for index in (0, 1):
            polar, _ = frame_utils.convert_range_image_to_point_cloud(frame, images, projections, pose, index, True)
            for lidar, points in zip(sorted(images), polar):
                pixels = np.reshape(images[lidar][index].data, images[lidar][index].shape.dims)
                row, column = np.nonzero(pixels[..., 0] > 0)
                rows, columns = pixels.shape[:2]
                offset = (index * rows + row) * columns + column if lidar == 1 else np.full(len(row), -1)
                tables.append(np.column_stack([points[:, 3:], points[:, 1:3], offset]))
                zones.append(pixels[row, column, 3] == 1)
                classes.append(np.zeros(len(row)))
                if lidar in labels:
                    numbers = np.reshape(labels[lidar][index].data, labels[lidar][index].shape.dims)
                    classes[-1] = numbers[row, column, 1]
        arrays[f'table_{number}'] = np.concatenate(tables)
        arrays[f'no_label_zone_{number}'] = np.concatenate(zones)
        arrays[f'semantic_{number}'] = np.concatenate(classes)
    np.savez(segment.with_suffix('.npz'), **arrays)


if __name__ == '__main__':
    for path in sorted(Path(sys.argv[1]).glob('*/*.tfrecord')):
        extract(path)
