"""Linear probe: one linear layer on frozen features at the points, beside everything that needs no pretraining."""

import argparse

from ...probe.probe import ProbeSettings
from ...probe.rows import FIXED, PRETRAINED, RANDOM
from .base import ProtocolArguments
from .draws import Draws
from .probing import Probing, add_probe_arguments


class LinearProbe(Probing):
    """Multinomial logistic regression (L-BFGS) on a few labelled scans, several draws of them; every row shares
    draws, points, recipe and scored scans. Teacher and student of the checkpoint, random networks with their BatchNorm
    statistics in order, the raw input, and hand-crafted statistics."""

    name = 'linear_probe'
    title = 'Linear probe'
    plot = 'dots'
    fixed, random, pretrained = FIXED, RANDOM, PRETRAINED
    sd_over = 'networks'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Sizes."""
        parser.add_argument('--scans', type=int, default=ProbeSettings.scans_per_draw, help='labelled scans of a draw')
        parser.add_argument('--draws', type=int, default=ProbeSettings.n_draws, help='draws of the labelled scans')
        add_probe_arguments(parser)

    def draws(self, args: ProtocolArguments) -> Draws:
        """One size."""
        return Draws({'miou': args.options['scans']}, args.options['draws'], nested=False)

    def column_title(self, size: int) -> str:
        """The number itself: there is one column."""
        return 'mIoU [%]'

    def notes(self, args: ProtocolArguments) -> list[str]:
        """What a row is."""
        return [
            f'A linear layer on frozen features, fitted on each of {args.options["draws"]} draws of labelled scans of '
            'the training sequences; every row has the same draws, points and scored scans. Networks: pretraining runs '
            "of DOS, seeds of the random ones, whose BatchNorm statistics are those of the data set's unlabelled "
            'scans.'
        ]
