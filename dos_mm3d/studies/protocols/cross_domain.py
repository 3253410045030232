"""Cross-domain: pretrained on A, probed on B, for every ordered pair."""

import argparse
from collections.abc import Sequence
from typing import Any

from ...errors import InputError
from ...probe.probe import ProbeSettings
from ...probe.rows import FIXED, TITLES
from ..runner import Cell
from .base import Column, Protocol, ProtocolArguments, Results, Source, row
from .datasets import DATASETS, DataSet
from .draws import Draws
from .probe_cells import (
    ProbePlan,
    check_probe,
    drawn_facts,
    drawn_scans,
    input_of,
    probe_cell,
    probe_entry,
    random_name,
    require_same_points,
)
from .probing import add_probe_arguments

MARGIN_M = 1e-3
BASELINES = {name: FIXED[name] for name in ('raw', 'handcrafted')}
RANDOM = {'random': ['random']}
PRETRAINED = {'dos': ['teacher'], 'dos_adapted': ['teacher_adapted']}


class CrossDomain(Protocol):
    """The linear probe of every source's teacher on every data set, in-domain ones in bold.

    Points of B are brought to the columns that A's pretraining was fed (scale of the intensity; no time lag is 0) and
    to its height of the ground; all rows of a column are trained and scored on the points that every encoder sees.
    """

    name = 'cross_domain'
    title = 'Cross-domain linear probe'
    axis = 'probed on'
    plot = 'matrix'
    several_datasets = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Sizes."""
        parser.add_argument('--scans', type=int, default=ProbeSettings.scans_per_draw, help='labelled scans of a draw')
        parser.add_argument('--draws', type=int, default=ProbeSettings.n_draws, help='draws of the labelled scans')
        add_probe_arguments(parser)

    def plan(self, args: ProtocolArguments, target: DataSet) -> ProbePlan:
        """Of one target: points count that lie in the range of every source, in the target's own frame."""
        options = args.options
        draws = Draws({target.name: options['scans']}, options['draws'], nested=False)
        return ProbePlan(
            args.split,
            draws,
            options['bn_scans'],
            options['points_per_class'],
            options['scored_scans'],
            score_range=common_range(args.sources, target),
        )

    def check(self, args: ProtocolArguments) -> None:
        """At least two data sets or sources, and that every pair could run."""
        if not args.sources:
            raise InputError('cross_domain needs checkpoints: --checkpoint A=PATH B=PATH ...')
        if len(args.datasets) < 2 and {source.dataset for source in args.sources} <= {args.dataset.name}:
            raise InputError(
                f'all checkpoints were pretrained on {args.dataset.name} and are probed on it: that is linear_probe; '
                'wanted --checkpoint A=PATH B=PATH, or --dataset B'
            )
        for target in args.datasets:
            check_probe(target, args.sources, self.plan(args, target))

    def cells(self, args: ProtocolArguments) -> list[Cell]:
        """Baselines of a target, then every source on it, all targets with the first checkpoints before the others."""
        cells = []
        for target in args.datasets:
            plan = self.plan(args, target)
            own = in_domain(args.sources, target)
            cells.append(probe_cell(f'{target.name}_fixed', target, own, plan, {'kind': 'none'}, BASELINES))
            cells += [
                probe_cell(_pair(source, target), target, source, plan, {'kind': 'checkpoint'}, PRETRAINED)
                for source in args.sources
                if source.number == 0
            ]
        for target in args.datasets:
            plan = self.plan(args, target)
            cells += [
                probe_cell(
                    _random(source, seed, target), target, source, plan, {'kind': 'random', 'seed': seed}, RANDOM
                )
                for source in encoders(args.sources).values()
                for seed in range(args.seeds)
            ]
            cells += [
                probe_cell(_pair(source, target), target, source, plan, {'kind': 'checkpoint'}, PRETRAINED)
                for source in args.sources
                if source.number > 0
            ]
        return cells

    def columns(self, args: ProtocolArguments, results: Results) -> list[Column]:
        """One a target."""
        return [
            Column(target.name, target.title, facts=drawn_facts(results, _of(results, target), target.name))
            for target in args.datasets
        ]

    def rows(self, args: ProtocolArguments, results: Results) -> list[dict[str, Any]]:
        """Baselines, random networks of every encoder, then every source as it is and with the target's BatchNorm."""
        for target in args.datasets:
            require_same_points(results, _of(results, target), target.name)
        rows = [
            self._row(args, results, name, name, TITLES[name], 'scratch', lambda target: {f'{target.name}_fixed': ''})
            for name in BASELINES
        ]
        alike = encoders(args.sources)
        for short, source in alike.items():
            title = 'random initialisation' + (f' ({users(args.sources, short)})' if len(alike) > 1 else '')
            rows.append(
                self._row(
                    args, results, 'random', f'random_{short}', title, 'scratch', _random_labels(source, args.seeds)
                )
            )
        for dataset in dict.fromkeys(source.dataset for source in args.sources):
            runs = [source for source in args.sources if source.dataset == dataset]
            title = f'DOS on {DATASETS[dataset].title if dataset in DATASETS else dataset}'
            for features, words in (('dos', ''), ('dos_adapted', ", target's BatchNorm statistics")):
                name = f'{features}_{dataset}'
                found = self._row(args, results, features, name, title + words, 'pretrained', _pair_labels(runs))
                rows.append(marked(found, dataset))
        return rows

    def _row(
        self, args: ProtocolArguments, results: Results, features: str, name: str, title: str, kind: str, labels: Any
    ) -> dict[str, Any]:
        """labels: target -> name of a cell -> label of its network."""
        entries = {
            target.name: probe_entry(results, labels(target), features, target.name, sd_over='networks')
            for target in args.datasets
        }
        return row(name, title, kind, {column: value for column, value in entries.items() if value is not None})

    def settings(self, args: ProtocolArguments) -> dict[str, Any]:
        """Recipe and sizes by target, and what every source is fed."""
        return {
            'targets': {target.name: self.plan(args, target).record for target in args.datasets},
            'inputs': {source.name: input_of(source).record for source in args.sources},
        }

    def more(self, args: ProtocolArguments, results: Results) -> dict[str, Any]:
        """The labelled scans of every draw, by name."""
        return {'drawn_scans': drawn_scans_of_all(results, args.datasets)}

    def notes(self, args: ProtocolArguments) -> list[str]:
        """What is bold, and what a row is."""
        return [
            'Bold: probed on what it was pretrained on. Networks: pretraining runs, seeds of the random ones. Random '
            "networks have the BatchNorm statistics of the target's unlabelled scans; pretrained ones their own, and "
            "the target's in the rows that say so. Raw input and hand-crafted statistics are fed as the encoder "
            'that was pretrained on the target.'
        ]


