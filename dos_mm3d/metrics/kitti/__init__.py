"""KITTI's detection metric: AP in 3D, in bird's-eye view and in the image, and AOS, on a CPU.

Follows mmdet3d's kitti_eval, number by number (Geiger et al., 'Are we ready for Autonomous Driving?', CVPR 2012; 40
recalls: Simonelli et al., 'Disentangling Monocular 3D Object Detection', ICCV 2019), whose rotated IoU needs CUDA.
`tests/references/kitti_metric/compare.py` compares them, with theirs in numba's CUDA simulator.
"""

from .det_metric import KittiMetric
from .metrics import kitti_average_precision
