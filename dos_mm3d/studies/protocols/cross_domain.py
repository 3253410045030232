"""Cross-domain: pretrained on A, probed on B, for every ordered pair."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import torch

from ...errors import InputError
from ...probe.rows import FIXED, TITLES
from ..runner import Cell
from .datasets import DATASETS, DataSet
from .draws import Draws
from .encoder_input import quarter_turns, turned
from .probe_plan import ProbePlan
from .probing import ProbeRow, Probing
from .sources import Source

MARGIN_M = 1e-3


class CrossDomain(Probing):
    """The linear probe of every source's teacher on every data set, in-domain ones in bold.

    Points of B are brought to the columns that A's pretraining was fed (scale of the intensity; no time lag is 0) and
    to its height of the ground; all rows of a column are trained and scored on the points that every encoder sees.
    """

    name = 'cross_domain'
    title = 'Cross-domain linear probe'
    axis = 'probed on'
    plot = 'matrix'
    several_datasets = True
    fixed = {name: FIXED[name] for name in ('raw', 'handcrafted')}
    random = {'random': ['random']}
    pretrained = {'dos': ['teacher'], 'dos_adapted': ['teacher_adapted']}

    @cached_property
    def plans(self) -> list[ProbePlan]:
        """Points count that lie in the range of every source, in the target's own frame."""
        options, sources = self.args.options, self.args.sources
        return [
            self.plan(
                target,
                Draws({target.name: options['scans']}, options['draws'], nested=False),
                score_range=common_range(sources, target),
            )
            for target in self.args.datasets
        ]

    @cached_property
    def encoders(self) -> dict[str, Source]:
        """Short hash of every different encoder with its input -> the first source that has it."""
        found: dict[str, Source] = {}
        for source in self.args.sources:
            found.setdefault(source.encoder_hash[:6], source)
        return found

    def check_sources(self) -> None:
        """At least two data sets or sources."""
        args = self.args
        if len(args.datasets) < 2 and {source.dataset for source in args.sources} <= {args.dataset.name}:
            raise InputError(
                f'all checkpoints were pretrained on {args.dataset.name} and are probed on it: that is linear_probe; '
                'wanted --checkpoint A=PATH B=PATH, or --dataset B'
            )

    def cells(self) -> list[Cell]:
        """Baselines of a target, then every source on it, all targets with the first checkpoints before the others."""
        first, later = [], []
        for plan in self.plans:
            target = plan.dataset.name
            first.append(plan.cell(f'{target}_fixed', in_domain(self.args.sources, plan.dataset), self.fixed, 'none'))
            later += [
                plan.cell(f'{target}_random_{short}_{seed}', source, self.random, 'random', seed=seed)
                for short, source in self.encoders.items()
                for seed in range(self.args.seeds)
            ]
            for source in self.args.sources:
                cell = plan.cell(f'{target}_from_{source.name}', source, self.pretrained, 'checkpoint')
                (later if source.number else first).append(cell)
        return first + later

    def table_rows(self) -> list[ProbeRow]:
        """Baselines, random networks of every encoder, then every source as it is and with the target's BatchNorm."""
        targets, sources = [plan.dataset.name for plan in self.plans], self.args.sources
        fixed = {target: {f'{target}_fixed': ''} for target in targets}
        rows = [ProbeRow(name, TITLES[name], 'scratch', name, fixed) for name in self.fixed]
        for short in self.encoders:
            users = dict.fromkeys(source.dataset for source in sources if source.encoder_hash.startswith(short))
            title = TITLES['random'] + (f' (encoder of {", ".join(users)})' if len(self.encoders) > 1 else '')
            seeds = range(self.args.seeds)
            cells = {
                target: {f'{target}_random_{short}_{seed}': f'seed {seed}' for seed in seeds} for target in targets
            }
            rows.append(ProbeRow(f'random_{short}', title, 'scratch', 'random', cells))
        for dataset in dict.fromkeys(source.dataset for source in sources):
            title = f'DOS on {DATASETS[dataset].title if dataset in DATASETS else dataset}'
            runs = [source.name for source in sources if source.dataset == dataset]
            cells = {target: {f'{target}_from_{run}': run for run in runs} for target in targets}
            for features, words in (('dos', ''), ('dos_adapted', ", target's BatchNorm statistics")):
                rows.append(
                    ProbeRow(f'{features}_{dataset}', title + words, 'pretrained', features, cells, in_domain=dataset)
                )
        return rows

    @property
    def compared(self) -> list[str]:
        """None: the table itself is the comparison."""
        return []

    def place(self, plan: ProbePlan, size: int) -> tuple[str, float | None]:
        """One column a target, along no axis."""
        return plan.dataset.title, None

    def settings(self) -> dict[str, Any]:
        """Recipe and sizes by target, and what every source is fed."""
        return {
            'targets': {plan.dataset.name: plan.record for plan in self.plans},
            'inputs': {source.name: asdict(source.input) for source in self.args.sources},
        }

    def notes(self) -> list[str]:
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


def common_range(sources: Sequence[Source], target: DataSet) -> tuple[float, ...] | None:
    """Box [m] that lies in the range of every source, in the target's frame; None where all have the same grid.

    It is narrower by MARGIN_M on all sides: on the very border the rounding of a grid decides.
    ValueError where nothing is common.
    """
    boxes = {_shifted(source, target) for source in sources}
    if len(boxes) == len({source.input.voxel_size for source in sources}) == 1:
        return None
    box = tuple(max(lows) + MARGIN_M for lows in zip(*(box[:3] for box in boxes)))
    box += tuple(min(highs) - MARGIN_M for highs in zip(*(box[3:] for box in boxes)))
    if any(low >= high for low, high in zip(box[:3], box[3:])):
        raise InputError(f'the point cloud ranges of the checkpoints have nothing in common on {target.name}: {boxes}')
    return box


def _shifted(source: Source, target: DataSet) -> tuple[float, ...]:
    """A source's range in the frame of a target, whose ground lies, and whose axes point, elsewhere."""
    lift_m = source.input.lift_m(target.ground_z_m)
    x_low, y_low, z_low, x_high, y_high, z_high = source.input.point_cloud_range
    corners = torch.tensor([[x_low, y_low], [x_high, y_high]], dtype=torch.float64)
    plane = turned(corners, quarter_turns(source.input.forward, target.forward))
    return (*plane.amin(0).tolist(), z_low - lift_m, *plane.amax(0).tolist(), z_high - lift_m)
