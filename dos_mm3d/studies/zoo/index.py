"""`weights/index.json`: every file of weights, by name, with what it is, and whether the files are those."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...errors import InputError, MissingFileError
from ...files import check_writable, read_json, write_json
from ..runner import file_sha256
from .entry import probe_numbers, zoo_entry

WEIGHTS = Path('weights')
INDEX = 'index.json'
FORMAT = 'dos_mm3d weights 1'
MOST_BYTES = 8_000_000
MOST_BYTES_TOGETHER = 25_000_000


def read_index(folder: Path = WEIGHTS) -> dict[str, dict[str, Any]]:
    """Name -> entry; empty where nothing has been added yet. InputError for a file that is no index."""
    path = folder / INDEX
    if not path.is_file():
        return {}
    try:
        content = read_json(path)
    except ValueError as error:
        raise InputError(f'{path}: no whole JSON ({error}); take it from the repository again') from error
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        raise InputError(f'{path}: not an index of weights; wanted what tools/build_zoo.py wrote')
    return content['weights']


def add_to_zoo(
    name: str, checkpoint: Path, probes: Mapping[str, Path] = MappingProxyType({}), folder: Path = WEIGHTS
) -> dict[str, Any]:
    """Export a checkpoint's teacher into the folder and put it into the index, in place of an older one of the name.

    The arguments are those of :func:`zoo_entry`, whose result is returned. Where anything is wrong nothing is changed.
    """
    entries = read_index(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f'{folder}: is a file; wanted a folder for the weights')
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as new:
        file = Path(new, f'{name}.pth')
        entries[name] = zoo_entry(name, checkpoint, file, probes)
        check_sizes({one: found['bytes'] for one, found in entries.items()}, folder)
        os.replace(file, folder / file.name)
    write_index(entries, folder)
    return entries[name]


def add_probes(name: str, probes: Mapping[str, Path], folder: Path = WEIGHTS) -> dict[str, Any]:
    """Put records of a file that is in the folder into its entry, in place of older ones of their titles.

    Args:
        name: of the entry.
        probes: title -> record of tools/run_protocol.py for the file, as anybody who has it can make it.
        folder: of files and index.

    Returns:
        The entry.

    Raises:
        InputError: no such entry, a file that is not the index's, or a record of another one; nothing is changed.
    """
    entries = read_index(folder)
    if name not in entries:
        raise InputError(f'{folder / INDEX}: has no {name}; give the checkpoint that it is to be made from')
    check_files(folder)
    file = folder / entries[name]['file']
    found = {title: probe_numbers(path, entries[name]['sha256'], file) for title, path in probes.items()}
    check_writable(folder)
    entries[name]['probes'].update(found)
    write_index(entries, folder)
    return entries[name]


def write_index(entries: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """In the order of the names."""
    write_json(folder / INDEX, {'format': FORMAT, 'weights': dict(sorted(entries.items()))})


def check_sizes(sizes: Mapping[str, int], folder: Path) -> None:
    """InputError where a file, or all together, are larger than what a repository should carry."""
    for name, size in sizes.items():
        if size > MOST_BYTES:
            raise InputError(
                f'{folder}: {name} would have {size} bytes, wanted at most {MOST_BYTES}; a smaller backbone, or half '
                'precision'
            )
    if (total := sum(sizes.values())) > MOST_BYTES_TOGETHER:
        raise InputError(
            f'{folder}: {", ".join(sizes)} would have {total} bytes together, wanted at most {MOST_BYTES_TOGETHER}; '
            'remove one of them'
        )


def check_files(folder: Path = WEIGHTS) -> None:
    """Every file of the index is there and is the very one, and nothing else lies beside. InputError where not."""
    entries = read_index(folder)
    for name, entry in entries.items():
        path = folder / entry['file']
        if not path.is_file():
            raise MissingFileError(f'{path}: is in the index as {name} and not there; take it from the repository')
        if (found := file_sha256(path)) != entry['sha256']:
            raise InputError(
                f'{path}: has sha256 {found[:12]}…, the index says {entry["sha256"][:12]}…; fetch it again'
            )
    strange = {path.name for path in folder.glob('*.pth')} - {entry['file'] for entry in entries.values()}
    if strange:
        raise InputError(f'{folder}: holds {", ".join(sorted(strange))}, which the index does not know')
    check_sizes({name: (folder / entry['file']).stat().st_size for name, entry in entries.items()}, folder)
