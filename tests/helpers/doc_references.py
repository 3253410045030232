"""What pages, docstrings and comments refer to: links, paths, names in files, sections of pages, commands."""

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from dos_mm3d.cli.dos_mm3d_entry import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ('dos_mm3d', 'configs', 'tools', 'tests', 'docs')
SOURCES = ('dos_mm3d', 'configs', 'tools', 'tests')
PATH = re.compile(rf'(?<![\w./-])((?:{"|".join(ROOMS)}|\.ci)/[\w./{{}},*-]*)(?::([A-Za-z_][\w.]*))?')
OF_FILE = re.compile(rf'((?:`\w+`(?:,| and)? )+)of `((?:{"|".join(ROOMS)})/[\w/]+\.py)`')
PAGE = re.compile(r'(?<![\w./*-])[\w./-]+\.md\b')
LINK = re.compile(r'\]\(([^)\s]+)\)')
SECTION = re.compile(r'(docs/[\w./-]+\.md),? (?:"([^"]+)"|\(?(A\d+)\b)')
DOTTED = re.compile(r'(?<![\w/.])dos_mm3d(?:\.\w+)+')
COMMAND = re.compile(r'(?:python|bash) (tools/\w+\.(?:py|sh))([^`\n|#]*)')
ENTRY = re.compile(rf'dos-mm3d ({"|".join(COMMANDS)})\b([^`\n|#]*)')
OPTION = re.compile(r'(?<![\w-])--[a-z][\w-]*')
# a word in capitals stands for something of the reader's: configs/backbones/NAME.py
PLACEHOLDER = re.compile(r'[A-Z]{3,}')
SPELT_IN_CAPITALS = ('README', 'CONTRIBUTING', 'LICENSE')


def pages() -> list[Path]:
    """All documentation."""
    at_the_top = (ROOT / f'{name}.md' for name in ('README', 'CONTRIBUTING', 'CHANGELOG'))
    return [*at_the_top, *sorted((ROOT / 'docs').rglob('*.md'))]


def sources() -> list[Path]:
    """All Python files."""
    return [path for room in SOURCES for path in sorted((ROOT / room).rglob('*.py'))]


@cache
def prose(path: Path) -> tuple[str, ...]:
    """A page as it is; of a Python file every docstring, and every run of comment lines as one text."""
    text = path.read_text()
    return (text,) if path.suffix == '.md' else (*docstrings(text), *comments(text))


def docstrings(source: str) -> Iterator[str]:
    """Docstrings of the module, of classes and functions, and of what stands below a constant."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def comments(source: str) -> Iterator[str]:
    """Comment lines that follow one another, joined."""
    lines: dict[int, str] = {
        token.start[0]: token.string.lstrip('# ')
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    run: list[str] = []
    for number in sorted(lines):
        if number - 1 not in lines and run:
            yield '\n'.join(run)
            run = []
        run.append(lines[number])
    if run:
        yield '\n'.join(run)


def broken_paths(text: str) -> list[str]:
    """Paths below the rooms that do not exist, and names that their file does not define."""
    wrong = []
    for match in PATH.finditer(text):
        path, name = match[1].rstrip('.,-'), match[2]
        if PLACEHOLDER.search(re.sub('|'.join(SPELT_IN_CAPITALS), '', path)):
            continue
        for one in braces(path):
            found = sorted(ROOT.glob(one)) if '*' in one else [ROOT / one]
            if not found or not all(file.exists() for file in found):
                wrong.append(f'{one}: no such file')
            elif name and not defines(found[0], name.rstrip('.')):
                wrong.append(f'{one}: defines no {name}')
    for names, path in OF_FILE.findall(' '.join(text.split())):
        if (ROOT / path).is_file():
            found = re.findall(r'`(\w+)`', names)
            wrong += [f'{path}: defines no {name}' for name in found if not defines(ROOT / path, name)]
    return wrong


def braces(path: str) -> list[str]:
    """`a{b,c}d` -> `abd`, `acd`."""
    match = re.search(r'\{([^{}]*)\}', path)
    if not match:
        return [path]
    return [one for part in match[1].split(',') for one in braces(path[: match.start()] + part + path[match.end() :])]


@cache
def statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text()).body


def defines(path: Path, name: str) -> bool:
    """Whether a Python file defines `name`, or `Class.member`."""
    body = statements(path)
    for part in name.split('.'):
        found = [node for node in body if part in names_of(node)]
        if not found:
            return False
        body = getattr(found[0], 'body', [])
    return True


def names_of(node: ast.stmt) -> set[str]:
    """What a statement defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def broken_names(text: str) -> list[str]:
    """Dotted names in the package that are no module and nothing in one."""
    return [found for match in DOTTED.finditer(text) if not is_name(found := match[0])]


