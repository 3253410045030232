"""The ladder: pretraining configs, row by row, each pretrained with every seed and judged by the linear probe."""

import argparse
import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...datasets.nuscenes.classes import CLASSES, IGNORE
from ...engine.arguments import Gathered
from ...probe.rows import TITLES
from ...probe.scans import KeyFrames
from ..runner import Cell, content_hash
from ..runner.config_file import write_config
from ..runner.scalars import training_summary
from ..runner.statistics import difference_to, paired_difference
from .base import Column, ProtocolArguments, Results, entry
from .figure import draw_protocol
from .ladder_file import Ladder, dataset_of, resolve_configs
from .ladder_text import GROUPS, summary
from .linear_probe import LinearProbe
from .probing import ProbeRow, of_plan, probe_entry
from .sources import Source
from .training_cell import train_command
from .training_config import last_checkpoint

DIFFERENCE = Column('difference', 'difference to the row above')
FEATURES = ('dos_student', 'dos_raw', 'dos_raw_handcrafted')
MONITORS = {'effective_rank': 'effective rank', 'cosine_std': 'sd of cosines', 'prototypes_used': 'prototypes used'}
COMPARED = (
    ('miou', 'random_raw', '(teacher alone)'),
    ('miou', 'pillars', '(teacher alone)'),
    ('miou', 'handcrafted', '(teacher alone)'),
    ('dos_raw_handcrafted', 'random_raw_handcrafted', '+ raw + hand-crafted'),
)
"""What the reference row is asked: column of it, baseline, how the sentence calls the features."""


def ladder_arguments(ladder: Ladder, options: Mapping[str, Any], **study: Any) -> ProtocolArguments:
    """What :class:`LadderProtocol` takes, on the data that the configs name.

    options: of its own arguments.  study: arguments of StudyArguments.
    """
    configs = resolve_configs(ladder, study.get('steps'), study.get('overrides', {}))
    dataset, options = dataset_of(configs[ladder.reference.name]), {**options, 'ladder': ladder, 'configs': configs}
    return ProtocolArguments(datasets=(dataset,), sources=(), options=options, **study)


