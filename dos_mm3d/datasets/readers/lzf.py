"""The LZF decompressor that binary_compressed .pcd files need (format of M. Lehmann's liblzf), compiled with numba."""

import numba
import numpy as np

from ...errors import InputError


def lzf_decompress(data: np.ndarray, n_bytes: int) -> np.ndarray:
    """The (n_bytes,) uint8 that `data` (m,) uint8 stands for; ValueError where it does not decompress to exactly
    that many."""
    out = np.empty(n_bytes, np.uint8)
    written = _decompress(data, out)
    if written != n_bytes:
        raise InputError(f'LZF stream of {data.size} bytes does not decompress to the stated {n_bytes} bytes')
    return out


@numba.njit(cache=True)
def _decompress(data: np.ndarray, out: np.ndarray) -> int:
    """Bytes written, or -1 where the stream runs over either end.

    A control byte below 32 is followed by that many + 1 literal bytes; any other one copies from what is already
    written: its upper three bits are the length - 2 (7: another byte adds to it), its lower five the high part of
    the distance - 1."""
    i = o = 0
    while i < data.size:
        control = np.int64(data[i])
        i += 1
        if control < 32:
            length = control + 1
            if i + length > data.size or o + length > out.size:
                return -1
            out[o : o + length] = data[i : i + length]
            i += length
        else:
            length = control >> 5
            if length == 7:
                if i >= data.size:
                    return -1
                length += np.int64(data[i])
                i += 1
            length += 2
            if i >= data.size:
                return -1
            start = o - ((control & 31) << 8) - np.int64(data[i]) - 1
            i += 1
            if start < 0 or o + length > out.size:
                return -1
            for k in range(length):  # byte by byte: source and target may overlap, which is how runs are coded
                out[o + k] = out[start + k]
        o += length
    return o
