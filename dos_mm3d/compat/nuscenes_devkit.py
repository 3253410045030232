"""Bugs of nuscenes-devkit."""

from functools import wraps
from typing import Any


def score_no_predictions_as_zero() -> None:
    """Let the devkit evaluate a detector that found nothing at all.

    Symptom: with no box in any sample, filter_eval_boxes raises "Error: Invalid box type: None", as it asks the first
    box what it is (nuscenes-devkit 1.2.0, eval/common/loaders.py). Without boxes nothing is filtered: either name does.
    Test: tests/test_miniatures/test_synthetic_nuscenes.py.
    Can go when the devkit returns early for empty predictions.
    """
    from nuscenes.eval.common import loaders

    class_field = loaders._get_box_class_field

    @wraps(class_field)
    def class_field_of_any_boxes(eval_boxes: Any) -> str:
        return class_field(eval_boxes) if eval_boxes.all else 'detection_name'

    loaders._get_box_class_field = class_field_of_any_boxes
