"""What the site adds to the pages of docs/: those at the top of the repository, notebooks, and equations as MathML."""

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
    markdown = BLOCK_EQUATION.sub(lambda found: f'\n{found[1]}{mathml(found[2], "block")}\n', markdown)
    return INLINE_EQUATION.sub(lambda found: mathml(found[1], 'inline'), markdown)


def mathml(latex: str, display: str) -> str:
    """One equation, on one line."""
    return convert(' '.join(latex.split()), display=display)


def notebook_text(notebook: Path) -> str:
    """Markdown of a notebook: its text, and its code in fences. Notebooks lie here without outputs."""
    cells = json.loads(notebook.read_text())['cells']
    texts = [(cell['cell_type'], ''.join(cell['source'])) for cell in cells]
    parts = [text if kind == 'markdown' else f'```python\n{text}\n```' for kind, text in texts]
    return '\n\n'.join([*parts, f'[The notebook itself]({notebook.name})'])
