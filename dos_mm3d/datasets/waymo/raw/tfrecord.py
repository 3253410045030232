"""TFRecord files without TensorFlow: where their records lie, and whether they are whole.

A record is its length (uint64), a checksum of the length, its bytes and a checksum of these (uint32 each), all little
endian; the checksums are masked CRC-32C (tensorflow.org, 'TFRecord and tf.train.Example').
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import google_crc32c

HEADER = struct.Struct('<QI')
FOOTER = struct.Struct('<I')
MOST_BYTES = 1 << 30  # far more than a frame has: a length beyond it is damage, whatever its checksum


class Record(NamedTuple):
    """Where a record's bytes begin in its file, and how many there are."""

    offset: int
    size: int


def find_records(path: str | Path) -> list[Record]:
    """The records of a file, from their lengths alone; ValueError where it is cut off or damaged there."""
    records, end = [], Path(path).stat().st_size
    with open(path, 'rb') as file:
        while (position := file.tell()) < end:
            header = file.read(HEADER.size)
            whole = len(header) == HEADER.size
            size, checksum = HEADER.unpack(header) if whole else (0, 0)
            where = f'record {len(records)}, at byte {position} of {end}'
            if whole and (checksum != masked_checksum(header[:8]) or size > MOST_BYTES):
                raise ValueError(f'{path}: holds no record where it has {where}')
            following = position + HEADER.size + size + FOOTER.size
            if following > end:
                raise ValueError(f'{path}: is cut off in {where}')
            records.append(Record(position + HEADER.size, size))
            file.seek(following)
    if not records:
        raise ValueError(f'{path}: is empty')
    return records


def read_records(path: str | Path, wanted: list[int] | None = None) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of the wanted records of a file, default all, in order. ValueError as above, and where bytes do
    not fit their checksum."""
    records = find_records(path)
    with open(path, 'rb') as file:
        for number in range(len(records)) if wanted is None else wanted:
            offset, size = records[number]
            file.seek(offset)
            data, footer = file.read(size), file.read(FOOTER.size)
            if len(footer) < FOOTER.size or FOOTER.unpack(footer)[0] != masked_checksum(data):
                raise ValueError(f'{path}: the checksum of record {number}, at byte {offset}, is wrong')
            yield number, data


def masked_checksum(data: bytes) -> int:
    """CRC-32C of some bytes as TFRecord stores it: turned by 15 bits, plus a constant."""
    checksum = google_crc32c.value(data)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
