"""What linear probe and few-shot share: rows, cells and table of a probe on one data set."""

import argparse
from collections.abc import Mapping
from typing import Any

from ...errors import InputError
from ...probe.probe import ProbeSettings
from ...probe.rows import TITLES
from ..runner import Cell
from .base import Column, Protocol, ProtocolArguments, Results, row
from .draws import Draws
from .probe_cells import (
    ProbePlan,
    check_probe,
    drawn_facts,
    drawn_scans,
    encoder_hash,
    input_of,
    probe_cell,
    probe_entry,
    require_same_points,
)


def add_probe_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes that all probes have."""
    parser.add_argument('--bn-scans', type=int, default=40, help="scans for random networks' BatchNorm statistics")
    parser.add_argument('--scored-scans', type=int, help='so many of the split, evenly spread; default: all')
    parser.add_argument(
        '--points-per-class',
        type=int,
        default=ProbeSettings.points_per_class,
        help='training points of one class in one scan, at most',
    )


class Probing(Protocol):
    """A probe of checkpoints on one data set beside networks and features without pretraining."""

    fixed: Mapping[str, list[str]]
    random: Mapping[str, list[str]]
    pretrained: Mapping[str, list[str]]
    sd_over: str

    def draws(self, args: ProtocolArguments) -> Draws:
        """The labelled scans, one column a size."""
        raise NotImplementedError

    def plan(self, args: ProtocolArguments) -> ProbePlan:
        options = args.options
        sizes = {name: options[name] for name in ('bn_scans', 'points_per_class', 'scored_scans')}
        return ProbePlan(args.split, self.draws(args), **sizes)

    def check(self, args: ProtocolArguments) -> None:
        """One encoder, and that every cell could run."""
        if not args.sources:
            raise InputError(f'{self.name} needs --checkpoint PATH, a pretraining checkpoint')
        if len({encoder_hash(source) for source in args.sources}) > 1:
            raise InputError(
                f'{", ".join(str(source.config_file) for source in args.sources)}: the checkpoints have different '
                'encoders or inputs; wanted runs of one config with several seeds, one call for each config'
            )
        check_probe(args.dataset, args.sources, self.plan(args))

    def cells(self, args: ProtocolArguments) -> list[Cell]:
        """What needs no network, then checkpoint and random network in turn: an early end leaves whole comparisons."""
        plan, first = self.plan(args), args.sources[0]
        cells = [probe_cell('fixed', args.dataset, first, plan, {'kind': 'none'}, self.fixed)]
        pretrained = [
            probe_cell(source.name, args.dataset, source, plan, {'kind': 'checkpoint'}, self.pretrained)
            for source in args.sources
        ]
        random = [
            probe_cell(f'random_{seed}', args.dataset, first, plan, {'kind': 'random', 'seed': seed}, self.random)
            for seed in range(args.seeds)
        ]
        for number in range(max(len(pretrained), len(random))):
            cells += [*pretrained[number : number + 1], *random[number : number + 1]]
        return cells

    def groups(self, args: ProtocolArguments) -> list[tuple[str, Mapping[str, list[str]], dict[str, str]]]:
        """(kind, rows, name of a cell -> label of its network) of the table's parts."""
        return [
            ('scratch', self.fixed, {'fixed': 'fixed'}),
            ('scratch', self.random, {f'random_{seed}': f'seed {seed}' for seed in range(args.seeds)}),
            ('pretrained', self.pretrained, {source.name: source.name for source in args.sources}),
        ]

    def columns(self, args: ProtocolArguments, results: Results) -> list[Column]:
        """One a size, with the frames that its draws hold."""
        names = list(results)
        sizes = self.draws(args).sizes
        return [
            Column(name, self.column_title(size), float(size), drawn_facts(results, names, name))
            for name, size in sizes.items()
        ]

    def column_title(self, size: int) -> str:
        """Of a column of draws of `size` scans."""
        return f'{size} labelled scan{"" if size == 1 else "s"}'

    def rows(self, args: ProtocolArguments, results: Results) -> list[dict[str, Any]]:
        """What needs no pretraining first. ValueError where the rows were not judged on the same points."""
        require_same_points(results, list(results), args.label)
        found = []
        for kind, rows, labels in self.groups(args):
            for name in rows:
                entries = {
                    column: probe_entry(results, labels, name, column, sd_over=self.sd_over)
                    for column in self.draws(args).sizes
                }
                entries = {column: value for column, value in entries.items() if value is not None}
                found.append(row(name, TITLES[name], kind, entries))
        return found

    def settings(self, args: ProtocolArguments) -> dict[str, Any]:
        """Recipe, sizes, and what the encoder is fed."""
        return {**self.plan(args).record, 'input': input_of(args.sources[0]).record}

    def more(self, args: ProtocolArguments, results: Results) -> dict[str, Any]:
        """The labelled scans of every draw, by name."""
        return {'drawn_scans': drawn_scans(results, list(results))}
