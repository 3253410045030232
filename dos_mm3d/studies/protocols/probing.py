"""What the probes share: cells and table of linear layers on frozen features, on one data set or several."""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain, zip_longest
from statistics import fmean
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...probe.probe import ProbeSettings
from ...probe.rows import TITLES
from ..runner import Cell
from ..runner.statistics import sample_sd
from .base import Column, Protocol, Results, entry, row
from .datasets import DataSet
from .draws import Draws
from .probe_plan import ProbePlan
from .sources import Source


@dataclass(frozen=True)
class ProbeRow:
    """A row of the table.

    Args:
        name: of the row.
        title: for the reader.
        kind: 'scratch' or 'pretrained'.
        features: the cells' name of the row.
        cells: data set that is probed -> name of a cell -> label of its network.
        in_domain: data set that the row's networks were pretrained on, where that is told.
    """

    name: str
    title: str
    kind: str
    features: str
    cells: Mapping[str, Mapping[str, str]]
    in_domain: str | None = None


class Probing(Protocol):
    """Linear layers on frozen features of checkpoints, beside random networks and features without a network.

    Attributes:
        fixed: rows without a network: name -> blocks of features that stand side by side.
        random: rows of random networks.
        pretrained: rows of checkpoints.
        sd_over: what the spread of a number is over, 'networks' or 'draws'.
    """

    fixed: ClassVar[Mapping[str, list[str]]]
    random: ClassVar[Mapping[str, list[str]]]
    pretrained: ClassVar[Mapping[str, list[str]]]
    sd_over: ClassVar[str] = 'networks'

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Sizes."""
        parser.add_argument('--scans', type=int, default=ProbeSettings.scans_per_draw, help='labelled scans of a draw')
        add_probe_arguments(parser, draws=ProbeSettings.n_draws)

    @cached_property
    def plans(self) -> list[ProbePlan]:
        """One for each data set that is probed."""
        return [self.plan(self.args.dataset, self.draws())]

    def draws(self) -> Draws:
        """The labelled scans, one column a size."""
        raise NotImplementedError

    def plan(self, dataset: DataSet, draws: Draws, **more: Any) -> ProbePlan:
        """Sizes as the command line says. more: arguments of ProbePlan."""
        sizes = {name: self.args.options[name] for name in ('bn_scans', 'points_per_class', 'scored_scans')}
        return ProbePlan(dataset, self.args.split, draws, **sizes, **more)

    def check(self) -> None:
        """One encoder, and that every cell could run."""
        super().check()
        self.check_sources()
        for plan in self.plans:
            plan.check(self.args.sources)

    def check_sources(self) -> None:
        """ValueError where the checkpoints cannot stand in one table."""
        if len({source.encoder_hash for source in self.args.sources}) > 1:
            raise InputError(
                f'{", ".join(str(source.config_file) for source in self.args.sources)}: the checkpoints have different '
                'encoders or inputs; wanted runs of one config with several seeds, one call for each config'
            )

    def cells(self) -> list[Cell]:
        """What needs no network, then checkpoint and random network in turn: an early end leaves whole comparisons."""
        (plan,), (first, *_) = self.plans, self.args.sources
        pretrained = [plan.cell(one.name, one, self.pretrained, 'checkpoint') for one in self.args.sources]
        fixed, *random = self.baselines(first)
        return [fixed, *(cell for cell in chain.from_iterable(zip_longest(pretrained, random)) if cell)]

    def baselines(self, source: Source) -> list[Cell]:
        """What needs no network, then random ones of the source's encoder."""
        plan, seeds = self.plans[0], range(self.args.seeds)
        random = [plan.cell(f'random_{seed}', source, self.random, 'random', seed=seed) for seed in seeds]
        return [plan.cell('fixed', source, self.fixed, 'none'), *random]

    def table_rows(self) -> list[ProbeRow]:
        """What needs no pretraining first."""
        networks = {f'random_{seed}': f'seed {seed}' for seed in range(self.args.seeds)}
        parts = (
            ('scratch', self.fixed, {'fixed': 'fixed'}),
            ('scratch', self.random, networks),
            ('pretrained', self.pretrained, {source.name: source.name for source in self.args.sources}),
        )
        return [
            ProbeRow(name, TITLES[name], kind, name, {self.args.dataset.name: cells})
            for kind, rows, cells in parts
            for name in rows
        ]

    def place(self, plan: ProbePlan, size: int) -> tuple[str, float | None]:
        """Title, and place on the axis, of the column of draws of `size` scans."""
        return f'{size} labelled scan{"" if size == 1 else "s"}', float(size)

    def columns(self, results: Results) -> list[Column]:
        """One a data set and size, with the frames that its draws hold."""
        columns = []
        for plan in self.plans:
            drawn = next(iter(of_plan(results, plan)), {'columns': {}})['columns']
            for name, size in plan.draws.sizes.items():
                facts = {key: drawn[name][key] for key in ('labelled_frames', 'sequences')} if drawn else {}
                columns.append(Column(name, *self.place(plan, size), facts))
        return columns

    def rows(self, results: Results) -> list[dict[str, Any]]:
        """The table. ValueError where the rows were not judged on the same points."""
        for plan in self.plans:
            require_same_points(of_plan(results, plan), plan.dataset.name)
        found = []
        for one in self.table_rows():
            entries = {}
            for plan in self.plans:
                for column in plan.draws.sizes:
                    cells = one.cells[plan.dataset.name]
                    if value := probe_entry(results, cells, one.features, column, sd_over=self.sd_over):
                        entries[column] = value | ({'in_domain': True} if one.in_domain == column else {})
            found.append(row(one.name, one.title, one.kind, entries))
        return found

    def settings(self) -> dict[str, Any]:
        """Recipe, sizes, and what the encoder is fed."""
        return {**self.plans[0].record, 'input': asdict(self.args.sources[0].input)}

    def more(self, results: Results) -> dict[str, Any]:
        """The labelled scans of every draw, by name."""
        first = [found['columns'] for plan in self.plans for found in of_plan(results, plan)[:1]]
        return {'drawn_scans': {name: part['draws'] for columns in first for name, part in columns.items()}}


