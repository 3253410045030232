"""What the metric refuses, and in what words; the difficulty of boxes whose level is unset."""

import numpy as np
import pytest

from dos_mm3d.metrics.waymo import waymo_detection_metrics, waymo_difficulty


def sides(**changed):
    """Two boxes on either side; changed: SIDE__ARRAY=value, None takes it away."""
    common = {'frame': np.array([0, 1]), 'box': np.ones((2, 7)), 'type': np.array([1, 2])}
    both = {
        'prediction': {**common, 'score': np.array([0.5, 1.0]), 'overlap_nlz': np.array([False, True])},
        'ground_truth': {**common, 'difficulty': np.array([1, 2])},
    }
    for name, value in changed.items():
        side, array = name.split('__')
        both[side] = {**both[side], array: value}
        if value is None:
            del both[side][array]
    return both


def test_the_unchanged_sides_are_accepted():
    assert len(waymo_detection_metrics(**sides())) == 32


@pytest.mark.parametrize(
    ('changed', 'error', 'message'),
    [
        ({'prediction__score': None}, ValueError, r"prediction lacks \['score'\], it has \['box', 'frame'"),
        ({'ground_truth__difficulty': None}, ValueError, r"ground_truth lacks \['difficulty'\]"),
        ({'prediction__box': np.ones((2, 6))}, ValueError, r'prediction box has shape \(2, 6\), wanted \(2, 7\)'),
        ({'prediction__score': np.ones(3)}, ValueError, r'prediction score has shape \(3,\), wanted \(2,\)'),
        ({'ground_truth__frame': np.zeros((2, 1), int)}, ValueError, r'ground_truth frame has shape \(2, 1\)'),
        ({'ground_truth__frame': np.array([0.0, 1.0])}, TypeError, 'ground_truth frame is float64, wanted integer'),
        ({'prediction__overlap_nlz': np.array([0, 1])}, TypeError, 'overlap_nlz is int64, wanted bool: convert'),
        ({'prediction__box': np.full((2, 7), np.nan)}, ValueError, r'prediction box 0 is \[nan.*leave it out'),
        ({'prediction__type': np.array([1, 5])}, ValueError, '1 vehicle, 2 pedestrian, 3 sign, 4 cyclist; got 5'),
        ({'ground_truth__type': np.array([0, 1])}, ValueError, 'ground_truth type must be one of .* got 0'),
        ({'prediction__score': np.array([0.5, 1.2])}, ValueError, r'in \[0, 1\], got 1.2: give probabilities'),
        ({'prediction__score': np.array([0.5, np.nan])}, ValueError, r'in \[0, 1\], got nan'),
        ({'ground_truth__difficulty': np.array([1, 0])}, ValueError, 'must be 1 or 2, got 0: .* waymo_difficulty'),
    ],
)
def test_wrong_arrays_are_named(changed, error, message):
    with pytest.raises(error, match=message):
        waymo_detection_metrics(**sides(**changed))


def test_lists_and_empty_sides_are_arrays_too():
    empty = {'frame': [], 'box': [], 'type': [], 'score': [], 'overlap_nlz': []}
    assert len(waymo_detection_metrics(empty, sides()['ground_truth'])) == 32
    assert set(waymo_detection_metrics(empty, {**empty, 'difficulty': []}).values()) == {(0.0, 0.0)}


def test_an_unset_level_goes_by_points_and_a_box_without_points_does_not_count():
    annotated = np.array([0, 0, 0, 1, 2, 2, 1])
    n_points = np.array([5, 6, 0, 2, 100, 0, 1])
    difficulty, counts = waymo_difficulty(annotated, n_points)
    assert difficulty[counts].tolist() == [2, 1, 1, 2, 1]
    assert counts.tolist() == [True, True, False, True, True, False, True]


@pytest.mark.parametrize(
    ('annotated', 'n_points', 'message'),
    [
        ([0, 3], [1, 1], r'0 \(unset\), 1 or 2, got \[3\]'),
        ([0, 1], [1], r'annotated \(2,\) and n_points \(1,\)'),
        ([0], [-1], 'n_points must be >= 0, got -1'),
    ],
)
def test_wrong_difficulties_are_named(annotated, n_points, message):
    with pytest.raises(ValueError, match=message):
        waymo_difficulty(np.array(annotated), np.array(n_points))
