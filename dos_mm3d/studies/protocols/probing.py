"""What the probes share: cells and table of linear layers on frozen features, on one data set or several."""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain, zip_longest
from statistics import fmean
from typing import Any, ClassVar

import numpy as np
from mmengine.config import Config

from ...errors import InputError
from ...files import home_path
from ...probe.pretrained import load_pretrained
from ...probe.probe import ProbeSettings
from ...probe.rows import TITLES
from ..runner import Cell
from ..runner.statistics import sample_sd
from ..seeing.scans import CAPTION, scans_page
from .base import Column, Protocol, Results, entry, row
from .draws import Draws
from .encoder_input import FedScans
from .folder_sets import FolderSet, Probed
from .gains import COMPARED, gains
from .probe_plan import ProbePlan
from .sources import Source

FEW_FRAMES, POINTS_PER_CLASS_OF_FEW = 40, 1000


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
        """One for each data set that is probed, and one more for layers that are trained on embedded labels."""
        dataset, root = self.args.dataset, self.args.options.get('embedded_root')
        plans = [self.plan(dataset, self.draws())]
        if isinstance(dataset, FolderSet) and root:
            draws = Draws({'embedded': ProbeSettings.scans_per_draw}, self.args.options['draws'], nested=False)
            plans.append(self.plan(dataset.from_embedded(str(root)), draws))
        return plans

    @property
    def pretrained_rows(self) -> Mapping[str, list[str]]:
        """Rows of checkpoints; an exported file holds no student."""
        exported = any(source.exported for source in self.args.sources)
        return {name: blocks for name, blocks in self.pretrained.items() if not (exported and 'student' in blocks)}

    def draws(self) -> Draws:
        """The labelled scans, one column a size."""
        raise NotImplementedError

    def plan(self, dataset: Probed, draws: Draws, **more: Any) -> ProbePlan:
        """Sizes as the command line says. more: arguments of ProbePlan."""
        sizes = {name: self.args.options[name] for name in ('bn_scans', 'scored_scans')}
        points = self.args.options['points_per_class']
        points = default_points_per_class(dataset) if points is None else points
        return ProbePlan(dataset, self.args.split, draws, points_per_class=points, **sizes, **more)

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
        cells = []
        for plan in self.plans:
            pretrained = [
                plan.cell(self.cell_name(one.name, plan), one, self.pretrained_rows, 'checkpoint')
                for one in self.args.sources
            ]
            fixed, *random = self.baselines(self.args.sources[0], plan)
            cells += [fixed, *(cell for cell in chain.from_iterable(zip_longest(pretrained, random)) if cell)]
        return cells

    def baselines(self, source: Source, plan: ProbePlan) -> list[Cell]:
        """What needs no network, then random ones of the source's encoder."""
        random = [
            plan.cell(self.cell_name(f'random_{seed}', plan), source, self.random, 'random', seed=seed)
            for seed in range(self.args.seeds)
        ]
        return [plan.cell(self.cell_name('fixed', plan), source, self.fixed, 'none'), *random]

    def cell_name(self, network: str, plan: ProbePlan) -> str:
        """Of the network, where there is one plan; the others' cells also say what is probed."""
        return network if plan is self.plans[0] else f'{network}_{plan.dataset.name}'

    def table_rows(self) -> list[ProbeRow]:
        """What needs no pretraining first; checkpoints of another label have rows of their own, which name it."""
        networks = {f'random_{seed}': f'seed {seed}' for seed in range(self.args.seeds)}
        parts = [('scratch', '', self.fixed, {'fixed': 'fixed'}), ('scratch', '', self.random, networks)]
        labels = dict.fromkeys(source.dataset for source in self.args.sources)
        for label in labels:
            runs = {source.name: source.name for source in self.args.sources if source.dataset == label}
            parts.append(('pretrained', label if len(labels) > 1 else '', self.pretrained_rows, runs))
        return [
            ProbeRow(
                f'{name}_{label}' if label else name,
                f'{TITLES[name]}, {label}' if label else TITLES[name],
                kind,
                name,
                self.cells_of(networks),
            )
            for kind, label, rows, networks in parts
            for name in rows
        ]

    @property
    def compared(self) -> list[str]:
        """Rows that are held against the best one without pretraining."""
        return [one.name for one in self.table_rows() if one.kind == 'pretrained' and one.features in COMPARED]

    def cells_of(self, networks: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Data set that is probed -> name of a cell -> label of its network, as `ProbeRow` has them."""
        return {
            plan.dataset.name: {self.cell_name(name, plan): label for name, label in networks.items()}
            for plan in self.plans
        }

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
                embedded = name == 'embedded'
                place = (f'{size} embedded scans, no real label', None) if embedded else self.place(plan, size)
                columns.append(Column(name, *place, facts))
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

    @property
    def shown(self) -> Source:
        """The checkpoint whose features the report shows."""
        return self.args.sources[0]

    def pages(self) -> Mapping[str, tuple[str, str]]:
        """Two of the scored scans as one checkpoint sees them."""
        source, dataset, part = self.shown, self.plans[0].dataset, self.args.split
        scans = dataset.scans(part, num_sweeps=source.input.num_sweeps)
        model = load_pretrained(Config(dict(source.config)), source.checkpoint)
        fed = FedScans(scans, source.input, frame=dataset.frame(part))
        page = scans_page(model, fed, scans.classes, with_student=not source.exported)
        return {'Scored scans to turn and click in': (page, CAPTION)}

    def folder_notes(self) -> list[str]:
        """Which frames a folder set trains and scores on, and what was made of them."""
        plans = [plan for plan in self.plans if isinstance(plan.dataset, FolderSet)]
        return [*(plan.dataset.note for plan in plans), *(plans and [self.args.sources[0].input.note])]

    @property
    def points_note(self) -> str:
        """What layers are fitted on."""
        first, *others = self.plans
        embedded = [
            f', {plan.points_per_class} in an embedded one' for plan in others[:1] if 'embedded' in plan.draws.sizes
        ]
        return f'Layers are fitted on at most {first.points_per_class} points of a class in a scan{"".join(embedded)}.'

    def settings(self) -> dict[str, Any]:
        """Recipe, sizes, and what the encoder is fed; of embedded labels draws and data."""
        first, *others = self.plans
        embedded = [
            {
                'draws': asdict(plan.draws),
                'data_hash': plan.dataset.hash(),
                'points_per_class_and_scan': plan.points_per_class,
            }
            for plan in others
        ]
        return {**first.record, 'input': asdict(self.args.sources[0].input), 'embedded_labels': embedded}

    def more(self, results: Results) -> dict[str, Any]:
        """The labelled scans of every draw, by name, and what pretraining adds."""
        first = [found['columns'] for plan in self.plans for found in of_plan(results, plan)[:1]]
        drawn = {name: part['draws'] for columns in first for name, part in columns.items()}
        columns = {column.name: column.title for column in self.columns(results)}
        found = gains(self.rows(results), columns, self.compared)
        return {'drawn_scans': drawn, **({'gains': found} if found else {})}


def default_points_per_class(dataset: Probed) -> int:
    """Training points of one class in one scan, at most. Of a folder of few frames more: the 100 that do for many scans
    leave out most labels there are, and wide features lose more by that than narrow ones (docs/diary.md)."""
    is_folder = isinstance(dataset, FolderSet) and dataset.embedded_root is None
    is_small = is_folder and len(dataset.scans('probe_train')) <= FEW_FRAMES
    return POINTS_PER_CLASS_OF_FEW if is_small else ProbeSettings.points_per_class


def add_probe_arguments(parser: argparse.ArgumentParser, *, draws: int) -> None:
    """Sizes that all probes have. draws: default of their number."""
    parser.add_argument('--draws', type=int, default=draws, help='draws of the labelled scans')
    parser.add_argument('--bn-scans', type=int, default=40, help="scans for random networks' BatchNorm statistics")
    parser.add_argument('--scored-scans', type=int, help='so many of the split, evenly spread; default: all')
    parser.add_argument(
        '--points-per-class',
        type=int,
        help=f'training points of one class in one scan, at most; default {ProbeSettings.points_per_class}, of folders '
        f'with up to {FEW_FRAMES} frames to train on {POINTS_PER_CLASS_OF_FEW}',
    )


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the frames of a folder set (`folder_sets.FOLDER_SETS`) are, and what their intensities become."""
    parser.add_argument(
        '--train-root', type=home_path, metavar='PATH', help='folder of the labelled frames to train on'
    )
    parser.add_argument(
        '--test-root',
        type=home_path,
        metavar='PATH',
        help='folder of the frames to score; default: the last of --train-root',
    )
    parser.add_argument(
        '--embedded-root',
        type=home_path,
        metavar='PATH',
        help='an embedded nuScenes or labelled zoo_world: one more column, of layers that saw its labels alone',
    )
    parser.add_argument(
        '--intensity-ranks',
        action='store_true',
        help='rank intensities also for checkpoints whose pretraining was fed those of the sensor',
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
    if sd_over == 'draws' and len(draws) == 1 < len(networks):
        sd_over = 'networks'  # all scans are one draw
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
