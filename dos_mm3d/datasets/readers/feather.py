"""Arrow files (`.feather`), as in Argoverse 2, through pyarrow."""

import numpy as np
import pyarrow
from pyarrow import feather, ipc

from .base import ReadOptions, bad_file, check_names, check_unpacked, intensity_name, refusing

MAGIC_BYTES, MOST_BYTES_A_VALUE = 8, 8
UNREADABLE = (pyarrow.ArrowException, OSError, ValueError, TypeError)


def read_feather(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Coordinates and intensity: name -> (N,), of the types in the file (Argoverse 2: float16 and uint8)."""
    with refusing(path, *UNREADABLE, wanted='a .feather file with columns x, y, z'):
        schema = _schema(path)
        names = schema.names
        if not {'x', 'y', 'z'} <= {name.lower() for name in names}:
            raise bad_file(path, found=f'columns {names}', wanted='x, y, z', fix='Keep it out with exclude=[pattern].')
        check_names(path, names)
        wanted = [name for name in names if name.lower() in ('x', 'y', 'z') or name == intensity_name(names)]
        for name in wanted:
            _check_number(path, name, schema.field(name).type)
        check_unpacked(path, _n_rows(path) * MOST_BYTES_A_VALUE * len(wanted))
        # One thread: readers run in forked loader workers, and a sweep is small. Not mapped: a file that shrinks
        # meanwhile would kill the worker.
        table = feather.read_table(path, columns=wanted, use_threads=False, memory_map=False)
        table.validate()  # a corrupt file may announce more values than it has, and reading on is not checked
        return {name: table.column(name).to_numpy() for name in wanted}


def _n_rows(path: str) -> int:
    """Rows of all record batches, by their headers: pyarrow tells only when it has unpacked them."""
    with pyarrow.OSFile(path) as source:
        source.seek(MAGIC_BYTES)
        messages = iter(ipc.MessageReader.open_stream(source))
        return sum(_length(message.metadata.to_pybytes()) for message in messages if message.type == 'record batch')


def _length(header: bytes) -> int:
    """Rows of a record batch. A flatbuffer: Message.header is its third field, RecordBatch.length there the first."""

    def number(at: int, size: int) -> int:
        if not 0 <= at <= len(header) - size:
            raise ValueError('a header that points beyond its end')
        return int.from_bytes(header[at : at + size], 'little', signed=size != 2)

    def place(table: int, field: int) -> int:
        return table + number(table - number(table, 4) + 4 + 2 * field, 2)

    batch = place(number(0, 4), 2)
    return number(place(batch + number(batch, 4), 0), 8)


def feather_columns(path: str) -> list[str]:
    """Column names from the footer alone."""
    return _schema(path).names


def _schema(path: str) -> pyarrow.Schema:
    with pyarrow.OSFile(path) as source:
        return ipc.open_file(source).schema


def _check_number(path: str, name: str, kind: pyarrow.DataType) -> None:
    """Texts and lists are never converted: of a corrupt file they may lie anywhere in the memory."""
    if not (pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind) or pyarrow.types.is_boolean(kind)):
        raise bad_file(
            path, found=f'{name} as {kind}', wanted='numbers', fix='Keep the file out with exclude=[pattern].'
        )
