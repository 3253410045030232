"""What a protocol is: its arguments, the cells that it runs, the table that they fill."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, ClassVar

from matplotlib.figure import Figure

from ...errors import InputError
from ..runner import Cell, StudyArguments
from ..runner.statistics import sample_sd
from .figure import draw_protocol
from .folder_sets import Probed
from .sources import Source
from .table import summary

Results = Mapping[str, Mapping[str, Any]]
"""Name of a cell -> what its `collect` returned; cells that failed or are not run yet are left out."""


@dataclass(frozen=True)
class ProtocolArguments(StudyArguments):
    """What the command line asks for.

    Args:
        datasets: what is trained and scored on; all protocols but cross_domain have one.
        sources: checkpoints.
        options: the protocol's own arguments by name (`add_arguments`).
    """

    datasets: tuple[Probed, ...]
    sources: tuple[Source, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dataset(self) -> Probed:
        """The only one, or the first."""
        return self.datasets[0]

    @property
    def label(self) -> str:
        """Of the data sets, for the names of folders and files."""
        return '_'.join(dataset.name for dataset in self.datasets)


@dataclass(frozen=True)
class Column:
    """One column of the table: what all its numbers share.

    Args:
        name: in the record.
        title: for the reader.
        x: where it stands on the axis of a curve.
        facts: for the record and the note below the table, e.g. dict(labelled_frames=[20, 20], sequences=[3, 4]).
    """

    name: str
    title: str
    x: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def entry(values: Mapping[str, float], *, sd_over: str, **more: Any) -> dict[str, Any]:
    """One number of the table: mean and sample sd over `values` (label -> number).

    sd_over: what the labels are ('seeds', 'draws', ...).  more: kept in the record, e.g. per_class, confusion, draws.
    """
    numbers = list(values.values())
    return {'mean': fmean(numbers), 'sd': sample_sd(numbers), 'sd_over': sd_over, 'values': dict(values), **more}


def row(name: str, title: str, kind: str, entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A row of the table. kind: 'scratch' (anything without pretraining) or 'pretrained'.  entries: by column's name;
    a column that is not run yet is left out."""
    return {'name': name, 'title': title, 'kind': kind, 'entries': dict(entries)}


class Protocol(ABC):
    """One way of judging checkpoints.

    Args:
        args: what the command line asks for.

    Attributes:
        name: on the command line.
        title: of table and plot.
        metric: of the numbers, with unit.
        axis: what the columns are.
        plot: 'dots' (few columns, one panel each), 'curve' (columns along x) or 'matrix' (rows x columns).
        log_x: whether the axis of a curve is logarithmic.
        several_datasets: whether --dataset takes more than one.
        folder_sets: whether --dataset takes folders of labelled frames.
        objects: whether --dataset takes prepared sets of objects, and --checkpoint those of AsymDSD.
        units: of what the protocol's record holds in another unit than others'.
        variant: ending of the record's file name where an argument makes it another table, else empty.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    metric: ClassVar[str] = 'mIoU [%]'
    axis: ClassVar[str] = ''
    plot: ClassVar[str] = 'dots'
    log_x: ClassVar[bool] = False
    several_datasets: ClassVar[bool] = False
    folder_sets: ClassVar[bool] = False
    objects: ClassVar[bool] = False
    units: ClassVar[Mapping[str, str]] = {}
    variant: str = ''

    def __init__(self, args: ProtocolArguments) -> None:
        self.args = args

    @property
    def stem(self) -> str:
        """Of the record's file name, without the split."""
        return f'{self.name}_{self.args.label}{self.variant}'

    @classmethod  # noqa: B027  most have none
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """The protocol's own arguments; they come back in `ProtocolArguments.options`."""

    def check(self) -> None:
        """Everything that can be known before anything runs. Raises what one sentence can say: ValueError,
        FileNotFoundError with what was found, what was wanted and the remedy."""
        if not self.args.sources:
            raise InputError(f'{self.name} needs --checkpoint PATH, a pretraining checkpoint')

    def begin(self) -> None:  # noqa: B027  most write nothing
        """Write what belongs beside the record, before any cell runs; nobody else works in the folder then."""

    @abstractmethod
    def cells(self) -> list[Cell]:
        """What is to be run, scratch included, in an order in which an early end leaves most of the table."""

    @abstractmethod
    def columns(self, results: Results) -> list[Column]:
        """The columns of the table, from left to right."""

    @abstractmethod
    def rows(self, results: Results) -> list[dict[str, Any]]:
        """The rows (`row`) of what has results, scratch first."""

    def settings(self) -> dict[str, Any]:
        """What the numbers depend on beside checkpoint, data and split, for the record: recipe, sizes."""
        return dict(self.args.options)

    def more(self, results: Results) -> dict[str, Any]:
        """Further keys of the record, e.g. which frames were labelled."""
        return {}

    def notes(self) -> list[str]:
        """Sentences below the table: what a row is, what ± is, what is not comparable."""
        return []

    def tables(self, record: Mapping[str, Any]) -> str:
        """The record as Markdown: what is shown first."""
        return summary(record)

    def draw(self, record: Mapping[str, Any]) -> Figure:
        """The record as a picture; it has a number at least."""
        return draw_protocol(record)

    def pages(self) -> Mapping[str, tuple[str, str]]:
        """What stands in the record's .html beside tables and picture: heading -> a whole page, what it shows in words.
        Asked for once, when all is done."""
        return {}
