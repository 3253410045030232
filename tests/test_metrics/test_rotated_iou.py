"""Rotated IoU against shapely, closed forms and invariances; the pairs that may match against the whole matrix."""

import numpy as np
import pytest
from shapely import affinity
from shapely.geometry import box as rectangle

from dos_mm3d.metrics.rotated_iou import matchable_pairs
from dos_mm3d.metrics.waymo import box_iou_3d

CUBE = np.array([0.0, 0, 0, 2, 2, 2, 0])


def random_boxes(generator, count):
    place = generator.normal(0, [2, 2, 0.7], (count, 3))
    return np.column_stack([place, generator.uniform(0.5, 5, (count, 3)), generator.uniform(-7, 7, count)])


def footprint(box):
    flat = rectangle(-box[3] / 2, -box[4] / 2, box[3] / 2, box[4] / 2)
    return affinity.translate(affinity.rotate(flat, box[6], origin=(0, 0), use_radians=True), *box[:2])


def oracle_iou(a, b):
    """Of two boxes (7,), by shapely's polygons."""
    height = min(a[2] + a[5] / 2, b[2] + b[5] / 2) - max(a[2] - a[5] / 2, b[2] - b[5] / 2)
    shared = max(height, 0) * footprint(a).intersection(footprint(b)).area
    return shared / (np.prod(a[3:6]) + np.prod(b[3:6]) - shared)


def test_agrees_with_polygons():
    generator = np.random.default_rng(0)
    boxes, others = random_boxes(generator, 30), random_boxes(generator, 30)
    wanted = np.array([[oracle_iou(a, b) for b in others] for a in boxes])
    assert (wanted > 0.1).sum() > 50
    np.testing.assert_allclose(box_iou_3d(boxes, others), wanted, atol=1e-9)


def test_a_box_overlaps_itself_wholly_also_turned_half_round():
    boxes = random_boxes(np.random.default_rng(1), 20)
    turned = boxes + np.array([0, 0, 0, 0, 0, 0, np.pi])
    np.testing.assert_allclose(np.diagonal(box_iou_3d(boxes, boxes)), 1, atol=1e-12)
    np.testing.assert_allclose(np.diagonal(box_iou_3d(boxes, turned)), 1, atol=1e-12)


def test_is_symmetric_and_unmoved_by_a_rigid_motion_of_both():
    generator = np.random.default_rng(2)
    boxes, others = random_boxes(generator, 25), random_boxes(generator, 25)
    before, angle = box_iou_3d(boxes, others), 0.7
    np.testing.assert_allclose(box_iou_3d(others, boxes).T, before, atol=1e-12)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for side in (boxes, others):
        side[:, :2] = side[:, :2] @ turn + [30, -20]
        side[:, 2] += 5
        side[:, 6] += angle
    np.testing.assert_allclose(box_iou_3d(boxes, others), before, atol=1e-9)


@pytest.mark.parametrize(
    ('change', 'iou'),
    [
        ({0: 1}, 1 / 3),  # half of it shared along x
        ({1: -1}, 1 / 3),
        ({2: 1}, 1 / 3),
        ({0: 2}, 0),  # face to face
        ({2: -2}, 0),
        ({0: 9}, 0),
        ({3: 1, 4: 1, 5: 1}, 1 / 8),  # inside: ratio of the volumes
        ({6: np.pi / 4}, 1 / np.sqrt(2)),  # shared octagon 2 (sqrt 2 - 1) s^2
        ({6: np.pi / 2}, 1),
    ],
)
def test_closed_forms(change, iou):
    other = CUBE.copy()
    other[list(change)] = list(change.values())
    assert box_iou_3d([CUBE], [other])[0, 0] == pytest.approx(iou, abs=1e-12)


@pytest.mark.parametrize('size', [0, -1, 0.01, 1e6])
@pytest.mark.parametrize('side', [3, 4, 5])
def test_a_box_of_no_or_boundless_size_overlaps_nothing(side, size):
    strange = CUBE.copy()
    strange[side] = size
    assert box_iou_3d([strange, CUBE], [strange, CUBE]).tolist() == [[0, 0], [0, 1]]


def test_wrong_columns_are_named():
    with pytest.raises(ValueError, match=r'others has shape \(2, 6\), wanted \(N, 7\)'):
        box_iou_3d(np.zeros((1, 7)), np.zeros((2, 6)))


def test_matchable_pairs_leave_out_nothing_that_reaches_the_threshold():
    generator = np.random.default_rng(3)
    p_box, g_box = random_boxes(generator, 300), random_boxes(generator, 200)
    p_box[:100] = g_box[:100] + generator.normal(0, 0.1, (100, 7))
    p_kind, g_kind = generator.integers(1, 5, 300), generator.integers(1, 5, 200)
    p_kind[:100] = g_kind[:100]
    p_starts, g_starts = np.array([0, 150, 150, 300]), np.array([0, 120, 170, 200])
    least = np.array([0, 0.7, 0.3, 0.01, 0.5], np.float32)
    got = matchable_pairs(0, 3, p_starts, p_box, p_kind, g_starts, g_box, g_kind, least)
    p_frame, g_frame = np.repeat([0, 1, 2], [150, 0, 150]), np.repeat([0, 1, 2], [120, 50, 30])
    iou = box_iou_3d(p_box, g_box).astype(np.float32)
    comparable = (p_frame[:, None] == g_frame) & (p_kind[:, None] == g_kind)
    wanted = np.nonzero(comparable & (iou >= least[p_kind][:, None]))
    assert len(wanted[0]) > 100
    for one, other in zip(got, (*wanted, iou[wanted])):
        np.testing.assert_array_equal(one, other)


def test_no_pair_at_all_is_three_empty_arrays():
    nothing = np.zeros(2, np.int64), np.zeros((0, 7)), np.zeros(0, np.int64)
    got = matchable_pairs(0, 1, *nothing, *nothing, np.full(5, 0.5, np.float32))
    assert [len(array) for array in got] == [0, 0, 0]
