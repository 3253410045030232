"""Classifiers and heads on features of a frozen encoder."""

import argparse

from ....engine.arguments import at_least
from .base import ObjectProtocol
from .competitors import Competitor, without_network
from .recipes import VIEWS


class ObjectSVM(ObjectProtocol):
    """scikit-learn's LinearSVC on [CLS, mean] of a frozen encoder, each object's features of length 1."""

    name = 'object_svm'
    title = 'Linear SVM on objects'
    how = 'svm'
    held_out = 20.0
    states = {'last': 'C = 1, or last epoch', 'best': 'C, or epoch, by validation'}

    def described(self) -> list[Competitor]:
        """Descriptors suit other classifiers better than an SVM."""
        return without_network(seeds=None, several_classifiers=True)

    def own_notes(self) -> list[str]:
        """What stands in the columns."""
        return [
            'C = 1 is the default of LinearSVC; the chosen C is one of eight from 0.001 to 10 000, fitted again on all '
            'labelled objects. Descriptors are standardised; the best of several classifiers on them is chosen, so '
            'that it stands in the second column alone. What is supervised is trained, not probed.'
        ]


class ObjectKNN(ObjectProtocol):
    """k nearest neighbours by cosine of [CLS, mean] of a frozen encoder."""

    name = 'object_knn'
    title = 'Nearest neighbours on objects'
    how = 'knn'
    held_out = 20.0
    states = {'last': 'k = 5, or last epoch', 'best': 'k, or epoch, by validation'}

    def described(self) -> list[Competitor]:
        """Nothing is random."""
        return without_network(seeds=None, several_classifiers=False)

    def own_notes(self) -> list[str]:
        """What stands in the columns."""
        return [
            'k = 5 by majority, ties to the lower class; the chosen k is 1, 3, 5, 10 or 20. Descriptors are '
            'standardised. What is supervised is trained, not probed.'
        ]


class _HeadProtocol(ObjectProtocol):
    """A head trained on [CLS, mean, max] of a frozen encoder."""

    pools = ('cls', 'mean', 'max')
    trains = True

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """And how many augmented views."""
        super().add_arguments(parser)
        parser.add_argument(
            '--views',
            type=at_least(1),
            default=VIEWS,
            metavar='V',
            help='augmented views of every object, whose features are kept; pass i takes view i modulo V',
        )

    def own_notes(self) -> list[str]:
        """What the paper has otherwise."""
        return [f'Heads see {self.args.options["views"]} augmented views of each object, in turn.']


class ObjectLinear(_HeadProtocol):
    """One linear layer trained on [CLS, mean, max] of a frozen encoder."""

    name = 'object_linear'
    title = 'Linear layer on objects'
    how = 'linear'


class ObjectMLP3(_HeadProtocol):
    """AsymDSD's MLP-3 trained on [CLS, mean, max] of a frozen encoder."""

    name = 'object_mlp3'
    title = 'MLP-3 on objects'
    how = 'mlp3'
