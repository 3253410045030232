"""ScanObjectNN: objects cut out of real scans of rooms, in three variants."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np

from ...errors import InputError, MissingFileError
from ..converting import converting
from .object_set import ObjectSet, write_object_set
from .raw import Y_UP, read_lines, require_folder

CLASSES = (
    'bag', 'bin', 'box', 'cabinet', 'chair', 'desk', 'display', 'door', 'shelf', 'table', 'bed', 'pillow', 'sink',
    'sofa', 'toilet',
)  # fmt: skip
NAMES_FILE = 'shape_names_ext.txt'
"""One class a line; ScanObjectNN's own are known without it."""
SUFFIX = '_objectdataset_augmentedrot_scale75'
VARIANTS = {
    'obj_only': ('main_split_nobg', '_objectdataset'),
    'obj_bg': ('main_split', '_objectdataset'),
    'pb_t50_rs': ('main_split', SUFFIX),
}
"""Folder of the prepared set -> folder of the download, and what follows `training` and `test` there."""
SPLITS = {'train': 'training', 'test': 'test'}
COLUMNS = 3
MOST_UNPACKED = 20  # times the size of a file: more is announced by a damaged one alone
HDF5_ERRORS = (OSError, KeyError, TypeError, ValueError, RuntimeError, AttributeError, OverflowError)
"""What h5py raises for damaged files, by the place of the damage."""


def prepare_scanobjectnn(root: str | Path, out: str | Path) -> dict[str, dict[str, ObjectSet]]:
    """Every variant whose files are there as a prepared set of its own, `<out>/obj_only` and so on, z up.

    Args:
        root: folder of main_split/ and main_split_nobg/ with their `.h5` files, y up.
        out: folder of the prepared sets.

    Raises:
        MissingFileError: one of the two files of a variant is not there, or none of any.
        InputError: a file is damaged, or is something else.
    """
    root, out = Path(root), Path(out)
    require_folder(root, "ScanObjectNN's main_split/ and main_split_nobg/", inside='main_split*/*.h5')
    classes, variants = _classes(root), _files(root)
    with converting(out, folders=variants):
        for path in (path for files in variants.values() for path in files.values()):
            _read(path, classes)  # a damaged one is found before the first set is written
        return {
            variant: {split: _prepare(path, out / variant, split, classes, variant) for split, path in files.items()}
            for variant, files in variants.items()
        }


def _files(root: Path) -> dict[str, dict[str, Path]]:
    """Variant -> split -> file, of the variants that are there."""
    found: dict[str, dict[str, Path]] = {}
    for variant, (folder, ending) in VARIANTS.items():
        files = {split: root / folder / f'{name}{ending}.h5' for split, name in SPLITS.items()}
        missing = [path for path in files.values() if not path.is_file()]
        if len(missing) == len(files):
            print(f'{variant}: {root / folder} has no {missing[0].name}, left out')
            continue
        if missing:
            raise MissingFileError(f'{missing[0]}: missing, its other half is there. Unpack h5_files.zip again.')
        found[variant] = files
    if not found:
        wanted = ', '.join(f'{folder}/training{ending}.h5' for folder, ending in VARIANTS.values())
        raise MissingFileError(f'{root}: holds none of {wanted}. Unpack h5_files.zip again.')
    return found


def _classes(root: Path) -> tuple[str, ...]:
    """Names by label: those of the file beside the data, where there is one."""
    path = root / NAMES_FILE
    return tuple(read_lines(path)) if path.is_file() else CLASSES


def _read(path: Path, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, points, 3) and labels (n,) of a file; InputError where it holds anything else."""
    try:
        with h5py.File(path, 'r') as file:
            found = [file[name] for name in ('data', 'label')]
            if sum(one.nbytes for one in found) > MOST_UNPACKED * path.stat().st_size:
                raise ValueError(f'shapes {[one.shape for one in found]} that the file cannot hold')
            data, labels = map(np.asarray, found)
    except HDF5_ERRORS as error:
        raise InputError(
            f'{path}: not readable as an HDF5 file with data and label ({error}). Unpack h5_files.zip again.'
        ) from error
    labels = labels.reshape(-1)
    if data.ndim != 3 or data.shape[2] != COLUMNS or len(labels) != len(data):
        raise InputError(
            f'{path}: has data of shape {data.shape} and {len(labels)} labels, wanted (n, points, 3) and n. '
            'Unpack h5_files.zip again.'
        )
    if data.dtype.kind != 'f' or labels.dtype.kind not in 'iuf' or not np.array_equal(labels, np.rint(labels)):
        raise InputError(
            f'{path}: has data of {data.dtype} and labels of {labels.dtype}, wanted coordinates and whole numbers. '
            'Unpack h5_files.zip again.'
        )
    if not data.size:
        raise InputError(f'{path}: has no points. Unpack h5_files.zip again.')
    if labels.min() < 0 or labels.max() >= len(classes):
        raise InputError(
            f'{path}: has {len(labels)} labels, {labels.min()} to {labels.max()}; wanted 0 to {len(classes) - 1}, '
            f'of {len(classes)} classes. Correct {NAMES_FILE}, or unpack h5_files.zip again.'
        )
    if not np.isfinite(data).all():
        raise InputError(f'{path}: has coordinates that are not finite. Unpack h5_files.zip again.')
    return data, labels


def _prepare(path: Path, out: Path, split: str, classes: tuple[str, ...], variant: str) -> ObjectSet:
    """One file; says what was made."""
    data, labels = _read(path, classes)
    made = write_object_set(
        out,
        split,
        (cloud[:, Y_UP] for cloud in data),
        labels.tolist(),
        classes,
        [f'{path.stem}_{number:05d}' for number in range(len(data))],
        source=dict(
            format='scanobjectnn',
            variant=variant,
            points=int(data.shape[1]),
            sha256=sha256(path.read_bytes()).hexdigest(),
        ),
    )
    print(f'{out / split}: {len(made)} objects of {len(classes)} classes')
    return made
