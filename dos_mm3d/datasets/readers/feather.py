"""Arrow files (`.feather`), as in Argoverse 2, through pyarrow."""

import numpy as np
import pyarrow
from pyarrow import feather

from .base import ReadOptions, bad_file, check_names, intensity_name, refusing

UNREADABLE = (pyarrow.ArrowException, OSError, ValueError, TypeError)


def read_feather(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Coordinates and intensity: name -> (N,), of the types in the file (Argoverse 2: float16 and uint8)."""
    with refusing(path, *UNREADABLE, wanted='a .feather file with columns x, y, z'):
        names = feather_columns(path)
        if not {'x', 'y', 'z'} <= {name.lower() for name in names}:
            raise bad_file(path, found=f'columns {names}', wanted='x, y, z', fix='Keep it out with exclude=[pattern].')
        check_names(path, names)
        wanted = [name for name in names if name.lower() in ('x', 'y', 'z') or name == intensity_name(names)]
        # One thread: readers run in forked loader workers, and a sweep is small. Not mapped: a file that shrinks
        # meanwhile would kill the worker.
        table = feather.read_table(path, columns=wanted, use_threads=False, memory_map=False)
        table.validate()  # a corrupt file may announce more values than it has, and reading on is not checked
        return {name: table.column(name).to_numpy() for name in wanted}


def feather_columns(path: str) -> list[str]:
    """Column names from the footer alone."""
    with pyarrow.OSFile(path) as source:
        return pyarrow.ipc.open_file(source).schema.names
