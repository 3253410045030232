"""Fine-tuning on classes and parts of objects, with all labels or few."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ....engine.arguments import Gathered, at_least
from ....errors import InputError
from ....files import read_json
from ....probe.objects.fitting import FitRecipe
from ....probe.objects.splits import draw_episode
from ....probe.objects.tasks import scored_parts
from ...runner import Cell
from ..base import Column, Results, entry, row
from .arguments import add_input_arguments, add_rate_argument, add_training_arguments
from .base import ObjectProtocol
from .competitors import Competitor, Run, seeded
from .data import ObjectData
from .recipes import FEW_SHOT, FROZEN_HEAD, PARTS, SCRATCH, VIEWS, recipe_of


class ObjectFinetune(ObjectProtocol):
    """Encoder and MLP-3 trained; of ModelNet40 the head alone first."""

    name = 'object_finetune'
    title = 'Fine-tuning on objects'
    how = 'finetune'
    pools = ('cls', 'mean', 'max')
    trains = True

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """And the rate."""
        super().add_arguments(parser)
        add_rate_argument(parser)

    def own_recipe(self, dataset: ObjectData, competitor: Competitor) -> FitRecipe | None:
        """By the format of the set, where the encoder is pretrained."""
        if competitor.pretrained:
            return recipe_of(dataset.format).finetune.at_rate(self.args.options['lr'])
        return super().own_recipe(dataset, competitor)

    def own_notes(self) -> list[str]:
        """What the rows are."""
        return [
            'Pretrained: encoder and MLP-3 on [CLS, mean, max]. From scratch: the same on [mean, max], with the rate '
            'for that. Random initialisation and descriptors: an MLP-3 on what is fixed. Seed i trains from checkpoint '
            'i, from the first again where there are fewer.'
        ]


class ObjectFewShot(ObjectProtocol):
    """Fine-tuning on tasks of few classes and few objects, several draws of each size; nothing is held out of so few
    objects, and the last state is what is scored."""

    name = 'object_few_shot'
    title = 'Few-shot on objects'
    several_datasets = False
    how = 'finetune'
    task = 'few_shot'
    pools = ('mean', 'max')
    trains = True

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Sizes of the tasks."""
        add_input_arguments(parser)
        add_training_arguments(parser)
        add_rate_argument(parser)
        add = parser.add_argument
        add(
            '--ways',
            action=Gathered,
            type=at_least(2),
            nargs='+',
            default=[5, 10],
            metavar='W',
            help='classes of a task',
        )
        add(
            '--shots',
            action=Gathered,
            type=at_least(1),
            nargs='+',
            default=[10, 20],
            metavar='S',
            help='labelled objects of a class',
        )
        add('--queries', type=at_least(1), default=20, help='objects of a class that are scored, at most')
        add('--draws', type=int, default=10, help='tasks of each size')
        add('--share-seed', type=int, default=1, help='which draws')
        add('--views', type=int, default=VIEWS, metavar='V', help='augmented views, where the encoder is frozen')

    def require(self, dataset: ObjectData) -> None:
        """Every task, where they were drawn by others; else a set of which one of every size can be drawn."""
        draws = range(self.args.options['draws'])
        folders = [f'{folder_of(*size)}/{draw}' for size in self.sizes.values() for draw in draws]
        dataset.require(self.args.split, folders)
        if not dataset.has_tasks:
            train, rows, scored, scored_rows = scored_parts(dataset.root, self.args.split)
            labels = train.labels[rows], scored.labels[scored_rows]
            for way, shot in self.sizes.values():
                draw_episode(*labels, way=way, shot=shot, queries=1, key=(0,))

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Column -> (way, shot)."""
        options = self.args.options
        return {f'{way}w{shot}s': (way, shot) for way in options['ways'] for shot in options['shots']}

    def own_recipe(self, dataset: ObjectData, competitor: Competitor) -> FitRecipe | None:
        """One recipe for all that is trained as a whole."""
        if competitor.pretrained:
            return FEW_SHOT.at_rate(self.args.options['lr'])
        return FEW_SHOT if competitor.kind in ('scratch', 'pointnet') else FROZEN_HEAD

    def cells_of(self, dataset: ObjectData, competitor: Competitor, run: Run) -> list[Cell]:
        """One a size, with all its draws."""
        sizes = {name: self.args.options[name] for name in ('queries', 'draws')}
        sizes['has_tasks'] = dataset.has_tasks
        return [
            self.cell(
                f'{run.name}_{name}', dataset, competitor, run, way=way, shot=shot, folder=folder_of(way, shot), **sizes
            )
            for name, (way, shot) in self.sizes.items()
        ]

    @staticmethod
    def collect(folder: Path) -> dict[str, Any]:
        """Accuracy of every draw."""
        found = read_json(folder / 'answer.json')
        return {**found, 'said': f'{sum(found["draws"]) / len(found["draws"]):.1f} % over draws'}

    def columns(self, results: Results) -> list[Column]:
        """One a size."""
        return [Column(name, f'{way}-way {shot}-shot') for name, (way, shot) in self.sizes.items()]

    def rows(self, results: Results) -> list[dict[str, Any]]:
        """Spread over draws, each the mean over the runs of a row."""
        found = []
        for competitor in self.competitors:
            entries = {}
            for name in self.sizes:
                cells = {run.label: results.get(f'{run.name}_{name}') for run in competitor.runs}
                draws = {label: cell['draws'] for label, cell in cells.items() if cell}
                if draws:
                    values = {f'draw {i}': sum(each) / len(each) for i, each in enumerate(zip(*draws.values()))}
                    runs = {label: sum(each) / len(each) for label, each in draws.items()}
                    entries[name] = entry(values, sd_over='draws', runs=runs)
            kind = 'pretrained' if competitor.pretrained else 'scratch'
            found.append(row(competitor.name, competitor.title, kind, entries))
        return found

    def own_notes(self) -> list[str]:
        """What a draw is."""
        return [
            'A value is the mean over the runs of its row; all rows have the same tasks. Objects to train on are of '
            'the training split, or part; queries of what is scored; or tasks are those of a prepared folder.'
        ]


class ObjectParts(ObjectProtocol):
    """Parts of objects: encoder and part head trained; instance and class mIoU."""

    name = 'object_parts'
    title = 'Parts of objects'
    metric = 'mIoU [%]'
    several_datasets = False
    how = 'finetune'
    task = 'parts'
    trains = True
    measures = {'instance': 'instance mIoU', 'class': 'class mIoU'}
    units = {'per_class': 'mean IoU of the objects of the class, percent, None for a class without an object'}

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """And the rate."""
        super().add_arguments(parser)
        add_rate_argument(parser)

    def check(self) -> None:
        """Sets with parts."""
        super().check()
        if self.args.dataset.train.parts_of_class is None:
            raise InputError(
                f'{self.args.dataset.root}: its objects have no parts; wanted a prepared ShapeNetPart, or an embedded '
                'set with parts'
            )

    def described(self) -> list[Competitor]:
        """The most common part of a class, and an MLP on the point beside descriptors of the object."""
        most = Competitor(
            'most_common', 'most common part of the class', (Run('exact', 'most_common', {'kind': 'most_common'}),)
        )
        runs = seeded('descriptors', {'kind': 'descriptors'}, self.args.seeds)
        return [most, Competitor('descriptors', 'coordinates and shape descriptors', runs)]

    def own_recipe(self, dataset: ObjectData, competitor: Competitor) -> FitRecipe | None:
        """A random encoder stays frozen."""
        if competitor.kind == 'most_common':
            return None
        if competitor.pretrained:
            return PARTS.at_rate(self.args.options['lr'])
        if competitor.kind == 'random':
            return replace(PARTS, stages=tuple(replace(stage, frozen=True) for stage in PARTS.stages))
        return replace(PARTS, stages=SCRATCH.stages)

    def own_notes(self) -> list[str]:
        """What is scored."""
        return [
            'Scored at the points that are fed, among the parts of the class of the object, which is given. A random '
            'encoder is frozen under its head. Of the most common part nothing is chosen: it has no second number.'
        ]


def folder_of(way: int, shot: int) -> str:
    """Of the tasks of a size, as their authors name it."""
    return f'{way}way_{shot}shot'
