"""One HTML file that holds everything, pictures included, and loads nothing from anywhere."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2429; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd }
table { border-collapse: collapse; margin: .6rem 0 }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #e4e4e4 }
th { text-align: left; background: #f4f6f7 }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
figure { margin: 1rem 0 } img { max-width: 100%; height: auto }
.note { color: #5b666d; font-size: .92rem } .scroll { overflow-x: auto }
"""


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first column is text, the others numbers, which are aligned to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def html(self) -> str:
        head = ''.join(f'<th{_number(i)}>{escape(cell)}</th>' for i, cell in enumerate(self.header))
        lines = [
            '<tr>' + ''.join(f'<td{_number(i)}>{escape(cell)}</td>' for i, cell in enumerate(row)) + '</tr>'
            for row in self.rows
        ]
        return f'<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


@dataclass(frozen=True)
class Picture:
    """A PNG with what it shows in words."""

    png: bytes
    caption: str

    def html(self) -> str:
        data = base64.b64encode(self.png).decode()
        return (
            f'<figure><img src="data:image/png;base64,{data}" alt="{escape(self.caption)}">'
            f'<figcaption class="note">{escape(self.caption)}</figcaption></figure>'
        )


@dataclass(frozen=True)
class Sentences:
    """Plain sentences, one list item each."""

    lines: Sequence[str]

    def html(self) -> str:
        return '<ul>' + ''.join(f'<li>{escape(line)}</li>' for line in self.lines) + '</ul>'


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    parts: Sequence[Table | Picture | Sentences]

    def html(self) -> str:
        return f'<h2>{escape(self.title)}</h2>' + ''.join(part.html() for part in self.parts)


def render_page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole page as text."""
    body = ''.join(section.html() for section in sections)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    top = f'<h1>{escape(title)}</h1><p class="note">{escape(subtitle)}</p>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{top}{body}</body></html>'


def _number(column: int) -> str:
    return ' class="number"' if column else ''
