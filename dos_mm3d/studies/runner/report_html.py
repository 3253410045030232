"""Markdown, with pictures and pages that are turned and clicked in, as one HTML file that loads nothing from anywhere.

Its tables are sorted by a click on a heading, and it reads on a narrow screen."""

import base64
import re
from collections.abc import Mapping
from html import escape

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from ...visualization.style import to_png

SHORT = 24
"""Characters of a cell that stays on one line: 27.3 ± 0.8, -1.2 to +0.9."""
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2429; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd }
p, li { overflow-wrap: anywhere }
table { border-collapse: collapse; margin: .6rem 0; display: block; overflow-x: auto }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #e4e4e4; text-align: left }
th { background: #f4f6f7; cursor: pointer; vertical-align: bottom }
td + td.short { white-space: nowrap }
th[aria-sort=ascending]::after { content: ' \\25B4' } th[aria-sort=descending]::after { content: ' \\25BE' }
td + td, th + th { text-align: right; font-variant-numeric: tabular-nums }
img { max-width: 100%; height: auto } em { color: #5b666d; font-size: .92rem }
iframe { width: 100%; height: min(36rem, 85vh); border: 0 }
@media (max-width: 700px) {
  body { margin: 1rem auto; padding: 0 .7rem; font-size: 14px } th, td { padding: .25rem .4rem }
  /* a finger moves what is wide: pictures large enough to read, columns of tables behind the names of their rows */
  p:has(img) { overflow-x: auto } img { max-width: max(100%, 44rem) }
  tr > :first-child { position: sticky; left: 0; min-width: 6rem; max-width: 9rem } td:first-child { background: #fff }
}
"""
SORTING = """
// numbers by what they begin with (27.3 ± 0.8 is 27.3), words by the alphabet, what is no number among numbers last
const numberIn = parseFloat;
function compare(one, other, sign) {
  const [a, b] = [numberIn(one), numberIn(other)];
  if (isNaN(a) && isNaN(b)) return sign * one.localeCompare(other);
  return isNaN(a) - isNaN(b) || sign * (a - b);
}
function sort(table, column) {
  const heads = [...table.rows[0].cells], body = table.tBodies[0], rows = [...body.rows];
  const text = row => row.cells[column].textContent.trim();
  const [first, second] = rows.some(row => !isNaN(numberIn(text(row)))) ? ['descending', 'ascending']
                                                                        : ['ascending', 'descending'];
  const order = heads[column].ariaSort === first ? second : first, sign = order === 'ascending' ? 1 : -1;
  for (const head of heads) head.removeAttribute('aria-sort');
  heads[column].ariaSort = order;
  body.append(...rows.sort((one, other) => compare(text(one), text(other), sign)));
}
for (const table of document.querySelectorAll('table')) [...table.rows[0].cells].forEach((head, column) => {
  [head.tabIndex, head.title] = [0, 'sort'];
  head.onclick = () => sort(table, column);
  head.onkeydown = event => { if (event.key === 'Enter') sort(table, column); };
});
"""


def picture(figure: Figure, caption: str) -> str:
    """Markdown of a picture that is part of the text, and below it what it shows in words."""
    return png_here(to_png(figure), caption)


def png_here(png: bytes, caption: str) -> str:
    """The same of a drawn picture."""
    return f'![{caption}](data:image/png;base64,{base64.b64encode(png).decode()})\n\n*{caption}*'


def page_here(name: str, caption: str) -> str:
    """Markdown of the place of a whole page of :func:`render_page`, and below it what it shows in words."""
    return f'{_place(name)}\n\n*{caption}*'


def _place(name: str) -> str:
    return f'[page {name}]'


def render_page(title: str, markdown: str, pages: Mapping[str, str] | None = None) -> str:
    """The whole HTML page as text.

    pages: name -> HTML of a page that stands within this one, where :func:`page_here` put it.
    """
    body = MarkdownIt('commonmark', {'html': False}).enable('table').render(markdown)
    body = re.sub(rf'<td>(?=[^<]{{1,{SHORT}}}</td>)', '<td class="short">', body)
    for name, content in (pages or {}).items():
        frame = f'<iframe title="{escape(name)}" srcdoc="{escape(content)}"></iframe>'
        body = body.replace(f'<p>{escape(_place(name))}</p>', frame, 1)
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{STYLE}</style>'
    )
    script = f'<script>{SORTING}</script>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}{script}</body></html>'
