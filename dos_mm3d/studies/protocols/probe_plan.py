"""What the cells of a probe on one data set share, and the cell of one network."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from ...errors import InputError
from ...files import read_json, write_json
from ...probe.linear_probe import ProbeRecipe
from ...probe.probe import ProbeSettings
from ..runner import Cell
from ..runner.config_file import write_config
from .draws import Draws
from .encoder_input import channel_plan, intensity_of
from .folder_sets import Probed
from .sources import Source

MODULE = 'dos_mm3d.studies.protocols.probe_cell'


@dataclass(frozen=True)
class ProbePlan:
    """What all cells of a probe on one data set share.

    Args:
        dataset: that is probed.
        split: that is scored.
        draws: of the labelled scans.
        bn_scans: unlabelled scans for the BatchNorm statistics of random networks.
        points_per_class: training points of one class in one scan, at most.
        scored_scans: so many of the split, evenly spread; None: all.
        recipe: how a layer is fitted.
        score_range: box [m] of the points that count, see `FedScans`.
    """

    dataset: Probed
    split: str
    draws: Draws
    bn_scans: int
    points_per_class: int = ProbeSettings.points_per_class
    scored_scans: int | None = None
    recipe: ProbeRecipe = field(default_factory=ProbeRecipe)
    score_range: tuple[float, ...] | None = None

    @property
    def record(self) -> dict[str, Any]:
        """For the record of the protocol."""
        return {
            'draws': asdict(self.draws),
            'points_per_class_and_scan': self.points_per_class,
            'recipe': asdict(self.recipe),
            'batch_norm_scans': self.bn_scans,
            'scored_scans': self.scored_scans,
            'score_range_m': self.score_range,
        }

    def check(self, sources: Sequence[Source]) -> None:
        """Whether every cell could run: parts of the data set, number of labelled scans, channels."""
        self.dataset.require()
        train = self.dataset.scans('probe_train')
        for part in (self.split, 'pretrain'):
            self.dataset.part(part)
        self.draws.of(len(train))
        for source in sources:
            try:
                channel_plan(source.input.channels, train.channels)
                if source.input.intensity_ranks:
                    intensity_of(source.input.channels)
            except ValueError as error:
                raise InputError(f'{source.checkpoint} cannot be probed on {self.dataset.name}: {error}') from error

    def cell(
        self,
        name: str,
        source: Source,
        rows: Mapping[str, Sequence[str]],
        kind: str,
        *,
        after: tuple[Cell, ...] = (),
        **seed: int,
    ) -> Cell:
        """A cell that probes one network.

        Args:
            name: of the cell.
            source: whose input all are fed, whose architecture a random network has, whose weights a pretrained one.
            rows: name -> blocks of features that stand side by side.
            kind: of network: 'none', 'random' (with its `seed`) or 'checkpoint'.
            after: the cell that leaves the checkpoint.
        """
        network = {'kind': kind, **seed}
        if kind == 'random' or any('teacher_adapted' in blocks for blocks in rows.values()):
            network['batch_norm_scans'] = self.bn_scans
        dataset = self.dataset
        depends_on = {
            'dataset': dataset.name,
            'reading': dataset.reading,
            'data_hash': dataset.hash(),
            'split': self.split,
            'input': asdict(source.input),
            'score_range': self.score_range,
            'network': network,
            'rows': rows,
            'draws': asdict(self.draws),
            'points_per_class': self.points_per_class,
            'scored_scans': self.scored_scans,
            'recipe': asdict(self.recipe),
        }
        if kind != 'none':
            depends_on['encoder'] = source.encoder_hash
        if kind == 'checkpoint' and not after:
            depends_on['sha256'] = source.sha256

        def prepare(folder: Path) -> None:
            write_config(folder / 'config.py', source.config)
            paths = {'place': dataset.place, 'config': str(folder / 'config.py'), 'checkpoint': str(source.checkpoint)}
            write_json(folder / 'request.json', {**depends_on, **paths})

        return Cell(name, depends_on, lambda folder: [probe_command(folder)], collect, prepare, after)


def probe_command(folder: Path) -> list[str]:
    """The probe that a cell's request asks for."""
    return [sys.executable, '-m', MODULE, str(folder / 'request.json'), '--out', str(folder / 'probe.json')]


def collect(folder: Path) -> dict[str, Any]:
    """What a cell found, with a word for the line of progress: the mean over the draws of its rows."""
    found = read_json(folder / 'probe.json')
    means = [f'{row} {fmean(next(iter(columns.values()))["miou"]):.1f}' for row, columns in found['rows'].items()]
    return {**found, 'said': ', '.join(means) + ' mIoU'}
