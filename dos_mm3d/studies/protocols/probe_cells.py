"""The cells of the probes, and the table's entries from what they recorded."""

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
from ..runner import Cell, content_hash
from ..runner.config_file import write_config
from ..runner.statistics import sample_sd
from .base import Results, Source, entry
from .datasets import DATASETS, DataSet
from .draws import Draws
from .encoder_input import EncoderInput, channel_plan

MODULE = 'dos_mm3d.studies.protocols.probe_cell'


@dataclass(frozen=True)
class ProbePlan:
    """What all cells of a probe share.

    Args:
        split: that is scored.
        draws: of the labelled scans.
        bn_scans: unlabelled scans for the BatchNorm statistics of random networks.
        points_per_class: training points of one class in one scan, at most.
        scored_scans: so many of the split, evenly spread; None: all.
        recipe: how a layer is fitted.
        score_range: box [m] of the points that count, see `FedScans`.
    """

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
            'draws': self.draws.record,
            'points_per_class_and_scan': self.points_per_class,
            'recipe': asdict(self.recipe),
            'batch_norm_scans': self.bn_scans,
            'scored_scans': self.scored_scans,
            'score_range_m': None if self.score_range is None else list(self.score_range),
        }


def input_of(source: Source) -> EncoderInput:
    """What a checkpoint was fed. ValueError where neither its config nor its data set says it."""
    known = DATASETS.get(source.dataset)
    if known is None and not source.config.get('input_channels'):
        raise InputError(
            f'{source.config_file}: has no input_channels, and {source.dataset} is none of the data sets that are '
            f'known ({", ".join(sorted(DATASETS))}); name the columns, e.g. --cfg-options '
            '\'input_channels=["x [m]","y [m]","z [m]","intensity 0-1"]\', or the data set: --checkpoint DATASET=PATH'
        )
    channels = known.channels if known else ()
    return EncoderInput.of(source.config, channels, known.ground_z_m if known else None)


def check_probe(dataset: DataSet, sources: Sequence[Source], plan: ProbePlan) -> None:
    """Whether every cell could run: parts of the data set, number of labelled scans, channels."""
    dataset.require()
    train = dataset.scans('probe_train')
    for part in (plan.split, 'pretrain'):
        dataset.part(part)
    plan.draws.of(len(train))
    for source in sources:
        try:
            channel_plan(input_of(source).channels, train.channels)
        except ValueError as error:
            raise InputError(f'{source.checkpoint} cannot be probed on {dataset.name}: {error}') from error


def random_name(source: Source) -> str:
    """Short name of an encoder without its weights: what random networks depend on."""
    return encoder_hash(source)[:6]


def encoder_hash(source: Source) -> str:
    """sha256 of backbone, voxels and input of a source: alike for runs that differ in seed, steps or losses only."""
    model = source.config['model']
    return content_hash([model['backbone'], model['data_preprocessor'], input_of(source).record])


def probe_cell(
    name: str, dataset: DataSet, source: Source, plan: ProbePlan, network: Mapping[str, Any], rows: Mapping[str, Any]
) -> Cell:
    """A cell that probes one network on one data set.

    network: dict(kind='none'), dict(kind='random', seed=...) or dict(kind='checkpoint').  source: whose input all are
    fed, whose architecture a random one has, whose weights a pretrained one.
    """
    network = dict(network)
    if network['kind'] == 'random' or any('teacher_adapted' in blocks for blocks in rows.values()):
        network['batch_norm_scans'] = plan.bn_scans
    depends_on = {
        'dataset': dataset.name,
        'reading': dataset.reading,
        'data_hash': dataset.hash(),
        'split': plan.split,
        'input': input_of(source).record,
        'score_range': None if plan.score_range is None else list(plan.score_range),
        'network': network,
        'rows': rows,
        'draws': plan.draws.record,
        'points_per_class': plan.points_per_class,
        'scored_scans': plan.scored_scans,
        'recipe': asdict(plan.recipe),
    }
    if network['kind'] != 'none':
        depends_on['encoder'] = encoder_hash(source)
    if network['kind'] == 'checkpoint':
        depends_on['sha256'] = source.sha256

    def prepare(folder: Path) -> None:
        write_config(folder / 'config.py', source.config)
        paths = {'root': dataset.root, 'config': str(folder / 'config.py'), 'checkpoint': str(source.checkpoint)}
        write_json(folder / 'request.json', {**depends_on, **paths})

    def commands(folder: Path) -> list[list[str]]:
        return [[sys.executable, '-m', MODULE, str(folder / 'request.json'), '--out', str(folder / 'probe.json')]]

    return Cell(name, depends_on, commands, read_probe, prepare)


