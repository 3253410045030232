"""Protocols that train a downstream model: fine-tuning, decoder probe, and shares of the labels."""

import argparse
from functools import cached_property
from typing import Any, ClassVar

from ...datasets.label_shares import FIRST, SHARES_PERCENT, draw_shares
from ...engine.arguments import Gathered
from ...errors import InputError
from ...files import write_json
from .base import Results
from .training import TrainingProtocol
from .training_config import in_steps, own_steps
from .training_rows import Labels

KITTI_NOTE = (
    'AP at 40 recalls, moderate, mean over the classes that have labels to find; strict: IoU 0.7 for cars, 0.5 for '
    'people and cycles; loose: 0.5 and 0.25. Frames count as sequences, as KITTI does not say which drive one is of.'
)


class Finetune(TrainingProtocol):
    """Encoder, decoder and head are trained, from scratch and from DOS weights: mIoU, IoU per class, confusion."""

    name = 'finetune'
    title = 'Full fine-tuning'


class DecoderProbe(TrainingProtocol):
    """The pretrained encoder is frozen, a new decoder and head are trained over it; scratch is a frozen encoder of
    random weights. For backbones that are pretrained without a decoder (PTv3)."""

    name = 'decoder_probe'
    title = 'Decoder probe'

    def notes(self) -> list[str]:
        """What scratch is."""
        return [*super().notes(), 'From scratch: the same decoder over a frozen encoder of random weights.']


class ShareProtocol(TrainingProtocol):
    """Trains with shares of the labels, drawn as whole sequences: nested lists, one seed, stored beside the record."""

    axis = 'labelled sequences [%]'
    shares: ClassVar[tuple[float, ...]]

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Which shares, and which draw of them."""
        super().add_arguments(parser)
        words = 'percent of the labels; none: those that the config has'
        parser.add_argument('--shares', action=Gathered, type=float, nargs='*', default=list(cls.shares), help=words)
        words = 'number of labelled sequences, in place of --shares; above what there are: all'
        parser.add_argument('--sequences', action=Gathered, type=int, nargs='+', help=words)
        words = 'steps of each share or number, from the smallest, in place of --steps'
        parser.add_argument('--steps-of-shares', action=Gathered, type=int, nargs='+', help=words)
        parser.add_argument('--share-seed', type=int, default=1, help='draw of the labelled sequences: 1, 2, ...')

    @property
    def seed(self) -> int:
        """Of the draw."""
        return self.args.options['share_seed']

    @property
    def variant(self) -> str:
        """Another draw is another table."""
        return ('' if self.seed == 1 else f'_draw{self.seed}') + super().variant

    @cached_property
    def labels(self) -> list[Labels]:
        """One a share, of the training sequences; those that are scored for choosing settings are left out."""
        numbers = self.args.options['sequences']
        if not numbers and not self.args.options['shares']:
            return [self.config_labels]
        frames = {name: count for name, count in self.frames.items() if name not in (self.scored or ())}
        percents = self.args.options['shares']
        if numbers:
            percents = [100 * min(number, len(frames)) / len(frames) for number in numbers]
        drawn = draw_shares(frames, sorted(set(percents)), seed=self.seed, first=FIRST if self.seed == 1 else None)
        return [
            Labels(percent, tuple(names), len(names), len(frames), sum(frames[name] for name in names), bool(numbers))
            for percent, names in drawn.items()
        ]

    @cached_property
    def steps_of(self) -> dict[str, int]:
        """Name of a share -> its steps, empty where all have the same; InputError for other numbers than shares."""
        steps = self.args.options['steps_of_shares'] or []
        if steps and (self.args.steps is not None or len(steps) != len(self.labels)):
            raise InputError(
                f'--steps-of-shares has {len(steps)} numbers; wanted {len(self.labels)}, one for each share, and no '
                '--steps'
            )
        return {labels.name: number for labels, number in zip(self.labels, steps)}

    def config_of(self, labels: Labels) -> dict[str, Any]:
        """In the steps of the share."""
        if not self.steps_of:
            return super().config_of(labels)
        processes = self.args.options['processes']
        return in_steps(
            self.own_config,
            self.steps_of[labels.name],
            lambda: own_steps(self.own_config, sum(self.frames.values()), processes),
        )

    @property
    def length(self) -> str:
        """Shares may have their own."""
        return 'in the steps of each share' if self.steps_of else super().length

    def facts(self, labels: Labels) -> dict[str, Any]:
        """With the steps, where shares differ in them."""
        facts = super().facts(labels)
        return {**facts, 'steps': self.steps_of[labels.name]} if self.steps_of else facts

    def begin(self) -> None:
        """The lists are written, for SequenceShare(sequences=FILE); those of the two splits differ."""
        folder = self.args.out / f'label_shares_{self.args.dataset.name}_seed{self.seed}_{self.args.split}'
        for labels in self.labels:
            if labels.sequences is not None:
                write_json(folder / f'{labels.name}.json', list(labels.sequences))

    def settings(self) -> dict[str, Any]:
        """Which draw."""
        shares = {one.name: {'percent': one.percent, **self.facts(one)} for one in self.labels}
        return {**super().settings(), 'share_seed': self.seed, 'shares': shares}

    def notes(self) -> list[str]:
        """How labels are counted, and nuScenes' published single scene."""
        if not self.args.options['shares']:
            return super().notes()
        led = self.seed == 1 and any(FIRST in one.sequences for one in self.labels)
        return [
            *super().notes(),
            'Labels are drawn as whole sequences, never fewer than one, as frames of one sequence look alike; a larger '
            'share contains the smaller ones. Shares that come to the same list were run once.',
            *([f"Draw 1 begins with {FIRST}, the one scene of NOMAE's 0.1 %."] if led else []),
        ]


