"""The metric as tools/test.py runs it: perfect and empty predictions, no-label zones, and infos that lack a field."""

import copy
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.structures import LiDARInstance3DBoxes

from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.metrics.waymo import WaymoDetMetric
from dos_mm3d.metrics.waymo.det_metric import overlaps_zone

CLASSES = ('Car', 'Pedestrian', 'Cyclist')


def sample(info: dict, boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> dict:
    """What a detector's predict() leaves; boxes (N, 7) with the centre of the bottom, as in the infos."""
    found = {
        'bboxes_3d': LiDARInstance3DBoxes(torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 7)),
        'labels_3d': torch.as_tensor(labels, dtype=torch.long),
        'scores_3d': torch.as_tensor(scores, dtype=torch.float32),
    }
    return {'context_name': info['context_name'], 'timestamp': info['timestamp'], 'pred_instances_3d': found}


def perfect(info: dict) -> dict:
    boxes = np.array([box['bbox_3d'] for box in info['instances']])
    labels = np.array([box['bbox_label_3d'] for box in info['instances']])
    return sample(info, boxes, labels, np.full(len(boxes), 0.9))


def empty(info: dict) -> dict:
    return sample(info, np.zeros((0, 7)), np.zeros(0), np.zeros(0))


def turned_round(info: dict) -> dict:
    result = perfect(info)
    result['pred_instances_3d']['bboxes_3d'].tensor[:, 6] += np.pi
    return result


@pytest.fixture
def infos_path(synthetic_waymo) -> Path:
    return synthetic_waymo / 'waymo_infos_trainval.pkl'


def evaluated(infos_path: Path, predict, classes=CLASSES) -> dict[str, float]:
    metric = WaymoDetMetric(str(infos_path))
    metric.dataset_meta = {'classes': classes}
    infos = load_info_pickle(infos_path)['data_list']
    for info in infos:
        metric.process({}, [predict(info)])
    return metric.evaluate(len(infos))


def test_ground_truth_as_predictions_scores_one(infos_path):
    found = evaluated(infos_path, perfect)
    for level in (1, 2):
        for name in ('VEHICLE', 'PEDESTRIAN', 'CYCLIST'):
            for kind in ('AP', 'APH'):
                assert found[f'Waymo/OBJECT_TYPE_TYPE_{name}_LEVEL_{level}/{kind}'] == pytest.approx(1.0)
        assert found[f'Waymo/LEVEL_{level}/mAPH'] == pytest.approx(1.0)
    assert found['Waymo/RANGE_TYPE_VEHICLE_[0, 30)_LEVEL_1/AP'] == pytest.approx(1.0)
    assert not any('SIGN' in name for name in found), 'signs are not looked for'
    assert len(found) == 4 + 3 * 4 * 2 * 2


def test_nothing_found_scores_zero(infos_path):
    assert set(evaluated(infos_path, empty).values()) == {0.0}


def test_boxes_the_wrong_way_round_have_no_heading_accuracy(infos_path):
    found = evaluated(infos_path, turned_round)
    assert found['Waymo/LEVEL_1/mAP'] == pytest.approx(1.0) and found['Waymo/LEVEL_1/mAPH'] == pytest.approx(
        0, abs=1e-3
    )


def test_labels_are_of_the_classes_that_were_trained_on(infos_path):
    """With another order of classes, the same labels mean other things."""
    other = ('Pedestrian', 'Car', 'Cyclist')
    assert evaluated(infos_path, perfect, other)['Waymo/OBJECT_TYPE_TYPE_VEHICLE_LEVEL_1/AP'] == 0.0

    def relabelled(info: dict) -> dict:
        result = perfect(info)
        result['pred_instances_3d']['labels_3d'] = torch.tensor([1, 0, 2])[result['pred_instances_3d']['labels_3d']]
        return result

    assert evaluated(infos_path, relabelled, other)['Waymo/LEVEL_2/mAP'] == pytest.approx(1.0)


def points_by_zone(metric: WaymoDetMetric, key: tuple[str, int]) -> dict[bool, np.ndarray]:
    frame = metric.frames[key]
    mask = np.fromfile(frame.no_label_zone_path, np.uint8) == 1
    xyz = np.fromfile(frame.points_path, np.float32).reshape(-1, 6)[:, :3]
    return {True: xyz[mask], False: xyz[~mask]}


