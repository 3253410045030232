"""Which labelled objects are fitted on, held out, or drawn: functions of the labels and a seed, alike for every row."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

Rows = NDArray[np.int64]


def orders_by_class(labels: NDArray, key: Sequence[int]) -> list[Rows]:
    """For each class that occurs its rows in a random order, of generators [*key, class]."""
    return [
        np.random.default_rng([*key, int(label)]).permutation(np.flatnonzero(labels == label))
        for label in np.unique(labels)
    ]


def labelled_share(labels: NDArray, percent: float, seed: int) -> Rows:
    """Rows, ascending, of a share of the objects of every class, at least one of each; a larger share holds the
    smaller ones of its seed."""
    orders = orders_by_class(labels, (0, seed))
    return np.sort(np.concatenate([order[: max(1, round(len(order) * percent / 100))] for order in orders]))


def held_out(labels: NDArray, percent: float, seed: int) -> tuple[Rows, Rows]:
    """(rows that stay, rows that are held out), ascending: a share of every class, at least one of two or more
    objects, never the last one."""
    stay, out = [], []
    for order in orders_by_class(labels, (1, seed)):
        count = 0 if percent == 0 else min(max(1, round(len(order) * percent / 100)), len(order) - 1)
        out.append(order[:count])
        stay.append(order[count:])
    return np.sort(np.concatenate(stay)), np.sort(np.concatenate(out))


class Episode(NamedTuple):
    """A few-shot task.

    Args:
        classes: (way,) labels in the set, in the order of the labels of the task.
        support: rows to train on, `shot` of each class, of the set that is trained on.
        queries: rows to score, of the set that is scored.
    """

    classes: Rows
    support: Rows
    queries: Rows


def draw_episode(train: NDArray, scored: NDArray, *, way: int, shot: int, queries: int, key: Sequence[int]) -> Episode:
    """A task of `way` random classes, `shot` objects of each to train on and `queries`, or all where there are fewer,
    to score.

    Args:
        train: labels of what may be trained on.
        scored: labels of what may be scored, other objects of the same classes.
        way, shot, queries: sizes.
        key: of the draw, whole numbers.

    InputError where fewer than `way` classes have enough objects.
    """
    counts = np.bincount(train, minlength=max(train.max(), scored.max()) + 1)
    fitting = [label for label in np.unique(scored).tolist() if counts[label] >= shot]
    if len(fitting) < way:
        raise InputError(
            f'{way}-way {shot}-shot: {len(fitting)} classes have {shot} objects to train on and one to score, wanted '
            f'{way} at least; take smaller --ways or --shots, or a larger set'
        )
    generator = np.random.default_rng([2, *key])
    classes = generator.permutation(fitting)[:way]
    support = [generator.permutation(np.flatnonzero(train == label))[:shot] for label in classes]
    asked = [generator.permutation(np.flatnonzero(scored == label))[:queries] for label in classes]
    return Episode(classes, np.concatenate(support), np.concatenate(asked))


def relabelled(labels: NDArray, classes: Rows) -> Rows:
    """Labels of a set as places in `classes`."""
    place = {int(label): number for number, label in enumerate(classes)}
    return np.array([place[int(label)] for label in labels], np.int64)
