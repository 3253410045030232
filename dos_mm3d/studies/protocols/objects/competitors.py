"""Rows of a protocol on objects: checkpoints, and what needs no pretraining."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .sources import ObjectSource

BASELINES = ('descriptors', 'random', 'scratch', 'pointnet')


@dataclass(frozen=True)
class Run:
    """One number of a row.

    Args:
        label: what the number is of: a seed, a checkpoint.
        name: of its cell, before what is judged on.
        network: of the request, with its kind.
        seed: of start, order and dropout.
        source: the checkpoint.
    """

    label: str
    name: str
    network: Mapping[str, Any]
    seed: int = 0
    source: ObjectSource | None = None


@dataclass(frozen=True)
class Competitor:
    """A row.

    Args:
        name: in the record.
        title: for the reader.
        runs: its numbers.
        pretrained: whether it is.
        how: it is judged, where not as the protocol does.
    """

    name: str
    title: str
    runs: Sequence[Run] = field(default_factory=tuple)
    pretrained: bool = False
    how: str | None = None

    @property
    def kind(self) -> str:
        """Of its networks."""
        return self.runs[0].network['kind']


def by_label(sources: Sequence[ObjectSource]) -> dict[str, list[ObjectSource]]:
    """Label -> its runs."""
    labels = dict.fromkeys(source.dataset for source in sources)
    return {label: [source for source in sources if source.dataset == label] for label in labels}


def seeded(name: str, network: Mapping[str, Any], seeds: int) -> tuple[Run, ...]:
    """One run a seed."""
    return tuple(Run(f'seed {seed}', f'{name}_{seed}', network, seed) for seed in range(seeds))


def without_network(*, seeds: int | None, several_classifiers: bool) -> list[Competitor]:
    """Shape descriptors, and the same with the size of the object, which networks do not see. seeds: of a head that is
    trained on them; None: nothing is random."""
    words = {
        'descriptors': 'shape descriptors',
        'described_size': 'shape descriptors and size [unit of the data]',
    }
    found = []
    for kind, title in words.items():
        network = {'kind': kind}
        runs = seeded(kind, network, seeds) if seeds else (Run('exact', kind, network),)
        found.append(Competitor(kind, title, runs))
        if several_classifiers:
            runs = (Run('exact', f'{kind}_best', network),)
            found.append(Competitor(f'{kind}_best', f'{title}, best of 14 classifiers', runs, how='best_of_all'))
    return found


def random_encoders(sources: Sequence[ObjectSource], seeds: int) -> list[Competitor]:
    """A row for every shape of encoder, which names the labels that have it."""
    shapes: dict[str, list[ObjectSource]] = {}
    for source in sources:
        shapes.setdefault(source.encoder_hash, []).append(source)
    found = []
    for number, of_shape in enumerate(shapes.values()):
        name = 'random' if number == 0 else f'random{number + 1}'
        like = ', '.join(by_label(of_shape))
        title = 'random initialisation' if len(shapes) == 1 else f'random initialisation, encoder of {like}'
        found.append(Competitor(name, title, seeded(name, encoder_of('random', of_shape[0]), seeds)))
    return found


def supervised(sources: Sequence[ObjectSource], baselines: Sequence[str], seeds: int) -> list[Competitor]:
    """Networks that see the same labels and nothing else."""
    rows = {
        'scratch': ('from scratch, supervised', encoder_of('scratch', sources[0])),
        'pointnet': ('PointNet, supervised', {'kind': 'pointnet'}),
    }
    return [
        Competitor(name, title, seeded(name, network, seeds))
        for name, (title, network) in rows.items()
        if name in baselines
    ]


def pretrained(sources: Sequence[ObjectSource], seeds: int | None) -> list[Competitor]:
    """A row a label. seeds: of what is trained, seed i from checkpoint i, the first again where there are fewer; None:
    a run a checkpoint."""
    found = []
    for label, runs in by_label(sources).items():
        if seeds is None:
            made = [Run(s.name, s.name, encoder_of('checkpoint', s), s.number, s) for s in runs]
        else:
            picked = [runs[seed % len(runs)] for seed in range(seeds)]
            made = [
                Run(f'seed {seed}', f'{label}_seed{seed}', encoder_of('checkpoint', source), seed, source)
                for seed, source in enumerate(picked)
            ]
        found.append(Competitor(label, f'AsymDSD, {label}', tuple(made), pretrained=True))
    return found


def encoder_of(kind: str, source: ObjectSource) -> dict[str, Any]:
    """A network of a request: the encoder of a checkpoint in one of its kinds."""
    return {'kind': kind, 'encoder': dict(source.encoder)}
