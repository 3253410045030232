"""A whole ladder: its cells and baselines run, its record, tables and picture written."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...errors import InputError, OutputExistsError
from ...files import nan_to_none, read_json, write_json, write_text
from ...probe.probe import ProbeSettings
from ...visualization.style import write_png
from ..figures.ladder import draw_ladder
from ..runner.children import Children, locked
from ..runner.facts import commit, machine, versions
from ..runner.jobs import run_jobs
from .cells import Cell, data_hash, make_cell, require_split, resolve_config
from .jobs import BaselineJob, CellJob, Commands
from .ladder_file import Ladder, LadderRow
from .probe import cell_protocol
from .record import build_record, conclusions
from .text import full_text


@dataclass(frozen=True)
class LadderSettings:
    """How a ladder is run.

    rows: the ones to work on; the record shows every row of the ladder.  seeds: of rows; option_seeds: of options.
    steps: of pretraining, None as the configs say.  overrides: the values of --cfg-options.
    bn_scans: scans for the random networks' BatchNorm statistics.  again: a finished test record may be replaced.
    """

    ladder: Ladder
    rows: Sequence[LadderRow]
    out: Path
    seeds: int
    option_seeds: int
    steps: int | None
    split: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    protocol: ProbeSettings = field(default_factory=ProbeSettings)
    bn_scans: int = 40
    workers: int = 2
    retry_failed: bool = False
    again: bool = False

    @property
    def record_file(self) -> Path:
        """ladder.json, of the test split ladder_test.json; .md and .png stand beside it."""
        return self.out / ('ladder.json' if self.split == 'validation' else f'ladder_{self.split}.json')


def run_ladder(settings: LadderSettings, commands: Commands) -> dict[str, Any]:
    """Run what is not finished, write the record after every cell; returns the last one.

    FileExistsError where the test split has been reported already and `again` is not set.
    """
    refuse_second_test(settings)
    jobs = LadderJobs(settings, commands)
    with locked(settings.out) as lock:
        wanted = [jobs.baselines, *jobs.wanted_cells()]
        run_jobs(
            wanted,
            Children(lock),
            workers=settings.workers,
            on_result=lambda: write_report(settings, jobs, final=False),
        )
        return write_report(settings, jobs, final=True)


def refuse_second_test(settings: LadderSettings) -> None:
    """The test split is looked at once."""
    path = settings.record_file
    if settings.split == 'test' and path.is_file() and read_json(path)['complete'] and not settings.again:
        raise OutputExistsError(
            f'{path}: the test split has been reported there; settings are chosen on --split validation. '
            'If it must be replaced, say --again, and say so where the numbers are shown'
        )


class LadderJobs:
    """Every cell of a ladder at the settings' steps, whether it is asked for or not, and the baselines."""

    def __init__(self, settings: LadderSettings, commands: Commands) -> None:
        self.settings, self.commands = settings, commands
        self.facts = {'commit': commit(Path(__file__).parent), 'versions': versions(), 'machine': machine()}
        with tqdm(settings.ladder.rows, desc='ladder: reading configs', unit='config') as rows:
            configs = {
                row.name: resolve_config(row, steps=settings.steps, overrides=settings.overrides) for row in rows
            }
        self.steps = same_steps(configs)
        reference = settings.ladder.reference.name
        require_split(configs[reference], settings.split)
        self.cells = {row.name: self._row_of_cells(row, configs[row.name]) for row in settings.ladder.rows}
        self.baselines = self._baseline_job(configs[reference])

    def _row_of_cells(self, row: LadderRow, config: Mapping[str, Any]) -> dict[int, CellJob]:
        seeds = range(max(self.settings.seeds, self.settings.option_seeds))
        return {seed: self._cell_job(make_cell(row, config, seed, self.settings.out)) for seed in seeds}

    def _cell_job(self, cell: Cell) -> CellJob:
        settings = self.settings
        protocol = cell_protocol(settings.protocol, handcrafted=needs_handcrafted(settings.ladder, cell.row))
        return CellJob(cell, settings.split, protocol, self.commands, self.facts, settings.retry_failed)

    def _baseline_job(self, config: Mapping[str, Any]) -> BaselineJob:
        settings = self.settings
        protocol = {**asdict(settings.protocol), 'random_seeds': settings.seeds, 'batch_norm_scans': settings.bn_scans}
        data = data_hash(config['train_dataloader']['dataset']['data_root'])
        return BaselineJob(config, data, settings.split, protocol, settings.out, self.commands, self.facts)

    def wanted_cells(self) -> list[CellJob]:
        """What was asked for, all rows with one seed before the next seed: an early end leaves a whole ladder."""
        seeds = {row.name: self.settings.option_seeds if row.is_option else self.settings.seeds for row in self.rows}
        return [
            self.cells[row.name][seed]
            for seed in range(max(seeds.values()))
            for row in self.rows
            if seed < seeds[row.name]
        ]

    @property
    def rows(self) -> Sequence[LadderRow]:
        return self.settings.rows

    def results(self) -> dict[str, dict[int, Mapping[str, Any]]]:
        """Row name -> seed -> what is recorded, whether it was asked for now or before."""
        found = {
            name: {seed: job.cell.result(job.split, job.protocol) for seed, job in cells.items()}
            for name, cells in self.cells.items()
        }
        return {name: {seed: cell for seed, cell in cells.items() if cell} for name, cells in found.items()}


def needs_handcrafted(ladder: Ladder, row: LadderRow) -> bool:
    """Only the reference row is probed with the pillar statistics too."""
    return row.name == ladder.reference.name


def same_steps(configs: Mapping[str, Mapping[str, Any]]) -> int:
    """The steps that all rows train for; ValueError where they differ, which no comparison survives."""
    steps = {name: config['train_cfg']['max_iters'] for name, config in configs.items()}
    if len(set(steps.values())) > 1:
        raise InputError(f'the rows train for different numbers of steps ({steps}); give one with --steps')
    return next(iter(steps.values()))


def write_report(settings: LadderSettings, jobs: LadderJobs, *, final: bool) -> dict[str, Any] | None:
    """ladder.json, ladder.md and ladder.png of all that is finished; nothing while the baselines are not."""
    baselines = jobs.baselines.finished()
    if baselines is None:
        return None
    cells = jobs.wanted_cells()
    facts = {
        'ladder': str(settings.ladder.path.name),
        'split': settings.split,
        'steps': jobs.steps,
        'complete': all(job.cell.result(job.split, job.protocol) is not None for job in cells),
        'overrides': {key: str(value) for key, value in settings.overrides.items()},
        'protocol': baselines['protocol'],
        'baseline_seconds': baselines['seconds'],
        **jobs.facts,
    }
    record = nan_to_none(build_record(settings.ladder, jobs.results(), baselines, facts))
    record['conclusions'] = conclusions(record)
    if final or settings.split == 'validation':
        write_json(settings.record_file, record)
        write_text(settings.record_file.with_suffix('.md'), full_text(record))
        write_png(draw_ladder(record), settings.record_file.with_suffix('.png'))
    return record
