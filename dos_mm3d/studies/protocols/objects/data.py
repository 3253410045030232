"""Prepared sets of objects that protocols judge on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ....datasets.objects import ObjectSet, splits_in
from ....errors import InputError, MissingFileError
from ....probe.objects.tasks import require_same_classes
from ...runner import files_sha256, portable
from ...runner.tool import named_path

SPLITS = ('train', 'val', 'test')
TASKS = '*way_*shot'
VARIANTS = {
    'clean': 'modelnet40',
    'parts': 'shapenetpart',
    'obj_only': 'scanobjectnn',
    'obj_bg': 'scanobjectnn',
    'pb_t50_rs': 'scanobjectnn',
}
"""Of the embedded objects: which format each variant is like."""


@dataclass(frozen=True)
class ObjectData:
    """A folder of a prepared set.

    Args:
        name: in the table.
        root: the folder, with the splits train and test, or with few-shot tasks that are such folders,
            `5way_10shot/0`.
    """

    name: str
    root: Path

    @property
    def title(self) -> str:
        """For the reader."""
        return self.name.replace('_', ' ')

    @cached_property
    def folder(self) -> Path:
        """Of the set, or of the first of the tasks."""
        tasks = sorted(self.root.glob(f'{TASKS}/0'))
        return tasks[0] if tasks and not splits_in(self.root) else self.root

    @property
    def has_tasks(self) -> bool:
        """Whether it has few-shot tasks that were drawn by others."""
        return self.folder != self.root

    @cached_property
    def train(self) -> ObjectSet:
        """What is trained on."""
        return ObjectSet.open(self.folder, 'train')

    @property
    def format(self) -> str:
        """Of what the set was made of, which decides how it is fed and trained; of an embedded one what it is like."""
        source = self.train.source
        return VARIANTS.get(str(source.get('variant')), str(source.get('format')))

    def require(self, split: str, tasks: Sequence[str] = ()) -> None:
        """MissingFileError or InputError where the set is not there, or has not what the split needs.

        tasks: folders of few-shot tasks that are wanted, where it has such."""
        if self.has_tasks and split != 'test':
            raise InputError(
                f'{self.root}: its tasks were drawn by others, and none is for choosing settings; wanted --split test, '
                'or a whole set, of which tasks are drawn'
            )
        for folder in [self.root / task for task in tasks] if self.has_tasks else [self.root]:
            opened = [
                ObjectSet.open(folder, needed) for needed in (('train', 'test') if split == 'test' else ('train',))
            ]
            require_same_classes(folder, opened[0], opened[-1])

    def hash(self) -> str:
        """sha256 of the files of all splits."""
        folders = sorted(self.root.glob(f'{TASKS}/*')) if self.has_tasks else [self.root]
        paths = [path for folder in folders for split in SPLITS for path in sorted(folder.glob(f'{split}[._]*'))]
        return files_sha256(path for path in paths if path.is_file())

    @property
    def record(self) -> dict[str, Any]:
        """What is written down of it."""
        counts = {split: len(ObjectSet.open(self.folder, split)) for split in splits_in(self.folder) if split in SPLITS}
        return {
            'name': self.name,
            'title': self.title,
            'root': portable(self.root),
            'source': self.train.source,
            'classes': len(self.train.classes),
            'objects': counts,
            'tasks_of_others': self.has_tasks,
            'data_hash': self.hash(),
        }


def read_object_data(names: Sequence[str] | None, roots: Sequence[str]) -> tuple[ObjectData, ...]:
    """The sets of --dataset, below data/, where D may be `folder/set`, or at the places of --data-root (`D=PATH`).

    InputError or MissingFileError where none is named, a place is not used, or there is no prepared set."""
    places = {}
    for text in roots:
        name, path = named_path(text)
        if name is None:
            raise InputError(f'--data-root {text}: of which set? Wanted D={text}')
        if name in places:
            raise InputError(f'--data-root {name}=... is given twice, {places[name]} and {path}; wanted one place')
        places[name] = path
    folders = {name.replace('/', '_'): name for name in names or places}
    if len(folders) < len(names or places):
        raise InputError(f'--dataset {" ".join(names)}: wanted different sets, and a/b is called a_b')
    names = list(folders)
    if not names:
        raise InputError('on which objects? Wanted --dataset D, a prepared set below data/, or --data-root D=PATH')
    if unused := sorted(set(places) - set(names)):
        raise InputError(f'--data-root {unused[0]}=...: it is not used; wanted one of {", ".join(names)}')
    found = tuple(ObjectData(name, places.get(name, Path('data', folder))) for name, folder in folders.items())
    for one in found:
        if not one.root.is_dir():
            raise MissingFileError(
                f'{one.root}: no such folder; prepare {one.name} with tools/create_data.py, or say where it is: '
                f'--data-root {one.name}=PATH'
            )
    return found
