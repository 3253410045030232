"""Clusters of features."""

import numpy as np
import pytest

from dos_mm3d.visualization.clusters import feature_clusters


def test_groups_are_found_and_the_largest_is_the_first() -> None:
    generator = np.random.default_rng(0)
    of_place = generator.permutation(np.repeat([0, 1, 2], [30, 200, 90]))
    directions = np.eye(8)[of_place] + generator.normal(size=(320, 8)) * 0.02
    found = feature_clusters(directions.astype(np.float32), 3)
    np.testing.assert_array_equal(found, np.array([2, 0, 1])[of_place])
    np.testing.assert_array_equal(feature_clusters(directions, 3), found)


def test_there_are_no_more_clusters_than_kinds_of_places() -> None:
    found = feature_clusters(np.eye(4)[np.repeat([0, 1], 10)], 6)
    assert sorted(set(found)) == [0, 1]
    assert feature_clusters(np.eye(4)[:2], 6).max() == 1


def test_nothing_to_group_is_refused() -> None:
    with pytest.raises(ValueError, match='got 0 and 3'):
        feature_clusters(np.empty((0, 4)), 3)
    with pytest.raises(ValueError, match='got 4 and 0'):
        feature_clusters(np.eye(4), 0)
