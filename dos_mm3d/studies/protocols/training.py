"""What the protocols that train share: rows, columns and cells of downstream models from scratch and from DOS."""

import argparse
from collections.abc import Mapping
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.figure import Figure
from mmengine.registry import init_default_scope

from ...datasets.label_shares import frames_by_sequence, leaf
from ...engine.arguments import Gathered
from ...engine.config_overrides import add_overrides
from ...errors import InputError, MissingFileError
from ..project import config_file
from ..runner import Cell, content_hash, portable
from ..runner.config_file import write_config
from .base import Column, Protocol, Results, row
from .differences import difference
from .downstream import (
    encoder_prefixes,
    export_once,
    find_config,
    pretrained_parts,
    require_device_for,
    require_fit,
    require_one_backbone,
    require_seeds_for,
)
from .learning_curve import curve_of, curve_tables, draw_curves, known
from .recipes import PLAIN, Recipe, read_recipe, table_name
from .sources import Source
from .training_cell import COLLECT, cell_commands, collect_with_curve
from .training_config import (
    cell_config,
    curve_places,
    in_steps,
    length_of,
    moved,
    own_steps,
    read_downstream,
    with_even_rates,
)
from .training_page import trained_page
from .training_rows import Labels, Start, compared, labels_of_config, starts_of, title_of_pair
from .training_table import column_name, decay_note, entry_of, sweeps_note, which_checkpoints

FROZEN_KINDS = ('linear_probe', 'decoder_probe')
"""Whose configs freeze the encoder."""


