"""The command line of protocols on objects."""

import argparse

from ....engine.arguments import Gathered, at_least, number
from .competitors import BASELINES


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """How clouds are fed, and which rows."""
    add = parser.add_argument
    add('--points', type=at_least(1), metavar='N', help='of every cloud; default: by the format of the set')
    add('--patches', type=at_least(1), metavar='P', help='of every cloud; default: by the format of the set')
    add('--points-per-patch', type=at_least(1), metavar='K', help="default: the checkpoint's")
    add(
        '--baselines', action=Gathered, nargs='*', choices=BASELINES, default=list(BASELINES),
        help='rows without pretraining; what is left out is not in the table',
    )  # fmt: skip
    add('--load-workers', type=at_least(0), metavar='W', help='processes of a cell that prepare clouds; default: none')


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Of what is trained: networks from scratch in every protocol."""
    add = parser.add_argument
    add('--epochs', type=at_least(1), help="of every training, in proportion of its stages; default: its recipe's")
    add('--batch-size', type=at_least(1), help="of every training; default: its recipe's")


def add_label_arguments(parser: argparse.ArgumentParser, *, held_out: float) -> None:
    """Which labels are seen. held_out: default percent of them that settings are chosen on."""
    parser.add_argument('--share', type=float, default=100, metavar='PERCENT', help='of the labels of every class')
    parser.add_argument('--share-seed', type=int, default=1, help='which draw of the labels')
    parser.add_argument(
        '--held-out',
        type=float,
        default=held_out,
        metavar='PERCENT',
        help='of the labels, held out to choose settings; 0: nothing is chosen',
    )


def add_rate_argument(parser: argparse.ArgumentParser) -> None:
    """Of pretrained networks."""
    parser.add_argument('--lr', type=number(above=0), help="of pretrained networks; default: the recipe's")
