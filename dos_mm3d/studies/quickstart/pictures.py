"""What the report shows of models and scans: feature colours, usage of the prototypes, boxes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from mmdet3d.structures import LiDARInstance3DBoxes
from mmengine.structures import InstanceData
from numpy.typing import NDArray
from pyquaternion import Quaternion

from ...datasets.info_pickle import load_info_pickle
from ...datasets.nuscenes.classes import CLASSES, COLOUR_OF_CLASS, IGNORE
from ...files import read_json
from ...functional.collapse import prototype_usage
from ...models.methods.dos import DOS
from ...probe.features import EncoderFeatures, raw_features
from ...probe.linear_probe import FeatureBlock
from ...probe.pretrained import load_pretrained, random_backbones
from ...probe.scans import ProbeScan, spread
from ...visualization.boxes_bev import draw_boxes_from_above, within
from ...visualization.features_pca import draw_features_from_above, one_per_cell, pca_colours
from ..runner.scalars import RESULTS
from .choices import Quickstart
from .results import STARTS

REACH_M = 40.0
FIT_CELL_M = 0.5
UNLABELLED_GREY = 0.35


def draw_features(quickstart: Quickstart) -> Figure:
    """True classes, raw input, a random network and DOS on the first test scan."""
    cfg = quickstart.pretrain_config
    model = load_pretrained(cfg, quickstart.checkpoint)
    random = random_backbones(cfg, model, [0], spread(quickstart.scans('pretrain'), 8))
    scan = quickstart.scans('test')[0]
    xy_m = scan.points[scan.key_rows, :2].numpy()
    rows = one_per_cell(xy_m, cell_m=FIT_CELL_M, reach_m=REACH_M)
    blocks = raw_features(scan) | EncoderFeatures(model, {**random, 'teacher': model.teacher.backbone})(scan)
    titles = {'raw': 'raw input', 'random_0': 'random initialisation', 'teacher': 'DOS (teacher)'}
    panels = {'true classes': class_colours(scan.labels)}
    panels |= {title: pca_colours(_standardised(blocks[name], rows), rows) for name, title in titles.items()}
    return draw_features_from_above(xy_m, panels, reach_m=REACH_M, legend=class_legend(scan.labels))


def _standardised(block: FeatureBlock, fit_rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, C) features at the points in units of each channel's sd over `fit_rows`."""
    values = block.at_points(torch.arange(len(block.row_of_point))).numpy()
    sd = values[fit_rows].std(0)
    return (values - values[fit_rows].mean(0)) / np.where(sd > 1e-6, sd, 1)


def class_legend(labels: torch.Tensor) -> dict[str, str]:
    """Name -> colour of the classes that occur."""
    names = [CLASSES[label - 1] for label in labels.unique() if label != IGNORE]
    return {name.replace('_', ' '): '#{:02x}{:02x}{:02x}'.format(*COLOUR_OF_CLASS[name]) for name in names}


def class_colours(labels: torch.Tensor) -> NDArray[np.float64]:
    """(n, 3) colours of labels 0..16; ignored points are grey."""
    table = np.full((len(CLASSES) + 1, 3), UNLABELLED_GREY)
    table[1:] = np.array([COLOUR_OF_CLASS[name] for name in CLASSES]) / 255
    return table[labels.numpy()]


@torch.no_grad()
def usage_over_scans(model: DOS, scans: Sequence[ProbeScan]) -> NDArray[np.float64]:
    """(K,) share of the loss voxels of whole, unmasked scans that lie nearest to each prototype of the teacher."""
    encoders = EncoderFeatures(model, {'teacher': model.teacher.backbone})
    usage = []
    for scan in scans:
        features = model.teacher.projector(encoders(scan)['teacher'].values)
        usage.append(prototype_usage(model.head.teacher_cosines(features)).numpy())
    return np.mean(usage, axis=0)


def draw_boxes(quickstart: Quickstart, record: Mapping[str, Any]) -> Figure:
    """The val key frame with the most true boxes, under both detectors of the first seed. record: of the protocol."""
    infos = load_info_pickle(quickstart.size.data / quickstart.dataset.infos[1])['data_list']
    truths = [true_boxes(info) for info in infos]
    number = max(range(len(truths)), key=lambda i: int(within(truths[i], REACH_M).sum()))
    names = [f'{cell["name"]}_{cell["key"][:8]}' for cell in record['cells'] if cell['name'].endswith('seed0')]
    results = [quickstart.record('detection').parent / 'cells' / name / 'test' / RESULTS for name in names]
    predictions = {
        f'{quickstart.choice.model} {label}': predicted_boxes(file, infos[number])
        for file, label in zip(results, STARTS.values())
    }
    scan = quickstart.scans('test')[number]
    points = scan.points[scan.key_rows, :2].numpy()
    return draw_boxes_from_above(points, truths[number], predictions, reach_m=REACH_M)


def true_boxes(info: Mapping[str, Any]) -> LiDARInstance3DBoxes:
    """Boxes of one key frame (an entry of mmdet3d's infos) that hold a LiDAR point, in the LiDAR frame."""
    instances = [box for box in info['instances'] if box['bbox_label_3d'] >= 0 and box['num_lidar_pts'] > 0]
    return LiDARInstance3DBoxes(np.array([box['bbox_3d'] for box in instances]).reshape(-1, 7))


def predicted_boxes(results_file: Path, info: Mapping[str, Any]) -> InstanceData:
    """Boxes of one key frame from the devkit's result file, turned from the global into the LiDAR frame."""
    boxes = read_json(results_file)['results'][info['token']]
    lidar2global = np.array(info['ego2global']) @ np.array(info['lidar_points']['lidar2ego'])
    global2lidar = np.linalg.inv(lidar2global)
    centre = np.array([box['translation'] for box in boxes]).reshape(-1, 3) @ global2lidar[:3, :3].T
    size = np.array([box['size'] for box in boxes]).reshape(-1, 3)[:, [1, 0, 2]]  # from width, length, height
    yaw = np.array([_yaw(box['rotation'], global2lidar) for box in boxes])
    values = np.column_stack((centre + global2lidar[:3, 3], size, yaw))
    return InstanceData(
        bboxes_3d=LiDARInstance3DBoxes(values, origin=(0.5, 0.5, 0.5)),
        scores_3d=torch.tensor([box['detection_score'] for box in boxes]),
    )


def _yaw(rotation: Sequence[float], global2lidar: NDArray[np.float64]) -> float:
    """Heading in the LiDAR frame of a box that is turned by a quaternion (w, x, y, z) in the global frame."""
    ahead = global2lidar[:3, :3] @ Quaternion(rotation).rotation_matrix[:, 0]
    return float(np.arctan2(ahead[1], ahead[0]))
