"""A classification of objects: what may be fitted on, what is held out of it, what is scored; and the ways to fit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...datasets.objects import ObjectSet, splits_in
from ...errors import InputError
from ...models.heads.objects import ObjectClassifier
from .classifiers import Judged, Labelled
from .features import as_numpy, in_batches
from .fitting import Batch, FitRecipe, Fitted, fit
from .inputs import DrawnClouds, ObjectInput, feed
from .splits import Episode, held_out, labelled_share, relabelled

Rows = NDArray[np.int64]
SCORED_PERCENT = 20
"""Of the training objects that are scored, and never fitted on, where settings are chosen."""


@dataclass(frozen=True)
class ObjectTask:
    """Labelled objects of one or two sets.

    Args:
        train, train_rows, train_labels: set, rows (N,) and labels (N,) of all that may be fitted on.
        stay, out: positions in `train_rows`: what is fitted on while a setting is chosen, and what it is chosen on.
        scored, scored_rows, scored_labels: set, rows (M,) and labels (M,) of what is scored.
        num_classes: labels are below it.
    """

    train: ObjectSet
    train_rows: Rows
    train_labels: Rows
    stay: Rows
    out: Rows
    scored: ObjectSet
    scored_rows: Rows
    scored_labels: Rows
    num_classes: int

    def labelled(self, train: Tensor, scored: Tensor) -> Labelled:
        """With features (N, C) and (M, C)."""
        return Labelled(as_numpy(train), self.train_labels, self.stay, self.out, as_numpy(scored))


def scored_parts(root: str | Path, split: str) -> tuple[ObjectSet, Rows, ObjectSet, Rows]:
    """Set and rows of what may be trained on, and of what is scored: of 'test' the splits train and test; of
    'validation' train and val, or where there is no val two parts of train, by a fixed cut of every class."""
    train = ObjectSet.open(root, 'train')
    if split == 'test' or 'val' in splits_in(root):
        scored = ObjectSet.open(root, 'test' if split == 'test' else 'val')
        require_same_classes(root, train, scored)
        return train, np.arange(len(train)), scored, np.arange(len(scored))
    stay, out = held_out(train.labels, SCORED_PERCENT, seed=0)
    return train, stay, train, out


def require_same_classes(root: str | Path, train: ObjectSet, scored: ObjectSet) -> None:
    """InputError where labels would mean different classes in the two splits."""
    if train.classes != scored.classes:
        raise InputError(
            f'{root}: train has {len(train.classes)} classes ({", ".join(train.classes[:3])} ...), what is scored '
            f'{len(scored.classes)} ({", ".join(scored.classes[:3])} ...); wanted the same in the same order: prepare '
            'both together'
        )


def task_of(root: str | Path, split: str, *, percent: float, share_seed: int, held_out_percent: float) -> ObjectTask:
    """The classification of a prepared set.

    Args:
        root: folder of the set.
        split: that is scored.
        percent: of the labels of every class, of what may be trained on.
        share_seed: of that draw.
        held_out_percent: of these labels, held out to choose settings; 0: nothing is chosen.
    """
    train, rows, scored, scored_rows = scored_parts(root, split)
    rows = rows[labelled_share(train.labels[rows], percent, share_seed)]
    stay, out = held_out(train.labels[rows], held_out_percent, share_seed)
    labels = train.labels[rows], scored.labels[scored_rows]
    return ObjectTask(train, rows, labels[0], stay, out, scored, scored_rows, labels[1], len(train.classes))


def task_of_episode(parts: tuple[ObjectSet, Rows, ObjectSet, Rows], episode: Episode) -> ObjectTask:
    """A few-shot task: nothing is held out of so few objects. episode: rows within the rows of `parts`."""
    train, rows, scored, scored_rows = parts
    rows, scored_rows = rows[episode.support], scored_rows[episode.queries]
    return ObjectTask(
        train,
        rows,
        relabelled(train.labels[rows], episode.classes),
        np.arange(len(rows)),
        np.arange(0),
        scored,
        scored_rows,
        relabelled(scored.labels[scored_rows], episode.classes),
        len(episode.classes),
    )


def head_on_features(
    task: ObjectTask, train: Tensor, scored: Tensor, hidden: Sequence[int], recipe: FitRecipe, *, seed: int
) -> Judged:
    """A head fitted on fixed features.

    Args:
        task: what is fitted on and scored.
        train: (V, N, C), each object in V augmented views; pass i takes view i modulo V.
        scored: (M, C).
        hidden: widths of the head, none for a linear layer.
        recipe: of the training.
        seed: of start, order and dropout.
    """
    torch.manual_seed(seed)
    model = ObjectClassifier(train.shape[2], task.num_classes, hidden)
    labels = torch.from_numpy(task.train_labels)

    def passes(epoch: int, batches: list[list[int]]) -> Iterator[Batch]:
        for positions in batches:
            rows = task.stay[positions]
            yield (train[epoch % len(train), rows],), labels[rows]

    @torch.no_grad()
    def validate(model: nn.Module) -> float:
        return accuracy(model(train[0, task.out]).argmax(1).numpy(), task.train_labels[task.out])

    fitted = fit(model, passes, len(task.stay), recipe, seed=seed, validate=validate if len(task.out) else None)
    return judged(model, fitted, lambda model: model(scored).argmax(1).numpy())


def network(
    task: ObjectTask,
    model: nn.Module,
    fed: ObjectInput,
    recipe: FitRecipe,
    device: torch.device,
    *,
    seed: int,
    workers: int = 0,
    keep: Path | None = None,
) -> Judged:
    """A network fitted on clouds that are augmented anew in every pass; scored without augmentation.

    Args:
        task: what is fitted on and scored.
        model: FedObjects -> logits (R, classes).
        fed: how clouds are fed, augmentation included.
        recipe: of the training.
        device: of model and batches.
        seed: of the draws of training clouds, order, dropout.
        workers: that prepare clouds beside the training.
        keep: a file that an interrupted training goes on from.
    """
    stay, out = task.train_rows[task.stay], task.train_rows[task.out]
    clouds = DrawnClouds(task.train, stay, fed, task.train_labels[task.stay], seed=seed)
    checked = DrawnClouds(task.train, out, fed.plain, task.train_labels[task.out])
    asked = DrawnClouds(task.scored, task.scored_rows, fed.plain, task.scored_labels)

    def passes(epoch: int, batches: list[list[int]]) -> Iterator[Batch]:
        clouds.epoch = epoch
        for crops, labels, _ in clouds.loader(batches, workers):
            yield (feed(crops, device),), labels.to(device)

    def predict(model: nn.Module, of: DrawnClouds) -> NDArray[np.int64]:
        return in_batches(model, of, device, workers=workers).argmax(1).numpy()

    def validate(model: nn.Module) -> float:
        return accuracy(predict(model, checked), checked.labels)

    model = model.to(device)
    fitted = fit(model, passes, len(stay), recipe, seed=seed, validate=validate if len(out) else None, keep=keep)
    return judged(model, fitted, lambda model: predict(model, asked))


@torch.no_grad()
def judged(model: nn.Module, fitted: Fitted, predict) -> Judged:
    """Predictions of the last and of the best state, which are never mixed up."""
    found = []
    for state in (fitted.last, fitted.best):
        if state is not None:
            model.load_state_dict(state)
        found.append(None if state is None else predict(model.eval()))
    facts = {'best_epoch': fitted.best_epoch, 'held_out_score': [round(100 * score, 2) for score in fitted.history]}
    return Judged(*found, facts)


def accuracy(predicted: NDArray, truth: NDArray) -> float:
    """Share of equal ones."""
    return float((predicted == truth).mean())
