"""Whether Waymo's frame records and their point files are complete, before infos are made of them."""

import json
import re
from collections import Counter
from itertools import groupby
from pathlib import Path

from ...errors import InputError, MissingFileError
from .frame_record import FOLDERS, POINT_COLUMNS, SPLIT_DIGITS, SPLIT_FOLDERS, FrameRecord, frame_path

POINT_BYTES = 4 * POINT_COLUMNS
SEGMENTS_FILE = 'segments.json'  # of the records' stage; the embedded data have none
RECORDS_AGAIN = 'Convert the raw records again: tools/create_data.py waymo --stage records --raw-path FOLDER'
"""FOLDER holds training/*.tfrecord."""


def find_segments(root: Path) -> dict[tuple[str, str], list[str]]:
    """(split, first four digits) -> sorted names of the frames of a segment, of all that have a record.

    FileNotFoundError where there is none; ValueError where names are no frames' or a segment has a hole."""
    folders = sorted({root / folder / FOLDERS['record'] for folder in SPLIT_FOLDERS.values()})
    names = sorted(path.stem for folder in folders for path in folder.glob('*.npz'))
    if not names:
        nested = sorted(path.parents[1] for path in root.glob(f'*/*/{FOLDERS["record"]}')) if root.is_dir() else []
        hint = f'They are in {nested[0]}: give that' if nested else RECORDS_AGAIN.replace(' again', '')
        raise MissingFileError(f'{folders[-1]}: no frame record (0000000.npz, ...). {hint}.')
    if strange := [name for name in names if not re.fullmatch(r'[012]\d{6}', name)]:
        raise InputError(
            f'{root}: frame record {strange[0]}.npz: wanted names of seven digits, the first 0, 1 or 2; '
            f'{len(strange)} of {len(names)} are others. Move them away, or convert again.'
        )
    splits = {digit: split for split, digit in SPLIT_DIGITS.items()}
    segments = {(splits[key[0]], key): list(group) for key, group in groupby(names, key=lambda name: name[:4])}
    for (_, key), frames in segments.items():
        if holes := sorted({f'{key}{number:03d}' for number in range(int(frames[-1][4:]) + 1)} - set(frames)):
            raise InputError(
                f'{frame_path(root, "record", holes[0])}: missing, the first of {len(holes)} of a segment of which '
                f'{len(frames)} frames are there, up to {frames[-1]}. {RECORDS_AGAIN}.'
            )
    _require_finished(root, segments)
    return segments


def _require_finished(root: Path, segments: dict[tuple[str, str], list[str]]) -> None:
    """ValueError where the records' stage has begun a segment and not noted it as finished with these frames."""
    path = root / SEGMENTS_FILE
    for split, entries in read_segments_file(path).items() if path.is_file() else ():
        for name, entry in entries.items():
            frames = segments.get((split, f'{SPLIT_DIGITS[split]}{entry["number"]:03d}'), ())
            if frames and entry.get('frames') != len(frames):
                raise InputError(
                    f'{path}: segment {name} of {split} has {len(frames)} frames; wanted {entry.get("frames", "more")}:'
                    f' its conversion was stopped. {RECORDS_AGAIN.replace(" again", "")}, which goes on from there.'
                )


def read_segments_file(path: Path) -> dict[str, dict[str, dict]]:
    """split -> name of a segment -> its number, and of a finished one bytes, frames and which are semantic.

    InputError where the file is damaged."""
    try:
        content = json.loads(path.read_bytes())
        splits = {split: content.get(split, {}) for split in SPLIT_DIGITS}
        for split, entries in splits.items():
            for entry in entries.values():
                numbers = [entry['number'], *(entry[name] for name in ('bytes', 'frames') if name in entry)]
                if not all(type(number) is int and number >= 0 for number in numbers + entry.get('semantic', [])):
                    raise ValueError(f'numbers {numbers}')
            counts = Counter(entry['number'] for entry in entries.values())
            if counts and max(counts.values()) > 1:
                raise ValueError(f'number {counts.most_common(1)[0][0]} of {split} is given twice')
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f'{path}: found {error!r}, wanted the segments that were converted into this folder. Restore the file, or '
            'remove the folder and convert again.'
        ) from error
    return splits


def check_frame_files(root: Path, name: str, record: FrameRecord) -> None:
    """FileNotFoundError or ValueError where a point file or what belongs to its points is missing or cut off."""
    sizes = {'points': POINT_BYTES, 'no_label_zone': 1} | ({'semantic': 1} if record.has_semantic else {})
    for kind, item_bytes in sizes.items():
        path = frame_path(root, kind, name)
        wanted = record.num_points_in_frame * item_bytes
        if not path.is_file():
            raise MissingFileError(f'{path}: missing, though {name} has a frame record. {RECORDS_AGAIN}.')
        if path.stat().st_size != wanted:
            raise InputError(
                f'{path}: found {path.stat().st_size} bytes, wanted {wanted} ({record.num_points_in_frame} points of '
                f'{item_bytes} bytes, as the frame record says). The file is cut off, or of another conversion. '
                f'Delete the frame record of {name}; {RECORDS_AGAIN[0].lower()}{RECORDS_AGAIN[1:]}.'
            )
