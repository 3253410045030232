"""Pictures of what a config trains on: two views of a draw, or a labelled sample."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from mmdet3d.registry import DATASETS, MODELS
from mmdet3d.structures import Det3DDataSample, LiDARInstance3DBoxes
from mmengine.config import Config
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ...datasets.stream import Draw, SweepStream
from ...errors import InputError
from ...structures import ViewPair
from ...visualization.features_pca import draw_views_from_above
from ...visualization.labelled import draw_labelled
from ...visualization.view_pairs import draw_pair, pair_counts

REACH_PERCENT = 95.0


def browse(cfg: Config, loader: str, numbers: range, seed: int) -> Iterator[tuple[str, dict[str, Figure]]]:
    """Of every sample what is said of it, and its pictures, each with the end of its file's name.

    Args:
        cfg: of a pretraining or of what is trained on labels.
        loader: name of its loader.
        numbers: draws of a pretraining's stream, else indices of the data set.
        seed: of the stream.

    InputError for a sample that is not there, or has nothing that is drawn here.
    """
    dataset = DATASETS.build(cfg[loader].dataset)
    if not isinstance(dataset, SweepStream):
        for number in numbers:
            require_number(dataset, number, loader)
            yield labelled_sample(dataset[number], dataset.metainfo.get('classes', ()), number)
        return
    dataset.grid = MODELS.build(cfg.model).grid
    for number in numbers:
        yield drawn_views(dataset, Draw(seed, number))


def drawn_views(dataset: SweepStream, draw: Draw) -> tuple[str, dict[str, Figure]]:
    """One draw of a stream, with its augmentation and its mask."""
    points, file = dataset.load(dataset.index_of(draw))
    pair = dataset[draw].get('views')
    if not isinstance(pair, ViewPair):
        raise InputError(f'{file}: the pipeline makes no two views of it; views of scans are drawn, crops are not')
    said = ', '.join(f'{count} {what}' for what, count in pair_counts(pair).items())
    views = draw_views_from_above(points, {'View a': pair.a, 'View b': pair.b})
    return f'{file}: {said}', {'views': views, 'pairs': draw_pair(pair, dataset.grid)}


@dataclass(frozen=True)
class Truth:
    """What a sample says of its points, each None where it does not.

    Args:
        labels: (n,) class of every point.
        boxes: of objects.
        box_labels: their classes.
    """

    labels: NDArray[np.integer] | None
    boxes: LiDARInstance3DBoxes | None
    box_labels: NDArray[np.integer] | None


def truth_of(content: Det3DDataSample) -> Truth:
    """The labels of a sample, of a training or of a test set."""
    kept = dict(getattr(content, 'eval_ann_info', None) or {})  # mmdet3d puts the labels of a test set there
    labels = kept.get('pts_semantic_mask')
    if 'gt_pts_seg' in content and 'pts_semantic_mask' in content.gt_pts_seg:
        labels = content.gt_pts_seg.pts_semantic_mask
    boxes, box_labels = kept.get('gt_bboxes_3d'), kept.get('gt_labels_3d')
    if 'gt_instances_3d' in content and 'bboxes_3d' in content.gt_instances_3d:
        boxes, box_labels = content.gt_instances_3d.bboxes_3d, content.gt_instances_3d.labels_3d
    numbers = (None if found is None else np.asarray(found) for found in (labels, box_labels))
    return Truth(next(numbers), boxes, next(numbers))


def labelled_sample(sample: Mapping[str, Any], classes: tuple[str, ...], number: int) -> tuple[str, dict[str, Figure]]:
    """One sample of a data set with boxes or with a class for every point, as its pipeline leaves it."""
    points, path = points_of(sample, number)
    truth = truth_of(sample['data_samples'])
    if truth.labels is None and truth.boxes is None:
        raise InputError(f'sample {number}: has neither boxes nor a class for every point')
    drawn = draw_labelled(
        points,
        classes,
        labels=truth.labels,
        boxes=truth.boxes,
        box_labels=truth.box_labels,
        title=f'{path.name}: {len(points)} points' + ('' if truth.boxes is None else f', {len(truth.boxes)} boxes'),
        reach_m=reach_m(points),
    )
    return f'{path}: {len(points)} points', {'labels': drawn}


def points_of(sample: Mapping[str, Any], number: int) -> tuple[NDArray[np.floating], Path]:
    """Points (n, C) of a sample and its file. InputError where its pipeline leaves none."""
    if not isinstance(sample, Mapping) or 'points' not in sample.get('inputs', {}):
        raise InputError(f'sample {number}: its pipeline leaves no points; take --split train')
    path = sample['data_samples'].metainfo.get('lidar_path') or f'sample {number}'
    return sample['inputs']['points'].numpy(), Path(path)


def reach_m(points: NDArray[np.floating]) -> float:
    """Half the width of a picture of most points (n, >= 2)."""
    return float(np.percentile(np.abs(points[:, :2]), REACH_PERCENT))


def require_number(dataset: Dataset, number: int, loader: str) -> None:
    """InputError for a sample that is not there."""
    if number >= len(dataset):
        raise InputError(f'sample {number}: {loader} has {len(dataset)}; wanted 0 to {len(dataset) - 1}')
