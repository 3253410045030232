"""What can be known of a scan before any is converted: that its files are there, whole and of one version."""

from pathlib import Path

from ...errors import InputError, MissingFileError
from ..readers.ply import read_mesh
from .raw import AGAIN, Category, category_of, files_of, read_alignment, read_json, read_segments

VERTEX_FIELDS = ('x', 'y', 'z', 'red', 'green', 'blue')


def check_scan(folder: Path, categories: dict[str, Category] | None) -> None:
    """FileNotFoundError or ValueError, naming the file and the remedy; with `categories` for the labels too."""
    files = files_of(folder, categories is not None)
    for path in files:
        if not path.is_file() or not path.stat().st_size:
            state = 'empty' if path.is_file() else 'missing'
            raise MissingFileError(
                f'{path}: {state}; wanted {", ".join(file.name for file in files)}. {AGAIN.format(scan=folder.name)}.'
            )
    mesh, about, *labels = files
    vertices, _ = read_mesh(str(mesh))
    if lacking := [name for name in VERTEX_FIELDS if name not in vertices.dtype.names]:
        raise InputError(
            f'{mesh}: its vertices have no {", ".join(lacking)}, only {", ".join(vertices.dtype.names)}; wanted the '
            f'coloured mesh. {AGAIN.format(scan=folder.name)}.'
        )
    read_alignment(about)
    if categories is not None:
        read_segments(labels[0], len(vertices))
        for item in read_json(labels[1], 'segGroups'):
            category_of(item['label'], categories, labels[1])
