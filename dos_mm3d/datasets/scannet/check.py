"""What can be known of a download before any of it is converted: which scans are there, whole and of one version."""

from pathlib import Path

from ...errors import InputError, MissingFileError
from ..readers.ply import read_mesh
from .raw import AGAIN, Category, category_of, files_of, read_alignment, read_json, read_segments

FOLDERS = {'train': 'scans', 'val': 'scans', 'test': 'scans_test'}
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


def present_scans(root: Path, split: str, allow_partial: bool) -> list[Path]:
    """Folders of the scans of a split, in the order of its list; FileNotFoundError where some are missing."""
    folder = root / FOLDERS[split]
    if split == 'test' and not folder.is_dir():
        return []
    names_file = find_file(root, f'scannetv2_{split}.txt', 'It lies in Tasks/Benchmark of github.com/ScanNet/ScanNet')
    names = names_file.read_text().split()
    if not folder.is_dir():
        raise MissingFileError(f'{folder}: no such folder. Give the folder that holds scans/scene0000_00 and so on.')
    missing = [name for name in names if not (folder / name).is_dir()]
    if missing and not allow_partial:
        raise MissingFileError(
            f'{folder / missing[0]}: missing, the first of {len(missing)}; found {len(names) - len(missing)} of the '
            f'{len(names)} scans of {names_file.name}. Download them (download-scannet.py --id {missing[0]}), or say '
            'that you keep only some on purpose (--allow-partial).'
        )
    return [folder / name for name in names if (folder / name).is_dir()]


def find_file(root: Path, name: str, remedy: str) -> Path:
    """`name` below `root`, below meta_data/ (mmdet3d's place) or below Tasks/Benchmark/ (ScanNet's)."""
    places = [root / name, root / 'meta_data' / name, root / 'Tasks' / 'Benchmark' / name]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise MissingFileError(f'{root / name}: missing, and not in meta_data/ or Tasks/Benchmark/ either. {remedy}.')
    return found
