"""What a protocol is: its arguments, the cells that it runs, the table that they fill."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

from ..runner import Cell, StudyArguments, content_hash, portable
from ..runner.statistics import sample_sd
from .datasets import DataSet

Results = Mapping[str, Mapping[str, Any]]
"""Name of a cell -> what its `collect` returned; cells that failed or are not run yet are left out."""


@dataclass(frozen=True)
class Source:
    """A pretraining checkpoint.

    Args:
        dataset: name of what it was pretrained on.
        number: 0, 1, ... among the checkpoints of its data set (runs with other seeds).
        checkpoint: file.
        config_file: of the pretraining.
        config: the same, resolved.
        sha256: of the checkpoint file.
    """

    dataset: str
    number: int
    checkpoint: Path
    config_file: Path
    config: Mapping[str, Any]
    sha256: str

    @property
    def name(self) -> str:
        """Of the data set and number, for rows, cells and folders: `synthetic_0`."""
        return f'{self.dataset}_{self.number}'

    @property
    def record(self) -> dict[str, Any]:
        """What is written down of it."""
        return {
            'pretrained_on': self.dataset,
            'checkpoint': portable(self.checkpoint),
            'sha256': self.sha256,
            'config': portable(self.config_file),
            'config_hash': content_hash(self.config),
            'steps': self.config.get('train_cfg', {}).get('max_iters'),
            'seed': self.config.get('randomness', {}).get('seed'),
        }


@dataclass(frozen=True)
class ProtocolArguments(StudyArguments):
    """What the command line asks for.

    Args:
        datasets: what is trained and scored on; all protocols but cross_domain have one.
        sources: checkpoints.
        options: the protocol's own arguments by name (`add_arguments`).
    """

    datasets: tuple[DataSet, ...]
    sources: tuple[Source, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dataset(self) -> DataSet:
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
    """One way of judging checkpoints. Instances hold no state: everything comes with the arguments.

    Attributes:
        name: on the command line.
        title: of table and plot.
        metric: of the numbers, with unit.
        axis: what the columns are.
        plot: 'dots' (few columns, one panel each), 'curve' (columns along x) or 'matrix' (rows x columns).
        log_x: whether the axis of a curve is logarithmic.
        several_datasets: whether --dataset takes more than one.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    metric: ClassVar[str] = 'mIoU [%]'
    axis: ClassVar[str] = ''
    plot: ClassVar[str] = 'dots'
    log_x: ClassVar[bool] = False
    several_datasets: ClassVar[bool] = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:  # noqa: B027  most have none
        """The protocol's own arguments; they come back in `ProtocolArguments.options`."""

    def variant(self, args: ProtocolArguments) -> str:
        """Ending of the record's file name where an argument makes it another table, else empty."""
        return ''

    @abstractmethod
    def check(self, args: ProtocolArguments) -> None:
        """Everything that can be known before anything runs. Raises what one sentence can say: ValueError,
        FileNotFoundError with what was found, what was wanted and the remedy."""

    def begin(self, args: ProtocolArguments) -> None:  # noqa: B027  most write nothing
        """Write what belongs beside the record, before any cell runs; nobody else works in the folder then."""

    @abstractmethod
    def cells(self, args: ProtocolArguments) -> list[Cell]:
        """What is to be run, scratch included, in an order in which an early end leaves most of the table."""

    @abstractmethod
    def columns(self, args: ProtocolArguments, results: Results) -> list[Column]:
        """The columns of the table, from left to right."""

    @abstractmethod
    def rows(self, args: ProtocolArguments, results: Results) -> list[dict[str, Any]]:
        """The rows (`row`) of what has results, scratch first."""

    def settings(self, args: ProtocolArguments) -> dict[str, Any]:
        """What the numbers depend on beside checkpoint, data and split, for the record: recipe, sizes."""
        return dict(args.options)

    def more(self, args: ProtocolArguments, results: Results) -> dict[str, Any]:
        """Further keys of the record, e.g. which frames were labelled."""
        return {}

    def notes(self, args: ProtocolArguments) -> list[str]:
        """Sentences below the table: what a row is, what ± is, what is not comparable."""
        return []
