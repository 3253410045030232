"""Models that label every point, registered into mmdet3d."""

from .freezing import Frozen
from .ptv3 import PTv3Segmentor

__all__ = ['Frozen', 'PTv3Segmentor']