def in_domain(sources: Sequence[Source], target: DataSet) -> Source:
    """Whose input the features without a network are made of: the source that was pretrained on the target, which is
    fed all that it has; else the first by name, whatever order they were given in."""
    return min(sources, key=lambda source: (source.dataset != target.name, source.dataset, source.number))


def encoders(sources: Sequence[Source]) -> dict[str, Source]:
    """Short hash of every different encoder with its input -> the first source that has it."""
    found: dict[str, Source] = {}
    for source in sources:
        found.setdefault(random_name(source), source)
    return found


def users(sources: Sequence[Source], short: str) -> str:
    """The sources' data sets that share an encoder."""
    names = dict.fromkeys(source.dataset for source in sources if random_name(source) == short)
    return f'encoder of {", ".join(names)}'


def common_range(sources: Sequence[Source], target: DataSet) -> tuple[float, ...] | None:
    """Box [m] that lies in the range of every source, in the target's frame; None where all have the same grid.

    It is narrower by MARGIN_M on all sides: on the very border the rounding of a grid decides.
    ValueError where nothing is common.
    """
    boxes = {_shifted(source, target) for source in sources}
    if len(boxes) == len({input_of(source).voxel_size for source in sources}) == 1:
        return None
    box = tuple(max(lows) + MARGIN_M for lows in zip(*(box[:3] for box in boxes)))
    box += tuple(min(highs) - MARGIN_M for highs in zip(*(box[3:] for box in boxes)))
    if any(low >= high for low, high in zip(box[:3], box[3:])):
        raise InputError(f'the point cloud ranges of the checkpoints have nothing in common on {target.name}: {boxes}')
    return box


def _shifted(source: Source, target: DataSet) -> tuple[float, ...]:
    """A source's range in the frame of a target, whose ground lies elsewhere."""
    given = input_of(source)
    lift_m = given.lift_m(target.ground_z_m)
    box = given.point_cloud_range
    return (box[0], box[1], box[2] - lift_m, box[3], box[4], box[5] - lift_m)


def marked(found: dict[str, Any], dataset: str) -> dict[str, Any]:
    """A row whose in-domain entry says so."""
    entries = {
        column: {**value, 'in_domain': True} if column == dataset else value
        for column, value in found['entries'].items()
    }
    return {**found, 'entries': entries}


def drawn_scans_of_all(results: Results, targets: Sequence[DataSet]) -> dict[str, Any]:
    """Target -> scans of every draw."""
    return {name: draws for target in targets for name, draws in drawn_scans(results, _of(results, target)).items()}


def _pair(source: Source, target: DataSet) -> str:
    return f'{target.name}_from_{source.name}'


def _random(source: Source, seed: int, target: DataSet) -> str:
    return f'{target.name}_random_{random_name(source)}_{seed}'


def _pair_labels(runs: Sequence[Source]) -> Any:
    return lambda target: {_pair(source, target): source.name for source in runs}


def _random_labels(source: Source, seeds: int) -> Any:
    return lambda target: {_random(source, seed, target): f'seed {seed}' for seed in range(seeds)}


def _of(results: Results, target: DataSet) -> list[str]:
    """The finished cells of a target."""
    return [name for name, found in results.items() if target.name in found['columns']]
