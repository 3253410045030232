"""Rows and columns of a protocol that trains: what its trainings start from, how they go on, and what is labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ...datasets.nuscenes.scenes import spread_evenly
from .recipes import PLAIN, Recipe
from .sources import Source
from .training_config import layer_decay


@dataclass(frozen=True)
class Labels:
    """What is trained on, one column of the table.

    Args:
        percent: of the labels.
        sequences: names, None as the config says.
        n_sequences: how many.
        of: sequences that there are.
        frames: key frames, or scans, in them.
        counted: whether they were asked for by number, not by percent.
    """

    percent: float
    sequences: tuple[str, ...] | None
    n_sequences: int
    of: int
    frames: int
    counted: bool = False

    @property
    def name(self) -> str:
        return f'sequences_{self.n_sequences}' if self.counted else f'labels_{self.percent:g}'.replace('.', 'p')

    @property
    def title(self) -> str:
        """For the reader."""
        return f'{self.n_sequences} of {self.of} sequences' if self.counted else f'{self.percent:g} %'


def labels_of_config(frames: Mapping[str, int], few: int | None, scored: Sequence[str]) -> Labels:
    """The labels that a config has.

    Args:
        frames: sequence -> its labelled frames, of the data set.
        few: number of sequences whose labels the config takes; None: all.
        scored: sequences that are left out, as settings are chosen on them.
    """
    names = list(frames) if few is None else spread_evenly(list(frames), few)
    kept = tuple(name for name in names if name not in scored)
    percent, count = 100 * len(kept) / len(frames), sum(frames[name] for name in kept)
    return Labels(percent, kept if scored else None, len(kept), len(frames), count)


@dataclass(frozen=True)
class Start:
    """One row: what its trainings start from.

    Args:
        name: of the row.
        title: for the reader.
        runs: checkpoints, none from scratch.
        even_rates: without the layer decay of the config, which is made for pretrained layers.
        recipe: how it is trained.
    """

    name: str
    title: str
    runs: Sequence[Source] = ()
    even_rates: bool = False
    recipe: Recipe = PLAIN


def starts_of(
    config: Mapping[str, Any], runs: Mapping[str, Sequence[Source]], recipes: Sequence[Recipe], dataset: str
) -> list[Start]:
    """The rows: every data set of pretraining with every recipe, and from scratch what of a recipe needs no weights.

    A config whose rates fall towards the input has a second row from scratch, without that.

    Args:
        config: resolved, of the downstream model.
        runs: data set -> checkpoints that were pretrained on it.
        recipes: of pretrained rows.
        dataset: that is trained on.
    """
    starts = [Start('scratch', 'from scratch')]
    if layer_decay(config) != 1:
        starts.append(Start('scratch_even', 'from scratch, one rate for all layers', even_rates=True))
    for recipe in dict.fromkeys(recipe.from_scratch for recipe in recipes):
        if recipe != PLAIN:
            starts.append(Start(f'scratch_{recipe.slug}', f'from scratch, {recipe.title}', recipe=recipe))
    for (name, found), recipe in product(runs.items(), recipes):
        words = '' if name == dataset else f', pretrained on {name}'
        slug, how = ('', '') if recipe == PLAIN else (f'_{recipe.slug}', f', {recipe.title}')
        starts.append(Start(f'dos_{name}{slug}', f'from DOS{words}{how}', found, recipe=recipe))
    return starts


def compared(starts: Sequence[Start]) -> list[tuple[Start, Start]]:
    """(pretrained, from scratch): each with the plain ones, and with what has the same of its recipe from scratch."""
    return [
        (start, base)
        for start, base in product(starts, starts)
        if start.runs and not base.runs and base.recipe in (PLAIN, start.recipe.from_scratch)
    ]


def title_of_pair(start: Start, base: Start) -> str:
    """Of the difference between a pretrained row and one from scratch, which is named unless it is the plain one."""
    return start.title if base.name == 'scratch' else f'{start.title}, against {base.title.removeprefix("from ")}'
