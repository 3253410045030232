"""The official integration, against areas computed by hand."""

import numpy as np
import pytest

from dos_mm3d.metrics.waymo.precision_recall import average_precisions, integrate, score_cutoffs


def area(*points):
    recall, precision = np.array(points, float).T
    return integrate(precision, recall)


@pytest.mark.parametrize(
    ('points', 'wanted'),
    [
        ([(1, 1)], 1),
        ([(0.4, 0.5)], 0.2),  # the precision of the lowest recall holds down to recall 0
        ([(0, 1)], 0),
        ([(0.5, 1), (0.54, 0.5)], 0.5 + 0.04 * 0.75),  # a trapezoid
        # 0.1 apart: a step of 0.05 at the upper end's precision, then a trapezoid over 0.05
        ([(0.5, 1), (0.6, 0.5)], 0.5 + 0.05 * 0.75 + 0.05 * 0.5),
        # 0.23 apart: four steps at 0.5, what is left is 0.03
        ([(0.5, 1), (0.73, 0.5)], 0.5 + 0.03 * 0.75 + 0.2 * 0.5),
        ([(0.5, 0.2), (0.54, 0.5)], 0.27),  # a lower recall never has a lower precision
        ([(0.5, 0.2), (0.5, 0.9), (0.5, 0.4)], 0.45),  # equal recalls keep the best
        ([(0, 1), (0.2, 0.5), (0.1, 0.8)], 0.1 * 0.8 + 0.05 * 0.65 + 0.05 * 0.5),  # in any order
        ([(1, 0)], 0),
    ],
)
def test_areas_by_hand(points, wanted):
    assert area(*points) == pytest.approx(wanted, abs=1e-9)


def test_a_gap_of_exactly_one_step_is_one_trapezoid():
    assert area((0.5, 1), (0.55, 0.5)) == pytest.approx(0.5 + 0.05 * 0.75)
    assert area((0.9, 1), (1, 0.5)) == pytest.approx(0.9 + 0.05 * 0.75 + 0.05 * 0.5)


def test_counts_become_precision_and_recall():
    # two cutoffs: 2 of 4 found with 1 false (P 2/3, R 1/2); 1 of 4, none false (P 1, R 1/4)
    ap, aph = average_precisions(*(np.array(x, float) for x in ([2, 1], [1, 0], [2, 3], [1.5, 0.5])))
    assert ap == pytest.approx(0.25 + 0.2 * 2 / 3 + 0.05 * (2 / 3 + 1) / 2)
    assert aph == pytest.approx(0.5 * 0.5)  # both weighted precisions are a half


def test_without_ground_truth_or_predictions_it_is_zero():
    zero, some = np.zeros(3), np.full(3, 2.0)
    assert average_precisions(zero, some, zero, zero) == (0, 0)
    assert average_precisions(zero, zero, some, zero) == (0, 0)


def test_the_cutoffs_are_those_of_float32():
    cutoffs = score_cutoffs()
    assert len(cutoffs) == 101 and cutoffs.dtype == np.float32
    np.testing.assert_array_equal(cutoffs, np.array([k / 100 for k in range(101)], np.float32))
