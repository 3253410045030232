"""Hand-crafted statistics against a brute-force version."""

import numpy as np
import pytest

from dos_mm3d.probe.features import PILLAR_SIZES_M, STATISTICS, pillar_statistics


@pytest.fixture
def points() -> np.ndarray:
    generator = np.random.default_rng(0)
    xyz = generator.uniform([-6, -6, -2], [6, 6, 3], (300, 3))
    return np.column_stack((xyz, generator.uniform(0, 255, 300), generator.random(300))).astype(np.float32)


def brute_force(points: np.ndarray, i: int, size: float) -> list[float]:
    same = (np.floor(points[:, :2].astype(float) / size) == np.floor(points[i, :2].astype(float) / size)).all(1)
    z, intensity = points[same, 2].astype(float), points[same, 3].astype(float)
    top = z.max() - points[i, 2]
    return [np.log(same.sum()), z.min(), top, z.mean(), z.std(), intensity.mean(), intensity.std()]


def test_equals_brute_force(points: np.ndarray) -> None:
    query = np.array([0, 7, 7, 299, 120])
    result = pillar_statistics(points, query)
    assert result.shape == (5, len(PILLAR_SIZES_M) * len(STATISTICS))
    for row, i in enumerate(query):
        expected = np.concatenate([brute_force(points, i, size) for size in PILLAR_SIZES_M])
        np.testing.assert_allclose(result[row], expected, rtol=1e-4, atol=1e-4)


def test_point_order_is_irrelevant(points: np.ndarray) -> None:
    order = np.random.default_rng(1).permutation(len(points))
    whole = pillar_statistics(points, np.arange(len(points)))
    permuted = pillar_statistics(points[order], np.arange(len(points)))
    np.testing.assert_allclose(permuted, whole[order], rtol=1e-5, atol=1e-4)


def test_all_points_count_though_only_some_are_queried(points: np.ndarray) -> None:
    whole = pillar_statistics(points, np.arange(len(points)))
    np.testing.assert_allclose(pillar_statistics(points, np.array([42])), whole[[42]])


def test_too_few_columns_is_an_error(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match='intensity'):
        pillar_statistics(points[:, :3], np.array([0]))