def add_probe_arguments(parser: argparse.ArgumentParser, *, draws: int) -> None:
    """Sizes that all probes have. draws: default of their number."""
    parser.add_argument('--draws', type=int, default=draws, help='draws of the labelled scans')
    parser.add_argument('--bn-scans', type=int, default=40, help="scans for random networks' BatchNorm statistics")
    parser.add_argument('--scored-scans', type=int, help='so many of the split, evenly spread; default: all')
    parser.add_argument(
        '--points-per-class',
        type=int,
        default=ProbeSettings.points_per_class,
        help='training points of one class in one scan, at most',
    )


def of_plan(results: Results, plan: ProbePlan) -> list[Mapping[str, Any]]:
    """What the finished cells on the data set of a plan found."""
    return [found for found in results.values() if set(plan.draws.sizes) & set(found.get('columns', ()))]


def probe_entry(
    results: Results, cells: Mapping[str, str], features: str, column: str, *, sd_over: str
) -> dict[str, Any] | None:
    """The entry of one row of several networks. cells: name of a cell -> label of its network.

    sd_over 'draws': spread of the draws, each the mean over the networks; else over the networks, each the mean over
    the draws. None where no cell has finished.
    """
    found = {label: results[name]['rows'][features][column] for name, label in cells.items() if name in results}
    if not found:
        return None
    parts = list(found.values())
    networks = {label: fmean(part['miou']) for label, part in found.items()}
    draws = [fmean(miou) for miou in zip(*(part['miou'] for part in parts))]
    classes = {name: [iou for part in parts for iou in part['per_class'][name]] for name in parts[0]['per_class']}
    values = {f'draw {i}': value for i, value in enumerate(draws)} if sd_over == 'draws' else networks
    return entry(
        values,
        sd_over=sd_over,
        networks=networks,
        sd_networks=sample_sd(list(networks.values())),
        draws=draws,
        sd_draws=sample_sd(draws),
        per_class={name: None if None in ious else fmean(ious) for name, ious in classes.items()},
        confusion=np.sum([part['confusion'] for part in parts], axis=0).tolist(),
    )


def require_same_points(found: Iterable[Mapping[str, Any]], what: str) -> None:
    """ValueError where cells that stand in one column were not trained and scored on the very same points."""
    first, *others = [*found] or [{}]
    for key in ('columns', 'scored_points'):
        if any(other[key] != first[key] for other in others):
            raise InputError(
                f'{what}: the rows were not {"trained" if key == "columns" else "scored"} on the same points, so they '
                'cannot be compared; the data were changed between two calls? Delete the folder cells/ and run again'
            )
