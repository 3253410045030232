"""TFRecord files without TensorFlow: where their records lie, and whether they are whole. Numpy and standard library.

A record is its length (uint64), a checksum of the length, its bytes and a checksum of these (uint32 each), all little
endian; the checksums are masked CRC-32C (tensorflow.org, 'TFRecord and tf.train.Example', and RFC 3720 B.4 for the
polynomial).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

HEADER = struct.Struct('<QI')
FOOTER = struct.Struct('<I')
MOST_BYTES = 1 << 30  # far more than a frame has: a length beyond it is damage, whatever its checksum
POLYNOMIAL = 0x82F63B78  # reflected
ALL_ONES = 0xFFFFFFFF
LANES = 4096


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
            if whole and (checksum != masked(crc32c(header[:8])) or size > MOST_BYTES):
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
            if len(footer) < FOOTER.size or FOOTER.unpack(footer)[0] != masked(crc32c(data)):
                raise ValueError(f'{path}: the checksum of record {number}, at byte {offset}, is wrong')
            yield number, data


def masked(checksum: int) -> int:
    """As TFRecord stores a CRC: turned by 15 bits, plus a constant."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & ALL_ONES


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of some bytes.

    A CRC's register is linear over GF(2), so many lanes, each an equal share of the bytes, are computed side by side
    from zero, and joined pairwise: the left register moved on by the length of the right share, plus the right one.
    """
    lanes = LANES if len(data) >= 16 * LANES else 1
    share = -(-len(data) // lanes)
    padded = np.zeros(lanes * share, np.uint8)  # zeros in front leave a register of zero as it is
    padded[lanes * share - len(data) :] = np.frombuffer(data, np.uint8)
    registers = np.zeros(lanes, np.uint32)
    for byte in np.ascontiguousarray(padded.reshape(lanes, share).T):
        registers = _TABLE[(registers ^ byte) & 0xFF] ^ (registers >> 8)
    step = _power(_ONE_BYTE, share)
    while len(registers) > 1:
        registers = _apply(step, registers[0::2]) ^ registers[1::2]
        step = _apply(step, step)
    begin = _apply(_power(_ONE_BYTE, len(data)), np.array([ALL_ONES], np.uint32))
    return int(registers[0] ^ begin[0]) ^ ALL_ONES


def _apply(columns: np.ndarray, registers: np.ndarray) -> np.ndarray:
    """A linear map of registers, (32,) uint32: what becomes of each bit, applied to (n,) uint32."""
    bits = (registers[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    return np.bitwise_xor.reduce(np.where(bits, columns, np.uint32(0)), axis=1)


def _power(columns: np.ndarray, exponent: int) -> np.ndarray:
    """The map applied `exponent` times."""
    result = np.uint32(1) << np.arange(32, dtype=np.uint32)
    while exponent:
        if exponent & 1:
            result = _apply(columns, result)
        columns = _apply(columns, columns)
        exponent >>= 1
    return result


def _byte_table() -> np.ndarray:
    """(256,) uint32: what eight zero bits make of each lowest byte of a register."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return table


_TABLE = _byte_table()
_BITS = np.uint32(1) << np.arange(32, dtype=np.uint32)
_ONE_BYTE = _TABLE[_BITS & 0xFF] ^ (_BITS >> 8)
