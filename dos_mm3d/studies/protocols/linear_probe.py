"""Linear probe and few-shot: a linear layer on frozen features at the points, beside what needs no pretraining."""

import argparse

from ...engine.arguments import Gathered
from ...probe.rows import FIXED, PRETRAINED, RANDOM
from .draws import Draws
from .folder_sets import FolderSet
from .probe_plan import ProbePlan
from .probing import Probing, add_probe_arguments

ALL = 'all'
SHOTS = (1, 5, 10, 20)
FOLDER_SHOTS = (1, 4, ALL)


class LinearProbe(Probing):
    """Multinomial logistic regression (L-BFGS) on a few labelled scans, several draws of them; every row shares
    draws, points, recipe and scored scans. Teacher and student of the checkpoint, random networks with their BatchNorm
    statistics in order, the raw input, and hand-crafted statistics."""

    name = 'linear_probe'
    title = 'Linear probe'
    folder_sets = True
    fixed, random, pretrained = FIXED, RANDOM, PRETRAINED

    def draws(self) -> Draws:
        """One size."""
        return Draws({'miou': self.args.options['scans']}, self.args.options['draws'], nested=False)

    def place(self, plan: ProbePlan, size: int) -> tuple[str, float | None]:
        """The number itself: there is one column."""
        return self.metric, float(size)

    def notes(self) -> list[str]:
        """What a row is."""
        return [
            *self.folder_notes(),
            f'A linear layer on frozen features, fitted on each of {self.args.options["draws"]} draws of labelled '
            'scans of the training sequences; every row has the same draws, points and scored scans. Networks: '
            'pretraining runs of DOS, seeds of the random ones, whose BatchNorm statistics are those of the data '
            "set's unlabelled scans.",
            self.points_note,
        ]


class FewShot(Probing):
    """The linear layer of the probe fitted on k labelled scans, several independent draws. Draws are nested: the k
    scans of a draw are the first of one random order, so that a curve changes by added scans only; all rows share
    them."""

    name = 'few_shot'
    title = 'Few-shot linear probe'
    folder_sets = True
    axis = 'labelled scans'
    plot = 'curve'
    log_x = True
    fixed = {name: FIXED[name] for name in ('raw', 'handcrafted')}
    random = RANDOM
    pretrained = {name: PRETRAINED[name] for name in ('dos', 'dos_raw', 'dos_raw_handcrafted')}
    sd_over = 'draws'

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Sizes."""
        parser.add_argument(
            '--shots',
            action=Gathered,
            type=scans_or_all,
            nargs='+',
            metavar='K',
            help=f'labelled scans, or all, one column each; default {" ".join(map(str, SHOTS))}, of folders of frames '
            f'{" ".join(map(str, FOLDER_SHOTS))}',
        )
        add_probe_arguments(parser, draws=5)

    def draws(self) -> Draws:
        """One column a number of scans."""
        dataset, shots = self.args.dataset, self.args.options['shots']
        shots = shots or (FOLDER_SHOTS if isinstance(dataset, FolderSet) else SHOTS)
        n_scans = len(dataset.scans('probe_train')) if ALL in shots else 0
        sizes = {f'k{k}': k for k in sorted({n_scans if k == ALL else k for k in shots})}
        return Draws(sizes, self.args.options['draws'], nested=True)

    def notes(self) -> list[str]:
        """What a draw is."""
        return [
            *self.folder_notes(),
            f'{self.args.options["draws"]} draws, independent of each other; within a draw the fewer scans are among '
            'the more. Every row has the same draws. A value is the mean over the networks of its row (pretraining '
            'runs, or seeds of the random ones). A class that a draw does not hold is never predicted and counts as 0.',
            self.points_note,
        ]


def scans_or_all(text: str) -> int | str:
    """A number of scans of the command line, or `all`."""
    return text if text == ALL else int(text)
