"""One raw segment -> frame records and point files. Runs in the environment of waymo-open-dataset, by stage.py:

PYTHON convert.py SEGMENT.tfrecord OUT --split training --number 12 --name 10017090168044687777_6380_000_6400_000

OUT gets the files that dos_mm3d/datasets/waymo/frame_record.py describes, each complete when it has its name, a
frame's record last; frames that are there are left. Prints a line of JSON for each frame: {"frame": 3, "semantic":
true}. Data that cannot be converted ends it with status 3 and one line on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from pathlib import Path

import bare_packages  # noqa: F401  (before dos_mm3d)
import numpy as np
from frames import record_fields
from google.protobuf.message import DecodeError
from range_images import frame_points
from tfrecord import read_records
from waymo_open_dataset import dataset_pb2

from dos_mm3d.datasets.waymo.frame_record import SPLIT_DIGITS, FrameRecord, frame_name, frame_path, write_record
from dos_mm3d.files import write_bytes

BAD_DATA = 3


def main() -> int:
    """0, or BAD_DATA with the reason on stderr."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('segment', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--split', required=True, choices=sorted(SPLIT_DIGITS))
    parser.add_argument('--number', required=True, type=int, help='of the segment in its split')
    parser.add_argument('--name', required=True, help='context name that the frames must have')
    parser.add_argument('--frames', type=int, nargs='*', help='which ones (default: all)')
    arguments = parser.parse_args()
    frame = None
    try:
        for frame, data in read_records(arguments.segment, arguments.frames):
            name = frame_name(arguments.split, arguments.number, frame)
            semantic = convert(data, arguments.out, name, frame, arguments.name)
            print(json.dumps({'frame': frame, 'semantic': semantic}), flush=True)
    except (ValueError, DecodeError, zlib.error) as error:
        where = '' if str(arguments.segment) in str(error) else f'{arguments.segment}: frame {frame}: '
        print(f'{where}{error}', file=sys.stderr)
        return BAD_DATA
    return 0


def convert(data: bytes, out: Path, name: str, frame: int, segment: str) -> bool:
    """Write a frame's files; whether it has semantic labels."""
    proto = dataset_pb2.Frame.FromString(data)
    if not proto.context.name:
        raise ValueError('found no frame of the Perception data. Those of v1.4.x are wanted, not the Motion data')
    if proto.context.name != segment:
        raise ValueError(
            f'found a frame of segment {proto.context.name!r} in the file of {segment!r}. Give the file its own name, '
            f'segment-{proto.context.name}_with_camera_labels.tfrecord'
        )
    points = frame_points(proto)
    arrays = {'points': points.table, 'no_label_zone': points.no_label_zone, 'semantic': points.semantic}
    for kind, array in arrays.items():
        if array is not None:
            write_bytes(frame_path(out, kind, name), np.ascontiguousarray(array).tobytes())
    record = FrameRecord(
        **record_fields(proto),
        frame=frame,
        num_points_in_frame=len(points.table),
        has_semantic=points.semantic is not None,
    )
    write_record(frame_path(out, 'record', name), record)
    return points.semantic is not None


if __name__ == '__main__':
    sys.exit(main())
