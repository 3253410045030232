"""Which frames of KITTI are there, and whether their sweeps, calibrations and labels are whole."""

import math
import re
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import InputError, MissingFileError
from ...files import missing_files
from ...parallel import parallel_map
from ...spread import evenly_spread
from ..readers import read_sweep
from .layout import CALIBRATION, NAMES, POINT_BYTES, SPLITS

ARCHIVES = {
    'velodyne': 'data_object_velodyne.zip',
    'calib': 'data_object_calib.zip',
    'label_2': 'data_object_label_2.zip',
    'image_2': 'data_object_image_2.zip',
}
SWEEPS_READ = 3  # of each folder
MOST_RAD = 7.0  # of a yaw, which is within a turn of 0
NOT_ROTATED = 0.02
"""That the products of a rotation's rows may be off: of calibrations that were written with few digits."""
LISTS = 'one number of six digits a line, as 000007'


def find_frames(root: Path) -> dict[str, list[str]]:
    """Split -> names of its frames, of the lists that are there. MissingFileError or InputError, naming the file, where
    `root` is no KITTI, a list is no list, or a frame is in two of them that share a folder."""
    folder = root / 'ImageSets'
    frames = {split: read_list(folder / f'{split}.txt') for split in SPLITS if (folder / f'{split}.txt').is_file()}
    if not frames.keys() & {'train', 'val'}:
        nested = sorted(path.parents[1] for path in root.glob('*/ImageSets/train.txt')) if root.is_dir() else []
        hint = f'It is in {nested[0]}: give that' if nested else f'Write which frames are trained on, {LISTS}'
        raise MissingFileError(
            f'{folder}/train.txt: missing, and val.txt too; wanted the lists of frames beside training/. {hint}; the '
            'usual 3712 and 3769 frames come with other projects (docs/data/kitti.md).'
        )
    if both := sorted(set(frames.get('train', ())) & set(frames.get('val', ()))):
        raise InputError(
            f'{folder}/val.txt: {both[0]} is in train.txt, too, the first of {len(both)}; wanted frames that are not '
            'trained on. Take them out of one of the lists.'
        )
    return frames


def read_list(path: Path) -> list[str]:
    """The names in a list of frames; InputError where it holds anything else, or one twice."""
    names = path.read_text(errors='replace').split()
    if strange := [name for name in names if not re.fullmatch(r'\d{6}', name)]:
        raise InputError(f'{path}: found {strange[0][:40]!r}; wanted {LISTS}')
    if not names:
        raise InputError(f'{path}: is empty; wanted {LISTS}. Remove the file if there is no such split.')
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f'{path}: has {twice} more than once; wanted each frame once')
    return names


def check_frames(root: Path, frames: dict[str, list[str]], workers: int | None) -> None:
    """MissingFileError or InputError, naming the file and the remedy, for the first frame that cannot be converted."""
    jobs = [(root / SPLITS[split], name, split != 'test') for split, names in frames.items() for name in names]
    for kind, suffix in (('velodyne', 'bin'), ('calib', 'txt'), ('label_2', 'txt')):
        wanted = [
            folder / kind / f'{name}.{suffix}' for folder, name, labelled in jobs if labelled or kind != 'label_2'
        ]
        if absent := missing_files(wanted):
            raise MissingFileError(
                f'{absent[0]}: missing, the first of {len(absent)} of {len(wanted)} that ImageSets/ names. Unpack '
                f'{ARCHIVES[kind]} (cvlibs.net, KITTI object) again, or take the frames out of the lists.'
            )
    for folder in dict.fromkeys(folder for folder, _, _ in jobs):
        of_folder = [folder / 'velodyne' / f'{name}.bin' for of, name, _ in jobs if of == folder]
        for path in evenly_spread(of_folder, SWEEPS_READ):
            if path.stat().st_size and path.stat().st_size % POINT_BYTES == 0:
                read_sweep(path, bin_columns=4)
    parallel_map(_check_frame, jobs, what='checking', unit='frame', workers=workers)


