"""The record of a campaign and its table."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ..runner import Study
from ..runner.markdown import markdown_table
from .outcomes import FAULTS, NAMED, OUTCOMES, RAW, RIGHT, SKIPPED

GOOD = (RIGHT, NAMED, RAW, SKIPPED)


def build_record(study: Study, *, seed: int, short: bool, command: str) -> dict[str, Any]:
    """Every case with what became of it, and the counts."""
    cases = [case for found in study.found().values() for case in found.get('cases', ())]
    return {
        'campaign': 'short' if short else 'long',
        'seed': seed,
        'counts': counts_of(cases),
        'cases': cases,
        'outcomes': OUTCOMES,
        **study.record(command),
    }


def counts_of(cases: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Kind of disturbance -> outcome -> number of cases."""
    counts: dict[str, Counter] = {}
    for case in cases:
        counts.setdefault(case['kind'], Counter())[case['outcome']] += 1
    return {kind: {name: found[name] for name in OUTCOMES if found[name]} for kind, found in counts.items()}


def table(record: Mapping[str, Any]) -> str:
    """One row for each kind of disturbance."""
    rows = [
        (kind, str(sum(found.values())), *(str(found.get(name, 0)) for name in (*GOOD, *FAULTS)))
        for kind, found in record['counts'].items()
    ]
    return markdown_table(('disturbed by', 'cases', *GOOD, *FAULTS), rows)


def summary(record: Mapping[str, Any]) -> str:
    """The table, what its columns mean, and where it was made."""
    machine, commits = record['machine'], ', '.join(f'`{commit[:10]}`' for commit in record['commits'])
    used = sorted({case['outcome'] for case in record['cases']} - {RIGHT}, key=list(OUTCOMES).index)
    meanings = '; '.join(f'*{name}*: {OUTCOMES[name]}' for name in used)
    return (
        f'{table(record)}\n\n{meanings}. Of {len(record["cases"])} cases {count(record, FAULTS)} are none of the good '
        f'ones. Seed {record["seed"]}, device {machine["device"]}, commit {commits}. {record.get("note", "")}'.rstrip()
    )


def count(record: Mapping[str, Any], outcomes: Iterable[str]) -> int:
    """Cases with one of some outcomes."""
    return sum(case['outcome'] in tuple(outcomes) for case in record['cases'])


def faults_of(record: Mapping[str, Any]) -> list[str]:
    """A line for each case that must not be, and for each cell that failed by itself."""
    lines = [
        f'{case["outcome"]}: {case["kind"]}, {case["job"]}, {case["how"]}: {case["message"]}'
        for case in record['cases']
        if case['outcome'] in FAULTS
    ]
    return lines + [f'{cell["name"]}: {cell["status"]}' for cell in record['cells'] if cell['status'] != 'finished']
