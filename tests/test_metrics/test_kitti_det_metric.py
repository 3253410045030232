"""KittiMetric as tools/test.py runs it on a CPU, under mmdet3d's name: labels as predictions, few frames, no finds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import METRICS
from mmdet3d.structures import Box3DMode, CameraInstance3DBoxes, LiDARInstance3DBoxes

from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.errors import InputError
from dos_mm3d.metrics.kitti import KittiMetric, kitti_average_precision

CLASSES = ['Pedestrian', 'Cyclist', 'Car']
CARS = 'Kitti metric/pred_instances_3d/KITTI/Car'


@pytest.fixture
def ann_file(synthetic_kitti: Path) -> Path:
    return synthetic_kitti / 'kitti_infos_trainval.pkl'


def sample(info: dict, boxes: LiDARInstance3DBoxes, labels: list[int]) -> dict:
    """What a detector's predict() leaves."""
    found = {
        'bboxes_3d': boxes,
        'labels_3d': torch.tensor(labels, dtype=torch.long),
        'scores_3d': torch.full((len(labels),), 0.9),
    }
    path = f'anywhere/{info["lidar_points"]["lidar_path"]}'
    return {'lidar_path': path, 'sample_idx': 0, 'pred_instances_3d': found, 'pred_instances': {}}


def perfect(info: dict) -> dict:
    """The labels of the three classes, brought to the LiDAR's frame by the data set's own conversion."""
    wanted = [box for box in info['instances'] if box['bbox_label_3d'] in (0, 1, 2)]
    boxes = CameraInstance3DBoxes(torch.tensor([box['bbox_3d'] for box in wanted], dtype=torch.float32).reshape(-1, 7))
    to_lidar = np.linalg.inv(np.array(info['images']['CAM2']['lidar2cam']))
    return sample(info, boxes.convert_to(Box3DMode.LIDAR, to_lidar), [box['bbox_label_3d'] for box in wanted])


def nothing(info: dict) -> dict:
    return sample(info, LiDARInstance3DBoxes(torch.zeros((0, 7))), [])


def evaluated(ann_file: Path, samples: list[dict], **options) -> dict[str, float]:
    metric = METRICS.build(dict(type='KittiMetric', ann_file=str(ann_file), metric='bbox', **options))
    metric.dataset_meta = {'classes': CLASSES}
    for one in samples:
        metric.process({}, [one])
    return metric.evaluate(len(samples))


def test_mmdet3ds_configs_get_it_by_name():
    assert METRICS.get('KittiMetric') is KittiMetric


def test_labels_as_predictions_score_what_their_number_allows(ann_file):
    entries = load_info_pickle(ann_file)['data_list']
    wide = dict(pcd_limit_range=[-100, -100, -10, 100, 100, 10])  # upstream drops what lies above the sensor
    numbers = evaluated(ann_file, [perfect(info) for info in entries], **wide)
    counted = [numbers[f'{CARS}_boxes_{name}'] for name in ('easy', 'moderate', 'hard')]
    assert counted == sorted(counted) and counted[-1] > 2
    for difficulty, count in zip(('easy', 'moderate', 'hard'), counted):
        for kind in ('3D', 'BEV'):
            assert numbers[f'{CARS}_{kind}_AP40_{difficulty}_strict'] == pytest.approx(
                100 * min(max(count - 1, 0), 40) / 40
            )


def test_few_frames_in_another_order_are_scored_by_their_own_labels(ann_file):
    entries = load_info_pickle(ann_file)['data_list'][::-1][:2]
    wide = dict(pcd_limit_range=[-100, -100, -10, 100, 100, 10])
    numbers = evaluated(ann_file, [perfect(info) for info in entries], **wide)
    count = numbers[f'{CARS}_boxes_hard']
    assert count == sum(
        box['bbox_label_3d'] == 2 and box['difficulty'] >= 0 for info in entries for box in info['instances']
    )
    assert numbers[f'{CARS}_3D_AP40_hard_strict'] == pytest.approx(100 * min(max(count - 1, 0), 40) / 40)


def test_frames_without_finds_count_wherever_they_stand(ann_file):
    entries = load_info_pickle(ann_file)['data_list']
    first_empty = [nothing(entries[0]), *map(perfect, entries[1:])]
    assert evaluated(ann_file, first_empty) == pytest.approx(evaluated(ann_file, first_empty[::-1]))
    none = evaluated(ann_file, [nothing(info) for info in entries])
    assert none[f'{CARS}_boxes_hard'] > 0 and {value for name, value in none.items() if '_AP' in name} == {0.0}


def test_predictions_that_the_camera_does_not_see_are_dropped(ann_file):
    info = load_info_pickle(ann_file)['data_list'][0]
    right = perfect(info)['pred_instances_3d']
    behind = right['bboxes_3d'].tensor.clone()
    behind[:, 0] *= -1
    both = sample(
        info, LiDARInstance3DBoxes(torch.cat([right['bboxes_3d'].tensor, behind])), right['labels_3d'].tolist() * 2
    )
    assert evaluated(ann_file, [both]) == evaluated(ann_file, [perfect(info)])


def test_results_for_the_server_are_named_by_the_frames(ann_file, tmp_path):
    info = load_info_pickle(ann_file)['data_list'][-1]
    assert evaluated(ann_file, [perfect(info)], format_only=True, submission_prefix=str(tmp_path)) == {}
    (written,) = tmp_path.rglob('*.txt')
    assert written.name == info['lidar_points']['lidar_path'].replace('.bin', '.txt') != '000000.txt'
    assert len(written.read_text().splitlines()[0].split()) == 16


def test_infos_of_other_frames_and_without_labels_are_refused(synthetic_kitti, ann_file):
    info = load_info_pickle(ann_file)['data_list'][-1]
    with pytest.raises(InputError, match=r'kitti_infos_train\.pkl: has no frame 000002\.bin, which was tested'):
        evaluated(synthetic_kitti / 'kitti_infos_train.pkl', [nothing(info)])
    unlabelled = load_info_pickle(synthetic_kitti / 'kitti_infos_test.pkl')['data_list'][0]
    with pytest.raises(
        InputError, match=r'kitti_infos_test\.pkl: the frames that were tested have no labels.*format_only=True'
    ):
        evaluated(synthetic_kitti / 'kitti_infos_test.pkl', [nothing(unlabelled)])


def test_the_evaluation_is_of_what_upstream_makes_of_predictions(ann_file):
    """The same numbers from the labels of the info file and its own boxes as predictions, without the class."""
    infos = load_info_pickle(ann_file)
    metric = KittiMetric(str(ann_file))
    entries = metric.convert_annos_to_kitti_annos(infos)
    truth = [entry['kitti_annos'] for entry in entries]
    found = [{**frame, 'score': np.full(len(frame['name']), 0.9)} for frame in truth]
    numbers = kitti_average_precision(truth, found)
    count = numbers['KITTI/Car_boxes_moderate']
    assert numbers['KITTI/Car_2D_AP40_moderate_strict'] == pytest.approx(100 * min(max(count - 1, 0), 40) / 40)
