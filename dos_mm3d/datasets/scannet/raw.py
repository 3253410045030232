"""One scan as ScanNet's download has it: mesh, segments, objects and alignment, and what is made of them."""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..readers.ply import read_mesh
from .classes import CLASSES_20, CLASSES_200, NYU40_IDS

MESH, SEGMENTS = '_vh_clean_2.ply', '_vh_clean_2.0.010000.segs.json'
OBJECTS, ABOUT = '.aggregation.json', '.txt'
AGAIN = "Download the scan again (download-scannet.py --id {scan}, from ScanNet's terms of use)"
VERTEX_FIELDS = ('x', 'y', 'z', 'red', 'green', 'blue')
BOX_IDS = tuple(number for number in CLASSES_20 if number > 2)
"""NYU40 numbers of the 18 classes that mmdet3d detects: all but wall and floor."""


@dataclass(frozen=True)
class Category:
    """Numbers of a raw category: in NYU40 (0 to 40) and its own."""

    nyu40: int
    number: int


@dataclass(frozen=True)
class Scan:
    """A scan; those of the test split have points and normals only, the rest is None.

    Args:
        points: (N, 6) float32 x, y, z in metres, axis-aligned, z up, and r, g, b 0-255.
        normals: (N, 3) float32, unit length, 0 where a vertex has no face.
        align: (4, 4) float64 that was applied.
        nyu40: (N,) int64 numbers of NYU40, 0 for none.
        id_200: (N,) int64 numbers of ScanNet200's classes, 0 for none.
        instance: (N,) int64 from 1, 0 for none.
        boxes: (B, 6) float32 centre and size in metres of the objects of mmdet3d's 18 classes.
        labels: (B,) int64 their classes.
    """

    points: np.ndarray
    normals: np.ndarray
    align: np.ndarray
    nyu40: np.ndarray | None = None
    id_200: np.ndarray | None = None
    instance: np.ndarray | None = None
    boxes: np.ndarray | None = None
    labels: np.ndarray | None = None


def files_of(folder: Path, labelled: bool) -> list[Path]:
    """The files of a scan that are read."""
    suffixes = (MESH, ABOUT, SEGMENTS, OBJECTS) if labelled else (MESH, ABOUT)
    return [folder / f'{folder.name}{suffix}' for suffix in suffixes]


def read_categories(path: Path) -> dict[str, Category]:
    """Raw category -> its numbers, from scannetv2-labels.combined.tsv; the first of two rows of one name counts.

    ValueError where columns are missing or numbers are none of NYU40."""
    again = 'download the label map again (download-scannet.py --label_map)'
    try:
        rows = list(csv.DictReader(read_text(path, again).splitlines(), delimiter='\t'))
    except csv.Error as error:
        raise InputError(f'{path}: no table ({error}); {again}.') from error
    wanted = {'id', 'raw_category', 'nyu40id'}
    if not rows or not wanted <= rows[0].keys():
        raise InputError(
            f'{path}: found columns {sorted(map(str, rows[0])) if rows else "none"}, wanted {sorted(wanted)} and '
            f'others, separated by tabs; {again}.'
        )
    categories: dict[str, Category] = {}
    for row in rows:
        if not all(re.fullmatch(r'\s*\d{1,9}\s*', row[name] or '', re.ASCII) for name in ('nyu40id', 'id')):
            raise InputError(
                f'{path}: {row["raw_category"]!r} has nyu40id {row["nyu40id"]!r} and id {row["id"]!r}, wanted whole '
                f'numbers. The file is cut off: {again}.'
            )
        category = Category(int(row['nyu40id']), int(row['id']))
        if not 0 <= category.nyu40 < NYU40_IDS:
            raise InputError(f'{path}: {row["raw_category"]!r} has nyu40id {category.nyu40}, wanted 0 to 40')
        categories.setdefault(row['raw_category'], category)
    return categories


def read_scan(folder: Path, categories: dict[str, Category] | None) -> Scan:
    """The scan in `folder`; with `categories` its labels too. ValueError, naming the file, where it is wrong."""
    mesh, about, *labels = files_of(folder, categories is not None)
    vertices, faces = read_mesh(str(mesh))
    if lacking := [name for name in VERTEX_FIELDS if name not in vertices.dtype.names]:
        raise InputError(
            f'{mesh}: its vertices have no {", ".join(lacking)}, only {", ".join(vertices.dtype.names)}; wanted the '
            f'coloured mesh. {AGAIN.format(scan=folder.name)}.'
        )
    align = read_alignment(about, labelled=categories is not None)
    xyz = np.stack([vertices[name] for name in 'xyz'], 1).astype(np.float64) @ align[:3, :3].T + align[:3, 3]
    if not np.isfinite(xyz).all():
        raise InputError(f'{mesh}: found coordinates that are not finite. {AGAIN.format(scan=folder.name)}.')
    rgb = np.stack([vertices[name] for name in ('red', 'green', 'blue')], 1)
    points = np.concatenate((xyz, rgb), 1).astype(np.float32)
    normals = vertex_normals(xyz, faces).astype(np.float32)
    if categories is None:
        return Scan(points, normals, align)
    segment = read_segments(labels[0], len(points))
    nyu40, id_200, instance = read_objects(labels[1], segment, categories)
    boxes, box_labels = object_boxes(points[:, :3], instance, nyu40)
    return Scan(points, normals, align, nyu40, id_200, instance, boxes, box_labels)


def read_text(path: Path, again: str) -> str:
    """A text file; InputError where it is none."""
    try:
        return path.read_text(encoding='utf-8')
    except ValueError as error:
        raise InputError(f'{path}: no text ({error}); {again}.') from error


