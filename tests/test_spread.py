"""A few of many, evenly spread."""

import numpy as np
import pytest

from dos_mm3d.spread import evenly_spread


@pytest.mark.parametrize('count', [2, 3, 7, 99, 100])
def test_distances_are_equal_up_to_rounding_and_both_ends_are_there(count: int) -> None:
    chosen = evenly_spread(range(100), count)
    gaps = np.diff(chosen)
    assert chosen[0] == 0 and chosen[-1] == 99 and len(chosen) == count
    assert gaps.min() >= 1 and gaps.max() - gaps.min() <= 1


def test_the_nearest_place_is_taken() -> None:
    assert evenly_spread(range(11), 4) == [0, 3, 7, 10]


def test_no_more_than_there_are() -> None:
    assert evenly_spread(['a', 'b'], 5) == ['a', 'b']
    assert evenly_spread(['a', 'b', 'c'], 1) == ['a']
    assert evenly_spread([], 3) == [] and evenly_spread('abc', 0) == []
