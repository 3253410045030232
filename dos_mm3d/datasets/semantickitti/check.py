"""Which of SemanticKITTI's sequences are there, and whether their scans and labels are whole and belong together."""

import re
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError, MissingFileError
from ...parallel import parallel_map
from ...spread import evenly_spread
from ..file_check.checked_set import CheckedSet
from ..file_check.files import check_counts, check_labels
from ..readers import read_sweep
from .classes import RAW_LABELS, SPLITS

POINT_BYTES = 16
SCANS_READ = 3  # of each sequence
SCANS_AGAIN = 'Unpack data_odometry_velodyne.zip (cvlibs.net, KITTI odometry) again'
LABELS_AGAIN = 'Unpack data_odometry_labels.zip (semantic-kitti.org) again'


def find_sequences(root: Path) -> dict[str, Path]:
    """Official number -> folder of the sequences below `root`; what else lies there is printed and left out.

    FileNotFoundError where `root` is no SemanticKITTI."""
    folder = root / 'sequences'
    if not folder.is_dir():
        nested = sorted(path.parent for path in root.glob('*/sequences')) if root.is_dir() else []
        hint = f'; it is in {nested[0]}: give that' if nested else ', as the zip files unpack to (dataset/sequences/)'
        raise MissingFileError(f'{folder}: no such folder. Give the folder that holds sequences/00 ...{hint}.')
    official = {number for numbers in SPLITS.values() for number in numbers}
    present = sorted(path for path in folder.iterdir() if path.is_dir())
    if others := [path.name for path in present if path.name not in official]:
        print(f'{folder}: left out, not official sequences (00 to 21): {", ".join(others)}')
    sequences = {path.name: path for path in present if path.name in official}
    if not sequences:
        raise MissingFileError(f'{folder}: none of the sequences 00 to 21 is there. {SCANS_AGAIN}.')
    return sequences


def frame_names(folder: Path, allow_partial: bool) -> list[str]:
    """Sorted names of the frames of a sequence, each with its label where the sequence is a labelled one."""
    scans = _names(folder / 'velodyne', '.bin', SCANS_AGAIN)
    if folder.name not in SPLITS['test']:
        labels = _names(folder / 'labels', '.label', LABELS_AGAIN)
        _check_pairs(folder, scans, labels)
    if not allow_partial:
        _check_complete(folder, scans)
    return scans


def _names(folder: Path, suffix: str, remedy: str) -> list[str]:
    files = (path for path in folder.glob(f'*{suffix}') if path.is_file())  # a link may lead nowhere
    names = sorted(path.stem for path in files) if folder.is_dir() else []
    if not names:
        found = 'no such folder' if not folder.is_dir() else f'no {suffix} file in it'
        raise MissingFileError(f'{folder}: {found}. {remedy}, or remove sequence {folder.parent.name}.')
    if strange := [name for name in names if not re.fullmatch(r'\d{6}', name)]:
        raise InputError(
            f'{folder}/{strange[0]}{suffix}: wanted names of six digits, as 000000{suffix}; {len(strange)} of '
            f'{len(names)} are others. Move them away, or rename them in both velodyne/ and labels/.'
        )
    return names


def _check_pairs(folder: Path, scans: list[str], labels: list[str]) -> None:
    """FileNotFoundError where a scan has no label file or the other way round."""
    if scans == labels:
        return
    without = sorted(set(scans) - set(labels))
    orphans = sorted(set(labels) - set(scans))
    path, remedy = (
        (folder / f'labels/{without[0]}.label', LABELS_AGAIN)
        if without
        else (folder / f'velodyne/{orphans[0]}.bin', SCANS_AGAIN)
    )
    raise MissingFileError(
        f'{path}: missing; found {len(scans)} scans and {len(labels)} label files in sequence {folder.name}, '
        f'wanted one for each scan ({len(without)} scans without labels, {len(orphans)} labels without a scan). '
        f'{remedy}.'
    )


def _check_complete(folder: Path, scans: list[str]) -> None:
    """FileNotFoundError where there are fewer scans than times.txt has lines, or holes in their numbering."""
    times = folder / 'times.txt'
    wanted = len(times.read_bytes().split()) if times.is_file() else int(scans[-1]) + 1
    missing = sorted({f'{number:06d}' for number in range(wanted)} - set(scans))
    if missing:
        source = f'{times} has {wanted} lines' if times.is_file() else f'the last one is {scans[-1]}'
        raise MissingFileError(
            f'{folder}/velodyne/{missing[0]}.bin: missing, the first of {len(missing)}; found {len(scans)} scans, '
            f'but {source}. {SCANS_AGAIN}, or say that you keep only some frames on purpose (--allow-partial).'
        )


def check_files(root: Path, infos: list[dict], workers: int | None) -> None:
    """Sizes and labels of every frame, and the content of a few scans of each sequence."""
    scans: dict[Path, list[Path]] = {}
    for info in infos:
        path = root / info['lidar_points']['lidar_path']
        scans.setdefault(path.parent, []).append(path)
    for path in (path for of_sequence in scans.values() for path in evenly_spread(of_sequence, SCANS_READ)):
        if path.stat().st_size and path.stat().st_size % POINT_BYTES == 0:
            read_sweep(path, bin_columns=4)
    of_root = {'pts': str(root), 'pts_semantic_mask': str(root)}
    checked = CheckedSet(
        'semantickitti', str(root), 'the sequences', of_root, 4, label_type=np.dtype(np.uint32), label_modulus=2**16
    )
    parallel_map(partial(_check_frame, checked), infos, what='checking', unit='scan', workers=workers)


def _check_frame(checked: CheckedSet, info: dict) -> None:
    """ValueError where a scan or its labels are empty, cut off, of different lengths or of unknown classes, which
    mmdet3d would take for cars."""
    check_counts(checked, info)
    if 'pts_semantic_mask_path' in info:
        check_labels(checked, info, np.array(sorted(RAW_LABELS)))
