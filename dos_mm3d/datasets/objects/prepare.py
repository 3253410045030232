"""Raw objects -> prepared sets (object_set.py), piece by piece: a run that was stopped goes on where it was."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import numpy as np

from ...errors import InputError, MissingFileError
from ...files import write_npz
from ...parallel import parallel_map
from ..converting import converting
from .object_set import ObjectSet, check_cloud, check_split, splits_in, write_object_set
from .raw import RawObject, RawSplit

PIECE = 128  # objects that are lost when a run is stopped, at most, for each process


@dataclass(frozen=True)
class Piece:
    """Some objects of a split, to be read together.

    Args:
        split: theirs.
        objects: the objects.
        path: of the file that holds what was read of them.
        seed: of the set.
    """

    split: RawSplit
    objects: Sequence[RawObject]
    path: Path
    seed: int

    def write(self) -> None:
        """Read the objects and write their clouds, parts and the sha256 of their files."""
        clouds = [self.split.read(one, object_generator(self.seed, one.name)) for one in self.objects]
        for one, cloud in zip(self.objects, clouds):
            check_cloud(str(one.path), cloud.points, 'Download it again, or remove it and say --allow-partial')
        held = {
            'counts': np.array([len(cloud.points) for cloud in clouds]),
            'points': np.concatenate([cloud.points for cloud in clouds]).astype(np.float32),
            'digests': np.array([sha256(one.path.read_bytes()).hexdigest() for one in self.objects]),
        }
        if clouds[0].parts is not None:
            held['parts'] = np.concatenate([cloud.parts for cloud in clouds]).astype(np.int16)
        write_npz(self.path, **held)

    def held(self, name: str) -> Iterator[np.ndarray]:
        """Points or parts of each object."""
        with np.load(self.path) as found:
            yield from np.split(found[name], np.cumsum(found['counts'])[:-1])

    def digests(self) -> list[str]:
        """sha256 of the file of each object."""
        with np.load(self.path) as found:
            return found['digests'].tolist()

    def has_parts(self) -> bool:
        """Whether the objects have parts."""
        with np.load(self.path) as found:
            return 'parts' in found


def object_generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one object, whatever others there are."""
    number = int.from_bytes(sha256(name.encode()).digest()[:8], 'little')
    return np.random.default_rng([seed, number])


def prepare_splits(
    splits: Sequence[RawSplit], out: str | Path, *, seed: int = 0, workers: int | None = None
) -> dict[str, ObjectSet]:
    """Prepare the splits of a data set in a folder, and say what became of each.

    A split that was prepared of the same files by the same settings is kept.

    Args:
        splits: what a reader has found.
        out: folder of the prepared set, made where it is missing.
        seed: of the points that are drawn.
        workers: processes, default one for each CPU.

    Raises:
        InputError, MissingFileError: of the reader, naming the file and the remedy.
    """
    out = Path(out)
    _check_names(splits)
    folders = [_folder(split, out).name for split in splits]
    files = [f'{split.split}_{kind}.bin' for split in splits for kind in ('points', 'parts')]
    with converting(out, folders=folders, files=files):
        for split in splits:
            check_split(out, split.split, split.classes, split.source)
        left = [split for split in splits if not _is_prepared(split, out, seed)]
        pieces = {split.split: list(_pieces(split, out, seed)) for split in left}
        every = [piece for of_split in pieces.values() for piece in of_split]
        to_write = [piece for piece in every if not piece.path.is_file()]
        if len(to_write) < len(every):
            print(f'{out}: {len(every) - len(to_write)} of {len(every)} pieces were read before, and are kept')
        sizes = [len(piece.objects) for piece in to_write]
        parallel_map(Piece.write, to_write, what='reading', unit='object', sizes=sizes, workers=workers)
        found_parts = _found_parts(left, pieces)
        for split in left:
            _join(split, pieces[split.split], out, seed, found_parts)
            shutil.rmtree(_folder(split, out))
    prepared = {split.split: ObjectSet.open(out, split.split) for split in splits}
    for name, found in prepared.items():
        print(f'{out / name}: {len(found)} objects of {len(found.classes)} classes, {len(found.points)} points')
    return prepared


def _check_names(splits: Sequence[RawSplit]) -> None:
    """InputError for an object that a split has twice. How many are in two splits is printed: what is trained on would
    be scored, too."""
    names = {split.split: {one.name for one in split.objects} for split in splits}
    for split in splits:
        if len(names[split.split]) < len(split.objects):
            (twice, n), *_ = Counter(one.name for one in split.objects).most_common(1)
            paths = sorted({str(one.path) for one in split.objects if one.name == twice})
            raise InputError(
                f'{split.split}: has {twice} {n} times, of {", ".join(paths[:3])}; wanted each object once. Correct '
                'the list that names it, or move files away.'
            )
    for (one, its), (other, others) in combinations(names.items(), 2):
        if both := sorted(its & others):
            print(f'WARNING: {len(both)} objects are in {one} and in {other}, first {both[0]}')


def _is_prepared(split: RawSplit, out: Path, seed: int) -> bool:
    """Whether the split is there, made of the same."""
    if split.split not in splits_in(out):
        return False
    try:
        source = ObjectSet.open(out, split.split).source
    except (InputError, MissingFileError):  # damaged since: it is made again
        return False
    same = (source.get('key'), source.get('seed')) == (split.key, seed)
    if same:
        print(f'{out / split.split}: was prepared before, and is kept')
    return same


def _folder(split: RawSplit, out: Path) -> Path:
    return out / f'.{split.split}_pieces'


def _pieces(split: RawSplit, out: Path, seed: int) -> Iterator[Piece]:
    for first in range(0, len(split.objects), PIECE):
        name = sha256(f'{split.key} {seed} {first}'.encode()).hexdigest()[:16]
        yield Piece(split, split.objects[first : first + PIECE], _folder(split, out) / f'{name}.npz', seed)


def _found_parts(splits: Sequence[RawSplit], pieces: Mapping[str, Sequence[Piece]]) -> dict[str, tuple[int, ...]]:
    """Class -> the part numbers of its objects in all splits."""
    found: dict[str, set[int]] = {}
    for split in splits:
        for piece in pieces[split.split]:
            for one, parts in zip(piece.objects, piece.held('parts') if piece.has_parts() else ()):
                found.setdefault(split.classes[one.label], set()).update(np.unique(parts).tolist())
    return {name: tuple(sorted(numbers)) for name, numbers in found.items()}


def _join(
    split: RawSplit, pieces: Sequence[Piece], out: Path, seed: int, found_parts: Mapping[str, Sequence[int]]
) -> None:
    """All pieces of a split as one prepared set."""
    digest = sha256('\n'.join(one for piece in pieces for one in piece.digests()).encode()).hexdigest()
    has_parts = pieces[0].has_parts()
    parts_of_class = split.parts_of_class or {name: found_parts.get(name, ()) for name in split.classes}
    write_object_set(
        out,
        split.split,
        (cloud for piece in pieces for cloud in piece.held('points')),
        [one.label for one in split.objects],
        split.classes,
        [one.name for one in split.objects],
        parts=(parts for piece in pieces for parts in piece.held('parts')) if has_parts else None,
        parts_of_class=parts_of_class if has_parts else None,
        source={**split.source, 'seed': seed, 'sha256': digest, 'key': split.key},
    )