class LadderProtocol(LinearProbe):
    """Rows of a ladder file, pretrained with several seeds, their teachers probed. Each is compared with the row that
    it names, seed by seed, and one of them with what needs no pretraining."""

    name = stem = 'ladder'
    title = 'Ladder'
    sd_over = 'seeds'

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Which rows, and the sizes of the probe."""
        parser.add_argument('--rows', action=Gathered, nargs='+', metavar='NAME', help='only these rows or options')
        parser.add_argument('--options', action='store_true', help='also the options, single changes of one row')
        parser.add_argument('--option-seeds', type=int, default=1, help='seeds of every option')
        super().add_arguments(parser)

    def __init__(self, args: ProtocolArguments) -> None:
        super().__init__(args)
        self.ladder: Ladder = args.options['ladder']
        rows = self.ladder.select(args.options['rows'], options=args.options['options'])
        self.seeds = {row.name: args.options['option_seeds'] if row.is_option else args.seeds for row in rows}

    @property
    def shown(self) -> Source:
        """The first run of the reference row, or of the last row that is asked for where that is not among them."""
        name = self.ladder.reference.name
        return self.source(name if name in self.seeds else [*self.seeds][-1], 0)

    def check(self) -> None:
        """The data are there, and labelled scans enough."""
        self.plans[0].check([self.source(self.ladder.reference.name, 0)])

    def source(self, row: str, seed: int) -> Source:
        """The checkpoint that the pretraining of a row leaves."""
        config = copy.deepcopy(dict(self.args.options['configs'][row]))
        config['randomness'] = {**config.get('randomness', {}), 'seed': seed}
        run = pretrain_cell(f'{row}_seed{seed}', config).folder(self.args.out) / 'run'
        return Source(self.args.dataset.name, seed, last_checkpoint(config, run), self.ladder.row(row).config, config)

    @cached_property
    def pairs(self) -> dict[str, dict[int, tuple[Cell, Cell]]]:
        """Row -> seed -> its pretraining and the probe of that, whether they are asked for or not."""
        seeds = range(max(self.args.seeds, self.args.options['option_seeds']))
        return {row.name: {seed: self.pair(row.name, seed) for seed in seeds} for row in self.ladder.rows}

    def pair(self, row: str, seed: int) -> tuple[Cell, Cell]:
        """Pretraining and probe."""
        source = self.source(row, seed)
        pretraining = pretrain_cell(f'{row}_seed{seed}', source.config)
        name = f'{pretraining.name}_{self.args.split}'
        return pretraining, self.plans[0].cell(name, source, self.pretrained, 'checkpoint', after=(pretraining,))

    def cells(self) -> list[Cell]:
        """Baselines, then all rows with one seed before the next seed: an early end leaves a whole ladder. Last, what
        is there from another call, so that the table has it."""
        reference = self.source(self.ladder.reference.name, 0)
        seeds = range(max(self.seeds.values()))
        wanted = [self.pairs[row][seed] for seed in seeds for row, count in self.seeds.items() if seed < count]
        known = [takewhile(self.is_recorded, pair) for of_row in self.pairs.values() for pair in of_row.values()]
        cells = [*self.baselines(reference, self.plans[0]), *chain(*wanted, *known)]
        return list({cell.name: cell for cell in cells}.values())

    def is_recorded(self, cell: Cell) -> bool:
        """Whether it was run to an end."""
        return (cell.folder(self.args.out) / 'result.json').is_file()

    def table_rows(self) -> list[ProbeRow]:
        """Baselines, rows, options."""
        rows = [row for row in super().table_rows() if row.kind == 'scratch']
        for one in self.ladder.rows:
            cells = {self.args.dataset.name: self.probes(one.name)}
            rows.append(ProbeRow(one.name, one.title, 'pretrained', 'dos', cells))
        return rows

    @property
    def compared(self) -> list[str]:
        """Rows have comparisons of their own."""
        return []

    def probes(self, row: str) -> dict[str, str]:
        """Name of a probe's cell -> its seed."""
        return {probe.name: f'seed {seed}' for seed, (_, probe) in self.pairs[row].items()}

    def columns(self, results: Results) -> list[Column]:
        """mIoU of the teacher, its difference to the row above, of other features, and the collapse monitors."""
        others = {name: TITLES[name] for name in FEATURES} | MONITORS
        return [*super().columns(results), DIFFERENCE, *(Column(name, title) for name, title in others.items())]

    def rows(self, results: Results) -> list[dict[str, Any]]:
        """Of every row of the ladder also what it is compared with."""
        rows = {row['name']: row for row in super().rows(results)}
        for row in rows.values():
            for found in row['entries'].values():
                found['groups'] = group_means(found['per_class'], self.groups)
        for one in self.ladder.rows:
            row = rows[one.name]
            cells = {f'seed {seed}': [cell.name for cell in pair] for seed, pair in self.pairs[one.name].items()}
            row |= {'config': str(one.config), 'above': one.above, 'is_option': one.is_option, 'cells': cells}
            row['entries'] |= self.other_entries(results, one.name)
            if difference := one.above and difference_entry(row, rows[one.above]):
                row['entries']['difference'] = difference
        return list(rows.values())

    def other_entries(self, results: Results, row: str) -> dict[str, dict[str, Any]]:
        """Of other features and of the monitors, over the seeds that have them."""
        probed = {name: probe_entry(results, self.probes(row), name, 'miou', sd_over='') for name in FEATURES}
        values = {name: part['values'] for name, part in probed.items() if part}
        finished = {f'seed {seed}': one for seed, (one, probe) in self.pairs[row].items() if probe.name in results}
        logged = {seed: results[one.name].get('monitors', {}) for seed, one in finished.items()}
        for name in MONITORS:
            values[name] = {seed: found[name] for seed, found in logged.items() if found.get(name) is not None}
        return {name: entry(found, sd_over=self.sd_over) for name, found in values.items() if found}

    @cached_property
    def class_points(self) -> dict[str, int]:
        """Labelled points per class in the scans that labels are drawn from."""
        return label_counts(self.args.dataset.scans('probe_train'))

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """Name of a group -> its classes."""
        return class_groups(self.class_points)

    def settings(self) -> dict[str, Any]:
        """Which rows, how they were trained and how they were probed."""
        reference = self.source(self.ladder.reference.name, 0)
        return {
            'ladder': self.ladder.path.name,
            'steps': reference.config['train_cfg']['max_iters'],
            'overrides': {key: str(value) for key, value in {**self.ladder.overrides, **self.args.overrides}.items()},
            **self.plans[0].record,
        }

    def more(self, results: Results) -> dict[str, Any]:
        """Facts about the classes, and the reference row against the baselines."""
        rows = {row['name']: row['entries'] for row in self.rows(results)}
        classes = {'groups': self.groups, 'points': self.class_points}
        for found in of_plan(results, self.plans[0])[:1]:
            absent = [name for name, count in zip(found['classes'], found['scored_points']) if not count]
            classes |= {'scored_scans': found['scored_scans'], 'classes_absent': absent}
        reference = self.ladder.reference.name
        compared = comparisons(rows[reference], rows)
        return {**super().more(results), 'reference': reference, 'classes': classes, 'comparisons': compared}

    def tables(self, record: Mapping[str, Any]) -> str:
        """Rows, options and baselines, each with its spread, and what follows."""
        return summary(record)

    def draw(self, record: Mapping[str, Any]) -> Any:
        """mIoU and difference."""
        return draw_protocol({**record, 'columns': record['columns'][:2]})


