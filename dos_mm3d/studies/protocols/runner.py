"""A whole protocol: its cells run, its record, table and plot written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, OutputExistsError
from ...files import nan_to_none, read_json, write_json, write_text
from ...visualization.style import write_png
from ..figures.protocols import draw_protocol
from ..runner.children import Children, locked
from ..runner.facts import commit, machine, versions
from ..runner.jobs import run_jobs
from .base import Protocol, ProtocolArguments
from .cell_job import CellJob
from .record import build_record
from .table import full_text


def record_file(protocol: Protocol, args: ProtocolArguments) -> Path:
    """`<name>_<dataset><variant>.json`, of the test split ending in `_test`; .md and .png stand beside it."""
    split = '' if args.split == 'validation' else f'_{args.split}'
    return args.out / f'{protocol.name}_{args.label}{protocol.variant(args)}{split}.json'


def run_protocol(protocol: Protocol, args: ProtocolArguments) -> dict[str, Any]:
    """Check, run what is not finished, write the record after every cell; returns the last one.

    FileExistsError where the test split has been reported already and `again` is not set, and what `Protocol.check`
    raises; BlockingIOError where another one works in the same folder.
    """
    refuse_second_test(record_file(protocol, args), args)
    protocol.check(args)
    facts = {'commit': commit(Path(__file__).parent), 'versions': versions(), 'machine': machine()}
    jobs = [CellJob(cell, args.out, facts, args.retry_failed) for cell in protocol.cells(args)]
    require_distinct(jobs)
    with locked(args.out, what='protocol') as lock:
        protocol.begin(args)

        def on_result() -> None:
            if args.split == 'validation':
                write_report(protocol, args, jobs, facts)

        run_jobs(jobs, Children(lock), workers=args.workers, on_result=on_result, title=protocol.name)
        return write_report(protocol, args, jobs, facts)


def refuse_second_test(path: Path, args: ProtocolArguments) -> None:
    """The test split is looked at once; cells that gave no number may be run again."""
    if args.split != 'test' or args.again or not path.is_file():
        return
    record = read_json(path)
    lost = any(cell['status'] != 'finished' for cell in record['cells'])
    if record['complete'] and not (args.retry_failed and lost):
        raise OutputExistsError(
            f'{path}: the test split has been reported there; settings are chosen on --split validation. '
            'If it must be replaced, say --again, and say so where the numbers are shown'
        )


def require_distinct(jobs: Sequence[CellJob]) -> None:
    """ValueError where two cells of a protocol would share a name: their results could not be told apart."""
    names = [job.name for job in jobs]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f'{", ".join(doubled)}: more than one cell of that name; wanted one')


def write_report(
    protocol: Protocol, args: ProtocolArguments, jobs: Sequence[CellJob], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """JSON, Markdown and plot of what is finished."""
    record = nan_to_none(build_record(protocol, args, {job.name: job.recorded() for job in jobs}, facts))
    path = record_file(protocol, args)
    write_json(path, record)
    write_text(path.with_suffix('.md'), full_text(record))
    if any(row['entries'] for row in record['rows']):
        write_png(draw_protocol(record), path.with_suffix('.png'))
    return record
