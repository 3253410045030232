"""A whole ladder: its cells and baselines run, its record, tables and picture written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...errors import InputError
from ...files import nan_to_none
from ...probe.probe import ProbeSettings
from ..figures.ladder import draw_ladder
from ..runner import Cell, Study, StudyArguments, refuse_second_test, write_record
from ..runner.scalars import last_scalars
from .cells import baseline_cell, dataset_of, pretrain_cell, resolve_config, row_probe_cell
from .ladder_file import Ladder, LadderRow
from .record import build_record, conclusions
from .text import full_text


@dataclass(frozen=True)
class LadderSettings(StudyArguments):
    """How a ladder is run.

    Args:
        ladder: the record shows all its rows.
        rows: the ones to work on.
        option_seeds: seeds of the options among them.
        probe: numbers of the linear probe.
        bn_scans: scans for the random networks' BatchNorm statistics.
    """

    ladder: Ladder
    rows: Sequence[LadderRow]
    option_seeds: int = 1
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    bn_scans: int = 40

    @property
    def record_file(self) -> Path:
        """ladder.json, of the test split ladder_test.json; .md and .png stand beside it."""
        return self.out / ('ladder.json' if self.split == 'validation' else f'ladder_{self.split}.json')


class LadderCells:
    """The cells of every row at the settings' steps, whether they are asked for or not, and the baselines.

    rows: name of a row -> for every seed (pretraining, probe).
    """

    def __init__(self, settings: LadderSettings) -> None:
        self.settings, ladder = settings, settings.ladder
        with tqdm(ladder.rows, desc='ladder: reading configs', unit='config') as rows:
            configs = {
                row.name: resolve_config(row, steps=settings.steps, overrides=settings.overrides) for row in rows
            }
        self.steps = same_steps(configs)
        dataset_of(configs[ladder.reference.name]).part(settings.split)
        self.rows = {row.name: self._seeds(row, configs[row.name]) for row in ladder.rows}
        self.baselines = baseline_cell(
            configs[ladder.reference.name],
            split=settings.split,
            settings=settings.probe,
            random_seeds=settings.seeds,
            batch_norm_scans=settings.bn_scans,
        )

    def _seeds(self, row: LadderRow, config: Mapping[str, Any]) -> list[tuple[Cell, Cell]]:
        settings = self.settings
        # only the reference row is probed with the pillar statistics too
        handcrafted = row.name == settings.ladder.reference.name
        probe = partial(row_probe_cell, split=settings.split, settings=settings.probe, handcrafted=handcrafted)
        seeds = range(max(settings.seeds, settings.option_seeds))
        pretrainings = [pretrain_cell(row, config, seed) for seed in seeds]
        return [(pretraining, probe(pretraining, settings.out)) for pretraining in pretrainings]

    def wanted(self) -> list[Cell]:
        """What was asked for, all rows with one seed before the next seed: an early end leaves a whole ladder."""
        settings = self.settings
        seeds = {row.name: settings.option_seeds if row.is_option else settings.seeds for row in settings.rows}
        wanted = [(seed, row.name) for seed in range(max(seeds.values())) for row in settings.rows]
        pairs = [self.rows[name][seed] for seed, name in wanted if seed < seeds[name]]
        return [self.baselines, *chain.from_iterable(pairs)]

    def all(self) -> list[Cell]:
        """Also those of rows that are not asked for now, and may have been before."""
        return [self.baselines, *chain.from_iterable(chain.from_iterable(self.rows.values()))]


def run_ladder(settings: LadderSettings) -> dict[str, Any]:
    """Run what is not finished, write the record after every cell; returns the last one.

    OutputExistsError where the test split has been reported already and `again` is not set; CellFailed where the
    baselines fail.
    """
    refuse_second_test(settings.record_file, settings)
    cells = LadderCells(settings)
    study = Study(cells.wanted(), settings.out, title='ladder', retry_failed=settings.retry_failed)
    known = Study(cells.all(), settings.out, title='ladder')

    def report() -> dict[str, Any] | None:
        if study.status(cells.baselines.name) != 'finished':  # there is nothing to compare with yet
            return None
        record = ladder_record(cells, study, known)
        write_record(settings.record_file, record, text=full_text(record), figure=draw_ladder(record))
        return record

    return study.run_and_report(settings, report)


def same_steps(configs: Mapping[str, Mapping[str, Any]]) -> int:
    """The steps that all rows train for; InputError where they differ, which no comparison survives."""
    steps = {name: config['train_cfg']['max_iters'] for name, config in configs.items()}
    if len(set(steps.values())) > 1:
        raise InputError(f'the rows train for different numbers of steps ({steps}); give one with --steps')
    return next(iter(steps.values()))


def ladder_record(cells: LadderCells, study: Study, known: Study) -> dict[str, Any]:
    """The record of all that is finished. study: what was asked for; known: also what was run before."""
    settings, baselines = cells.settings, known.result(cells.baselines.name)
    results = {
        name: {
            seed: found
            for seed, (pretraining, probe) in enumerate(pairs)
            if (found := seed_record(known, seed, pretraining, probe))
        }
        for name, pairs in cells.rows.items()
    }
    facts = {
        'ladder': settings.ladder.path.name,
        'split': settings.split,
        'steps': cells.steps,
        'overrides': {key: str(value) for key, value in settings.overrides.items()},
        'protocol': {
            **cells.baselines.depends_on['settings'],
            'random_seeds': settings.seeds,
            'batch_norm_scans': settings.bn_scans,
        },
        'baseline_seconds': baselines['seconds'],
        **study.record(settings.command),
    }
    record = nan_to_none(build_record(settings.ladder, results, baselines['found'], facts))
    return {**record, 'conclusions': conclusions(record)}


def seed_record(study: Study, seed: int, pretraining: Cell, probe: Cell) -> dict[str, Any] | None:
    """A row with one seed: its probe, or that pretraining or probe did not get there; None where neither is known."""
    trained, probed = study.result(pretraining.name), study.result(probe.name)
    if trained is None or (trained['status'] == 'finished' and probed is None):
        return None
    # the monitors of a run that collapsed say how
    logged = trained.get('found') or last_scalars(pretraining.folder(study.out) / 'run')
    record = {'seed': seed, **pretraining.depends_on, **trained, **logged}
    # the sum of the steps' times counts what an interrupted run had done before; it lacks when nothing was logged
    record['seconds'] = {'pretrain': logged.get('seconds') or trained['seconds']}
    if trained['status'] == 'finished':
        record |= {key: probed[key] for key in ('status', 'message', 'step') if key in probed}
        record['probe_commit'] = probed['commit']
        record['seconds']['probe'] = probed['seconds']
        record |= {'probe': probed['found']['rows']} if 'found' in probed else {}
    return record
