"""What the trainings of a row start from: nothing, or the checkpoints of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass

from .base import ProtocolArguments, Source


@dataclass(frozen=True)
class Start:
    """One row: what its trainings start from.

    Args:
        name: of the row.
        title: for the reader.
        runs: checkpoints, none from scratch.
        even_rates: without the layer decay of the config, which is made for pretrained layers.
    """

    name: str
    title: str
    runs: tuple[Source, ...] = ()
    even_rates: bool = False


def grouped(args: ProtocolArguments) -> dict[str, list[Source]]:
    """Data set -> checkpoints that were pretrained on it."""
    groups: dict[str, list[Source]] = {}
    for source in args.sources:
        groups.setdefault(source.dataset, []).append(source)
    return groups


def pretrained_title(args: ProtocolArguments, dataset: str) -> str:
    """What a reader sees of a row of checkpoints that were pretrained on `dataset`."""
    return 'from DOS' if dataset == args.dataset.name else f'from DOS, pretrained on {dataset}'


def pair_title(start: Start, base: Start) -> str:
    """What a reader sees of a difference: scratch is the one with the same rates, unless it is said."""
    return start.title if not base.even_rates else f'{start.title}, against scratch with one rate for all layers'


def source_of(runs: Sequence[Source], seed: int) -> Source | None:
    """The checkpoint that a seed trains from."""
    return runs[seed % len(runs)] if runs else None
