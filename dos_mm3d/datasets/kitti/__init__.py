"""KITTI object detection: unlabelled sweeps, and the conversion of a download. Boxes are read by mmdet3d's own."""

from . import sweeps
