"""Scores that are no number are said."""

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmdet3d.datasets.transforms import LoadAnnotations3D, LoadPointsFromFile, PointSegClassMapping
from mmdet3d.evaluation import seg_eval

from dos_mm3d.engine.hooks import NoScoreHook
from dos_mm3d.errors import InputError

IGNORED = 3
CLASSES = ('car', 'road', 'tree')


class Frames(list):
    """A labelled data set."""

    metainfo = dict(classes=CLASSES)


def scores(*labels: int) -> dict[str, float]:
    """Of mmdet3d's metric, for points that are labelled so, all taken for a car."""
    truth = np.array(labels)
    with np.errstate(all='ignore'):
        return seg_eval([truth], [np.zeros_like(truth)], dict(enumerate(CLASSES)), IGNORED, logger='silent')


@pytest.fixture
def runner() -> SimpleNamespace:
    loader = SimpleNamespace(dataset=Frames('ab'))
    return SimpleNamespace(test_dataloader=loader, val_dataloader=loader, logger=logging.getLogger('no_score'))


@pytest.mark.filterwarnings('ignore:Mean of empty slice')
def test_labels_that_are_all_ignored_are_no_test(runner, caplog) -> None:
    hook, metrics = NoScoreHook(), scores(IGNORED, IGNORED)
    with pytest.raises(InputError, match=r'in the 2 frames nothing is labelled that counts.* test_dataloader\.dataset'):
        hook.after_test_epoch(runner, metrics)
    with pytest.raises(InputError, match='no score'):
        hook.after_test_epoch(runner, {**metrics, 'confusion/points': 0.0})
    hook.after_val_epoch(runner, metrics)
    assert 'there is no score: in the 2 frames' in caplog.text and 'val_dataloader.dataset' in caplog.text


def test_a_class_without_a_point_is_said(runner, caplog) -> None:
    hook = NoScoreHook()
    hook.after_test_epoch(runner, {**scores(0, 0, 1, IGNORED), 'trailer_trans_err': float('nan')})
    assert caplog.text.count('no score for tree: among the points that count') == 1 and 'trailer' not in caplog.text


def test_whole_scores_and_none_are_not_mentioned(runner, caplog) -> None:
    hook = NoScoreHook()
    hook.after_test_epoch(runner, scores(0, 1, 2))
    hook.after_val_epoch(runner, scores(0, 1, 2))
    hook.after_test_epoch(runner, {})  # results were written instead
    assert not caplog.text


class LabelFiles(Frames):
    """Frames with a label file each, of bytes; 7 is a car, everything else is ignored."""

    metainfo = dict(classes=CLASSES, ignore_index=IGNORED)
    pipeline = SimpleNamespace(
        transforms=[
            LoadPointsFromFile(coord_type='LIDAR'),
            LoadAnnotations3D(with_bbox_3d=False, with_label_3d=False, with_seg_3d=True, seg_3d_dtype='np.uint8'),
            PointSegClassMapping(),
        ]
    )

    def __init__(self, folder: Path, labels: Sequence[Sequence[int]]) -> None:
        super().__init__(folder / f'{number}.label' for number in range(len(labels)))
        for path, own in zip(self, labels):
            path.write_bytes(bytes(own))

    def get_data_info(self, index: int) -> dict:
        return dict(pts_semantic_mask_path=str(self[index]), seg_label_mapping=np.array([IGNORED] * 7 + [0]))


def test_labels_that_are_all_ignored_are_found_before_the_test(runner, tmp_path) -> None:
    runner.test_dataloader.dataset = LabelFiles(tmp_path, [[0, 3], [6]])
    with pytest.raises(InputError, match=r'in the 2 frames nothing is labelled that counts.* test_dataloader\.dataset'):
        NoScoreHook().before_test(runner)


def test_one_point_that_counts_is_enough_and_detectors_are_not_asked(runner, tmp_path) -> None:
    NoScoreHook().before_test(runner)
    runner.test_dataloader.dataset = LabelFiles(tmp_path, [[0, 3], [0, 7], [1]])
    (tmp_path / '2.label').unlink()
    NoScoreHook().before_test(runner)
