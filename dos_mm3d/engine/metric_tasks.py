"""Whether metrics score what the model predicts and the data set labels: upstream that is a KeyError at the first
batch, or at the end."""

from collections.abc import Mapping
from typing import Any

from mmdet3d.datasets import Det3DDataset, Seg3DDataset
from mmdet3d.evaluation import metrics as upstream
from mmdet3d.models import Base3DDetector, Base3DSegmentor
from mmdet3d.registry import DATASETS, METRICS, MODELS
from mmengine.config import Config

from ..datasets.file_check.checked_set import data_set_name
from ..datasets.file_check.objects import check_scored
from ..datasets.label_shares import leaf
from ..errors import InputError
from ..metrics import ConfusionMatrix, WaymoDetMetric
from .config_errors import OURS

BOXES, POINTS = 'boxes', 'a class for each point'
TASKS = {
    BOXES: (
        *(Base3DDetector, Det3DDataset, WaymoDetMetric, upstream.IndoorMetric, upstream.KittiMetric),
        *(upstream.LyftMetric, upstream.NuScenesMetric, upstream.WaymoMetric),
    ),
    POINTS: (Base3DSegmentor, Seg3DDataset, ConfusionMatrix, upstream.InstanceSegMetric, upstream.SegMetric),
}
"""What a model predicts, a data set labels and a metric scores, by the classes that they are derived from."""


def metrics_of(evaluator: Any) -> list[Mapping[str, Any]]:
    """The metrics of a config's evaluator: one, a list, or those within mmengine's Evaluator."""
    if isinstance(evaluator, Mapping) and 'metrics' in evaluator:
        evaluator = evaluator['metrics']
    return [evaluator] if isinstance(evaluator, Mapping) else list(evaluator or ())


def check_metrics(cfg: Config, loader: str) -> None:
    """InputError where a metric of a loader's evaluator is for another task than the model or the data set, or for
    another data set, or where there is no box to score. Only mmdet3d's own classes, and ours, are compared: those of
    others may do both.

    loader: val_dataloader or test_dataloader, which the config has.
    """
    evaluator = loader.replace('dataloader', 'evaluator')
    model = cfg.get('model') or {}
    model = model.get('module') or model  # within test-time augmentation
    dataset = DATASETS.get(str(leaf(cfg[loader].dataset).get('type')))
    for metric in metrics_of(cfg.get(evaluator)):
        scored = METRICS.get(str(metric.get('type')))
        for what, one in (('model', MODELS.get(str(model.get('type')))), (f'{loader}.dataset', dataset)):
            tasks = _task_of(scored), _task_of(one)
            if None not in tasks and tasks[0] != tasks[1]:
                raise InputError(
                    f'{evaluator}: {metric["type"]} scores {tasks[0]}, and {what} ({one.__name__}) is for {tasks[1]}; '
                    'wanted a metric of the same task'
                )
        names = [data_set_name(one) if _is_known(one) else None for one in (scored, dataset)]
        if None not in names and names[0] != names[1]:
            raise InputError(
                f'{evaluator}: {metric["type"]} scores {names[0]}, and {loader}.dataset ({dataset.__name__}) is of '
                f'{names[1]}; wanted the metric of this data set'
            )
        if _task_of(scored) == _task_of(dataset) == BOXES and not metric.get('format_only'):
            check_scored(leaf(cfg[loader].dataset), evaluator)


def _task_of(one: Any) -> str | None:
    return next((task for task, parents in TASKS.items() if _is_known(one) and issubclass(one, parents)), None)


def _is_known(one: Any) -> bool:
    """Whether it is a class of mmdet3d, or ours."""
    return isinstance(one, type) and one.__module__.partition('.')[0] in (OURS, 'mmdet3d')
