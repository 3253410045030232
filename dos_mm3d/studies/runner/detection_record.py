"""What the official devkit and mmengine left in the work_dirs, as numbers and boxes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyquaternion import Quaternion

from ...files import nan_to_none, read_json
from ...visualization.boxes_bev import FlatBoxes

RESULTS = Path('pred_instances_3d') / 'results_nusc.json'
SUMMARY = Path('pred_instances_3d') / 'metrics_summary.json'


def read_devkit_summary(folder: Path) -> dict[str, Any]:
    """mAP, NDS, AP per class (mean over the four distances) and true-positive errors of one test run.

    folder: what the evaluator's `jsonfile_prefix` named. FileNotFoundError where the devkit wrote nothing there.
    """
    summary = read_json(folder / SUMMARY)
    return {
        'mAP': float(summary['mean_ap']),
        'NDS': float(summary['nd_score']),
        'AP': {name: float(ap) for name, ap in summary['mean_dist_aps'].items()},
        'errors': nan_to_none(summary['tp_errors']),
    }


def flat_truth(info: Mapping[str, Any], class_names: Sequence[str]) -> FlatBoxes:
    """True boxes of one key frame (an entry of mmdet3d's infos) that hold a LiDAR point, in the LiDAR frame."""
    instances = [box for box in info['instances'] if box['bbox_label_3d'] >= 0 and box['num_lidar_pts'] > 0]
    values = np.array([box['bbox_3d'] for box in instances], np.float64).reshape(-1, 7)
    return FlatBoxes(
        values[:, :2], values[:, 3:5], values[:, 6], [class_names[box['bbox_label_3d']] for box in instances]
    )


def flat_predictions(results_file: Path, info: Mapping[str, Any]) -> FlatBoxes:
    """Predicted boxes of one key frame from the devkit's result file, turned from the global into the LiDAR frame."""
    boxes = read_json(results_file)['results'][info['token']]
    lidar2global = np.array(info['ego2global']) @ np.array(info['lidar_points']['lidar2ego'])
    global2lidar = np.linalg.inv(lidar2global)
    centres = (
        np.array([box['translation'] for box in boxes]).reshape(-1, 3) @ global2lidar[:3, :3].T + global2lidar[:3, 3]
    )
    width_length = np.array([box['size'][:2] for box in boxes]).reshape(-1, 2)
    scores = np.array([box['detection_score'] for box in boxes])
    yaw = np.array([_yaw(box['rotation'], global2lidar) for box in boxes])
    return FlatBoxes(centres[:, :2], width_length[:, ::-1], yaw, [box['detection_name'] for box in boxes], scores)


def _yaw(rotation: Sequence[float], global2lidar: NDArray[np.float64]) -> float:
    """Heading in the LiDAR frame of a box that is turned by a quaternion (w, x, y, z) in the global frame."""
    ahead = global2lidar[:3, :3] @ Quaternion(rotation).rotation_matrix[:, 0]
    return float(np.arctan2(ahead[1], ahead[0]))
