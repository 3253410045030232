"""One raw segment -> frame records and point files. Runs in the environment of waymo-open-dataset, by stage.py:

PYTHON convert.py SEGMENT.tfrecord OUT --split training --number 12 --name 10017090168044687777_6380_000_6400_000

OUT gets the files that dos_mm3d/datasets/waymo/frame_record.py describes, each complete when it has its name, a
frame's record last; frames that are there are left. Prints a line of JSON for each frame: {"frame": 3, "semantic":
true}. Data that cannot be converted ends it with status 3 and one line on stderr.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import zlib
from pathlib import Path

import numpy as np
from frames import record_fields
from google.protobuf.message import DecodeError
from range_images import Points, frame_points
from tfrecord import read_records
from waymo_open_dataset import dataset_pb2

BAD_DATA = 3
FRAME_RECORD = Path(__file__).resolve().parents[2] / 'dos_mm3d' / 'datasets' / 'waymo' / 'frame_record.py'


def load_frame_record():
    """The module, by its path: the package around it needs what this environment does not have."""
    spec = importlib.util.spec_from_file_location('frame_record', FRAME_RECORD)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


frame_record = load_frame_record()


def main() -> int:
    """0, or BAD_DATA with the reason on stderr."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('segment', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--split', required=True, choices=sorted(frame_record.SPLIT_DIGITS))
    parser.add_argument('--number', required=True, type=int, help='of the segment in its split')
    parser.add_argument('--name', required=True, help='context name that the frames must have')
    parser.add_argument('--frames', type=int, nargs='*', help='which ones (default: all)')
    arguments = parser.parse_args()
    frame = None
    try:
        for frame, data in read_records(arguments.segment, arguments.frames):
            name = frame_record.frame_name(arguments.split, arguments.number, frame)
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
    write_points(out, name, points)
    record = frame_record.FrameRecord(
        **record_fields(proto),
        frame=frame,
        num_points_in_frame=len(points.table),
        has_semantic=points.semantic is not None,
    )
    frame_record.write_record(frame_record.frame_path(out, 'record', name), record)
    return points.semantic is not None


def write_points(out: Path, name: str, points: Points) -> None:
    """Points, no-label zone and, where there are, labels, each renamed when it is complete."""
    arrays = {'points': points.table, 'no_label_zone': points.no_label_zone, 'semantic': points.semantic}
    for kind, array in arrays.items():
        path = frame_record.frame_path(out, kind, name)
        if array is None:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix('.bin.partial')
        np.ascontiguousarray(array).tofile(partial)
        os.replace(partial, path)


if __name__ == '__main__':
    sys.exit(main())
