"""Convert all raw segments, several side by side."""

import zlib
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from ....errors import InputError, MissingPackageError
from ....files import write_bytes
from ....parallel import parallel_map
from ...converting import converting
from ..check import SEGMENTS_FILE
from ..frame_record import FOLDERS, FrameRecord, frame_name, frame_path, write_record
from .segments import Numbers, Segment, converted_frames, find_raw, summary, unfinished
from .tfrecord import find_records, read_records

SHOWN = 8
DAMAGE = ('cut off', 'holds no record', 'checksum', 'is empty')
"""What the messages of tfrecord.py say of a file that is not as it was published."""
INSTALL = 'pip install --no-deps waymo-open-dataset-tf-2-12-0==1.6.7'
"""Only its protocol buffers are used, which need neither TensorFlow nor the old numpy that the package asks for."""


def convert_records(root: Path, out: Path, *, workers: int | None = None) -> None:
    """Raw records below `root` -> frame records and point files below `out`. What is there is left, but for segments
    whose raw file has another size than the one that they were made from.

    workers: processes, default one for each CPU. FileNotFoundError and ValueError, naming the file and the remedy,
    where something is missing, cut off or wrong; what was converted until then stays, and the next run goes on from
    there. ImportError with what to install, only where there is something to convert.
    """
    raw = find_raw(root)
    made = [str(frame_path(Path(), kind, frame_name(split, 0, 0)).parent) for split in raw for kind in FOLDERS]
    with converting(out, folders=made, files=[SEGMENTS_FILE], option='--root-path'):
        numbers = Numbers(out)
        segments = numbers.assign(raw)
        todo = unfinished(numbers, segments, out)
        if todo:
            require_protocol_buffers()
            counts = check_files(todo, workers)
            numbers.drop_replaced(todo, out)
            numbers.save()
            work = partial(convert_segment, counts=counts, out=out)
            sizes = list(counts.values())
            parallel_map(
                work, counts, what='converting', unit='frame', sizes=sizes, workers=workers, finished=numbers.finish
            )
        print(summary(numbers))


def require_protocol_buffers() -> None:
    """ImportError, with what to install, without the messages that the records consist of."""
    if find_spec('waymo_open_dataset') is None:
        raise MissingPackageError(
            "reading Waymo's raw records needs the protocol buffers of waymo-open-dataset, which are not installed; "
            f'install them beside what is there: {INSTALL}'
        )


def check_files(segments: list[Segment], workers: int | None) -> dict[Segment, int]:
    """Number of frames of each. ValueError, naming the files, where some are cut off or no records."""
    found = parallel_map(_count_or_problem, segments, what='checking', unit='segment', workers=workers)
    if wrong := [problem for problem in found if isinstance(problem, str)]:
        more = f'\n  and {len(wrong) - SHOWN} more' if len(wrong) > SHOWN else ''
        raise InputError(
            f'{len(wrong)} of {len(segments)} raw files are not whole:\n  '
            + '\n  '.join(sorted(wrong)[:SHOWN])
            + f'{more}\nDownload them again, or finish their downloads; nothing was converted.'
        )
    return dict(zip(segments, found))


def _count_or_problem(segment: Segment) -> int | str:
    """The number of frames in a raw file, or what is wrong with it."""
    try:
        return len(find_records(segment.path))
    except ValueError as error:
        return str(error)


def convert_segment(segment: Segment, *, counts: dict[Segment, int], out: Path) -> dict[int, bool]:
    """Convert what is missing of a segment; frame -> has semantic labels.

    counts: number of frames of each segment. ValueError, naming the file and the frame, for what cannot be converted.
    """
    done = converted_frames(segment, out, counts[segment])
    frame = None
    try:
        for frame, data in read_records(segment.path, [n for n in range(counts[segment]) if n not in done]):
            done[frame] = convert_frame(data, segment, frame, out)
    except (ValueError, DecodeError, zlib.error) as error:
        where = '' if str(segment.path) in str(error) else f'{segment.path}: frame {frame}: '
        remedy = 'Download the file again; what' if any(sign in str(error) for sign in DAMAGE) else 'What'
        raise InputError(
            f'{where}{error}. {remedy} was converted stays, and the next run goes on from there.'
        ) from error
    return done


def convert_frame(data: bytes, segment: Segment, frame: int, out: Path) -> bool:
    """Write a frame's files, each whole or not at all, its record last; whether it has semantic labels."""
    from .frames import parse_frame, record_fields  # needs the protocol buffers, which need not be installed
    from .range_images import frame_points

    proto = parse_frame(data, segment.name)
    points = frame_points(proto)
    name, has_semantic = segment.frame_name(frame), points.semantic is not None
    arrays = {'points': points.table, 'no_label_zone': points.no_label_zone, 'semantic': points.semantic}
    for kind, array in arrays.items():
        if array is not None:
            write_bytes(frame_path(out, kind, name), np.ascontiguousarray(array).tobytes())
    record = FrameRecord(
        **record_fields(proto), frame=frame, num_points_in_frame=len(points.table), has_semantic=has_semantic
    )
    write_record(frame_path(out, 'record', name), record)
    return has_semantic
