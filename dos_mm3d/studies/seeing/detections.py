"""Predicted beside true boxes of a detector's samples: what is drawn from above, and what stands in the page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from mmdet3d.structures import LiDARInstance3DBoxes
from mmengine.config import Config
from mmengine.structures import InstanceData
from numpy.typing import NDArray

from ...errors import InputError
from ...visualization.boxes_bev import draw_boxes_from_above
from ...visualization.viewed import ViewedBox, ViewedSweep, Words
from .predictions import Predicted, predict
from .samples import reach_m

TITLE = 'Predicted and true boxes'
GROUPS = {'true': (60, 220, 110), 'predicted': (255, 110, 70)}
LEAST_SCORE = 0.3


def detect(cfg: Config, loader: str, detectors: Mapping[str, Path], numbers: Sequence[int]) -> Iterator[Predicted]:
    """:func:`predict` of detectors.

    InputError, too, where a sample has no true boxes, or a model finds none because it detects nothing.
    """
    for number, one in zip(numbers, predict(cfg, loader, detectors, numbers)):
        if one.truth.boxes is None:
            raise InputError(f'sample {number}: has no boxes; wanted the config of a detector')
        for name, answer in one.answers.items():
            if 'bboxes_3d' not in answer.get('pred_instances_3d', {}):
                raise InputError(f'{name}: {cfg.model.type} predicts no boxes; wanted the config of a detector')
        yield one


def found_by(one: Predicted) -> dict[str, InstanceData]:
    """Name of a detector -> `bboxes_3d`, `scores_3d`, `labels_3d`."""
    return {name: answer.pred_instances_3d for name, answer in one.answers.items()}


def by_name(checkpoints: Sequence[Path]) -> dict[str, Path]:
    """By the names of the files; by whole paths where they are not told apart by these."""
    short = [path.stem for path in checkpoints]
    return {name if short.count(name) == 1 else str(path): path for name, path in zip(short, checkpoints)}


def draw_detected(one: Predicted) -> Figure:
    """From above, a picture for each detector: true boxes, and as many of the surest predictions."""
    return draw_boxes_from_above(one.points[:, :2], one.truth.boxes, found_by(one), reach_m=reach_m(one.points))


def viewed_detections(
    samples: Sequence[Predicted], least_score: float = LEAST_SCORE
) -> tuple[list[ViewedSweep], Words]:
    """Every sample under every detector, for the page. least_score: of what is shown at first."""
    sweeps = [_viewed(one, name, found) for one in samples for name, found in found_by(one).items()]
    return sweeps, Words(TITLE, boxes=GROUPS, score=least_score)


def _viewed(one: Predicted, name: str, found: InstanceData) -> ViewedSweep:
    true = viewed_boxes(one.truth.boxes, one.truth.box_labels, one.classes)
    predicted = viewed_boxes(found.bboxes_3d, found.labels_3d.numpy(), one.classes, found.scores_3d.tolist())
    return ViewedSweep(f'{one.file.name}, {name}', one.points_for_page(), boxes=[true, predicted])


def viewed_boxes(
    boxes: LiDARInstance3DBoxes, labels: NDArray[np.integer], classes: Sequence[str], scores: Sequence[float] = ()
) -> list[ViewedBox]:
    """Boxes for the page, with the names of their classes and, where there are scores, these."""
    places = torch.cat((boxes.gravity_center, boxes.tensor[:, 3:7]), dim=1).double().numpy().round(4).tolist()
    names = [classes[label] if 0 <= label < len(classes) else 'other' for label in labels]
    if not len(scores):
        return [ViewedBox(tuple(place), name) for place, name in zip(places, names)]
    rated = zip(places, names, scores)
    return [ViewedBox(tuple(place), f'{name} {score:.2f}', round(score, 4)) for place, name, score in rated]
