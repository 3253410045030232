"""Few-shot: the linear probe with k labelled scans, repeatedly drawn."""

import argparse

from ...probe.rows import FIXED, PRETRAINED, RANDOM
from .base import ProtocolArguments
from .draws import Draws
from .probing import Probing, add_probe_arguments

SHOTS = (1, 5, 10, 20)


class FewShot(Probing):
    """The linear layer of the probe fitted on k labelled scans, several independent draws. Draws are nested: the k
    scans of a draw are the first of one random order, so that a curve changes by added scans only; all rows share
    them."""

    name = 'few_shot'
    title = 'Few-shot linear probe'
    axis = 'labelled scans'
    plot = 'curve'
    log_x = True
    fixed = {name: FIXED[name] for name in ('raw', 'handcrafted')}
    random = {name: RANDOM[name] for name in ('random', 'random_raw')}
    pretrained = {name: PRETRAINED[name] for name in ('dos', 'dos_raw')}
    sd_over = 'draws'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Sizes."""
        parser.add_argument('--shots', type=int, nargs='+', default=list(SHOTS), help='labelled scans, one column each')
        parser.add_argument('--draws', type=int, default=5, help='draws of the labelled scans')
        add_probe_arguments(parser)

    def draws(self, args: ProtocolArguments) -> Draws:
        """One column a number of scans."""
        return Draws({f'k{k}': k for k in sorted(set(args.options['shots']))}, args.options['draws'], nested=True)

    def notes(self, args: ProtocolArguments) -> list[str]:
        """What a draw is."""
        return [
            f'{args.options["draws"]} draws, independent of each other; within a draw the fewer scans are among the '
            'more. Every row has the same draws. A value is the mean over the networks of its row (pretraining runs, '
            'or seeds of the random ones). A class that a draw does not hold is never predicted and counts as 0.'
        ]