def test_a_box_overlaps_the_zone_where_one_of_its_points_is_inside(infos_path):
    metric = WaymoDetMetric(str(infos_path))
    key = next(key for key in metric.frames if len(points_by_zone(metric, key)[True]) > 50)
    points = points_by_zone(metric, key)
    random = np.random.default_rng(0)
    centres = np.concatenate([random.permutation(points[True])[:20], random.permutation(points[False])[:20]])
    box = np.c_[centres, random.uniform(0.1, 6, (40, 3)), random.uniform(-3, 3, 40)].astype(np.float32)
    wanted = []
    for x, y, z, length, width, height, yaw in box.astype(np.float64):
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        local = (points[True] - [x, y, z]) @ turn
        wanted.append((np.abs(local) <= np.array([length, width, height]) / 2).all(1).any())
    assert overlaps_zone(metric.frames[key], box).tolist() == wanted
    assert 20 <= sum(wanted) < 40


def test_false_alarms_in_the_zone_do_not_count_outside_they_do(infos_path):
    metric = WaymoDetMetric(str(infos_path))

    def with_false_alarms(in_zone: bool):
        def predict(info: dict) -> dict:
            points = points_by_zone(metric, (info['context_name'], info['timestamp']))[in_zone]
            truth = np.array([box['bbox_3d'] for box in info['instances']])
            far = np.linalg.norm(points[:, None, :2] - truth[None, :, :2], axis=2).min(1) > 12
            alarms = np.c_[points[far][::97], np.tile([4, 2, 1.5, 0], (len(points[far][::97]), 1))]
            boxes = np.concatenate([truth, alarms])
            labels = np.array([box['bbox_label_3d'] for box in info['instances']] + [0] * len(alarms))
            scores = np.r_[np.full(len(truth), 0.5), np.full(len(alarms), 0.95)]
            return sample(info, boxes, labels, scores)

        return predict

    name = 'Waymo/OBJECT_TYPE_TYPE_VEHICLE_LEVEL_1/AP'
    assert evaluated(infos_path, with_false_alarms(True))[name] == pytest.approx(1.0)
    assert evaluated(infos_path, with_false_alarms(False))[name] < 0.9


def without(infos: dict, key: str) -> dict:
    infos = copy.deepcopy(infos)
    for info in infos['data_list']:
        for entry in (info, *info['instances']):
            entry.pop(key, None)
    return infos


@pytest.mark.parametrize('key', ['difficulty', 'no_label_zone_path', 'instances'])
def test_infos_that_cannot_be_judged_by_level_are_refused(infos_path, tmp_path, key):
    infos = load_info_pickle(infos_path)
    if key == 'instances':
        infos['data_list'][0].pop(key)
    path = tmp_path / 'waymo_infos_val.pkl'
    path.write_bytes(pickle.dumps(infos if key == 'instances' else without(infos, key)))
    remedy = 'waymo_infos_val' if key == 'instances' else r'LEVEL_1 / LEVEL_2 .*tools/create_data.py waymo'
    with pytest.raises(ValueError, match=rf'{path}: .*{key}.*{remedy}'):
        WaymoDetMetric(str(path))


def test_missing_mask_files_are_named_before_anything_is_tested(synthetic_waymo, tmp_path):
    shutil.copy(synthetic_waymo / 'waymo_infos_val.pkl', tmp_path)
    with pytest.raises(ValueError, match=r'no_label_zone/1000000.bin: missing.*create_data.py waymo'):
        WaymoDetMetric(str(tmp_path / 'waymo_infos_val.pkl'))


def test_a_single_missing_mask_is_named_too(synthetic_waymo, tmp_path):
    shutil.copy(synthetic_waymo / 'waymo_infos_val.pkl', tmp_path)
    folder = 'training/no_label_zone'
    shutil.copytree(synthetic_waymo / folder, tmp_path / folder)
    (tmp_path / folder / '1000001.bin').unlink()
    with pytest.raises(ValueError, match=r'no_label_zone/1000001.bin: missing, the first of 1 of '):
        WaymoDetMetric(str(tmp_path / 'waymo_infos_val.pkl'))


def test_a_frame_of_another_split_is_named(synthetic_waymo):
    metric = WaymoDetMetric(str(synthetic_waymo / 'waymo_infos_val.pkl'))
    metric.dataset_meta = {'classes': CLASSES}
    with pytest.raises(ValueError, match=r'segment elsewhere at 5 us.*is not in it'):
        metric.process({}, [empty({'context_name': 'elsewhere', 'timestamp': 5})])