def read_alignment(path: Path, *, labelled: bool) -> np.ndarray:
    """(4, 4) float64 that turns the scan's walls along x and y.

    Scans of the test split come without, and are left as they are. InputError where a labelled one does: its boxes
    would lie askew."""
    again = AGAIN.format(scan=path.stem)
    lines = [line for line in read_text(path, again).splitlines() if line.startswith('axisAlignment')]
    if not lines and not labelled:
        return np.eye(4)
    try:
        align = np.array(lines[0].partition('=')[2].split(), np.float64).reshape(4, 4)
    except (ValueError, IndexError) as error:
        found = lines[0][:200] if lines else 'no axisAlignment'
        raise InputError(f'{path}: found {found}; wanted 16 numbers. {again}.') from error
    if not np.allclose(align[:3, :3] @ align[:3, :3].T, np.eye(3), atol=1e-2) or not np.isfinite(align).all():
        raise InputError(f'{path}: found {lines[0][:200]}, which is no rotation and shift. {again}.')
    return align


def vertex_normals(xyz: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(N, 3) unit normals: sums of the cross products, so weighted by area, of the faces (F, 3) at each vertex."""
    a, b, c = (xyz[faces[:, corner]] for corner in range(3))
    areas = np.cross(b - a, c - a)
    corners = faces.T.ravel()
    sums = [np.bincount(corners, np.tile(areas[:, axis], 3), len(xyz)) for axis in range(3)]
    normals = np.stack(sums, 1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)


def read_json(path: Path, key: str) -> list:
    """The list at `key`. ValueError, naming the file, where it is no whole JSON object with one."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(
            f'{path}: no whole JSON file ({error}). {AGAIN.format(scan=path.name.split(".")[0])}.'
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        raise InputError(
            f'{path}: found no list {key!r}, wanted one. It is of another kind or version. '
            f'{AGAIN.format(scan=path.name.split(".")[0])}.'
        )
    scan, named = path.name.split('.')[0].removesuffix('_vh_clean_2'), content.get('sceneId', '')
    if named and str(named).rpartition('.')[2] != scan:
        raise InputError(f'{path}: is of {named}, wanted that of {scan}. {AGAIN.format(scan=scan)}.')
    return content[key]


def read_segments(path: Path, n_points: int) -> np.ndarray:
    """(N,) int64 segment of each vertex; ValueError where there are not as many as vertices."""
    numbers = read_json(path, 'segIndices')
    if not all(type(number) is int and 0 <= number < 1 << 32 for number in numbers):
        raise InputError(
            f'{path}: found segIndices that are no whole numbers, wanted one of 0 and more for each vertex. '
            f'{AGAIN.format(scan=path.parent.name)}.'
        )
    segment = np.array(numbers, np.int64)
    if len(segment) != n_points:
        raise InputError(
            f'{path}: found segments of {len(segment)} vertices, the mesh has {n_points}; wanted as many. One of the '
            f'two is cut off or of another version. {AGAIN.format(scan=path.parent.name)}.'
        )
    return segment


def read_objects(
    path: Path, segment: np.ndarray, categories: dict[str, Category]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """NYU40 number, ScanNet200 number and instance of each vertex, (N,) int64 each; a later object covers an earlier.

    ValueError for a raw category that the tsv does not have."""
    names, row = np.unique(segment, return_inverse=True)
    by_segment = np.zeros((3, len(names)), np.int64)
    objects = read_json(path, 'segGroups')
    for item in objects:
        if not _is_object(item):
            raise InputError(
                f'{path}: found {str(item)[:80]}, wanted objects with label, objectId and segments. '
                f'{AGAIN.format(scan=path.parent.name)}.'
            )
        if item['label'] not in categories:
            raise InputError(
                f'{path}: found an object {item["label"]!r}, which scannetv2-labels.combined.tsv does not have. The '
                'two are of different versions: download the label map again (download-scannet.py --label_map), and '
                'the scan.'
            )
        category = categories[item['label']]
        rows = np.isin(names, item['segments'])
        kept = category.number if category.number in CLASSES_200 else 0
        by_segment[:, rows] = np.array([[category.nyu40], [kept], [item['objectId'] + 1]])
    if objects and not by_segment[2].any():
        raise InputError(
            f'{path}: none of its {len(objects)} objects has a segment that the mesh has: the two are of different '
            f'scans or versions. {AGAIN.format(scan=path.parent.name)}.'
        )
    return tuple(by_segment[:, row])


def _is_object(item: object) -> bool:
    """Whether an entry of segGroups has what is read of it."""
    return (
        isinstance(item, dict)
        and isinstance(item.get('label'), str)
        and type(item.get('objectId')) is int
        and 0 <= item['objectId'] < 1 << 32
        and isinstance(item.get('segments'), list)
        and all(type(number) is int and 0 <= number < 1 << 32 for number in item['segments'])
    )


def object_boxes(xyz: np.ndarray, instance: np.ndarray, nyu40: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B, 6) centre and size of the objects of BOX_IDS in axis-aligned metres, and (B,) their places in it."""
    boxes, labels = [], []
    order = instance.argsort(kind='stable')
    numbers, starts = np.unique(instance[order], return_index=True)
    for number, rows in zip(numbers, np.split(order, starts[1:])):
        if number and nyu40[rows[0]] in BOX_IDS:
            low, high = xyz[rows].min(0), xyz[rows].max(0)
            boxes.append(np.concatenate(((low + high) / 2, high - low)))
            labels.append(BOX_IDS.index(nyu40[rows[0]]))
    return np.array(boxes, np.float32).reshape(-1, 6), np.array(labels, np.int64)