def is_name(dotted: str) -> bool:
    """Whether a dotted name is a module of the package, or is defined in one."""
    parts = dotted.split('.')
    for end in range(len(parts), 0, -1):
        folder = ROOT.joinpath(*parts[:end])
        file = folder / '__init__.py' if folder.is_dir() else folder.with_suffix('.py')
        if file.is_file():
            rest = '.'.join(parts[end:])
            return not rest or defines(file, rest)
    return False


def broken_pages(text: str, folder: Path) -> list[str]:
    """Pages that a text names and that exist neither at the root nor beside it."""
    names = [match[0] for match in PAGE.finditer(text) if not PLACEHOLDER.search(match[0].removesuffix('README.md'))]
    return [name for name in names if not any((base / name).is_file() for base in (ROOT, folder))]


def broken_sections(text: str) -> list[str]:
    """Sections, cited by their title in quotes or by the number of an open choice, that their page does not have."""
    flat = ' '.join(text.split())
    wrong = []
    for page, quoted, numbered in SECTION.findall(flat):
        title = quoted or numbered
        if not (ROOT / page).is_file() or title not in headings(ROOT / page).values():
            wrong.append(f'{page} has no section {title!r}')
    return wrong


def broken_links(page: Path) -> list[str]:
    """Relative links of a page whose file or heading does not exist."""
    wrong = []
    for target in LINK.findall(page.read_text()):
        if target.startswith(('http://', 'https://')):
            continue
        path, _, anchor = target.partition('#')
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in headings(file)):
            wrong.append(target)
    return wrong


def broken_code(text: str) -> list[str]:
    """Examples in Python that do not parse, or that import what the package does not have."""
    wrong = []
    for block in re.findall(r'^ *```python\n(.*?)^ *```', text, flags=re.DOTALL | re.MULTILINE):
        try:
            tree = ast.parse(textwrap.dedent(block))
        except SyntaxError as error:
            wrong.append(f'{error.msg}: {error.text}')
            continue
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names = [f'{node.module}.{alias.name}' for node in imports for alias in node.names]
        wrong += [f'{name}: no such name' for name in names if name.startswith('dos_mm3d.') and not is_name(name)]
    return wrong


@cache
def headings(page: Path) -> dict[str, str]:
    """Anchor, as GitHub makes it, -> heading."""
    text = re.sub(r'^```.*?^```', '', page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r'^#+ (.+)$', text, flags=re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-'): title for title in titles}


def broken_commands(text: str) -> list[str]:
    """Options in command lines that neither the tool nor what it imports declares."""
    joined = text.replace('\\\n', ' ')
    ours = [(f'dos_mm3d/cli/{COMMANDS[name].module}.py', arguments) for name, arguments in ENTRY.findall(joined)]
    return [
        f'{tool} has no {option}'
        for tool, arguments in [*COMMAND.findall(joined), *ours]
        for option in OPTION.findall(arguments)
        if (ROOT / tool).is_file() and option not in options_of(ROOT / tool)
    ]


def tools_named_in(script: Path) -> set[Path]:
    """Tools of the repository that a shell script names."""
    named = {ROOT / name for name in re.findall(r'tools/\w+\.(?:py|sh)', script.read_text())}
    return {tool for tool in named if tool.is_file()}


@cache
def options_of(tool: Path) -> frozenset[str]:
    """Options that a tool or what it imports declares; of a shell script, also those of the tools that it runs."""
    if tool.suffix == '.sh':
        files = {tool}
        while new := {one for file in files if file.suffix == '.sh' for one in tools_named_in(file)} - files:
            files |= new
        shell = {file for file in files if file.suffix == '.sh'}
        declared = frozenset(OPTION.findall('\n'.join(file.read_text() for file in shell)))
        return declared.union(*(options_of(file) for file in files - shell))
    found, files = {'--help'}, {tool}
    while new := {file for one in files for file in imported(one)} - files:
        files |= new
    for file in files:
        if 'add_argument(' in (text := file.read_text()) or 'add_overrides(' in text:
            constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
            found |= {one for one in constants if isinstance(one, str) and OPTION.fullmatch(one)}
    return frozenset(found)


@cache
def imported(file: Path) -> frozenset[Path]:
    """Files of this repository that a Python file imports."""
    files = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            bases = [file.parents[node.level - 1]] if node.level else [ROOT, file.parent]
            for base in bases:
                folder = base.joinpath(*(node.module or '').split('.'))
                inside = (folder / f'{name}.py' for name in ('__init__', *(alias.name for alias in node.names)))
                files |= {folder.with_suffix('.py'), *inside}
    return frozenset(one for one in files if one.is_file())
