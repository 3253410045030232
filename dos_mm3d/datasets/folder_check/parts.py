"""Folders that hold a part of each sweep of a neighbour: cut to a camera's view, thinned out, objects cut out.

Their names say nothing, their points do: they are, bit for bit, points of the other sweep."""

import os
from collections.abc import Iterator, Sequence

import numpy as np

from ...spread import evenly_spread
from ..readers import ReadOptions, load_sweep
from .files import file_size

PAIRS_LOOKED_AT = 32
POINTS_LOOKED_AT, PART_SHARE = 512, 0.9


def parts_among(files: Sequence[str], options: ReadOptions) -> str:
    """One sentence about the folders whose sweeps are parts of those of equal names beside them; '' for none."""
    pairs = list(_neighbours(files))
    found = [(part, whole) for part, whole in evenly_spread(pairs, PAIRS_LOOKED_AT) if _is_part(part, whole, options)]
    if not found:
        return ''
    part, whole = found[0]
    names = sorted({os.path.basename(os.path.dirname(part)) for part, _ in found})
    return (
        f'folders {", ".join(names)} hold parts of the sweeps beside them, which would count twice. The first: {part} '
        f'is a part of {whole}. If that is not meant, keep them out with exclude=[*/{names[0]}/*,{names[0]}/*].'
    )


def _neighbours(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """For each folder, one of its files and the largest of the same name, but for the suffix, in a folder beside it."""
    beside: dict[tuple[str, str], list[str]] = {}
    for file in files:
        folder, name = os.path.split(file)
        beside.setdefault((os.path.dirname(folder), name.partition('.')[0]), []).append(file)
    seen = set()
    for same_name in beside.values():
        if len(same_name) == 1 or seen.issuperset(map(os.path.dirname, same_name)):
            continue
        seen.update(map(os.path.dirname, same_name))
        whole = max(same_name, key=file_size)
        yield from ((file, whole) for file in same_name if file is not whole)


def _is_part(part: str, whole: str, options: ReadOptions) -> bool:
    """Whether nearly all points of a sweep are points of a larger one."""
    try:
        few, many = (load_sweep(file, options).points[:, :3] for file in (part, whole))
    except (ValueError, OSError):
        return False  # said when it is drawn
    if len(few) >= len(many):
        return False
    few = few[:: max(1, len(few) // POINTS_LOOKED_AT)]
    return bool(np.isin(_rows(few), _rows(many)).mean() > PART_SHARE)


def _rows(xyz: np.ndarray) -> np.ndarray:
    """One value for each row of (n, 3) float32."""
    return np.ascontiguousarray(xyz).view(np.dtype((np.void, 12))).reshape(-1)
