"""What the protocols that train share: rows, columns and cells of downstream models from scratch and from DOS."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmengine.device import get_device
from mmengine.registry import init_default_scope

from ...datasets.label_shares import frames_by_sequence, leaf
from ...datasets.nuscenes.scenes import spread_evenly
from ...engine.config_overrides import add_overrides
from ...errors import InputError, MissingFileError
from ..runner import Cell, portable
from ..runner.statistics import means
from .base import Column, Protocol, ProtocolArguments, Results, entry, row
from .differences import difference
from .downstream import backbone_of, check_fit, check_input, encoder_prefixes, export_once, find_config
from .starts import Start, grouped, pair_title, pretrained_title, source_of
from .training_cells import Labels, Training, training_cell
from .training_config import in_steps, layer_decay, own_steps, read_downstream, with_even_rates
from .training_notes import decay_note, sweeps_note, which_checkpoints


class TrainingProtocol(Protocol):
    """Trains and tests one downstream model for every start, share of the labels and seed.

    Attributes:
        task: 'segmentation' or 'detection'.
        same_steps: whether every share trains for the same number of steps: --steps, or those of the config with all
            labels.
    """

    task: ClassVar[str] = 'segmentation'
    same_steps: ClassVar[bool] = False

    def keys(self, args: ProtocolArguments) -> dict[str, str]:
        """What a cell's values are called -> what a reader calls them; the first has the classes."""
        return {'miou': 'mIoU'}

    def recipe(self, args: ProtocolArguments) -> str:
        """Of :data:`downstream.CONFIGS`."""
        return self.name

    def labels(self, args: ProtocolArguments) -> list[Labels]:
        """One for each column: here, the labels of the config."""
        return [config_labels(args, self.config_file(args))]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """What all trainings take."""
        parser.add_argument(
            '--downstream',
            type=absolute,
            metavar='CONFIG',
            help="config to train, default the backbone's for the data set",
        )
        parser.add_argument('--processes', type=int, default=1, help='GPUs of each training (tools/dist_train.sh)')
        parser.add_argument('--steps', type=int, help='of each training; default: what its config says')
        add_overrides(parser, '--cfg-options', 'values of the downstream config')

    def config_file(self, args: ProtocolArguments) -> Path:
        """The downstream config: named, or found for the first checkpoint's backbone."""
        if (given := args.options.get('downstream')) is None:
            return find_config(self.recipe(args), args.sources[0], args.dataset)
        if not given.is_file():
            raise MissingFileError(f'{given}: no such config; give the path of a .py file below configs/')
        return given

    def config(self, args: ProtocolArguments) -> dict[str, Any]:
        """The downstream config in its final length, its data where they are."""
        path = self.config_file(args)
        config, steps = read_downstream(path, args.dataset.root, args.overrides), args.steps
        if steps is None and self.same_steps:
            steps = own_steps(config, config_labels(args, path).frames, args.options.get('processes', 1))
        if steps is None:
            return config

        def own_total() -> int:
            frames = sum(labelled_frames(args, path).values())
            return own_steps(config, frames, args.options.get('processes', 1))

        return in_steps(config, steps, own_total)

    def training(self, args: ProtocolArguments) -> Training:
        """What all cells share."""
        dataset = args.dataset
        return Training(
            task=self.task,
            recipe=self.recipe(args),
            config=self.config(args),
            root=str(dataset.root),
            ann_file=dataset.infos[0],
            data_hash=dataset.hash(),
            test_sequences=None if args.split == 'test' else tuple(dataset.part('validation')[1]),
            processes=args.options.get('processes', 1),
            encoder_prefixes=encoder_prefixes(args.sources[0], self.task),
            out=args.out,
        )

    def check(self, args: ProtocolArguments) -> None:
        """Checkpoints of one backbone that fit the config, enough seeds for them, data that are there."""
        if not args.sources:
            raise InputError(f'{self.name} needs --checkpoint PATH, a pretraining checkpoint')
        if len({backbone_of(source) for source in args.sources}) > 1:
            named = ', '.join(f'{source.checkpoint} ({backbone_of(source)})' for source in args.sources)
            raise InputError(f'{named}: different backbones; wanted checkpoints of one, one call for each backbone')
        for dataset, runs in grouped(args).items():
            if len(runs) > args.seeds:
                raise InputError(
                    f'{len(runs)} checkpoints pretrained on {dataset} and --seeds {args.seeds}: seed i trains from '
                    f'checkpoint i; wanted --seeds {len(runs)} or more'
                )
        args.dataset.require()
        config, path = self.config(args), self.config_file(args)
        for source in args.sources:
            exported = export_once(source, self.task, args.out)
            check_input(exported, config, path)
            check_fit(exported, config, path)
        require_device_for(config, path)
        self.labels(args)

    def starts(self, args: ProtocolArguments) -> list[Start]:
        """The rows. A config whose rates fall towards the input has a second one from scratch, without that."""
        scratch = [Start('scratch', 'from scratch')]
        if layer_decay(self.config(args)) != 1:
            scratch.append(Start('scratch_even', 'from scratch, one rate for all layers', even_rates=True))
        return scratch + [
            Start(f'dos_{dataset}', pretrained_title(args, dataset), tuple(runs))
            for dataset, runs in grouped(args).items()
        ]

    def cells(self, args: ProtocolArguments) -> list[Cell]:
        """All shares from scratch and pretrained with one seed before the next seed."""
        training = self.training(args)
        even = replace(training, config=with_even_rates(training.config))
        return [
            training_cell(even if start.even_rates else training, labels, start.name, source_of(start.runs, seed), seed)
            for seed in range(args.seeds)
            for labels in distinct(self.labels(args)).values()
            for start in self.starts(args)
        ]

    def columns(self, args: ProtocolArguments, results: Results) -> list[Column]:
        """A column for each share and number."""
        labels = self.labels(args)
        return [
            Column(column_name(one, key), self.column_title(args, one, key), one.percent, facts_of(one, labels))
            for one in labels
            for key in self.keys(args)
        ]

    def column_title(self, args: ProtocolArguments, labels: Labels, key: str) -> str:
        """The number alone where there is one share, else the share too where there are several numbers."""
        keys = self.keys(args)
        if len(self.labels(args)) == 1:
            return keys[key]
        share = f'{labels.percent:g} %'
        return share if len(keys) == 1 else f'{share}: {keys[key]}'

    def rows(self, args: ProtocolArguments, results: Results) -> list[dict[str, Any]]:
        """From scratch, then from the checkpoints of each data set."""
        rows = []
        for start in self.starts(args):
            entries = {}
            for labels in self.labels(args):
                found = self.found(args, results, start, labels)
                for number, key in enumerate(self.keys(args) if found else ()):
                    entries[column_name(labels, key)] = entry_of(found, key, with_classes=number == 0)
            rows.append(row(start.name, start.title, 'pretrained' if start.runs else 'scratch', entries))
        return rows

    def found(
        self, args: ProtocolArguments, results: Results, start: Start, labels: Labels
    ) -> dict[int, Mapping[str, Any]]:
        """seed -> what a cell collected, also that of another share with the same labels."""
        run = distinct(self.labels(args))[labels.sequences]
        names = {seed: f'{start.name}_{run.name}_seed{seed}' for seed in range(args.seeds)}
        return {seed: results[name] for seed, name in names.items() if name in results}

    def more(self, args: ProtocolArguments, results: Results) -> dict[str, Any]:
        """The paired differences to every scratch row, and the lists of labelled sequences."""
        pretrained = [start for start in self.starts(args) if start.runs]
        pairs = [(start, base) for start in pretrained for base in self.starts(args) if not base.runs]
        differences = []
        for labels, (start, base), key in product(self.labels(args), pairs, self.keys(args)):
            cells = self.found(args, results, base, labels), self.found(args, results, start, labels)
            if found := difference(*cells, key):
                title = self.column_title(args, labels, key)
                differences.append({'column': title, 'row': pair_title(start, base), **found})
        lists = {labels.name: labels.sequences for labels in self.labels(args) if labels.sequences is not None}
        return {'differences': differences, 'labelled_sequences': {name: list(found) for name, found in lists.items()}}

    def settings(self, args: ProtocolArguments) -> dict[str, Any]:
        """Recipe, config and length."""
        config = self.config(args)
        return {
            'recipe': self.recipe(args),
            'config': portable(self.config_file(args)),
            'train_cfg': config['train_cfg'],
            'batch_size': config['train_dataloader']['batch_size'],
            'processes': args.options.get('processes', 1),
            'overrides': {key: str(value) for key, value in args.overrides.items()},
        }

    def notes(self, args: ProtocolArguments) -> list[str]:
        """What a pair is."""
        config, runs = self.config(args), {len(found) for found in grouped(args).values()}
        loop = config['train_cfg']
        length = f'{loop["max_epochs"]} epochs' if 'max_epochs' in loop else f'{loop["max_iters"]} steps'
        return [
            f'`{portable(self.config_file(args))}`, {length}; from scratch and from DOS with the same seeds, and so '
            'with the same initial head, data in the same order, and length. With several seeds '
            f'{which_checkpoints(runs, args.seeds)}.',
            *decay_note(config),
            *sweeps_note(config, args.sources),
        ]


