"""Scores that are no number are said."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
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