def _check_frame(job: tuple[Path, str, bool]) -> None:
    folder, name, labelled = job
    sweep = folder / 'velodyne' / f'{name}.bin'
    if not (size := sweep.stat().st_size) or size % POINT_BYTES:
        raise InputError(
            f'{sweep}: {size} bytes, wanted a multiple of {POINT_BYTES}, and not 0 (x, y, z, intensity in float32): '
            f'cut off. {_again("velodyne")}.'
        )
    _check_calibration(folder / 'calib' / f'{name}.txt')
    image_size(folder, name)
    if labelled:
        _check_labels(folder / 'label_2' / f'{name}.txt')


def image_size(folder: Path, name: str) -> tuple[int, int] | None:
    """Width and height [px] of a frame's image; None where it is not there. InputError where it is no image."""
    path = folder / 'image_2' / f'{name}.png'
    if not path.is_file():
        return None
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError, ValueError) as error:  # what PIL raises of files that are none
        raise InputError(
            f'{path}: is no image that can be read ({type(error).__name__}). {_again("image_2")}, or remove it: only '
            'its size is read'
        ) from error


def _check_calibration(path: Path) -> None:
    """InputError unless the lines that mmdet3d reads, by their place, are there."""
    lines = path.read_text(errors='replace').splitlines()
    for place, (name, count) in enumerate(CALIBRATION.items()):
        words = lines[place].split() if place < len(lines) else []
        if not words or words[0] != f'{name}:' or len(_numbers(words[1:])) != count:
            found = ' '.join(words)[:60] or 'no line'
            raise InputError(
                f'{path}: line {place + 1}: found {found!r}; wanted "{name}:" and {count} numbers. {_again("calib")}; '
                'that of raw drives or of the odometry benchmark has another form, and is written anew in this one.'
            )
        _check_matrix(np.array(_numbers(words[1:])).reshape(3, -1)[:, :3], name, f'{path}: line {place + 1}')


def _check_matrix(matrix: np.ndarray, name: str, where: str) -> None:
    """InputError for a (3, 3) that is no rotation, or of a camera one that is not invertible: points of the LiDAR would
    be elsewhere in the image."""
    if not name.startswith('P') and not np.allclose(matrix @ matrix.T, np.eye(3), atol=NOT_ROTATED):
        raise InputError(
            f'{where}: the first three columns of {name} are {matrix.round(4).tolist()}, which is no rotation; wanted '
            f'one, and metres behind it. {_again("calib")}.'
        )
    if not abs(np.linalg.det(matrix)) > 0:
        raise InputError(f'{where}: {name} projects onto less than a plane. {_again("calib")}.')


def _check_labels(path: Path) -> None:
    """InputError for a line that is none of an object, or an object behind a don't-care region, which mmdet3d would
    take for one."""
    lines = path.read_text(errors='replace').splitlines()
    columns = {len(line.split(' ')) for line in lines}
    if len(columns) > 1:
        raise InputError(
            f'{path}: has lines of {min(columns)} and of {max(columns)} words; wanted as many in each, 15, or 16 with '
            f'a score. {_again("label_2")}.'
        )
    for place, line in enumerate(lines):
        words = line.split(' ')
        numbers = _numbers(words[1:])
        if len(words) not in (15, 16) or len(numbers) != len(words) - 1 or words[0] not in NAMES:
            raise InputError(
                f'{path}: line {place + 1}: found {line[:80]!r}; wanted one of {", ".join(NAMES)} and 14 numbers, one '
                f'space between them. {_again("label_2")}.'
            )
        if words[0] != 'DontCare' and min(numbers[7:10]) <= 0:
            raise InputError(f'{path}: line {place + 1}: a {words[0]} of {numbers[7:10]} m; wanted sizes above 0')
        if words[0] != 'DontCare' and abs(numbers[13]) > MOST_RAD:
            raise InputError(f'{path}: line {place + 1}: a {words[0]} with rotation_y={numbers[13]:g}; wanted radians')
        if words[0] != 'DontCare' and place and lines[place - 1].startswith('DontCare'):
            raise InputError(
                f'{path}: line {place + 1}: a {words[0]} after a DontCare; wanted those last. Sort the lines.'
            )


def _numbers(words: list[str]) -> list[float]:
    """Those that come before the first word that is no finite number."""
    numbers: list[float] = []
    for word in words:
        try:
            numbers.append(float(word))
        except ValueError:
            break
        if not math.isfinite(numbers[-1]):
            return numbers[:-1]
    return numbers


def _again(kind: str) -> str:
    return f'Unpack {ARCHIVES[kind]} again'
