"""A whole protocol: its cells run, its record, table and plot written."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...files import check_writable, nan_to_none
from ...progress import announce
from ..runner import Study, reported_before, write_record
from .base import Protocol
from .table import full_text

UNITS = {
    'mean, sd, values': "in the unit of `metric`; sd is the sample's (n - 1) over `values`, which `sd_over` names",
    'per_class': 'IoU in percent, None for a class without a point in what is scored',
    'confusion': 'points, rows are the true classes, summed over what the entry averages',
    'seconds': "wall clock of a cell's commands; what an interruption threw away is not counted",
}


def record_file(protocol: Protocol) -> Path:
    """`<name>_<dataset><variant>.json`, of the test split ending in `_test`; .md and .png stand beside it."""
    args = protocol.args
    return args.out / f'{protocol.stem}{"" if args.split == "validation" else f"_{args.split}"}.json'


def run_protocol(protocol: Protocol) -> dict[str, Any]:
    """Check, run what is not finished, write the record after every cell, of the test split at the end; returns it.

    A finished record of the test split that the same command made is returned as it is. FileExistsError where another
    has reported it there and `again` is not set, and what `Protocol.check` raises; BlockingIOError where another one
    works in the same folder.
    """
    path, args = record_file(protocol), protocol.args
    if (reported := reported_before(path, args)) is not None:
        announce(f'{protocol.name}: the test split has been reported by this command, in {path}: nothing is run again')
        if not path.with_suffix('.html').is_file():  # killed between the record and what is made of it
            write_record(path, reported, **_shown(protocol, reported))
        return reported
    check_writable(args.out, 'Name another folder with --out, or free some space')
    protocol.check()
    study = Study(protocol.cells(), args.out, title=protocol.name, retry_failed=args.retry_failed)

    def report(last: bool = False) -> dict[str, Any]:
        record = nan_to_none(build_record(protocol, study))
        parts = _shown(protocol, record)
        write_record(path, record, **parts)
        # the numbers are safe before models are loaded and scans read once more
        if last and parts['figure'] is not None and record['complete'] and (pages := protocol.pages()):
            write_record(path, record, **parts, pages=pages)
        return record

    with study.locked() as children:
        protocol.begin()
        # of the test split the record is written once, when all is done
        during = report if args.split == 'validation' else lambda: None
        study.run(children, workers=args.workers, threads=args.threads, on_result=during)
        return report(last=True)


def _shown(protocol: Protocol, record: dict[str, Any]) -> dict[str, Any]:
    """Tables and picture of a record."""
    drawn = any(row['entries'] for row in record['rows'])
    return {'text': full_text(record, protocol.tables), 'figure': protocol.draw(record) if drawn else None}


def build_record(protocol: Protocol, study: Study) -> dict[str, Any]:
    """Everything that the table and the plot are made from: every number with where it comes from."""
    args, results = protocol.args, study.found()
    return {
        'protocol': protocol.name,
        'title': protocol.title,
        'metric': protocol.metric,
        'axis': protocol.axis,
        'plot': protocol.plot,
        'log_x': protocol.log_x,
        'split': args.split,
        'datasets': [dataset.record for dataset in args.datasets],
        'sources': [source.record for source in args.sources],
        'seeds': args.seeds,
        'settings': protocol.settings(),
        'columns': [asdict(column) for column in protocol.columns(results)],
        'rows': protocol.rows(results),
        'notes': protocol.notes(),
        **protocol.more(results),
        'units': {**UNITS, **protocol.units},
        **study.record(args.command),
    }
