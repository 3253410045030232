"""One scan of the download -> its files in mmdet3d's form, and a stamp that says what they were made from."""

from pathlib import Path

import numpy as np

from ...files import read_json, write_bytes, write_json
from .classes import NYU40_IDS
from .raw import Category, Scan, files_of, read_scan

FORMAT = 1
"""Raise it with every change of what is written: older files are then made again."""
STAMPS = 'prepared'
POINT_BYTES, NORMAL_BYTES, LABEL_BYTES = 24, 12, 8
POINT_FOLDERS = {'points': POINT_BYTES, 'normals': NORMAL_BYTES}
LABEL_FOLDERS = {'semantic_mask': LABEL_BYTES, 'semantic_mask_200': LABEL_BYTES, 'instance_mask': LABEL_BYTES}


def convert_scan(folder: Path, out: Path, label_map: Path, categories: dict[str, Category] | None) -> None:
    """Write the files of the scan in `folder` below `out`, the stamp last: a scan without one is not converted."""
    labelled = categories is not None
    source = sources(folder, label_map, labelled)
    scan = read_scan(folder, categories)
    tables = dict(points=scan.points, normals=scan.normals)
    if labelled:
        tables |= dict(semantic_mask=scan.nyu40, semantic_mask_200=scan.id_200, instance_mask=scan.instance)
    for name, table in tables.items():
        write_bytes(out / name / f'{folder.name}.bin', np.ascontiguousarray(table).tobytes())
    stamp = dict(scan=folder.name, labelled=labelled, source=source, **facts(scan))
    write_json(stamp_path(folder.name, out), stamp, indent=None)


def facts(scan: Scan) -> dict:
    """What the infos need of a scan, so that they can be written without reading its files again."""
    kept = dict(n_points=len(scan.points), align=scan.align.tolist())
    if scan.nyu40 is not None:
        kept |= dict(
            nyu40_counts=np.bincount(scan.nyu40, minlength=NYU40_IDS).tolist(),
            boxes=scan.boxes.tolist(),
            labels=scan.labels.tolist(),
        )
    return kept


def sources(folder: Path, label_map: Path, labelled: bool) -> dict:
    """What a conversion depends on: its version and the sizes of the files that it reads."""
    files = [*files_of(folder, labelled), *([label_map] if labelled else [])]
    return {'format': FORMAT, **{path.name: path.stat().st_size if path.is_file() else -1 for path in files}}


def is_done(folder: Path, out: Path, label_map: Path, labelled: bool) -> bool:
    """Whether the scan's files are all there, whole, and made from the download as it is."""
    if not stamp_path(folder.name, out).is_file():
        return False
    stamp = read_stamp(folder.name, out)
    if stamp['source'] != sources(folder, label_map, labelled):
        return False
    folders = POINT_FOLDERS | (LABEL_FOLDERS if labelled else {})
    files = {out / name / f'{folder.name}.bin': item_bytes for name, item_bytes in folders.items()}
    return all(
        path.is_file() and path.stat().st_size == stamp['n_points'] * item_bytes for path, item_bytes in files.items()
    )


def stamp_path(scan: str, out: Path) -> Path:
    return out / STAMPS / f'{scan}.json'


def read_stamp(scan: str, out: Path) -> dict:
    return read_json(stamp_path(scan, out))
