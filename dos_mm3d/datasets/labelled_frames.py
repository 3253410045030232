"""Single labelled frames in folders: range images (`.npz`), and KITTI's pairs of `.bin` and `.label` files.

Every error names the file or folder, what was found, what was wanted and what to do."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MissingFileError
from ..functional.intensity import TOLERATED
from .readers.arrays import RANGE_IMAGE, npz_array
from .readers.base import bad_file
from .readers.raw import check_column_count, read_float_table
from .semantickitti.classes import split_labels

RANGE_COLUMNS = ('x', 'y', 'z', 'intensity', 'depth', 'class')
LABEL_BYTES = 4


@dataclass(frozen=True)
class FrameFiles:
    """What one labelled frame is read from.

    Args:
        points: file of the points.
        labels: file of their classes, None where they stand beside the points.
    """

    points: Path
    labels: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file of the frame."""
        return (self.points,) if self.labels is None else (self.points, self.labels)


@dataclass(frozen=True)
class FrameFormat:
    """A way in which labelled frames lie in folders.

    Args:
        name: for records.
        find: folder -> the frames below it, sorted by path; an error where there are none.
        read: frame -> points (N, 4) float32 x, y, z [m], intensity, and the number of each one's class, (N,) int64.
    """

    name: str
    find: Callable[[Path], list[FrameFiles]]
    read: Callable[[FrameFiles], tuple[NDArray[np.float32], NDArray[np.int64]]]


def find_range_images(root: Path) -> list[FrameFiles]:
    """Every .npz file below a folder."""
    return [FrameFiles(path) for path in _files(root, '.npz', 'range images (.npz)')]


