"""The matching: of largest sum as scipy finds it, and among equals the one that the official order of steps ends in."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from dos_mm3d.metrics.waymo.assignment import assign


def assigned(weights, rows=None):
    """The columns of positive weight that `assign` gives to rows of a matrix (R, C), -1 for none."""
    weights = np.asarray(weights)
    rows = np.arange(len(weights)) if rows is None else np.asarray(rows)
    starts = np.concatenate([[0], np.cumsum((weights > 0).sum(axis=1))])
    edges = starts, np.nonzero(weights)[1], weights[weights > 0].astype(np.int64)
    columns = assign(rows, edges, weights.shape[1])
    assert len(set(columns.tolist())) == len(columns), 'no column twice'
    padded = np.pad(weights, ((0, 0), (0, max(0, len(rows) - weights.shape[1]))))
    return np.where(padded[rows, columns] > 0, columns, -1)


@pytest.mark.parametrize('shape', [(1, 1), (3, 8), (8, 3), (12, 12), (40, 15)])
@pytest.mark.parametrize('largest', [2, 5, 1_000_000])
def test_the_sum_is_the_largest(shape, largest):
    generator = np.random.default_rng(largest + shape[0])
    for density in (0.1, 0.3, 0.9):
        for _ in range(20):
            weights = generator.integers(1, largest + 1, shape) * (generator.random(shape) < density)
            columns = assigned(weights)
            found = columns >= 0
            got = weights[np.flatnonzero(found), columns[found]].sum()
            assert got == weights[linear_sum_assignment(weights, maximize=True)].sum()


def test_only_the_rows_that_take_part_do():
    weights = np.array([[9, 0], [8, 7], [0, 6]])
    assert assigned(weights).tolist() == [0, 1, -1]
    assert assigned(weights, [1, 2]).tolist() == [0, 1]


# traced by hand through Kuhn and Munkres' steps on the square matrix, zeros included
@pytest.mark.parametrize(
    ('weights', 'columns'),
    [
        ([[5], [5]], [0, -1]),  # the first of two equals keeps what it has
        ([[5, 5]], [0]),  # the first of two equal columns
        ([[5, 5], [5, 5]], [0, 1]),
        ([[4, 0], [5, 4]], [0, 1]),  # 4 + 4 beats 5
        ([[5], [6], [6]], [-1, 0, -1]),
        # the row without a weight sits in the first free column, so the equal but unoccupied second one is taken
        ([[0, 0, 0], [5, 5, 0]], [-1, 1]),
    ],
)
def test_equal_sums_are_decided_by_the_order_of_steps(weights, columns):
    assert assigned(weights).tolist() == columns


def test_nothing_to_assign():
    assert assigned(np.zeros((3, 2), int)).tolist() == [-1, -1, -1]
    assert assigned(np.zeros((0, 2), int)).tolist() == []
