"""Models that label every point, registered into mmdet3d."""

from .ptv3 import PTv3Segmentor