def absolute(path: str) -> Path:
    """The tool changes its folder after reading its arguments."""
    return Path(path).resolve()


def require_device_for(config: Mapping[str, Any], path: Path) -> None:
    """ValueError where a config wants mixed precision of a GPU and there is none: every cell would fail."""
    if config['optim_wrapper'].get('type') == 'AmpOptimWrapper' and get_device() == 'cpu':
        raise InputError(
            f'{path}: trains in mixed precision (AmpOptimWrapper), which needs a GPU, and there is none. Run '
            'it where there is one, or name a config without: --downstream CONFIG'
        )


def distinct(labels: list[Labels]) -> dict[tuple[str, ...] | None, Labels]:
    """Labelled sequences -> the smallest share that has just them: what is the same is run once."""
    found: dict[tuple[str, ...] | None, Labels] = {}
    for one in labels:
        found.setdefault(one.sequences, one)
    return found


def column_name(labels: Labels, key: str) -> str:
    return f'{labels.name}_{key.replace(" ", "_")}'


def facts_of(labels: Labels, all_labels: list[Labels]) -> dict[str, Any]:
    """How many labels a share really is, and of which other share they are too."""
    same = distinct(all_labels)[labels.sequences]
    facts = {'sequences': f'{labels.n_sequences} of {labels.of}', 'labelled_frames': labels.frames}
    return facts if same is labels else {**facts, 'run_once': f'the same list as {same.percent:g} %'}