class TrainingProtocol(Protocol):
    """Trains and tests one downstream model for every start, share of the labels and seed.

    Attributes:
        task: 'segmentation' or 'detection'.
        same_steps: whether every share trains for the same number of steps: --steps, or those of the config with all
            labels.
    """

    task: ClassVar[str] = 'segmentation'
    same_steps: ClassVar[bool] = False

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """What all trainings take."""
        parser.add_argument(
            '--downstream',
            type=config_file,
            metavar='CONFIG',
            help="config to train, default the backbone's for the data set",
        )
        parser.add_argument(
            '--recipe',
            action=Gathered,
            nargs='+',
            default=['plain'],
            metavar='RECIPE',
            help='how pretrained weights are fine-tuned, a row for each: plain, or parts as in probe_head+low_rate=0.1',
        )
        parser.add_argument('--processes', type=int, default=1, help='GPUs of each training')
        parser.add_argument('--steps', type=int, help='of each training; default: what its config says')
        words = 'learning curve: so many evenly spaced checkpoints of each training are scored, the last at its end'
        parser.add_argument('--curve', type=int, metavar='POINTS', help=words)
        add_overrides(parser, '--cfg-options', 'values of the downstream config')

    @property
    def keys(self) -> dict[str, str]:
        """What a cell's values are called -> what a reader calls them; the first has the classes."""
        return {'miou': 'mIoU'}

    @property
    def kind(self) -> str:
        """Of :data:`downstream.CONFIGS`."""
        return self.name

    @cached_property
    def recipes(self) -> list[Recipe]:
        """How pretrained weights are fine-tuned; InputError for what is no recipe."""
        return list(dict.fromkeys(map(read_recipe, self.args.options['recipe'])))

    @property
    def variant(self) -> str:
        """Other recipes are another table."""
        return table_name(self.recipes)

    @property
    def curve(self) -> int:
        """Points of the learning curve, 0 for none."""
        return self.args.options['curve'] or 0

    @cached_property
    def config_file(self) -> Path:
        """The downstream config: named, or found for the first checkpoint's backbone."""
        if (given := self.args.options['downstream']) is None:
            return find_config(self.kind, self.args.sources[0], self.args.dataset)
        if not given.is_file():
            raise MissingFileError(f'{given}: no such config; give the path of a .py file below configs/')
        return given

    @cached_property
    def own_config(self) -> dict[str, Any]:
        """The downstream config, its data where they are."""
        return read_downstream(self.config_file, self.args.dataset.root, self.args.overrides)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The same in its final length."""
        steps, processes = self.args.steps, self.args.options['processes']
        if steps is None and self.same_steps:
            steps = own_steps(self.own_config, self.config_labels.frames, processes)
        if steps is None:
            return self.own_config
        return in_steps(
            self.own_config, steps, lambda: own_steps(self.own_config, sum(self.frames.values()), processes)
        )

    @cached_property
    def frames(self) -> dict[str, int]:
        """Sequence -> labelled frames of the data set that the config trains on, whatever few of them it takes."""
        init_default_scope('mmdet3d')
        return frames_by_sequence(leaf(self.own_config['train_dataloader']['dataset']))

    @cached_property
    def scored(self) -> tuple[str, ...] | None:
        """Training sequences that are scored for choosing settings; None: the official test split is."""
        return None if self.args.split == 'test' else tuple(self.args.dataset.part('validation')[1])

    @cached_property
    def config_labels(self) -> Labels:
        """The labels that the config has, without those of the validation sequences where these are scored."""
        few = leaf(self.own_config['train_dataloader']['dataset']).get('labelled_scenes')
        return labels_of_config(self.frames, few, self.scored or ())

    @cached_property
    def labels(self) -> list[Labels]:
        """One for each column: here, the labels of the config."""
        return [self.config_labels]

    @cached_property
    def distinct(self) -> dict[tuple[str, ...] | None, Labels]:
        """Labelled sequences -> the smallest share that has just them: what is the same is run once."""
        return {one.sequences: one for one in reversed(self.labels)}

    @cached_property
    def runs(self) -> dict[str, list[Source]]:
        """Data set -> checkpoints that were pretrained on it."""
        names = dict.fromkeys(source.dataset for source in self.args.sources)
        return {name: [source for source in self.args.sources if source.dataset == name] for name in names}

    @cached_property
    def starts(self) -> list[Start]:
        """The rows."""
        return starts_of(self.config, self.runs, self.recipes, self.args.dataset.name)

    def check(self) -> None:
        """Checkpoints of one backbone that fit the config, enough seeds for them, data that are there."""
        super().check()
        sources = self.args.sources
        require_one_backbone(sources)
        require_seeds_for(self.runs, self.args.seeds)
        self.args.dataset.require()
        config = self.config
        for labels in self.labels if self.curve else ():
            curve_places(self.config_of(labels)['train_cfg'], self.curve)
        if self.kind in FROZEN_KINDS and self.recipes != [PLAIN]:
            raise InputError(f'--recipe is for what is trained as a whole; {self.kind} has a frozen encoder')
        for source in sources:
            exported = export_once(source, self.task, self.args.out)
            require_fit(source.checkpoint, exported, config, self.config_file)
            for recipe in self.recipes:
                recipe.applied(config, pretrained_parts(exported, encoder_prefixes(source, self.task)))
        require_device_for(config, self.config_file)

    def cells(self) -> list[Cell]:
        """All shares from scratch and pretrained with one seed before the next seed."""
        shares = [labels for labels in self.labels if self.distinct[labels.sequences] is labels]
        return [self.cell(*found) for found in product(range(self.args.seeds), shares, self.starts)]

    def cell(self, seed: int, labels: Labels, start: Start) -> Cell:
        """Training and test of one model."""
        config = self.config_of(labels)
        config = with_even_rates(config) if start.even_rates else config
        source = start.runs[seed % len(start.runs)] if start.runs else None
        dataset, processes = self.args.dataset, self.args.options['processes']
        *places, end = curve_places(config['train_cfg'], self.curve or 1)

        def prepare(folder: Path) -> None:
            weights = None if source is None else export_once(source, self.task, self.args.out).resolve()
            parts = pretrained_parts(weights, encoder_prefixes(source, self.task)) if weights else []
            made = cell_config(
                start.recipe.applied(config, parts),
                seed=seed,
                weights=weights,
                train_sequences=labels.sequences,
                test_sequences=self.scored,
                train_ann_file=dataset.infos[0],
                paste=self.pastes(labels),
                encoder_prefixes=encoder_prefixes(self.args.sources[0], self.task),
                devkit_prefix=folder.resolve() / 'test',
                curve=self.curve,
            )
            write_config(folder / 'config.py', made)

        return Cell(
            name=f'{start.name}_{labels.name}_seed{seed}',
            depends_on={
                'kind': self.kind,
                'recipe': start.recipe.parts,
                'config_hash': content_hash(moved(config, dataset.root.rstrip('/'), 'DATA')),
                'data_hash': dataset.hash(),
                'weights': None if source is None else source.sha256,
                'seed': seed,
                'train_sequences': labels.sequences,
                'test_sequences': self.scored,
                'processes': processes,
                **({'curve': [*places, end]} if self.curve else {}),
            },
            prepare=prepare,
            commands=partial(cell_commands, config, task=self.task, processes=processes, places=places),
            collect=partial(collect_with_curve, task=self.task, places=places, end=end)
            if self.curve
            else COLLECT[self.task],
        )

    def config_of(self, labels: Labels) -> dict[str, Any]:
        """The downstream config of a share."""
        return self.config

    @property
    def length(self) -> str:
        """Of the trainings, for the reader."""
        loop = self.config['train_cfg']
        return f'{loop["max_epochs"]} epochs' if 'max_epochs' in loop else f'{loop["max_iters"]} steps'

    def pastes(self, labels: Labels) -> bool:
        """Whether all that objects are pasted from is labelled, and none of it is scored."""
        return labels.n_sequences == labels.of and self.scored is None

    def columns(self, results: Results) -> list[Column]:
        """A column for each share and number."""
        return [
            Column(column_name(one.name, key), self.column_title(one, key), one.percent, self.facts(one))
            for one, key in product(self.labels, self.keys)
        ]

    def column_title(self, labels: Labels, key: str) -> str:
        """The number alone where there is one share, else the share too where there are several numbers."""
        if len(self.labels) == 1:
            return self.keys[key]
        return labels.title + ('' if len(self.keys) == 1 else f': {self.keys[key]}')

    def facts(self, labels: Labels) -> dict[str, Any]:
        """How many labels a share really is, and of which other share they are too."""
        same = self.distinct[labels.sequences]
        facts = {'sequences': f'{labels.n_sequences} of {labels.of}', 'labelled_frames': labels.frames}
        return facts if same is labels else {**facts, 'run_once': f'the same list as {same.title}'}

    def rows(self, results: Results) -> list[dict[str, Any]]:
        """From scratch, then from the checkpoints of each data set."""
        rows = []
        for start in self.starts:
            entries = {}
            for labels in self.labels:
                found = self.found(results, start, labels)
                for number, key in enumerate(self.keys if found else ()):
                    entries[column_name(labels.name, key)] = entry_of(found, key, with_classes=number == 0)
            rows.append(row(start.name, start.title, 'pretrained' if start.runs else 'scratch', entries))
        return rows

    def found(self, results: Results, start: Start, labels: Labels) -> dict[int, Mapping[str, Any]]:
        """seed -> what a cell collected, also that of another share with the same labels."""
        run = self.distinct[labels.sequences].name
        names = {seed: f'{start.name}_{run}_seed{seed}' for seed in range(self.args.seeds)}
        return {seed: results[name] for seed, name in names.items() if name in results}

    def more(self, results: Results) -> dict[str, Any]:
        """The paired differences to every scratch row, and the lists of labelled sequences."""
        differences = [
            {'column': self.column_title(labels, key), 'row': title_of_pair(start, base), **found}
            for labels, (start, base), key in product(self.labels, compared(self.starts), self.keys)
            if (found := difference(self.found(results, base, labels), self.found(results, start, labels), key))
        ]
        lists = {one.name: list(one.sequences) for one in self.labels if one.sequences is not None}
        curves = {'curves': self.curves(results)} if self.curve else {}
        return {'differences': differences, 'labelled_sequences': lists, **curves}

    def curves(self, results: Results) -> list[dict[str, Any]]:
        """Of each share and number: every row's scores while it trained."""
        return [
            curve_of(
                self.column_title(labels, key),
                length_of(self.config_of(labels)['train_cfg'])[1],
                [(start, self.found(results, start, labels)) for start in self.starts],
                key,
            )
            for labels, key in product(self.labels, self.keys)
        ]

    def tables(self, record: Mapping[str, Any]) -> str:
        """Learning curves behind the rest."""
        return '\n\n'.join(part for part in (super().tables(record), curve_tables(record)) if part)

    def draw(self, record: Mapping[str, Any]) -> Figure:
        """Learning curves where they were asked for."""
        return draw_curves(record) if known(record) else super().draw(record)

    def pages(self) -> Mapping[str, tuple[str, str]]:
        """Two of the scored samples under the first seed's models, trained with the most labels."""
        most = self.distinct[max(self.labels, key=lambda labels: labels.percent).sequences]
        folders = {start.title: self.cell(0, most, start).folder(self.args.out) for start in self.starts}
        page = trained_page(self.task, folders)
        return {} if page is None else {'Scored samples to turn and click in': page}

    def settings(self) -> dict[str, Any]:
        """Recipe, config and length."""
        return {
            'kind': self.kind,
            'recipes': {recipe.slug or 'plain': recipe.title for recipe in self.recipes},
            'config': portable(self.config_file),
            'train_cfg': self.config['train_cfg'],
            'batch_size': self.config['train_dataloader']['batch_size'],
            'processes': self.args.options['processes'],
            'overrides': {key: str(value) for key, value in self.args.overrides.items()},
        }

    def notes(self) -> list[str]:
        """What a pair is."""
        return [
            f'`{portable(self.config_file)}`, {self.length}; from scratch and from DOS with the same seeds, and so '
            'with the same initial head, data in the same order, and length. With several seeds '
            f'{which_checkpoints({len(runs) for runs in self.runs.values()}, self.args.seeds)}.',
            *decay_note(self.config),
            *sweeps_note(self.config, self.args.sources),
        ]
