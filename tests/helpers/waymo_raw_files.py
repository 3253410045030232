"""Files in the framing of Waymo's raw segments, whose records are JSON."""

import json
import struct
from pathlib import Path


def slow_crc32c(data: bytes) -> int:
    """Bit by bit, as the definition has it."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def framed(*records: bytes) -> bytes:
    """A TFRecord file."""

    def checksum(data: bytes) -> bytes:
        crc = slow_crc32c(data)
        return struct.pack('<I', (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32)

    lengths = [struct.pack('<Q', len(data)) for data in records]
    return b''.join(size + checksum(size) + data + checksum(data) for size, data in zip(lengths, records))


def raw_file(root: Path, name: str, frames: int, split: str = 'training', bad: int | None = None) -> Path:
    """A raw segment whose frame 1 has semantic labels."""
    path = root / split / f'segment-{name}_with_camera_labels.tfrecord'
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = [{'points': 3 + frame, 'semantic': frame == 1} for frame in range(frames)]
    if bad is not None:
        contents[bad] = {'bad': 'its checksum is wrong'}
    path.write_bytes(framed(*(json.dumps(content).encode() for content in contents)))
    return path
