"""Markdown, pictures included, as one HTML file that loads nothing from anywhere."""

import base64
from html import escape

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from ...visualization.style import to_png

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2429; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd }
table { border-collapse: collapse; margin: .6rem 0; display: block; overflow-x: auto }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #e4e4e4; text-align: left }
th { background: #f4f6f7 }
td + td, th + th { text-align: right; font-variant-numeric: tabular-nums }
img { max-width: 100%; height: auto } em { color: #5b666d; font-size: .92rem }
"""


def picture(figure: Figure, caption: str) -> str:
    """Markdown of a picture that is part of the text, and below it what it shows in words."""
    return f'![{caption}](data:image/png;base64,{base64.b64encode(to_png(figure)).decode()})\n\n*{caption}*'


def render_page(title: str, markdown: str) -> str:
    """The whole HTML page as text."""
    body = MarkdownIt('commonmark', {'html': False}).enable('table').render(markdown)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'
