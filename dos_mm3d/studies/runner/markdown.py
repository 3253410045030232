"""What the tables of all studies share."""

from collections.abc import Mapping, Sequence
from typing import Any

NONE, NOT_RUN = '-', 'not run'
MESSAGE_CHARACTERS = 200


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in GitHub's dialect."""
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def number(value: float | None, form: str = '.1f') -> str:
    """A number, or '-' where there is none."""
    return NONE if value is None else format(value, form)


def plus_minus(mean: float, sd: float | None) -> str:
    """`27.3 ± 0.8`, without the second part for a single value."""
    return number(mean) + ('' if sd is None else f' ± {sd:.1f}')


def page(title: str, complete: bool, sections: Mapping[str, str]) -> str:
    """A whole .md file: title, then `heading -> text` of the sections that have any; the first has no heading of its
    own."""
    parts = [f'# {title}{"" if complete else " (incomplete)"}']
    parts += [text if heading == '' else f'## {heading}\n\n{text}' for heading, text in sections.items() if text]
    return '\n\n'.join(parts) + '\n'


def provenance(record: Mapping[str, Any], hours: str) -> str:
    """`0.5 h ..., device cpu, torch 2, commit abc.` of a study's record. hours: of computing, in words."""
    commits = ', '.join(f'`{commit[:10]}{" + changes" if "changes" in commit else ""}`' for commit in record['commits'])
    return (
        f'{hours}, device {record["machine"]["device"]}, torch {record["versions"]["torch"]}, '
        f'commit {commits or "unknown"}.'
    )


def message_of(cell: Mapping[str, Any]) -> str:
    """What a lost cell said, on one line, short and without what would end a table's cell; empty for others."""
    flat = ' '.join(cell.get('message', '').split()).replace('|', '\\|')
    return flat if len(flat) <= MESSAGE_CHARACTERS else f'{flat[:MESSAGE_CHARACTERS]} ...'