def pretrain_cell(name: str, config: Mapping[str, Any]) -> Cell:
    """Pretraining of a resolved config; of its checkpoints the last one stays, as a ladder has many cells."""

    def prepare(folder: Path) -> None:
        hooks = config['default_hooks']
        kept = {**hooks, 'checkpoint': {**hooks.get('checkpoint', {}), 'max_keep_ckpts': 1}}
        write_config(folder / 'config.py', {**config, 'default_hooks': kept})

    return Cell(
        name=name,
        depends_on={'config_hash': content_hash(config), 'data_hash': dataset_of(config).hash()},
        prepare=prepare,
        commands=lambda folder: [train_command(folder)],
        collect=lambda folder: {**training_summary(folder / 'run'), 'said': 'pretrained'},
    )


def difference_entry(row: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any] | None:
    """Mean paired difference over the seeds that two rows have both, with its interval; None without such a seed."""
    values = [one['entries']['miou']['values'] for one in (row, above) if 'miou' in one['entries']]
    found = paired_difference(*values) if len(values) == 2 else None
    return None if found is None else {**found.as_record(), 'sd': None, 'sd_over': 'pairs', 'values': {}}


def comparisons(
    reference: Mapping[str, Mapping[str, Any]], baselines: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """A row against the baselines, over seeds, as far as both are finished; both are given by their entries."""
    found = []
    for features, baseline, words in COMPARED:
        if features in reference and 'miou' in baselines[baseline]:
            mine, other = reference[features], baselines[baseline]['miou']
            estimate = difference_to(list(mine['values'].values()), list(other['values'].values()))
            means = {'mean_features': mine['mean'], 'mean_baseline': other['mean']}
            found.append({'features': features, 'baseline': baseline, 'words': words, **means, **estimate.as_record()})
    return found


def label_counts(scans: KeyFrames) -> dict[str, int]:
    """Labelled points per class over all key frames, out of the range of the voxels too."""
    counts = torch.zeros(len(CLASSES) + 1, dtype=torch.int64)
    for row in scans.sweeps.frames:
        counts += torch.bincount(scans.read_labels(scans.sweeps.table.paths[row]), minlength=len(counts))
    return {name: int(count) for name, count in zip(CLASSES, np.delete(counts.numpy(), IGNORE))}


def class_groups(counts: Mapping[str, int]) -> dict[str, list[str]]:
    """Thirds of the classes by number of labelled points, most frequent first: of 16 classes 6, 5 and 5.

    Equal counts stay in the order given. What rare classes gain is lost in a mean over all.
    """
    ranked = sorted(counts, key=lambda name: -counts[name])
    return {group: part.tolist() for group, part in zip(GROUPS, np.array_split(ranked, len(GROUPS)))}


def group_means(per_class: Mapping[str, float | None], groups: Mapping[str, Sequence[str]]) -> dict[str, float | None]:
    """Mean IoU per group over the classes that occur in the scored split; None for a group of which none does."""
    known = {
        group: [per_class[name] for name in names if per_class[name] is not None] for group, names in groups.items()
    }
    return {group: sum(found) / len(found) if found else None for group, found in known.items()}
