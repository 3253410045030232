"""A class for every point of single sweep files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...datasets.nuscenes.classes import read_class_indices
from ...datasets.semantickitti.classes import RAW_LABELS, split_labels
from ...errors import InputError, MissingFileError
from ...files import read_json

UNLABELLED = ('unlabeled', 'outlier', 'noise')
MOST_CLASSES = 255


@dataclass(frozen=True)
class PointLabels:
    """Labels of sweeps.

    Args:
        names: of the classes that occur.
        of_sweep: of each sweep (n,) int64 numbers in `names`, -1 for none, in the order of its file.
    """

    names: tuple[str, ...]
    of_sweep: Sequence[NDArray[np.int64]]


def read_labels(files: Sequence[Path], names_file: Path | None) -> PointLabels:
    """Label files, one for each sweep.

    Args:
        files: `.label` of SemanticKITTI (uint32, the class in the lower half), `.npy` of whole numbers, or `.bin` of
            one byte for a point, as nuScenes-lidarseg has them.
        names_file: JSON: a list of names, {number: name}, or nuScenes' category.json; None: SemanticKITTI's own for
            `.label`, and the numbers themselves for others.

    InputError where a file holds something else, or has more classes than the page can colour.
    """
    raw = [read_numbers(file) for file in files]
    named = read_names(names_file) if names_file else default_names(files, raw)
    there = np.unique(np.concatenate(raw)).tolist()  # colours of few classes are told apart better than those of all
    named = {number: named[number] for number in there if named.get(number, UNLABELLED[0]) not in UNLABELLED}
    if not 0 < len(named) <= MOST_CLASSES:
        raise InputError(
            f'{", ".join(map(str, files))}: {len(named)} of the {len(there)} numbers in there are classes with a name; '
            f'wanted 1 to {MOST_CLASSES} (--label-names FILE says the names)'
        )
    numbers = np.array(list(named))
    found = []
    for own in raw:
        place = np.searchsorted(numbers, own).clip(max=len(numbers) - 1)
        found.append(np.where(numbers[place] == own, place, -1))
    return PointLabels(tuple(named.values()), found)


def read_numbers(file: Path) -> NDArray[np.int64]:
    """(n,) numbers of a label file."""
    if not file.is_file():
        raise MissingFileError(f'{file}: no such file; wanted the labels of a sweep (.label, .npy or .bin)')
    if file.suffix == '.label':
        if file.stat().st_size % 4:
            raise InputError(
                f'{file}: {file.stat().st_size} bytes; wanted 4 for every point, as SemanticKITTI has them'
            )
        return split_labels(np.fromfile(file, '<u4'))[0].astype(np.int64)
    if file.suffix == '.bin':
        return np.fromfile(file, np.uint8).astype(np.int64)
    if file.suffix != '.npy':
        raise InputError(f'{file}: wanted labels as .label, .npy or .bin')
    try:
        numbers = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f'{file}: no whole .npy file of numbers ({error})') from error
    if numbers.ndim != 1 or numbers.dtype.kind not in 'iu':
        raise InputError(f'{file}: holds {numbers.dtype} {numbers.shape}; wanted whole numbers (n,)')
    return numbers.astype(np.int64)


def default_names(files: Sequence[Path], raw: Sequence[NDArray[np.int64]]) -> Mapping[int, str]:
    """Number -> name where no file says it."""
    if all(file.suffix == '.label' for file in files):
        return RAW_LABELS
    return {int(number): f'class {number}' for number in np.unique(np.concatenate(raw))}


def read_names(file: Path) -> dict[int, str]:
    """Number -> name of a JSON file."""
    if not file.is_file():
        raise MissingFileError(f'{file}: no such file; wanted the names of classes as JSON')
    try:
        content = read_json(file)
    except ValueError as error:
        raise InputError(f'{file}: no whole JSON ({error})') from error
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return read_class_indices(file)
    pairs = content.items() if isinstance(content, dict) else enumerate(content if isinstance(content, list) else [])
    named = {int(number): name for number, name in pairs if str(number).isdigit() and isinstance(name, str)}
    if not named:
        raise InputError(f'{file}: wanted a list of names, {{"number": "name"}}, or the category.json of nuScenes')
    return named
