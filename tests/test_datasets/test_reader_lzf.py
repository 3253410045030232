"""The LZF decompressor of binary_compressed .pcd files."""

import numpy as np
import pytest

from dos_mm3d.datasets.readers.pcd import _decompress, lzf_decompress
from tests.helpers.sweep_files import lzf_compress, make_sweep


def test_lzf_by_hand():
    def unpack(packed: list[int], n: int) -> bytes:
        return lzf_decompress(np.array(packed, np.uint8), n).tobytes()

    assert unpack([2, *b'abc'], 3) == b'abc'
    assert unpack([2, *b'abc', 4 << 5, 2], 9) == b'abcabcabc'  # 6 bytes from 3 back, overlapping themselves
    assert unpack([0, *b'a', 7 << 5, 11, 0], 21) == b'a' * 21  # length 7 + 11 + 2


@pytest.mark.parametrize('seed', range(5))
def test_lzf_gives_back_what_was_compressed(seed):
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 3, 20000, dtype=np.uint8).tobytes() + bytes(500) + rng.bytes(9000)
    packed = lzf_compress(data)
    assert len(packed) < len(data)
    assert lzf_decompress(np.frombuffer(packed, np.uint8), len(data)).tobytes() == data


def test_lzf_never_runs_over_its_ends():
    packed = lzf_compress(make_sweep(100).tobytes())
    before_start = bytes([1 << 5, 5])
    for damaged, n in ((packed[:-1], 2000), (packed, 1999), (packed, 2001), (before_start, 3)):
        with pytest.raises(ValueError, match='LZF'):
            lzf_decompress(np.frombuffer(damaged, np.uint8), n)


def test_lzf_writes_nothing_behind_its_output():
    memory = np.full(40, 99, np.uint8)
    run = np.array([0, 1, 7 << 5, 11, 0], np.uint8)  # 21 bytes
    assert _decompress(run, memory[:10]) == -1
    assert (memory[10:] == 99).all()