def labelled_frames(args: ProtocolArguments, path: Path) -> dict[str, int]:
    """Sequence -> labelled frames of the data set that a downstream config trains on, whatever few of them it takes."""
    init_default_scope('mmdet3d')
    return frames_by_sequence(
        leaf(read_downstream(path, args.dataset.root, args.overrides)['train_dataloader']['dataset'])
    )


def scored_sequences(args: ProtocolArguments) -> set[str]:
    """Training sequences that are scored instead of the official test split, for choosing settings."""
    return set() if args.split == 'test' else set(args.dataset.part('validation')[1])


def config_labels(args: ProtocolArguments, path: Path) -> Labels:
    """The labels that a downstream config has, without those of the validation sequences where these are scored."""
    config = read_downstream(path, args.dataset.root, args.overrides)
    frames, scored = labelled_frames(args, path), scored_sequences(args)
    few = leaf(config['train_dataloader']['dataset']).get('labelled_scenes')
    names = list(frames) if few is None else spread_evenly(list(frames), few)
    kept = tuple(name for name in names if name not in scored)
    return Labels(
        percent=100 * len(kept) / len(frames),
        sequences=kept if scored else None,
        n_sequences=len(kept),
        of=len(frames),
        frames=sum(frames[name] for name in kept),
    )


def entry_of(found: Mapping[int, Mapping[str, Any]], key: str, *, with_classes: bool) -> dict[str, Any]:
    """Mean over the seeds; with_classes: also the means of the classes, the sum of the confusion matrices, the means
    of the true-positive errors and of all that tools/test.py --metrics wrote."""
    cells, more = list(found.values()), {}
    if with_classes:
        more |= {key: means([cell[key] for cell in cells]) for key in ('per_class', 'errors') if key in cells[0]}
        numbers = [name for name, value in sorted(cells[0]['metrics'].items()) if isinstance(value, int | float)]
        more['metrics'] = means([{name: cell['metrics'].get(name) for name in numbers} for cell in cells])
    if with_classes and 'confusion' in cells[0]:
        more['confusion'] = np.sum([cell['confusion'] for cell in cells], axis=0).tolist()
    return entry({f'seed {seed}': cell['values'][key] for seed, cell in found.items()}, sd_over='seeds', **more)
