"""A metric scores what the model predicts and the data set labels, or is refused before the run."""

import pickle

import pytest
from mmdet3d.evaluation.metrics import SegMetric
from mmdet3d.models import CenterPoint
from mmdet3d.registry import METRICS, MODELS
from mmengine.config import Config

from dos_mm3d.engine.launch import check_data
from dos_mm3d.engine.metric_tasks import check_metrics, metrics_of
from dos_mm3d.errors import InputError


def config(model: str, dataset: str, evaluator: object) -> Config:
    data = dict(type='RepeatDataset', times=1, dataset=dict(type=dataset))
    return Config(dict(model=dict(type=model), val_dataloader=dict(dataset=data), val_evaluator=evaluator))


REFUSED = {
    'boxes of a segmentor': ('MinkUNet', 'NuScenesSegDataset', 'NuScenesMetric', 'scores boxes, and model'),
    'points of a detector': ('CenterPoint', 'NuScenesDataset', 'SegMetric', 'scores a class for each point, and model'),
    'points of boxes': (
        'MinkUNet',
        'KittiDataset',
        'GroupedSegMetric',
        r'and val_dataloader\.dataset \(KittiDataset\)',
    ),
    'confusion of boxes': ('CenterPoint', 'WaymoDataset', 'ConfusionMatrix', 'scores a class for each point'),
    'of another data set': ('CenterPoint', 'KittiDataset', 'NuScenesMetric', r'scores nuscenes, and .* is of kitti'),
    'of another data set, ours': ('CenterPoint', 'NuScenesDataset', 'WaymoDetMetric', 'scores waymo'),
}


@pytest.mark.parametrize('case', REFUSED)
def test_a_metric_of_another_task_is_refused(case: str) -> None:
    model, dataset, metric, said = REFUSED[case]
    for evaluator in (dict(type=metric), [dict(type=metric)], dict(type='Evaluator', metrics=[dict(type=metric)])):
        with pytest.raises(InputError, match=f'^val_evaluator: {metric} .*{said}'):
            check_metrics(config(model, dataset, evaluator), 'val_dataloader')


def test_it_is_asked_where_the_data_are_looked_at() -> None:
    cfg = config('CenterPoint', 'SemanticKittiDataset', dict(type='KittiMetric'))
    with pytest.raises(InputError, match='KittiMetric scores boxes'):
        check_data(cfg, 'val_dataloader')


@pytest.mark.parametrize(
    ('model', 'dataset', 'metric'),
    [
        ('CenterPoint', 'NuScenesDataset', 'NuScenesMetric'),
        ('VoxelNet', 'KittiDataset', 'KittiMetric'),
        ('CenterPoint', 'WaymoDataset', 'WaymoDetMetric'),
        ('MinkUNet', 'SemanticKittiDataset', 'SegMetric'),
        ('PTv3Segmentor', 'NuScenesSegDataset', 'ConfusionMatrix'),
        ('CenterPoint', 'NuScenesDataset', 'MetricOfOthers'),
        ('ModelOfOthers', 'DataOfOthers', 'SegMetric'),
    ],
)
def test_those_that_fit_and_those_of_others_pass(model: str, dataset: str, metric: str) -> None:
    check_metrics(config(model, dataset, dict(type=metric)), 'val_dataloader')


def test_classes_derived_elsewhere_may_do_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """As detectors that also tell the class of each point, with a metric of their own."""
    monkeypatch.setattr(MODELS, '_module_dict', {**MODELS.module_dict, 'Both': type('Both', (CenterPoint,), {})})
    monkeypatch.setattr(METRICS, '_module_dict', {**METRICS.module_dict, 'All': type('All', (SegMetric,), {})})
    check_metrics(config('Both', 'NuScenesSegDataset', dict(type='SegMetric')), 'val_dataloader')
    check_metrics(config('CenterPoint', 'NuScenesDataset', dict(type='All')), 'val_dataloader')


def test_metrics_within_an_evaluator_are_found() -> None:
    one, two = dict(type='A'), dict(type='B')
    assert metrics_of(one) == metrics_of([one]) == metrics_of(dict(metrics=one)) == [one]
    assert metrics_of(dict(type='Evaluator', metrics=[one, two])) == [one, two] and metrics_of(None) == []


@pytest.mark.parametrize(
    ('instances', 'scored'), [([], False), ([dict(bbox_label_3d=-1)], False), ([dict(bbox_label_3d=2)], True)]
)
def test_frames_without_a_box_are_not_scored(tmp_path, instances: list[dict], scored: bool) -> None:
    """As KITTI's test split, whose infos are there, too."""
    entries = [dict(lidar_points={'lidar_path': '0.bin'}), dict(lidar_points={'lidar_path': '1.bin'})]
    entries[1]['instances'] = instances
    (tmp_path / 'infos.pkl').write_bytes(pickle.dumps({'metainfo': {}, 'data_list': entries}))
    cfg = config('VoxelNet', 'KittiDataset', dict(type='KittiMetric'))
    cfg.val_dataloader.dataset.dataset.update(data_root=str(tmp_path), ann_file='infos.pkl')
    if scored:
        return check_metrics(cfg, 'val_dataloader')
    with pytest.raises(InputError, match=r'infos.pkl: none of its 2 frames has a box.*val_evaluator.format_only=True'):
        check_metrics(cfg, 'val_dataloader')
    cfg.val_evaluator.format_only = True
    check_metrics(cfg, 'val_dataloader')
