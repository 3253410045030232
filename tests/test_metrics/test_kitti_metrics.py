"""KITTI's AP by hand: what counts, what is looked over, what is excused; and, slowly, against mmdet3d's own."""

import numpy as np
import pytest

from dos_mm3d.errors import InputError
from dos_mm3d.metrics.kitti.average_precision import curve, score_thresholds
from dos_mm3d.metrics.kitti.metrics import kitti_average_precision
from tests.references.kitti_metric.compare import largest_difference, run_official
from tests.references.kitti_metric.scenes import FIELDS, KINDS, boxes, random_scenes, rows, with_regions

CAR_M = (3.9, 1.5, 1.6)


def cars(count: int, name: str = 'Car') -> dict:
    """Cars in a row before the camera, near enough to be easy."""
    place = np.column_stack([np.linspace(-6, 6, count), np.full(count, 1.65), np.full(count, 16.0)])
    return boxes(np.full(count, name), place, np.tile(CAR_M, (count, 1)), np.full(count, np.pi / 2))


def surely(frame: dict, score: float = 0.9) -> dict:
    return {**frame, 'score': np.full(len(frame['name']), score)}


def moved(frame: dict, metres: float) -> dict:
    """Along the length of the boxes, away from the camera."""
    location = frame['location'].copy()
    location[:, 2] += metres
    return {**frame, 'location': location}


def together(*frames: dict) -> dict:
    return {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]}


def ap(truth: list[dict], found: list[dict], kind: str = '3D', how: str = 'strict', difficulty: str = 'easy') -> float:
    return kitti_average_precision(truth, found)[f'KITTI/Car_{kind}_AP40_{difficulty}_{how}']


def test_the_labels_themselves_score_all_that_their_number_allows():
    truth = [cars(5)] * 10
    numbers = kitti_average_precision(truth, [surely(frame) for frame in truth])
    of_cars = {name: value for name, value in numbers.items() if name.startswith('KITTI/Car_') and '_AP' in name}
    assert len(of_cars) == 4 * 2 * 3 * 2 and set(of_cars.values()) == {100.0}
    assert numbers['KITTI/Car_boxes_easy'] == 50 and numbers['KITTI/Cyclist_boxes_hard'] == 0
    assert numbers['KITTI/Overall_BEV_AP11_hard'] == pytest.approx(100 / 3)  # the mean over three classes, two absent
    # fewer labels than recalls: as in mmdet3d, the recalls that none of them ends at count as 0
    few = [cars(5)] * 2
    assert ap(few, [surely(frame) for frame in few]) == pytest.approx(100 * 9 / 40)


def test_a_box_moved_along_its_length_by_more_than_the_iou_allows_is_missed_and_false():
    # shifted by s of l: (l - s) / (l + s) exceeds 0.7 up to 3 l / 17, and 0.5 up to l / 3
    truth = [cars(1) for _ in range(50)]
    expected = {0.68: (100.0, 100.0), 0.70: (0.0, 100.0), 1.29: (0.0, 100.0), 1.31: (0.0, 0.0)}
    for metres, (strict, loose) in expected.items():
        found = [surely(moved(frame, metres)) for frame in truth]
        for kind in ('3D', 'BEV'):
            assert (ap(truth, found, kind), ap(truth, found, kind, 'loose')) == (strict, loose), (metres, kind)


def test_height_counts_in_3d_and_not_from_above():
    truth = [cars(1) for _ in range(50)]
    found = [surely({**frame, 'location': frame['location'] - [0, 0.55, 0]}) for frame in truth]
    assert ap(truth, found, 'BEV') == 100 and ap(truth, found) == 0
    assert ap(truth, found, how='loose') == 0  # 0.95 m shared of 2.05 m


@pytest.mark.parametrize(('name', 'precision'), [('Van', 1.0), ('Truck', 0.5)])
def test_what_is_found_over_a_neighbour_is_no_error_and_over_another_class_is_one(name: str, precision: float):
    truth = [together(cars(1), moved(cars(1, name), 9.0)) for _ in range(50)]
    found = [surely(frame | {'name': np.full(2, 'Car')}) for frame in truth]
    assert ap(truth, found) == pytest.approx(100 * precision)
    assert kitti_average_precision(truth, found)['KITTI/Car_boxes_easy'] == 50