class LabelEfficiency(ShareProtocol):
    """Segmentation with 0.1 to 100 % of the labels. Every share trains the same number of steps."""

    name = 'label_efficiency'
    title = 'Label efficiency'
    plot = 'curve'
    log_x = True
    shares = SHARES_PERCENT
    same_steps = True

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """What is trained."""
        super().add_arguments(parser)
        parser.add_argument(
            '--mode',
            choices=('finetune', 'linear'),
            default='finetune',
            help='everything, or one linear layer over a frozen encoder',
        )

    @property
    def variant(self) -> str:
        """So is another mode."""
        return super().variant + ('_linear' if self.kind == 'linear_probe' else '')

    @property
    def kind(self) -> str:
        """As the mode says."""
        return {'finetune': 'finetune', 'linear': 'linear_probe'}[self.args.options['mode']]


class Detection(ShareProtocol):
    """CenterPoint, or SECOND, with 20 % and 100 % of the labels: the official metric of the data set."""

    name = 'detection'
    title = 'Detection (CenterPoint)'
    metric = 'official detection metrics [%]'
    task = 'detection'
    shares = (20.0, 100.0)

    @property
    def form(self) -> str:
        """Whose metric it is: nuscenes', kitti's or waymo's."""
        return self.args.dataset.files

    @property
    def keys(self) -> dict[str, str]:
        """The devkit's two numbers; of Waymo AP and APH at both levels, of KITTI AP in 3D and from above, strict and
        loose."""
        if self.form == 'waymo':
            return {f'L{level} {name}': f'{name}/L{level}' for level in (1, 2) for name in ('AP', 'APH')}
        if self.form == 'kitti':
            return {f'{kind} {how}': f'{kind} AP40 {how}' for kind in ('3D', 'BEV') for how in ('strict', 'loose')}
        return {'mAP': 'mAP', 'NDS': 'NDS'}

    def more(self, results: Results) -> dict[str, Any]:
        """The classes have AP."""
        at = {'waymo': ' at LEVEL_1', 'kitti': ' in 3D at 40 recalls, moderate'}.get(self.form, '')
        return {**super().more(results), 'per_class_title': f'AP per class{at} [%]'}

    def notes(self) -> list[str]:
        """What else differs between the shares."""
        said = 'Below 100 % no objects are pasted (ObjectSample): their database is made of all frames.'
        pasting = [said] if 'ObjectSample' in str(self.config['train_dataloader']) else []
        return [*super().notes(), *pasting, *([KITTI_NOTE] if self.form == 'kitti' else [])]

    def check(self) -> None:
        """As all trainings; nuScenes' devkit scores whole official splits only."""
        if self.args.split != 'test' and self.form == 'nuscenes':
            raise InputError(
                f'--split {self.args.split}: the nuScenes devkit scores whole official splits only; wanted --split test'
            )
        super().check()