def read_range_image(frame: FrameFiles) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The occupied cells of a range image of any size: (H, W, 6) float of `RANGE_COLUMNS`, depth 0 where a cell is
    empty, under the key `range_image` or the only one."""
    path = str(frame.points)
    image = npz_array(path)
    if image.ndim != 3 or image.shape[2] != len(RANGE_COLUMNS) or image.dtype.kind != 'f':
        raise bad_file(
            path,
            found=f'{RANGE_IMAGE} of shape {image.shape} and type {image.dtype}',
            wanted=f'(H, W, {len(RANGE_COLUMNS)}) floats: {", ".join(RANGE_COLUMNS)}',
            fix='Write the image with these columns, or take the file out of the folder.',
        )
    cells = image.reshape(-1, len(RANGE_COLUMNS))
    cells = cells[cells[:, 4] != 0]
    _require_points(path, cells[:, :5])
    depth_m = np.linalg.norm(cells[:, :3].astype(np.float64), axis=1)
    if np.mean(np.abs(depth_m - cells[:, 4]) > 0.05 + 0.01 * depth_m) > TOLERATED:
        raise bad_file(
            path,
            found='a fifth column that is not the distance of x, y, z from the sensor',
            wanted=f'the columns {", ".join(RANGE_COLUMNS)}, in metres',
            fix='Bring the columns into this order.',
        )
    classes = cells[:, 5]
    if not (np.isfinite(classes).all() and (classes == np.floor(classes)).all()):
        raise bad_file(
            path,
            found='a sixth column with values that are no whole numbers',
            wanted='the class of every cell',
            fix='Bring the columns into the order ' + ', '.join(RANGE_COLUMNS) + '.',
        )
    return np.ascontiguousarray(cells[:, :4], np.float32), classes.astype(np.int64)


def find_label_pairs(root: Path) -> list[FrameFiles]:
    """Every .bin file below a folder with its .label file, which has the same name and lies beside it, or in the one
    folder beside its own whose name begins with `label` (SemanticKITTI: velodyne/ and labels/)."""
    return [FrameFiles(path, _label_file(path)) for path in _files(root, '.bin', 'sweeps (.bin) with .label files')]


def _label_file(points: Path) -> Path:
    name = f'{points.stem}.label'
    places = [points.with_name(name), *sorted(points.parent.parent.glob(f'label*/{name}'))]
    found = [path for path in places if path.is_file()]
    if len(found) == 1:
        return found[0]
    where = f'{name} beside it or in {points.parent.parent}/labels'
    if not found:
        raise MissingFileError(
            f'{points}: has no labels; wanted {where}. Add the file, or take the sweep out of the folder'
        )
    raise InputError(
        f'{points}: found {len(found)} label files, {", ".join(map(str, found))}; wanted one. Remove others'
    )


def read_label_pair(frame: FrameFiles) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """KITTI's x, y, z, intensity (float32) and the classes of SemanticKITTI's uint32 labels: their lower 16 bits."""
    path = str(frame.points)
    points = read_float_table(path, 4)
    check_column_count(points.reshape(-1), 4, path)
    _require_points(path, points)
    n_bytes = frame.labels.stat().st_size
    if n_bytes != LABEL_BYTES * len(points):
        raise bad_file(
            str(frame.labels),
            found=f'{n_bytes / LABEL_BYTES:g} labels (uint32)',
            wanted=f'one for each of the {len(points)} points of {frame.points}',
            fix='The two are of different frames or truncated: copy both again.',
        )
    classes, _ = split_labels(np.fromfile(frame.labels, np.uint32))
    return points, classes.astype(np.int64)


RANGE_IMAGES = FrameFormat('range images', find_range_images, read_range_image)
LABEL_PAIRS = FrameFormat('.bin and .label', find_label_pairs, read_label_pair)


def labels_of(
    numbers: NDArray[np.int64], label_of: Mapping[int, int], names: Iterable[str], file: Path
) -> NDArray[np.int64]:
    """Numbers of classes in a file -> labels, 0 what is ignored. InputError for numbers that the table does not have.

    label_of: number in the file -> label.  names: of the classes, for the error."""
    if unknown := sorted(set(np.unique(numbers).tolist()) - set(label_of)):
        raise bad_file(
            str(file),
            found=f'the classes {unknown[:8]}',
            wanted=f'numbers of {sorted(label_of)[:24]} ({", ".join(names)})',
            fix='Is it a frame of another data set? Give its own --dataset.',
        )
    known = np.array(sorted(label_of))
    return np.array([label_of[number] for number in known.tolist()])[np.searchsorted(known, numbers)]


def check_intensity(intensity: NDArray[np.float32], top: float, file: Path) -> None:
    """InputError where intensities are not those of a sensor that gives 0 to `top`: another unit, another data set."""
    lowest, highest = float(intensity.min()), float(intensity.max())
    beyond = np.mean((intensity < 0) | (intensity > top)) > TOLERATED
    if beyond or (top > 1 and highest <= 1 and lowest < highest):
        raise bad_file(
            str(file),
            found=f'intensities from {lowest:g} to {highest:g}',
            wanted=f'0 to {top:g}',
            fix='Is it a frame of another data set? Give its own --dataset, or scale the intensities.',
        )


def _require_points(path: str, columns: NDArray[np.float32]) -> None:
    """InputError where there is no point, or a number that is not finite."""
    if not len(columns):
        raise bad_file(path, found='no point with a depth', wanted='one at least', fix='Take the file away.')
    if not np.isfinite(columns).all():
        count = int((~np.isfinite(columns)).any(1).sum())
        raise bad_file(
            path,
            found=f'NaN or infinity in {count} of {len(columns)} points',
            wanted='finite numbers',
            fix='Leave these points out (in a range image: depth 0).',
        )


def _files(root: Path, suffix: str, wanted: str) -> list[Path]:
    """Files of a suffix below a folder, hidden ones left out, sorted; an error where there are none."""
    if not root.is_dir():
        what = 'is a file' if root.exists() else 'does not exist'
        error = InputError if root.exists() else MissingFileError
        raise error(f'{root}: {what}; wanted a folder of {wanted}')
    inside = [path for path in root.rglob('*') if path.is_file() and not _hidden(path.relative_to(root))]
    if found := [path for path in inside if path.name.lower().endswith(suffix)]:
        return sorted(found, key=_by_number)
    others = Counter(path.suffix or path.name for path in inside).most_common(6)
    there = ', '.join(f'{count} {name}' for name, count in others) or 'no files'
    raise MissingFileError(f'{root}: found {there}; wanted {wanted} here or in sub-folders')


def _by_number(path: Path) -> list[tuple[bool, int, str]]:
    """To sort frames by time: numbers in names count as numbers, so that 9 comes before 10."""
    parts = re.split(r'(\d+)', str(path))
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _hidden(path: Path) -> bool:
    return any(part.startswith('.') for part in path.parts)


def cut_in_time(frames: Sequence[FrameFiles]) -> tuple[list[FrameFiles], list[FrameFiles]]:
    """Frames to train on and frames to validate on, of one labelled folder; the two never share a sub-folder's frames
    of nearly the same time.

    Of several sub-folders the last quarter, one at least, is for validation. Of a single one, whose frames are sorted
    by time, the last quarter is, and the first two thirds are to train on; what lies between is too much like both.
    InputError where either is empty."""
    folders = list(dict.fromkeys(frame.points.parent for frame in frames))
    if len(folders) > 1:
        held_back = set(folders[-max(1, len(folders) // 4) :])
        parts = [[f for f in frames if (f.points.parent in held_back) is kept] for kept in (False, True)]
        return parts[0], parts[1]
    train, validation = list(frames[: 2 * len(frames) // 3]), list(frames[len(frames) - len(frames) // 4 :])
    if not train or not validation:
        raise InputError(
            f'{folders[0]}: its {len(frames)} frames leave none to validate on; wanted at least 4, or another folder '
            'to score: --test-root PATH'
        )
    return train, validation
