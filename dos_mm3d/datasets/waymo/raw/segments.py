"""Which raw segments there are, which numbers they have, and which of their frames are converted."""

import os
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

from ....errors import InputError, MissingFileError
from ....files import write_json
from ..check import SEGMENTS_FILE, read_segments_file
from ..convert import OFFICIAL_SEGMENTS
from ..frame_record import FOLDERS, POINT_COLUMNS, SPLIT_FOLDERS, frame_name, frame_path, read_record

LAYOUT = 'waymo_format/{training,validation,testing}/segment-*_with_camera_labels.tfrecord'
DOWNLOAD = "waymo.com/open: the Perception Dataset, v1.4.3, as 'individual files' or tar archives"
UNFINISHED_SUFFIXES = ('.gstmp', '.part', '.partial', '.crdownload', '.aria2', '.tmp')

HINTS = {
    '*.parquet': ', but parquet files: they are of v2.0 of the data, which is another format',
    '*.tfrecord-*-of-*': ', but files *.tfrecord-?????-of-?????: they are the Motion data',
    '*.tar': ', but archives, as {}: unpack them in the folders of their splits',
    '*.tfrecord': ' in the folders of the splits; one is {}',
}
"""Pattern of a file that may lie there instead -> what to say of it."""


@dataclass(frozen=True)
class Segment:
    """A raw file. name: context name of its frames. number: three digits of its frames' names."""

    split: str
    name: str
    path: Path
    number: int

    def frame_name(self, frame: int) -> str:
        """Name of the files of a frame."""
        return frame_name(self.split, self.number, frame)


def find_raw(root: Path) -> dict[str, dict[str, Path]]:
    """split -> context name -> file, sorted, of what was downloaded below `root`. FileNotFoundError, ValueError."""
    found = {split: sorted((root / split).glob('*.tfrecord')) for split in OFFICIAL_SEGMENTS}
    everything = [path for split in OFFICIAL_SEGMENTS for path in (root / split).glob('*')]
    if unfinished := [path for path in everything if path.name.endswith(UNFINISHED_SUFFIXES)]:
        raise InputError(
            f'{unfinished[0]}: an unfinished download, the first of {len(unfinished)}. Finish it, or remove the file.'
        )
    if not any(found.values()):
        raise MissingFileError(
            f'{root}: found no raw records{_hint(root)}. Wanted {LAYOUT}, from {DOWNLOAD}; if '
            'they lie elsewhere, name the folder of training/ with --raw-path.'
        )
    return {split: {context_name(path): path for path in paths} for split, paths in found.items()}


def _hint(root: Path) -> str:
    """What seems to lie there instead."""
    if not root.is_dir():
        return ', it is no folder' if root.exists() else ', the folder does not exist'
    for pattern, hint in HINTS.items():
        if found := next(root.rglob(pattern), None):
            return hint.format(found)
    return ''


def context_name(path: Path) -> str:
    """Name of the segment in a raw file."""
    return path.stem.removeprefix('segment-').removesuffix('_with_camera_labels')


