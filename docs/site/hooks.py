"""What the site adds to the pages of docs/: those at the top of the repository, notebooks, equations as MathML; and how
it reads their lists."""

import json
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
# file at the top of the repository -> its name in the site
TOP_FILES = {
    'README.md': 'index.md',
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
    'CITATION.cff': 'CITATION.cff',
}
BLOCK_EQUATION = re.compile(r'^( *)```math\n(.*?)^ *```$', flags=re.DOTALL | re.MULTILINE)
INLINE_EQUATION = re.compile(r'\$`(.+?)`\$', flags=re.DOTALL)
ITEM = re.compile(r'(?:\d+\.|[-*]) +')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the top, and every notebook as a page of text and code."""
    for name, page in TOP_FILES.items():
        text = re.sub(r'(\[|\]\()docs/', r'\1', (ROOT / name).read_text())
        files.append(File.generated(config, page, content=text))
    for notebook in [file for file in files if file.src_uri.endswith('.ipynb')]:
        text = notebook_text(Path(notebook.abs_src_path))
        files.append(File.generated(config, notebook.src_uri.removesuffix('.ipynb') + '.md', content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links to the pages at the top lead to those of the site; equations, written as GitHub has them, become MathML."""
    for name, page in TOP_FILES.items():
        markdown = re.sub(rf'\]\(((?:\.\./)*?)(?:\.\./)?{re.escape(name)}', rf'](\1{page}', markdown)
    markdown = BLOCK_EQUATION.sub(block_equation, markdown)
    return with_wide_lists(INLINE_EQUATION.sub(lambda found: mathml(found[1], 'inline'), markdown))


def block_equation(found: re.Match) -> str:
    """An equation on lines of its own, which scrolls where it is too wide; in a list the paragraph does."""
    equation = mathml(found[2], 'block')
    return f'\n{found[1]}{equation}\n' if found[1] else f'\n<div class="equation">{equation}</div>\n'


def with_wide_lists(markdown: str) -> str:
    """Lists as Python's Markdown wants them: four columns a level, a blank line where an item is not just the next.

    GitHub, and so our pages, are content with the width of the marker, and with none.
    """
    lines: list[str] = []
    columns: list[int] = []  # where the text of the items begins that a line lies in
    fenced = paragraphs = False
    for line in markdown.split('\n'):
        text = line.lstrip(' ')
        indent, depth = len(line) - len(text), len(columns)
        if text and not fenced:
            while columns and indent < columns[-1]:
                columns.pop()
        shift = 4 * len(columns) - (columns[-1] if columns else 0)
        item = not fenced and ITEM.match(text)
        if item and lines and lines[-1] and (paragraphs or len(columns) != depth - 1):
            lines.append('')
        lines.append(' ' * max(indent + shift, 0) + text)
        paragraphs = not item and (paragraphs or not text)
        if item:
            columns.append(indent + item.end())
        elif text.startswith('```'):
            fenced = not fenced
    return '\n'.join(lines)


def mathml(latex: str, display: str) -> str:
    """One equation, on one line."""
    return convert(' '.join(latex.split()), display=display)


def notebook_text(notebook: Path) -> str:
    """Markdown of a notebook: its text, and its code in fences. Notebooks lie here without outputs."""
    cells = json.loads(notebook.read_text())['cells']
    texts = [(cell['cell_type'], ''.join(cell['source'])) for cell in cells]
    parts = [text if kind == 'markdown' else f'```python\n{text}\n```' for kind, text in texts]
    return '\n\n'.join([*parts, f'[The notebook itself]({notebook.name})'])
