"""Whether the classes that a model tells apart are those that its data sets number: a label is a place in a list, and
upstream nobody compares the lists."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmdet3d.registry import DATASETS
from mmengine.config import Config

from ..datasets.file_check import data_sets_in
from ..errors import InputError

HEADS = ('pts_bbox_head', 'bbox_head')


def check_classes(cfg: Config, loaders: Sequence[str]) -> None:
    """InputError where the head, or a box database that is pasted from, has other classes than a data set of one of the
    loaders, or the same in another order."""
    learnt = classes_of_head(cfg.get('model') or {})
    for loader in loaders:
        for dataset in data_sets_in(cfg[loader].dataset) if cfg.get(loader) else ():
            if (numbered := classes_of(dataset)) is None:
                continue
            where = f'{loader} ({dataset["type"]})'
            for place, names in pasted_in(dataset):
                _require(place, names, where, numbered)
            if learnt is not None:
                _require(*learnt, where, numbered)


def _require(place: str, names: list[str] | int, where: str, numbered: list[str]) -> None:
    if isinstance(names, int):
        if names != len(numbered):
            raise InputError(
                f'{place} is {names}, and the data set of {where} has {len(numbered)} classes: '
                f'{", ".join(numbered)}; wanted the same number'
            )
    elif names != numbered:
        what = 'the same in another order' if sorted(names) == sorted(numbered) else 'others'
        raise InputError(
            f'{place} are {", ".join(names)}; the data set of {where} numbers {what}: {", ".join(numbered)}. Labels '
            'are places in this list: wanted the same classes in the same order (metainfo.classes of the data set)'
        )


def classes_of_head(model: Mapping[str, Any]) -> tuple[str, list[str] | int] | None:
    """Where a detector's config names its classes, and these in the order of their labels, or how many there are.
    InputError for none."""
    for name in HEADS:
        head = model.get(name) or {}
        tasks = head.get('tasks')
        if tasks is not None and not tasks:
            raise InputError(f'model.{name}.tasks is empty: there is no class to learn')
        if tasks and all('class_names' in task for task in tasks):
            return f'the classes of model.{name}.tasks', [one for task in tasks for one in task['class_names']]
        if isinstance(head.get('num_classes'), int):
            return f'model.{name}.num_classes', head['num_classes']
    return None


def classes_of(dataset: Mapping[str, Any]) -> list[str] | None:
    """The classes that a data set's config numbers, or its class where that says nothing; None where there are none."""
    stated = (dataset.get('metainfo') or {}).get('classes')
    if stated is None:
        stated = getattr(DATASETS.get(dataset['type']), 'METAINFO', {}).get('classes')
    return None if stated is None or isinstance(stated, str) else list(stated)


def pasted_in(dataset: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The classes of the box databases that a data set's pipeline pastes from."""
    for transform in dataset.get('pipeline') or ():
        database = transform.get('db_sampler') if isinstance(transform, Mapping) else None
        if database and database.get('classes'):
            yield f'the classes of {transform["type"]}.db_sampler', list(database['classes'])
