"""Times and sizes in the units that people use, also where they are rounded up into the next one."""

import pytest

from dos_mm3d.units import duration, file_size


@pytest.mark.parametrize(
    ('seconds', 'said'),
    [
        (0.04, '0.0 s'),
        (9.94, '9.9 s'),
        (9.96, '10 s'),
        (59.4, '59 s'),
        (59.6, '1 min 0 s'),
        (200, '3 min 20 s'),
        (3599.7, '1 h 0 min'),
        (3900, '1 h 5 min'),
        (90_000, '25 h 0 min'),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ('n_bytes', 'said'),
    [
        (0, '0 bytes'),
        (999, '999 bytes'),
        (1000, '1.0 kB'),
        (9949, '9.9 kB'),
        (9951, '10 kB'),
        (999_600, '1.0 MB'),
        (6_043_635, '6.0 MB'),
        (1_600_000_000, '1.6 GB'),
        (5 * 10**15, '5000 TB'),
    ],
)
def test_sizes(n_bytes: int, said: str) -> None:
    assert file_size(n_bytes) == said
