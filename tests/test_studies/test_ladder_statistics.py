"""Intervals and differences against numbers worked out by hand and against scipy's own tests; class groups."""

import numpy as np
import pytest
from scipy import stats

from dos_mm3d.studies.protocols.ladder import class_groups, group_means
from dos_mm3d.studies.runner.statistics import Estimate, difference_to, mean_estimate, paired_difference, sample_sd

T_TWO = 4.302652729696142  # 97.5 % point of Student's t with 2 degrees of freedom, as printed in tables


def test_paired_interval_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, s = 1, half width t / sqrt(3)."""
    found = paired_difference({0: 21.0, 1: 23.0, 2: 22.0}, {0: 20.0, 1: 21.0, 2: 19.0})
    assert found.mean == pytest.approx(2.0)
    assert found.low == pytest.approx(2 - T_TWO / np.sqrt(3))
    assert found.high == pytest.approx(2 + T_TWO / np.sqrt(3))
    assert (found.n, found.verdict) == (3, 'does not separate')


def test_pairs_take_out_what_the_seeds_share() -> None:
    """Rows that move together separate, although their spreads overlap."""
    above = {0: 20.0, 1: 30.0, 2: 25.0}
    row = {seed: value + gain for (seed, value), gain in zip(above.items(), (1.0, 1.1, 0.9))}
    assert paired_difference(row, above).verdict == 'separates'
    assert paired_difference(above, row).verdict == 'separates', 'downward too'
    assert difference_to(list(row.values()), list(above.values())).verdict == 'does not separate'


def test_only_shared_seeds_are_paired() -> None:
    found = paired_difference({0: 5.0, 2: 9.0}, {1: 1.0, 2: 6.0})
    assert (found.mean, found.n, found.low, found.verdict) == (3.0, 1, None, '-')
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


@pytest.mark.parametrize('seed', range(3))
def test_intervals_are_those_of_scipy(seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, b = generator.normal(30, 2, 4), generator.normal(28, 5, 3)
    one = stats.ttest_1samp(a, 0).confidence_interval(0.95)
    np.testing.assert_allclose((mean_estimate(list(a)).low, mean_estimate(list(a)).high), one)
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    found = difference_to(list(a), list(b))
    np.testing.assert_allclose((found.low, found.high), welch)
    exact = stats.ttest_1samp(a - 28.0, 0).confidence_interval(0.95)
    found = difference_to(list(a), [28.0])
    np.testing.assert_allclose((found.low, found.high), exact)


def test_one_value_has_no_interval_and_no_verdict() -> None:
    assert mean_estimate([7.0]) == Estimate(7.0, None, None, 1)
    assert difference_to([7.0], [5.0, 6.0]) == Estimate(1.5, None, None, 1)
    assert sample_sd([7.0]) is None
    assert sample_sd([1.0, 3.0]) == pytest.approx(np.sqrt(2))
    with pytest.raises(ValueError, match='no values'):
        mean_estimate([])


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert mean_estimate([2.0, 2.0, 2.0]).verdict == 'separates'
    assert mean_estimate([0.0, 0.0]).verdict == 'does not separate'
    assert difference_to([3.0, 3.0], [1.0, 1.0]).low == 2.0


def test_groups_are_thirds_by_frequency() -> None:
    counts = {f'class {i}': points for i, points in enumerate([5, 900, 0, 70, 70, 8, 1000])}
    groups = class_groups(counts)
    assert groups == {
        'head': ['class 6', 'class 1', 'class 3'],
        'common': ['class 4', 'class 5'],
        'tail': ['class 0', 'class 2'],
    }


def test_group_means_leave_out_what_does_not_occur() -> None:
    groups = {'head': ['a', 'b'], 'common': ['c'], 'tail': ['d', 'e']}
    means = group_means({'a': 10.0, 'b': 30.0, 'c': None, 'd': None, 'e': 4.0}, groups)
    assert means == {'head': 20.0, 'common': None, 'tail': 4.0}
