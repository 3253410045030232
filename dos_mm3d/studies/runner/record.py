"""What the records of all studies share: where and with what they were made, hashes, files written together."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from matplotlib.figure import Figure

import dos_mm3d

from ...files import write_bytes, write_json, write_text
from ...visualization.style import to_png
from .report_html import page_here, png_here, render_page

MODULES = (
    'torch',
    'triton',
    'numpy',
    'scipy',
    'numba',
    'mmengine',
    'mmcv',
    'mmdet',
    'mmdet3d',
    'spconv',
    'spconv_triton',
    'cumm',
    'flash_attn',
    'cv2',
    'nuscenes',
)
"""What numbers depend on, as it is imported; several packages may bring a module, as spconv's of each CUDA version."""
CELL_KEYS = ('status', 'message', 'step', 'seconds', 'key', 'commit', 'machine')


def describe_machine() -> dict[str, Any]:
    """Commit of this package, versions of what it is made of, machine: beside every number."""
    return {'commit': commit_of_package(), 'versions': versions(), 'machine': machine()}


def commit_of_package() -> str | None:
    """:func:`commit` of this package."""
    return commit(Path(__file__).parent)


@cache
def distributions() -> dict[str, list[str]]:
    """Module -> names of the installed packages that bring it, of `MODULES`."""
    found = metadata.packages_distributions()
    return {module: sorted(set(found[module])) for module in MODULES if module in found}


def versions() -> dict[str, str]:
    """Versions of Python, this package and, by whatever name it was installed, what its numbers depend on."""
    found = {'python': platform.python_version(), 'dos_mm3d': dos_mm3d.__version__}
    return found | {name: metadata.version(name) for names in distributions().values() for name in names}


def machine() -> dict[str, str | int]:
    """Device, CPUs that this process may use, threads of torch."""
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else 'cpu'
    return {'device': device, 'cpus': len(os.sched_getaffinity(0)), 'torch_threads': torch.get_num_threads()}


def commit(folder: Path) -> str | None:
    """Hash of the git commit of a folder, '+ changes' where the working tree differs; None outside a checkout."""
    try:
        head = _git(folder, 'rev-parse', 'HEAD')
        return f'{head} + changes' if _git(folder, 'status', '--porcelain') else head
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(['git', *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def portable(path: str | Path) -> str:
    """A path as a record keeps it: below the working folder relative to it, elsewhere its last two parts, as the rest
    is of one machine. What it is, a hash beside it says."""
    path = Path(path)
    if not path.is_absolute():
        return str(path)
    if path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(Path('...', *path.parts[-2:]))


def cell_record(name: str, status: str, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """What became of a cell, without its numbers. found: its record, None where there is none."""
    return {'name': name, 'status': status, **{key: found[key] for key in CELL_KEYS if found and key in found}}


def write_record(
    path: Path,
    record: Mapping[str, Any],
    *,
    text: str,
    figure: Figure | None,
    pages: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> None:
    """The record as JSON, its tables as Markdown and its picture, if there is anything to draw, as PNG beside it; and
    all in one HTML page whose tables are sorted by a click: picture and pages before the sections of details.

    pages: heading -> a page that stands in the HTML one, what it shows in words.
    """
    write_json(path, record)
    write_text(path.with_suffix('.md'), text)
    head, *details = text.partition('\n## ')
    parts = [head]
    if figure is not None:
        png = to_png(figure)
        write_bytes(path.with_suffix('.png'), png)
        parts.append(png_here(png, 'Numbers of the tables.'))
    parts += [f'## {heading}\n\n{page_here(heading, caption)}' for heading, (_, caption) in pages.items()]
    whole = render_page(
        path.stem, '\n\n'.join([*parts, ''.join(details)]), {heading: page for heading, (page, _) in pages.items()}
    )
    write_text(path.with_suffix('.html'), whole)


def content_hash(content: Any) -> str:
    """Of plain nested containers; the order of keys is irrelevant."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Of a file's bytes, read in pieces: checkpoints are large."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def files_sha256(paths: Iterable[Path]) -> str:
    """Of the bytes of several files, one after the other. A file that has not been written since is not read again."""
    found = [Path(path) for path in paths]
    return _joined_sha256(tuple(found), tuple(path.stat().st_mtime_ns for path in found))


@cache
def _joined_sha256(paths: tuple[Path, ...], written_ns: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
