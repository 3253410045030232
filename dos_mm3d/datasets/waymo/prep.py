"""Waymo's frame records -> the infos that mmdet3d's WaymoDataset reads, of the frames that are there.

mmdet3d's own converter needs TensorFlow, reads the raw records and drops difficulty and no-label zones; the first stage
(tools/create_data.py waymo --stage records) has written the frame records instead, see frame_record.py."""

import json
import re
from functools import partial
from itertools import groupby
from pathlib import Path

from ...errors import InputError, MissingFileError
from ...parallel import parallel_map
from ..info_pickle import write_infos
from .frame_record import FOLDERS, POINT_COLUMNS, SPLIT_DIGITS, SPLIT_FOLDERS, FrameRecord, frame_path, read_record
from .infos import frame_info

POINT_BYTES = 4 * POINT_COLUMNS
INFO_SPLITS = {
    'train': ('training',),
    'val': ('validation',),
    'trainval': ('training', 'validation'),
    'test': ('testing',),
}
METAINFO = {'dataset': 'waymo', 'version': 'waymo_v1.4', 'info_version': 'mmdet3d_v1.4'}
"""What mmdet3d's converter writes; WaymoDataset needs the key to be there."""
OFFICIAL_SEGMENTS = {'training': 798, 'validation': 202, 'testing': 150}
SEGMENTS_FILE = 'segments.json'  # of the records' stage; the embedded data have none
RECORDS_AGAIN = 'Convert the raw records again: tools/create_data.py waymo --stage records'


def prepare_waymo(
    root: str | Path, *, extra_tag: str = 'waymo', max_sweeps: int = 10, workers: int | None = None
) -> Path:
    """Check the frames below `root` (data/waymo/kitti_format) and write `<tag>_infos_{train,val,trainval,test}.pkl`
    beside them; gives `root`.

    A split none of whose segments is there gets no file, and its older one is removed; 'trainval' needs both. The
    files get their names when all are complete. What is missing of the official splits is printed.

    max_sweeps: earlier frames listed for each. workers: processes, default one for each CPU.
    FileNotFoundError and ValueError, naming the file and the remedy, where something is missing, cut off or wrong."""
    root = Path(root)
    if max_sweeps < 0:
        raise InputError(f'max_sweeps must be 0 or more, got {max_sweeps}')
    segments = find_segments(root)
    infos: dict[str, list[dict]] = {split: [] for split in SPLIT_DIGITS}
    work, names = partial(segment_infos, root, max_sweeps), list(segments.values())
    found = parallel_map(work, names, what='infos', unit='frame', sizes=list(map(len, names)), workers=workers)
    for (split, _), entries in zip(segments, found, strict=True):
        infos[split] += entries
    files = {name: [info for split in parts for info in infos[split]] for name, parts in INFO_SPLITS.items()}
    if not (files['train'] and files['val']):
        files['trainval'] = []
    write_infos(root, extra_tag, METAINFO, files)
    _report(segments, infos)
    return root


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
    noted = json.loads(path.read_text()) if path.is_file() else {}
    for split, entries in noted.items():
        for name, entry in entries.items():
            frames = segments.get((split, f'{SPLIT_DIGITS[split]}{entry["number"]:03d}'), ())
            if frames and entry.get('frames') != len(frames):
                raise InputError(
                    f'{path}: segment {name} of {split} has {len(frames)} frames; wanted {entry.get("frames", "more")}:'
                    f' its conversion was stopped. {RECORDS_AGAIN.replace(" again", "")}, which goes on from there.'
                )


def segment_infos(root: Path, max_sweeps: int, names: list[str]) -> list[dict]:
    """Entries of the frames of one segment, in order, their files checked."""
    labelled = names[0][0] != SPLIT_DIGITS['testing']
    entries: list[dict] = []
    segment = None
    for name in names:
        path = frame_path(root, 'record', name)
        record = read_record(path)
        segment = segment or record.segment
        if (record.segment, record.frame) != (segment, int(name[4:])):
            raise InputError(
                f'{path}: found frame {record.frame} of segment {record.segment}, wanted frame {int(name[4:])} of '
                f'{segment}, as its name and the frames before it say. Frames of two conversions are mixed: delete '
                f'those of segment {name[:4]}. {RECORDS_AGAIN}.'
            )
        _check_files(root, name, record)
        earlier = entries[: -max_sweeps - 1 : -1] if max_sweeps else []
        entries.append(frame_info(name, record, earlier, labelled=labelled))
    return entries


def _check_files(root: Path, name: str, record: FrameRecord) -> None:
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


def _report(segments: dict[tuple[str, str], list[str]], infos: dict[str, list[dict]]) -> None:
    """Print what was found, and how much of the official split that is."""
    for split, official in OFFICIAL_SEGMENTS.items():
        found = sum(of == split for of, _ in segments)
        boxes = sum(len(info.get('instances', ())) for info in infos[split])
        print(
            f'{split}: {len(infos[split])} frames of {found} of {official} segments, {boxes} boxes'
            + ('' if found else '; no info file')
        )
