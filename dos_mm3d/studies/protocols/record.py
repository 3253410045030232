"""The record of a protocol: every number with where it comes from."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .base import Protocol, ProtocolArguments, portable

UNITS = {
    'mean, sd, values': "in the unit of `metric`; sd is the sample's (n - 1) over `values`, which `sd_over` names",
    'per_class': 'IoU in percent, None for a class without a point in what is scored',
    'confusion': 'points, rows are the true classes, summed over what the entry averages',
    'seconds': "wall clock of a cell's commands; what an interruption threw away is not counted",
}
CELL_KEYS = ('status', 'message', 'step', 'seconds', 'commit', 'machine')


def build_record(
    protocol: Protocol,
    args: ProtocolArguments,
    recorded: Mapping[str, Mapping[str, Any] | None],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that the table and the plot are made from.

    recorded: name of a cell -> its record, None for one that is not run yet.  facts: of this call.
    """
    results = {name: found['found'] for name, found in recorded.items() if found and found['status'] == 'finished'}
    return {
        'protocol': protocol.name,
        'title': protocol.title,
        'metric': protocol.metric,
        'axis': protocol.axis,
        'plot': protocol.plot,
        'log_x': protocol.log_x,
        'split': args.split,
        'complete': all(recorded.values()),
        'datasets': [
            {'name': dataset.name, 'title': dataset.title, 'root': portable(dataset.root), 'data_hash': dataset.hash()}
            for dataset in args.datasets
        ],
        'sources': [source.record for source in args.sources],
        'seeds': args.seeds,
        'settings': protocol.settings(args),
        'columns': [asdict(column) for column in protocol.columns(args, results)],
        'rows': protocol.rows(args, results),
        'notes': protocol.notes(args),
        **protocol.more(args, results),
        'cells': [cell_record(name, found) for name, found in recorded.items()],
        'commits': sorted({str(found['commit']) for found in recorded.values() if found}),
        'units': UNITS,
        'command': args.command,
        **facts,
    }


def cell_record(name: str, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """What became of a cell, without its numbers."""
    if found is None:
        return {'name': name, 'status': 'not run'}
    return {'name': name, **{key: found[key] for key in CELL_KEYS if key in found}}
