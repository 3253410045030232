"""One scan of the download -> its files in mmdet3d's form, and a stamp that says what they were made from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import MissingFileError
from ...files import read_json, write_bytes, write_json
from .classes import NYU40_IDS
from .raw import AGAIN, Category, Scan, files_of, read_categories, read_scan

FORMAT = 2
"""Raise it with every change of what is written: older files are then made again."""
STAMPS = 'prepared'
POINT_BYTES = {'points': 24, 'normals': 12}
LABEL_BYTES = {'semantic_mask': 8, 'semantic_mask_200': 8, 'instance_mask': 8}
"""Folder -> bytes for each point."""
MADE = (STAMPS, *POINT_BYTES, *LABEL_BYTES)
"""Every folder that files of scans go into."""


@dataclass(frozen=True)
class ScanJob:
    """One scan of the download that is converted.

    Args:
        folder: where it is.
        out: where its files go.
        label_map: path of scannetv2-labels.combined.tsv.
        labelled: whether it has labels (the scans of the test split have none).
    """

    folder: Path
    out: Path
    label_map: Path
    labelled: bool

    def check(self) -> None:
        """FileNotFoundError or ValueError, naming the file and the remedy, where the scan cannot be converted."""
        files = files_of(self.folder, self.labelled)
        for path in files:
            if not path.is_file() or not path.stat().st_size:
                state = 'empty' if path.is_file() else 'missing'
                raise MissingFileError(
                    f'{path}: {state}; wanted {", ".join(file.name for file in files)}. '
                    f'{AGAIN.format(scan=self.folder.name)}.'
                )
        read_scan(self.folder, self._categories())

    def convert(self) -> None:
        """Write the files of the scan, the stamp last: a scan without one is not converted."""
        source = self._source()
        scan = read_scan(self.folder, self._categories())
        tables = dict(points=scan.points, normals=scan.normals)
        if self.labelled:
            tables |= dict(semantic_mask=scan.nyu40, semantic_mask_200=scan.id_200, instance_mask=scan.instance)
        for name, table in tables.items():
            write_bytes(self._file(name), np.ascontiguousarray(table).tobytes())
        stamp = dict(scan=self.folder.name, labelled=self.labelled, source=source, **facts(scan))
        write_json(self._stamp_file(), stamp, indent=None)

    def is_done(self) -> bool:
        """Whether the scan's files are all there, whole, and made from the download as it is."""
        try:
            stamp = self.stamp()
            same, n_points = stamp['source'] == self._source(), stamp['n_points']
        except (OSError, ValueError, LookupError, TypeError):  # not there, or damaged since: it is made again
            return False
        if not same:
            return False
        sizes = {
            self._file(name): n_points * item_bytes
            for name, item_bytes in {**POINT_BYTES, **(LABEL_BYTES if self.labelled else {})}.items()
        }
        return all(path.is_file() and path.stat().st_size == size for path, size in sizes.items())

    def stamp(self) -> dict:
        """What the infos need of a converted scan, and what its files were made from."""
        return read_json(self._stamp_file())

    def _stamp_file(self) -> Path:
        return self.out / STAMPS / f'{self.folder.name}.json'

    def _file(self, kind: str) -> Path:
        return self.out / kind / f'{self.folder.name}.bin'

    def _categories(self) -> dict[str, Category] | None:
        return read_categories(self.label_map) if self.labelled else None

    def _source(self) -> dict:
        """What the conversion depends on: its version, and size and time of the files that it reads."""
        files = [*files_of(self.folder, self.labelled), *([self.label_map] if self.labelled else [])]
        return {'format': FORMAT, **{path.name: _state(path) for path in files}}


def _state(path: Path) -> list[int] | None:
    """Bytes and time [ns] of a file; None where there is none."""
    return [(found := path.stat()).st_size, found.st_mtime_ns] if path.is_file() else None


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
