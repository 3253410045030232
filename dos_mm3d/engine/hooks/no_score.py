"""Scores that are no number, because nothing was labelled that could be counted: said, where upstream has nan."""

import math
from collections.abc import Mapping
from typing import Any

from mmdet3d.datasets.transforms import LoadAnnotations3D, PointSegClassMapping
from mmengine.hooks import Hook

from ...errors import InputError

MEAN = 'miou'
"""mmdet3d's name of the mean over the classes of a segmentation."""


class NoScoreHook(Hook):
    """InputError where a test has no score at all, of a segmentation before it begins; of single classes a sentence.
    After a validation both are said: the training is worth keeping. The tools add it to every run."""

    priority = 'VERY_HIGH'

    def before_test(self, runner) -> None:
        """Look for a point that counts; in sound labels the first frame has one."""
        dataset = runner.test_dataloader.dataset
        steps = _steps_of_labels(dataset)
        if steps and not any(_has_label(dataset, index, steps) for index in range(len(dataset))):
            raise InputError(f'{_nothing_counts(len(dataset))} test_dataloader.dataset')

    def after_test_epoch(self, runner, metrics: dict[str, Any] | None = None) -> None:
        if problem := no_score(metrics or {}, len(runner.test_dataloader.dataset)):
            raise InputError(f'{problem} test_dataloader.dataset')
        self._name_classes(runner, metrics or {}, runner.test_dataloader.dataset)

    def after_val_epoch(self, runner, metrics: dict[str, Any] | None = None) -> None:
        if problem := no_score(metrics or {}, len(runner.val_dataloader.dataset)):
            runner.logger.warning(f'{problem} val_dataloader.dataset')
            return
        self._name_classes(runner, metrics or {}, runner.val_dataloader.dataset)

    def _name_classes(self, runner, metrics: Mapping[str, Any], dataset: Any) -> None:
        classes = set(getattr(dataset, 'metainfo', {}).get('classes') or ())
        if missing := [name for name in nan_in(metrics) if name.rpartition('/')[2] in classes]:
            runner.logger.warning(
                f'no score for {", ".join(missing)}: among the points that count, none has the class, and none is '
                'taken for it; files have null there, and means leave it out'
            )


def no_score(metrics: Mapping[str, Any], frames: int) -> str | None:
    """Why there is no score, up to the name of what is to be corrected; None where there is one."""
    nan = nan_in(metrics)
    if not nan or (set(nan) != set(metrics) and MEAN not in [name.rpartition('/')[2] for name in nan]):
        return None
    return _nothing_counts(frames)


def _nothing_counts(frames: int) -> str:
    return (
        f'there is no score: in the {frames} frames nothing is labelled that counts (no label, or all of them ignored '
        'ones). Correct the label files, or the ann_file, indices or metainfo of'
    )


def _steps_of_labels(dataset: Any) -> list[Any]:
    """Of the pipeline of a segmentation, what makes classes of label files; none where it loads no labels."""
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    loading = [step for step in steps if isinstance(step, LoadAnnotations3D) and step.with_seg_3d]
    if not loading or 'ignore_index' not in dataset.metainfo:
        return []
    return [*loading, *(step for step in steps if isinstance(step, PointSegClassMapping))]


def _has_label(dataset: Any, index: int, steps: list[Any]) -> bool:
    """Whether a point of a frame has a class that is not ignored."""
    frame = dataset.get_data_info(index)
    for step in steps:
        frame = step(frame)
    return bool((frame['pts_semantic_mask'] != dataset.metainfo['ignore_index']).any())


def nan_in(metrics: Mapping[str, Any]) -> list[str]:
    """Names of the numbers that are none."""
    return [name for name, value in metrics.items() if isinstance(value, float) and math.isnan(value)]
