"""Predicted beside true boxes of a detector's samples: what is drawn from above, and what stands in the page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from mmdet3d.registry import DATASETS, MODELS
from mmdet3d.structures import LiDARInstance3DBoxes
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmengine.structures import InstanceData
from numpy.typing import NDArray
from torch import nn

from ...errors import InputError
from ...export.loading import require_fit
from ...visualization.boxes_bev import draw_boxes_from_above
from ...visualization.viewed import ViewedBox, ViewedSweep, Words
from .samples import Truth, points_of, reach_m, require_number, truth_of

TITLE = 'Predicted and true boxes'
GROUPS = {'true': (60, 220, 110), 'predicted': (255, 110, 70)}
LEAST_SCORE = 0.3


@dataclass(frozen=True)
class Detected:
    """One sample and what detectors find in it.

    Args:
        file: of its points.
        points: (n, >= 4) x, y, z in metres, intensity.
        truth: its boxes.
        classes: names of the boxes' labels.
        found: name of a detector -> `bboxes_3d`, `scores_3d`, `labels_3d` on the CPU.
    """

    file: Path
    points: NDArray[np.floating]
    truth: Truth
    classes: tuple[str, ...]
    found: Mapping[str, InstanceData]


def load_detector(cfg: Config, checkpoint: str | Path) -> nn.Module:
    """The detector of a config with all weights of a checkpoint, in eval mode, on the GPU where there is one.

    InputError where the file is not of this model.
    """
    init_default_scope('mmdet3d')
    model = MODELS.build(cfg.model)
    require_fit(model, checkpoint, complete=True)
    load_checkpoint(model, str(checkpoint), map_location='cpu')
    return model.to(get_device()).eval()


@torch.no_grad()
def detect(cfg: Config, loader: str, checkpoints: Sequence[Path], numbers: range) -> Iterator[Detected]:
    """Samples of a loader under one detector or more of the same config.

    InputError where a sample has no true boxes, a model finds none because it detects nothing, or a number is too high.
    """
    dataset = DATASETS.build(cfg[loader].dataset)
    for number in numbers:
        require_number(dataset, number, loader)
    models = {name: load_detector(cfg, path) for name, path in zip(names_of(checkpoints), checkpoints)}
    for number in numbers:
        sample = dataset[number]
        points, file = points_of(sample, number)
        truth = truth_of(sample['data_samples'])
        if truth.boxes is None:
            raise InputError(f'sample {number}: has no boxes; wanted the config of a detector')
        found = {}
        for name, model in models.items():
            answer = model.test_step(pseudo_collate([sample]))[0]
            if 'bboxes_3d' not in answer.get('pred_instances_3d', {}):
                raise InputError(f'{name}: {type(model).__name__} predicts no boxes; wanted the config of a detector')
            found[name] = answer.pred_instances_3d.cpu()
        yield Detected(file, points, truth, tuple(dataset.metainfo['classes']), found)


def names_of(checkpoints: Sequence[Path]) -> list[str]:
    """File names; whole paths where they are not told apart by these."""
    short = [path.stem for path in checkpoints]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, checkpoints)]


def draw_detected(one: Detected) -> Figure:
    """From above, a picture for each detector: true boxes, and as many of the surest predictions."""
    return draw_boxes_from_above(one.points[:, :2], one.truth.boxes, one.found, reach_m=reach_m(one.points))


def viewed_detections(samples: Sequence[Detected], least_score: float = LEAST_SCORE) -> tuple[list[ViewedSweep], Words]:
    """Every sample under every detector, for the page. least_score: of what is shown at first."""
    return [_viewed(one, name) for one in samples for name in one.found], Words(TITLE, boxes=GROUPS, score=least_score)


def _viewed(one: Detected, name: str) -> ViewedSweep:
    points, found = np.array(one.points[:, :4]), one.found[name]
    points[:, 3] /= max(points[:, 3].max(), 1e-6)
    true = viewed_boxes(one.truth.boxes, one.truth.box_labels, one.classes)
    predicted = viewed_boxes(found.bboxes_3d, found.labels_3d.numpy(), one.classes, found.scores_3d.tolist())
    return ViewedSweep(f'{one.file.name}, {name}', points, boxes=[true, predicted])


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
