"""Protocols over shares of the labels: label efficiency of segmentation, and detection with few and all labels."""

import argparse
from typing import Any, ClassVar

from ...datasets.label_shares import FIRST, SHARES_PERCENT, draw_shares
from ...errors import InputError
from ...files import write_json
from .base import ProtocolArguments, Results
from .training import TrainingProtocol, facts_of, labelled_frames, scored_sequences
from .training_cells import Labels


class ShareProtocol(TrainingProtocol):
    """Trains with shares of the labels, drawn as whole sequences: nested lists, one seed, stored beside the record."""

    axis = 'labelled sequences [%]'
    shares: ClassVar[tuple[float, ...]]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Which shares, and which draw of them."""
        super().add_arguments(parser)
        parser.add_argument('--shares', type=float, nargs='+', default=list(self.shares), help='percent of the labels')
        parser.add_argument('--share-seed', type=int, default=1, help='draw of the labelled sequences: 1, 2, ...')

    def variant(self, args: ProtocolArguments) -> str:
        """Another draw is another table."""
        seed = args.options.get('share_seed', 1)
        return '' if seed == 1 else f'_draw{seed}'

    def labels(self, args: ProtocolArguments) -> list[Labels]:
        """One a share, of the training sequences; those that are scored for choosing settings are left out."""
        frames, scored = labelled_frames(args, self.config_file(args)), scored_sequences(args)
        frames = {name: count for name, count in frames.items() if name not in scored}
        percents = sorted(set(args.options['shares']))
        seed = args.options['share_seed']
        drawn = draw_shares(frames, percents, seed=seed, first=FIRST if seed == 1 else None)
        return [
            Labels(percent, tuple(names), len(names), len(frames), sum(frames[name] for name in names))
            for percent, names in drawn.items()
        ]

    def begin(self, args: ProtocolArguments) -> None:
        """The lists are written, for SequenceShare(sequences=FILE); those of the two splits differ."""
        folder = args.out / f'label_shares_{args.dataset.name}_seed{args.options["share_seed"]}_{args.split}'
        for labels in self.labels(args):
            write_json(folder / f'{labels.name}.json', list(labels.sequences))

    def settings(self, args: ProtocolArguments) -> dict[str, Any]:
        """Which draw."""
        labels = self.labels(args)
        shares = {one.name: {'percent': one.percent, **facts_of(one, labels)} for one in labels}
        return {**super().settings(args), 'share_seed': args.options['share_seed'], 'shares': shares}

    def notes(self, args: ProtocolArguments) -> list[str]:
        """How labels are counted."""
        return [
            *super().notes(args),
            'Labels are drawn as whole sequences, never fewer than one, as frames of one sequence look alike; a larger '
            'share contains the smaller ones. Shares that come to the same list were run once.',
            *self._first_note(args),
        ]

    def _first_note(self, args: ProtocolArguments) -> list[str]:
        """nuScenes' published single scene."""
        led = args.options['share_seed'] == 1 and any(FIRST in (one.sequences or ()) for one in self.labels(args))
        return [f"Draw 1 begins with {FIRST}, the one scene of NOMAE's 0.1 %."] if led else []


class LabelEfficiency(ShareProtocol):
    """Segmentation with 0.1 to 100 % of the labels. Every share trains the same number of steps."""

    name = 'label_efficiency'
    title = 'Label efficiency'
    plot = 'curve'
    log_x = True
    shares = SHARES_PERCENT
    same_steps = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """What is trained."""
        super().add_arguments(parser)
        parser.add_argument(
            '--mode',
            choices=('finetune', 'linear'),
            default='finetune',
            help='everything, or one linear layer over a frozen encoder',
        )

    def variant(self, args: ProtocolArguments) -> str:
        """So is another mode."""
        return super().variant(args) + ('' if args.options.get('mode', 'finetune') == 'finetune' else '_linear')

    def recipe(self, args: ProtocolArguments) -> str:
        """As the mode says."""
        return {'finetune': 'finetune', 'linear': 'linear_probe'}[args.options.get('mode', 'finetune')]


class Detection(ShareProtocol):
    """CenterPoint with 20 % and 100 % of the labels: the official metric of the data set."""

    name = 'detection'
    title = 'Detection (CenterPoint)'
    metric = 'official detection metrics [%]'
    plot = 'dots'
    task = 'detection'
    shares = (20.0, 100.0)

    def keys(self, args: ProtocolArguments) -> dict[str, str]:
        """The devkit's two numbers; of Waymo AP and APH at both levels."""
        if args.dataset.name.endswith('waymo'):
            return {f'L{level} {name}': f'{name}/L{level}' for level in (1, 2) for name in ('AP', 'APH')}
        return {'mAP': 'mAP', 'NDS': 'NDS'}

    def more(self, args: ProtocolArguments, results: Results) -> dict[str, Any]:
        """The classes have AP."""
        level = ' at LEVEL_1' if args.dataset.name.endswith('waymo') else ''
        return {**super().more(args, results), 'per_class_title': f'AP per class{level} [%]'}

    def notes(self, args: ProtocolArguments) -> list[str]:
        """What else differs between the shares."""
        if 'ObjectSample' not in str(self.config(args)['train_dataloader']):
            return super().notes(args)
        return [
            *super().notes(args),
            'Below 100 % no objects are pasted (ObjectSample): their database is made of all frames.',
        ]

    def check(self, args: ProtocolArguments) -> None:
        """As all trainings; the devkit scores whole official splits only."""
        if args.split != 'test' and not args.dataset.name.endswith('waymo'):
            raise InputError(
                f'--split {args.split}: the nuScenes devkit scores whole official splits only; wanted --split test'
            )
        super().check(args)