class Numbers:
    """`segments.json` beside the converted data: number of every segment; of the finished ones the frames, which of
    them have semantic labels, and the size of the raw file.

    A segment keeps the number that it got when its conversion began, so that data may be downloaded, converted and
    deleted piece by piece. Where a split is complete from the start the numbers are mmdet3d's: its sorted order.
    ValueError where the file is damaged, or missing although there are frames.
    """

    def __init__(self, out: Path) -> None:
        self.path = out / SEGMENTS_FILE
        self.splits: dict[str, dict[str, dict]] = {split: {} for split in OFFICIAL_SEGMENTS}
        if self.path.is_file():
            self.splits = read_segments_file(self.path)
        elif strange := next((path for path in out.glob('*/frame_record/*.npz')), None):
            raise InputError(
                f'{self.path}: missing, but there are frames, as {strange}, whose segments are unknown without it '
                '(embedded data?). Convert into another folder, --root-path, or make infos of these frames, --stage '
                'infos'
            )

    def assign(self, raw: dict[str, dict[str, Path]]) -> list[Segment]:
        """The segments of the raw files; those without a number get the lowest free ones, in sorted order."""
        segments = []
        for split, paths in raw.items():
            entries = self.splits[split]
            used = {entry['number'] for entry in entries.values()}
            free = (number for number in count() if number not in used)
            for name, path in paths.items():
                if name not in entries:
                    entries[name] = {'number': next(free)}
                segments.append(Segment(split, name, path, entries[name]['number']))
        return segments

    def entry(self, segment: Segment) -> dict:
        """What is noted of a segment."""
        return self.splits[segment.split][segment.name]

    def finish(self, segment: Segment, frames: dict[int, bool]) -> None:
        """Note, in the file too, that all frames are there. frames: number -> has semantic labels."""
        entry = self.entry(segment)
        entry['bytes'] = segment.path.stat().st_size
        entry['frames'] = len(frames)
        entry['semantic'] = sorted(frame for frame, semantic in frames.items() if semantic)
        self.save()

    def drop_replaced(self, segments: list[Segment], out: Path) -> None:
        """Remove the frames of finished segments whose raw file is another one since: a newer version of the data."""
        for segment in segments:
            entry = self.entry(segment)
            if 'frames' not in entry or entry.get('bytes') == segment.path.stat().st_size:
                continue
            # the records first: without its record a frame does not count
            for kind, frame in product(FOLDERS, range(entry['frames'])):
                frame_path(out, kind, segment.frame_name(frame)).unlink(missing_ok=True)
            self.splits[segment.split][segment.name] = {'number': segment.number}

    def save(self) -> None:
        """Write the file as a whole."""
        write_json(self.path, self.splits, indent=None)


def unfinished(numbers: Numbers, segments: list[Segment], out: Path) -> list[Segment]:
    """Those that are not noted as finished, whose raw file is another one since, or of which a file has gone."""
    folders = [frame_path(out, kind, frame_name(split, 0, 0)).parent for split in OFFICIAL_SEGMENTS for kind in FOLDERS]
    there = {folder / name for folder in folders if folder.is_dir() for name in os.listdir(folder)}
    return [segment for segment in segments if not _is_complete(numbers.entry(segment), segment, out, there)]


def _is_complete(entry: dict, segment: Segment, out: Path, there: set[Path]) -> bool:
    """Whether every file of a finished segment is there."""
    if 'frames' not in entry or entry.get('bytes') != segment.path.stat().st_size:
        return False
    wanted = {kind: entry['semantic'] if kind == 'semantic' else range(entry['frames']) for kind in FOLDERS}
    return all(frame_path(out, kind, segment.frame_name(frame)) in there for kind in wanted for frame in wanted[kind])


def converted_frames(segment: Segment, out: Path, n_frames: int) -> dict[int, bool]:
    """Frame -> has semantic labels, of the frames whose files are there and of the right size."""
    done = {}
    for frame in range(n_frames):
        paths = {kind: frame_path(out, kind, segment.frame_name(frame)) for kind in FOLDERS}
        if paths['record'].is_file():
            record = read_record(paths['record'])
            sizes = {'points': 4 * POINT_COLUMNS, 'no_label_zone': 1} | ({'semantic': 1} if record.has_semantic else {})
            wanted = {paths[kind]: size * record.num_points_in_frame for kind, size in sizes.items()}
            if all(path.is_file() and path.stat().st_size == size for path, size in wanted.items()):
                done[frame] = record.has_semantic
    return done


def summary(numbers: Numbers) -> str:
    """What is converted, a line for each split."""
    lines = []
    for split, entries in numbers.splits.items():
        finished = [entry for entry in entries.values() if 'frames' in entry]
        if not entries:
            continue
        unlabelled = sum(not entry['semantic'] for entry in finished)
        lines.append(
            f'{split} ({SPLIT_FOLDERS[split]}/): {len(finished)} of {OFFICIAL_SEGMENTS[split]} segments, '
            f'{sum(entry["frames"] for entry in finished)} frames, '
            f'{sum(len(entry["semantic"]) for entry in finished)} of them with semantic labels'
        )
        if unlabelled and split != 'testing':
            lines[-1] += (
                f'; {unlabelled} segments have none: semantic labels came with v1.3.0 and were last corrected in '
                'v1.4.3, so older records should be downloaded again'
            )
    return '\n'.join(lines)
