"""Points in boxes."""

import numpy as np

from dos_mm3d.cpu.boxes import count_points_in_boxes


def test_points_are_counted_in_turned_boxes() -> None:
    points = np.array([[2.0, 2.0, 0.0], [3.0, 3.0, 0.4], [3.0, 1.0, 0.0], [2.0, 2.0, 0.6]])
    box = [2.0, 2.0, 0.0, 4.0, 1.0, 1.0, np.pi / 4]
    assert count_points_in_boxes(points, np.array([box, [9.0, *box[1:]]])).tolist() == [2, 0]


def test_further_columns_and_other_types_do_not_matter() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (500, 6)).astype(np.float32)
    box = np.array([[0, 0, 0, 1, 1, 1, 0]], np.float32)
    inside = (np.abs(points[:, :3]) <= 0.5).all(1).sum()
    assert count_points_in_boxes(points, box).tolist() == [inside] and inside > 20
    assert count_points_in_boxes(points, np.zeros((0, 7))).tolist() == []
