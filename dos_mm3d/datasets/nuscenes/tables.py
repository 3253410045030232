"""nuScenes' tables, JSON files of records, read with what is wrong in them named."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError, MissingFileError

AGAIN = 'Unpack the metadata of nuScenes again; the tables must all be of one version'


def read_table(path: str | Path, fields: Mapping[str, type] | None = None) -> list[dict[str, Any]]:
    """The records of a table. MissingFileError without it; InputError where it is no list of records with the fields.

    fields: name -> type of what every record must have.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(
            f'{path}: no such nuScenes table; data_root must hold the tables that the infos came from'
        )
    try:
        records = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: no whole JSON table ({error}). {AGAIN}.') from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise InputError(f'{path}: found {type(records).__name__}, wanted a list of records. {AGAIN}.')
    for name, kind in (fields or {}).items():
        wrong = next((record for record in records if not isinstance(record.get(name), kind)), None)
        if wrong is not None:
            raise InputError(
                f'{path}: the record {str(wrong.get("token"))[:40]} has {name}={str(wrong.get(name))[:40]}, wanted '
                f'{kind.__name__}. {AGAIN}.'
            )
    return records


def check_distinct(path: Path, records: Iterable[Mapping[str, Any]], field: str) -> None:
    """InputError for a token or a name that two records have: the devkit would find one of them alone."""
    seen: set[str] = set()
    for record in records:
        if record[field] in seen:
            raise InputError(f'{path}: two records have the {field} {record[field][:40]}; wanted each once. {AGAIN}.')
        seen.add(record[field])


def check_references(path: Path, records: Iterable[Mapping[str, Any]], field: str, known: set[str]) -> None:
    """InputError where a record refers to one of another table that is not there."""
    missing = [record[field] for record in records if record[field] not in known]
    if missing:
        raise InputError(
            f'{path}: {len(missing)} records refer to a {field} that its table does not have, first '
            f'{missing[0][:40]!r}. {AGAIN}.'
        )


def check_numbers(path: Path, records: list[dict[str, Any]], field: str, count: int) -> None:
    """InputError unless every record has that many finite numbers."""
    wrong = next((record for record in records if not _numbers(record.get(field), count)), None)
    if wrong is not None:
        raise InputError(
            f'{path}: the record {str(wrong.get("token"))[:40]} has {field}={str(wrong.get(field))[:80]}, wanted '
            f'{count} finite numbers. {AGAIN}.'
        )


def _numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(type(item) in (int, float) and -1e30 < item < 1e30 for item in value)
    )


def check_rotations(path: Path, records: list[dict[str, Any]]) -> None:
    """InputError unless every record's `rotation` is a quaternion of length 1."""
    check_numbers(path, records, 'rotation', 4)
    wrong = next((r for r in records if not 0.99 < sum(item * item for item in r['rotation']) < 1.01), None)
    if wrong is not None:
        raise InputError(
            f'{path}: the record {wrong["token"][:40]} has rotation={wrong["rotation"]}, wanted a '
            f'quaternion of length 1. {AGAIN}.'
        )