@pytest.mark.parametrize(
    ('field', 'value', 'counting'),
    [
        ('truncated', 0.15, (1, 1, 1)),
        ('truncated', 0.2, (0, 1, 1)),
        ('truncated', 0.5, (0, 0, 1)),
        ('truncated', 0.6, (0, 0, 0)),
        ('occluded', 1, (0, 1, 1)),
        ('occluded', 2, (0, 0, 1)),
        ('occluded', 3, (0, 0, 0)),
        ('bbox', [100.0, 100.0, 200.0, 140.0], (0, 1, 1)),
        ('bbox', [100.0, 100.0, 200.0, 125.0], (0, 0, 0)),
    ],
)
def test_difficulties(field: str, value: object, counting: tuple[int, ...]):
    frame = cars(1)
    frame[field] = np.array([value], float)
    numbers = kitti_average_precision([frame], [surely(cars(1))])
    assert tuple(numbers[f'KITTI/Car_boxes_{name}'] for name in ('easy', 'moderate', 'hard')) == counting


def test_a_stray_in_a_dont_care_region_is_excused_in_the_image_alone():
    truth = [cars(1) for _ in range(50)]
    stray = moved(cars(1), 12.0)
    stray['bbox'] = np.array([[20.0, 20, 120, 80]])
    found = [surely(together(frame, stray)) for frame in truth]
    generator = np.random.default_rng(0)
    region = with_regions(generator, rows(truth[0], np.zeros(1, bool)), 1, np.array([9.0, 9.0]))
    region['bbox'] = np.array([[10.0, 10, 130, 90]])
    watched = [together(frame, region) for frame in truth]
    assert ap(truth, found, '2D') == pytest.approx(50) and ap(watched, found, '2D') == 100
    assert ap(truth, found) == ap(watched, found) == pytest.approx(50)
    region['bbox'] = np.array([[10.0, 10, 60, 90]])  # holds 0.4 of it: less than the IoU that is asked for
    assert ap([together(frame, region) for frame in truth], found, '2D') == pytest.approx(50)


def test_a_low_prediction_is_looked_over():
    truth = [cars(1) for _ in range(50)]
    stray = moved(cars(1), 12.0)
    stray['bbox'] = np.array([[20.0, 20, 60, 50]])  # 30 px: too low for easy, not for moderate
    found = [surely(together(frame, stray)) for frame in truth]
    assert ap(truth, found) == 100 and ap(truth, found, difficulty='moderate') == pytest.approx(50)


def test_orientation_is_a_part_of_aos_alone():
    truth = [cars(1) for _ in range(50)]
    for turn, similarity in ((0, 1.0), (np.pi / 2, 0.5), (np.pi, 0.0)):
        found = [surely(frame | {'alpha': frame['alpha'] + turn}) for frame in truth]
        assert ap(truth, found, 'AOS') == pytest.approx(100 * similarity)
        assert ap(truth, found, '2D') == 100


def test_a_surer_stray_costs_precision_at_every_recall():
    truth = [cars(1) for _ in range(50)]
    sure = [surely(together(frame, moved(frame, 12.0)), 0.5) for frame in truth]
    for frame in sure:
        frame['score'] = np.array([0.5, 0.9])
    unsure = [frame | {'score': np.array([0.5, 0.1])} for frame in sure]
    assert ap(truth, sure) == pytest.approx(50) and ap(truth, unsure) == 100


def test_nothing_found_and_nothing_labelled_are_zero_and_no_error():
    nothing = rows(surely(cars(1)), np.zeros(1, bool))
    unlabelled = {name: nothing[name] for name in FIELDS}
    for truth, found in (([cars(2)], [nothing]), ([unlabelled], [surely(cars(2))]), ([unlabelled], [nothing])):
        numbers = kitti_average_precision(truth, found)
        assert {value for name, value in numbers.items() if '_AP' in name} == {0.0}


def test_thresholds_and_envelope():
    assert score_thresholds(np.array([0.2, 0.9, 0.5]), 3).tolist() == [0.9, 0.5, 0.2]
    assert len(score_thresholds(np.linspace(0, 1, 400), 400)) == 41
    assert curve(np.array([1.0, 1, 3, 2]), np.array([1.0, 4, 4, 4]))[:5].tolist() == [1.0, 0.75, 0.75, 0.5, 0.0]
    assert curve(np.zeros(1), np.zeros(1)).max() == 0


def test_wrong_inputs_are_refused():
    with pytest.raises(InputError, match='KITTI scores Car, Pedestrian, Cyclist; none of them'):
        kitti_average_precision([cars(1)], [surely(cars(1))], ['Tram'])
    with pytest.raises(ValueError, match='2 labelled frames and 1 with predictions'):
        kitti_average_precision([cars(1)] * 2, [surely(cars(1))])


@pytest.mark.slow
def test_six_scenes_score_what_mmdet3d_says():
    scenes = random_scenes(len(KINDS), seed=7)
    found = largest_difference(run_official(scenes), [kitti_average_precision(*scene) for scene in scenes])
    assert found['numbers'] > 100 and found['largest'] < 1e-6, found
