"""What protocols on objects share: cells, columns and rows of networks and baselines on prepared sets."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

import numpy as np

from ....datasets.objects import ObjectSet
from ....errors import InputError
from ....files import read_json, write_json
from ....probe.objects.fitting import FitRecipe
from ....probe.objects.inputs import ObjectInput
from ...runner import Cell
from ...seeing.objects import CAPTION, objects_page
from ..base import Column, Protocol, Results, entry, row
from ..table import summary
from .arguments import add_input_arguments, add_label_arguments, add_training_arguments
from .comparisons import comparison_table, comparisons
from .competitors import Competitor, Run, pretrained, random_encoders, supervised, without_network
from .data import ObjectData
from .recipes import FROZEN_HEAD, SCRATCH, VIEWS, fed_as
from .sources import ObjectSource, load_encoder

MODULE = 'dos_mm3d.studies.protocols.objects.cell'
STATES = ('last', 'best')


class ObjectProtocol(Protocol):
    """Networks and descriptors on labelled clouds.

    Attributes:
        how: a network is judged (`cell.judge`).
        pools: of patches and CLS, that make the features.
        task: 'classes', 'few_shot' or 'parts'.
        measures: names of values -> titles; the first has the classes.
        states: title of `last` and of `best`.
        trains: whether a pretrained row is trained with a seed.
        held_out: default percent of the labels that settings are chosen on.
    """

    objects: ClassVar[bool] = True
    several_datasets: ClassVar[bool] = True
    metric: ClassVar[str] = 'accuracy [%]'
    how: ClassVar[str]
    pools: ClassVar[tuple[str, ...]] = ('cls', 'mean')
    task: ClassVar[str] = 'classes'
    measures: ClassVar[Mapping[str, str]] = {'accuracy': ''}
    states: ClassVar[Mapping[str, str]] = {'last': 'last epoch', 'best': 'best epoch by validation'}
    trains: ClassVar[bool] = False
    held_out: ClassVar[float] = 10.0
    units = {
        'per_class': 'objects of the class that are found in percent, None for a class without an object',
        'confusion': 'objects, rows are the true classes, summed over what the entry averages',
    }

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Sizes of what is fed, of the labels, of what is trained."""
        add_input_arguments(parser)
        add_training_arguments(parser)
        add_label_arguments(parser, held_out=cls.held_out)

    @property
    def variant(self) -> str:
        """Another share of the labels, or another draw of it, is another table."""
        share, seed = self.args.options.get('share', 100), self.args.options.get('share_seed', 1)
        return ('' if share == 100 else f'_share{share:g}'.replace('.', 'p')) + ('' if seed == 1 else f'_draw{seed}')

    def check(self) -> None:
        """Sets that are there, options in range."""
        super().check()
        for dataset in self.args.datasets:
            self.require(dataset)
        share, held_out = (self.args.options.get(name) for name in ('share', 'held_out'))
        if share is not None and not 0 < share <= 100:
            raise InputError(f'--share is {share:g}, wanted a percentage above 0, up to 100')
        if held_out is not None and not 0 <= held_out <= 90:
            raise InputError(f'--held-out is {held_out:g}, wanted a percentage from 0 to 90')
        rows = [competitor.name for competitor in self.competitors]
        if taken := [name for name in rows if rows.count(name) > 1]:
            raise InputError(
                f'--checkpoint {taken[0]}=...: a row without pretraining has that name; wanted another label'
            )

    def require(self, dataset: ObjectData) -> None:
        """A set that can be judged on."""
        if dataset.has_tasks:
            raise InputError(f'{dataset.root}: holds few-shot tasks, which object_few_shot is for; wanted a whole set')
        dataset.require(self.args.split)

    @cached_property
    def competitors(self) -> list[Competitor]:
        """The rows, what needs no pretraining first."""
        sources, seeds, wanted = self.args.sources, self.args.seeds, self.args.options['baselines']
        found = []
        if 'descriptors' in wanted:
            found += self.described()
        if 'random' in wanted:
            found += random_encoders(sources, seeds)
        found += supervised(sources, wanted, seeds)
        return found + pretrained(sources, seeds if self.trains else None)

    def described(self) -> list[Competitor]:
        """Rows without a network: a head is trained on descriptors, with seeds."""
        return without_network(seeds=self.args.seeds, several_classifiers=False)

    def cells(self) -> list[Cell]:
        """On each set the first run of every row, then the second ones: an early end leaves whole comparisons."""
        most = max(len(competitor.runs) for competitor in self.competitors)
        return [
            cell
            for dataset in self.args.datasets
            for number in range(most)
            for competitor in self.competitors
            if number < len(competitor.runs)
            for cell in self.cells_of(dataset, competitor, competitor.runs[number])
        ]

    def cells_of(self, dataset: ObjectData, competitor: Competitor, run: Run) -> list[Cell]:
        """One run on one set: here, one cell."""
        return [self.cell(self.cell_name(dataset, run), dataset, competitor, run)]

    def cell_name(self, dataset: ObjectData, run: Run) -> str:
        """Of a run on a set."""
        return f'{run.name}_{dataset.name}'

    def cell(self, name: str, dataset: ObjectData, competitor: Competitor, run: Run, **more: Any) -> Cell:
        """One request. more: of it."""
        options, how = self.args.options, competitor.how or self.how
        fed = self.fed(dataset, run.source or self.args.sources[0])  # baselines as the first checkpoint
        recipe = self.recipe(dataset, competitor)
        depends_on = {
            'data_hash': dataset.hash(),
            'split': self.args.split,
            'task': self.task,
            'how': how,
            'pools': self.pools,
            'fed': asdict(fed),
            'network': run.network,
            'weights': run.source and run.source.sha256,
            'seed': run.seed,
            'percent': options.get('share', 100),
            'share_seed': options.get('share_seed', 1),
            'held_out_percent': options.get('held_out', 0),
            'recipe': recipe and asdict(recipe),
            'views': options.get('views', VIEWS),
            **more,
        }
        place = {
            'root': str(dataset.root),
            'checkpoint': run.source and str(run.source.checkpoint),
            'load_workers': options['load_workers'] or 0,
        }

        def prepare(folder: Path) -> None:
            write_json(folder / 'request.json', {**depends_on, **place})

        return Cell(name, depends_on, lambda folder: commands_of(folder), self.collect, prepare)

    def fed(self, dataset: ObjectData, source: ObjectSource) -> ObjectInput:
        """How the clouds of a set are fed to the encoder of a checkpoint."""
        given = {name: self.args.options[name] for name in ('points', 'patches', 'points_per_patch')}
        return fed_as(dataset.format, source.whole, **given)

    def recipe(self, dataset: ObjectData, competitor: Competitor) -> FitRecipe | None:
        """What is trained, in the epochs of the command line, which all rows share."""
        epochs, batch_size = (self.args.options[name] for name in ('epochs', 'batch_size'))
        found = self.own_recipe(dataset, competitor)
        if found is None:
            return None
        return replace(found.in_epochs(epochs), batch_size=batch_size or found.batch_size)

    def own_recipe(self, dataset: ObjectData, competitor: Competitor) -> FitRecipe | None:
        """Of networks that are trained as a whole; of heads on fixed features; None where nothing is trained."""
        if competitor.kind in ('scratch', 'pointnet'):
            return SCRATCH
        return FROZEN_HEAD if self.trains else None

    @staticmethod
    def collect(folder: Path) -> dict[str, Any]:
        """What a cell found, with a word for the line of progress."""
        found = read_json(folder / 'answer.json')
        said = ', '.join(
            f'{state}: ' + ', '.join(f'{name.replace("_", " ")} {value:.1f}' for name, value in values.items())
            for state in STATES
            if state in found
            for values in [found[state]['values']]
        )
        return {**found, 'said': said}

    @property
    def columns_wanted(self) -> list[tuple[ObjectData, str, str]]:
        """(set, measure, state), from left to right."""
        states = STATES if self.args.options['held_out'] else STATES[:1]
        return [(d, measure, state) for d in self.args.datasets for measure in self.measures for state in states]

    def columns(self, results: Results) -> list[Column]:
        """For each set, measure and state."""
        columns = []
        for dataset, measure, state in self.columns_wanted:
            several = dataset.title if len(self.args.datasets) > 1 else ''
            title = ', '.join(part for part in (several, self.measures[measure], self.states[state]) if part)
            columns.append(Column(f'{dataset.name}_{measure}_{state}', title, None, self.facts(results, dataset)))
        return columns

    def facts(self, results: Results, dataset: ObjectData) -> dict[str, Any]:
        """How many objects were labelled, held out of these, and scored, the same for all rows."""
        names = {self.cell_name(dataset, run) for competitor in self.competitors for run in competitor.runs}
        found = [results[name] for name in names if name in results]
        facts = [{key: one[key] for key in ('labelled', 'held_out', 'scored')} for one in found]
        if any(one != facts[0] for one in facts):
            raise InputError(
                f'{dataset.name}: the rows were not judged on the same objects, so they cannot be compared; the data '
                'were changed between two calls? Delete the folder cells/ and run again'
            )
        return facts[0] if facts else {}

    def rows(self, results: Results) -> list[dict[str, Any]]:
        """The table."""
        found = []
        for competitor in self.competitors:
            entries = {}
            for dataset, measure, state in self.columns_wanted:
                if value := self.entry(results, dataset, competitor, measure, state):
                    entries[f'{dataset.name}_{measure}_{state}'] = value
            kind = 'pretrained' if competitor.pretrained else 'scratch'
            found.append(row(competitor.name, competitor.title, kind, entries))
        return found

    def entry(
        self, results: Results, dataset: ObjectData, competitor: Competitor, measure: str, state: str
    ) -> dict[str, Any] | None:
        """Mean over the runs of a row; None where none has such a number."""
        cells = {run.label: results.get(self.cell_name(dataset, run), {}) for run in competitor.runs}
        found = {label: cell[state] for label, cell in cells.items() if state in cell}
        if not found:
            return None
        parts = list(found.values())
        more: dict[str, Any] = {'facts': {label: cell['facts'] for label, cell in cells.items() if state in cell}}
        if measure == next(iter(self.measures)):
            more |= averaged(parts)
        values = {label: part['values'][measure] for label, part in found.items()}
        labels = all(label.startswith('seed ') for label in values)
        return entry(values, sd_over='seeds' if labels else 'checkpoints', **more)

    def more(self, results: Results) -> dict[str, Any]:
        """Differences of pretrained rows to every other."""
        columns = {column.name: column.title or self.metric for column in self.columns(results)}
        return {
            'comparisons': comparisons(self.rows(results), columns),
            'per_class_title': 'Objects of the class that are found [%]',
        }

    def tables(self, record: Mapping[str, Any]) -> str:
        """The table, and the comparisons."""
        return '\n\n'.join(part for part in (summary(record), comparison_table(record)) if part)

    def pages(self) -> Mapping[str, tuple[str, str]]:
        """Objects of the first set as the first checkpoint sees them."""
        source, dataset = self.args.sources[0], self.args.datasets[0]
        objects = ObjectSet.open(dataset.folder, 'test' if self.args.split == 'test' else 'train')
        page = objects_page(load_encoder(source.checkpoint, source.encoder), objects, self.fed(dataset, source))
        return {'Objects to turn and click in': (page, CAPTION)}

    def notes(self) -> list[str]:
        """How clouds are fed, what baselines are, which labels."""
        share, draw = (self.args.options.get(name) for name in ('share', 'share_seed'))
        fed = dict.fromkeys((d.title, self.fed(d, source)) for d in self.args.datasets for source in self.args.sources)
        sizes = '; '.join(
            f'{title}: {one.points} points, {one.patches} patches of {one.points_per_patch}' for title, one in fed
        )
        repeated = {
            f'{data.title}: no cloud has more than {most} points, so that some stand there several times.'
            for data in self.args.datasets
            for source in self.args.sources
            if (most := int(np.diff(data.train.offsets).max())) < self.fed(data, source).points
        }
        labels = 'all labels' if share in (None, 100) else f'{share:g} % of the labels of every class (draw {draw})'
        return [
            f'Fed: {sizes}, in the unit sphere. Trained on {labels}; settings, where they are chosen, on labels that '
            'are held out of these, never on what is scored.',
            *sorted(repeated),
            *self.own_notes(),
        ]

    def own_notes(self) -> list[str]:
        """Of one protocol."""
        return []


def averaged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means of the classes, and of the other values; sums of confusion matrices."""
    found: dict[str, Any] = {}
    by_class = {name: [part['per_class'][name] for part in parts] for name in parts[0]['per_class']}
    found['per_class'] = {name: None if None in shares else fmean(shares) for name, shares in by_class.items()}
    if 'confusion' in parts[0]:
        found['confusion'] = np.sum([part['confusion'] for part in parts], axis=0).tolist()
        found['class_accuracy'] = fmean(part['values']['class_accuracy'] for part in parts)
    return found


def commands_of(folder: Path) -> list[list[str]]:
    """Answer the request in a cell's folder."""
    return [[sys.executable, '-m', MODULE, str(folder / 'request.json'), '--out', str(folder / 'answer.json')]]