def read_probe(folder: Path) -> dict[str, Any]:
    """What a cell found, with a word for the line of progress: the mean over the draws of its rows."""
    found = read_json(folder / 'probe.json')
    means = [
        (row, fmean(part['miou'])) for row, columns in found['rows'].items() for part in list(columns.values())[:1]
    ]
    return {**found, 'said': ', '.join(f'{row} {mean:.1f}' for row, mean in means) + ' mIoU'}


def probe_entry(results: Results, labels: Mapping[str, str], row: str, column: str, *, sd_over: str) -> dict | None:
    """The entry of one row of several networks. labels: name of a cell -> label of its network.

    sd_over 'draws': spread of the draws, each the mean over the networks; else over the networks, each the mean over
    the draws. None where no cell has finished.
    """
    found = {label: results[name]['rows'][row][column] for name, label in labels.items() if name in results}
    if not found:
        return None
    networks = {label: fmean(part['miou']) for label, part in found.items()}
    draws = [fmean(miou) for miou in zip(*(part['miou'] for part in found.values()))]
    more = {
        'networks': networks,
        'sd_networks': sample_sd(list(networks.values())),
        'draws': draws,
        'sd_draws': sample_sd(draws),
        'per_class': mean_per_class([part['per_class'] for part in found.values()]),
        'confusion': sum_matrices([part['confusion'] for part in found.values()]),
    }
    values = {f'draw {i}': value for i, value in enumerate(draws)} if sd_over == 'draws' else networks
    return entry(values, sd_over=sd_over, **more)


def mean_per_class(parts: Sequence[Mapping[str, Sequence[float | None]]]) -> dict[str, float | None]:
    """Class -> mean over networks and draws; None where the split has no point of it."""
    return {
        name: None if parts[0][name][0] is None else fmean(value for part in parts for value in part[name])
        for name in parts[0]
    }


def sum_matrices(parts: Sequence[Sequence[Sequence[int]]]) -> list[list[int]]:
    """Sum of confusion matrices."""
    return [[sum(cells) for cells in zip(*rows)] for rows in zip(*parts)]


def require_same_points(results: Results, names: Sequence[str], what: str) -> None:
    """ValueError where cells that stand in one column were not trained and scored on the very same points."""
    found = [results[name] for name in names if name in results]
    for key in ('columns', 'scored_points'):
        if any(result[key] != found[0][key] for result in found[1:]):
            raise InputError(
                f'{what}: the rows were not {"trained" if key == "columns" else "scored"} on the same points, so they '
                'cannot be compared; the data were changed between two calls? Delete the folder cells/ and run again'
            )


def drawn_facts(results: Results, names: Sequence[str], column: str) -> dict[str, Any]:
    """What the draws of a column hold, from whichever cell has finished: labelled frames and their sequences."""
    found = next((results[name]['columns'][column] for name in names if name in results), None)
    return {} if found is None else {key: found[key] for key in ('labelled_frames', 'sequences')}


def drawn_scans(results: Results, names: Sequence[str]) -> dict[str, list[list[str]]]:
    """Column -> names of the scans of every draw."""
    found = next((results[name]['columns'] for name in names if name in results), {})
    return {column: part['draws'] for column, part in found.items()}
