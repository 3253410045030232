"""Waymo's 3D detection metric: AP and APH per class, range and difficulty, in-process and without TensorFlow.

Follows the official evaluator's default configuration (Sun et al., 'Scalability in Perception for Autonomous Driving:
Waymo Open Dataset', CVPR 2020, section 4.1; waymo-open-dataset 1.6.7): Hungarian matching on IoU, separately in every
breakdown and at each of 101 score cutoffs. `tests/references/waymo_metric/compare.py` compares it with the official op.
"""

from ...datasets.waymo.infos import waymo_difficulty
from ..rotated_iou import box_iou_3d
from .det_metric import WaymoDetMetric
from .metrics import waymo_detection_metrics
