"""Which files below a folder are sweeps; what is known to be none, or is a copy, is left out with the reason."""

import filecmp
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch

from ...errors import InputError
from ...progress import progress_bar
from ..readers import ReadOptions, is_sweep_file, suffix_of

NOT_ENTERED = ('__macosx', 'lost+found', 'system volume information', '$recycle.bin')
NO_SWEEPS = {
    '*gt_database*': 'of objects cut out of sweeps',
    '*dbinfos*': 'of objects cut out of sweeps',
    'radar_*': 'of a radar',
    **dict.fromkeys(('label', 'labels', 'label_[0-9]', 'labels_*', 'lidarseg', 'panoptic', 'annotations'), 'of labels'),
    **dict.fromkeys(('pred', 'preds', 'prediction', 'predictions', 'predictions_*', 'logits'), 'of predictions'),
    **dict.fromkeys(('calib', 'calibration', 'poses'), 'of a calibration'),
}
"""Pattern of a folder's name, in small letters -> what its files are, which may have a sweep's suffix and form."""
NO_SWEEP_FILES = {'*_lidarseg.bin': 'of labels', '*_panoptic.npz': 'of labels', '*_pred.*': 'of predictions'}
"""The same of a file's name."""
NO_XYZ = 'without x, y, z'
"""Why a file is no sweep whose header tells of other columns."""
DERIVED = re.compile(
    r'(?P<source>.+?)'
    r'(?:[ _.-]+(?:reduced|cropped|downsampled|filtered|backup|bak|old|orig|original|copy)| *\(.*\))[ _.\d-]*'
)
"""Name of a folder that holds the sweeps of its neighbour `source` once more, reduced or as a backup."""
BLOCK_BYTES = 4096
NAMES_SHOWN = 8


@dataclass
class Found:
    """sweeps: sorted paths; unreadable: those of them that, by size or header, cannot be read; left_out: reason ->
    files; others: suffix -> number of files of no supported one."""

    sweeps: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    others: Counter = field(default_factory=Counter)

    def leave_out(self, reason: str, file: str) -> None:
        """Note a file that is not taken."""
        self.left_out.setdefault(reason, []).append(file)

    def summary(self, root: str, reason: str) -> str:
        """How many files were left out for a reason, and in which folders."""
        files = self.left_out[reason]
        names = [os.path.relpath(file, root) for file in files]
        if len(names) > NAMES_SHOWN:
            names = sorted({f'{os.path.dirname(name) or "."}{os.sep}' for name in names})
        more = f' and {len(names) - NAMES_SHOWN} more' if len(names) > NAMES_SHOWN else ''
        return f'{len(files)} files {reason} are left out: {", ".join(names[:NAMES_SHOWN])}{more}.'


def look_for_sweeps(root: str, exclude: Sequence[str], options: ReadOptions) -> Found:
    """All files below a folder, sorted into sweeps and others.

    exclude: patterns of paths relative to root that are no sweeps. InputError where a folder cannot be listed."""
    found, candidates = Found(), []
    for path in _walk(root):
        if suffix_of(path) is None:
            found.others[os.path.splitext(path)[1] or '(no suffix)'] += 1
        elif not any(fnmatch(os.path.relpath(path, root), pattern) for pattern in exclude):
            candidates.append(path)
    reasons = _reasons_of_folders(root, {os.path.dirname(path) for path in candidates})
    for path in progress_bar(candidates, 'files', disable=len(candidates) < 5000):
        reason = reasons[os.path.dirname(path)] or _matching(os.path.basename(path), NO_SWEEP_FILES)
        is_sweep = is_sweep_file(path, options) if reason is None else False
        if is_sweep is False:
            found.leave_out(reason or NO_XYZ, path)
            continue
        found.sweeps.append(path)
        if is_sweep is None:
            found.unreadable.append(path)
    return found


def _walk(folder: str) -> list[str]:
    """All files below, sorted; links are followed, each real folder is entered once, hidden ones never."""

    def stop(error: OSError) -> None:
        raise InputError(
            f'{error.filename}: this folder cannot be listed ({error.strerror}). Make it readable, or set data_root '
            'to a folder without it.'
        )

    files, entered = [], set()
    for parent, children, names in os.walk(folder, followlinks=True, onerror=stop):
        real = os.path.realpath(parent)
        if real in entered:
            children.clear()
            continue
        entered.add(real)
        children[:] = sorted(c for c in children if not c.startswith('.') and c.lower() not in NOT_ENTERED)
        files += [os.path.join(parent, name) for name in names if not name.startswith('.')]
    return sorted(files)


def _reasons_of_folders(root: str, folders: Iterable[str]) -> dict[str, str | None]:
    """Folder -> why its files are no sweeps, by the names between root and it; None where nothing speaks against it."""
    reasons: dict[str, str | None] = {root.rstrip(os.sep): None, root: None}

    def reason_of(folder: str) -> str | None:
        if folder not in reasons:
            parent, name = os.path.split(folder)
            reasons[folder] = reason_of(parent) or _matching(name, NO_SWEEPS) or _derived(parent, name)
        return reasons[folder]

    for folder in folders:
        reason_of(folder)
    return reasons


def _matching(name: str, patterns: Mapping[str, str]) -> str | None:
    return next((reason for pattern, reason in patterns.items() if fnmatch(name.lower(), pattern)), None)


def _derived(parent: str, name: str) -> str | None:
    match = DERIVED.fullmatch(name.lower())
    if match is None:
        return None
    there = {other.lower(): other for other in os.listdir(parent)}
    source = there.get(match['source'])
    if source is None or not os.path.isdir(os.path.join(parent, source)):
        return None
    return f'with the sweeps of {source} once more'


def copies_among(files: Sequence[str]) -> list[str]:
    """Those of the files that have the very bytes of an earlier one."""
    return sorted(copy for group in _same_blocks(files) for copy in _copies(group))


def _same_blocks(files: Sequence[str]) -> Iterator[list[str]]:
    """Groups of two files or more of one size, whose first, middle and last bytes are the same."""
    by_size: dict[int, list[str]] = {}
    for file in files:
        by_size.setdefault(file_size(file), []).append(file)
    same_size = [(size, group) for size, group in by_size.items() if size > 0 and len(group) > 1]
    for size, group in progress_bar(same_size, 'copies', disable=sum(len(group) for _, group in same_size) < 5000):
        by_blocks: dict[bytes, list[str]] = {}
        for file in group:
            by_blocks.setdefault(_blocks(file, size), []).append(file)
        yield from (files for files in by_blocks.values() if len(files) > 1)


def file_size(file: str) -> int:
    """In bytes; -1 for a link that leads nowhere, or a file that went meanwhile: reading it will say so."""
    try:
        return os.path.getsize(file)
    except OSError:
        return -1


def _blocks(file: str, size: int) -> bytes:
    """A few blocks; of a file that cannot be read its name, which no other has."""
    try:
        with open(file, 'rb') as content:
            blocks = []
            for start in (0, size // 2, max(0, size - BLOCK_BYTES)):
                content.seek(start)
                blocks.append(content.read(BLOCK_BYTES))
    except OSError:
        return file.encode('utf-8', 'surrogateescape')
    return b''.join(blocks)


def _copies(files: Sequence[str]) -> list[str]:
    """Those of the files that equal an earlier one."""
    originals: list[str] = []
    copies = []
    for file in files:
        if any(filecmp.cmp(file, original, shallow=False) for original in originals):
            copies.append(file)
        else:
            originals.append(file)
    return copies
