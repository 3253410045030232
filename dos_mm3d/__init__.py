"""Self-supervised LiDAR pretraining for mmdetection3d. Importing the package repairs upstream bugs and registers its classes."""

from . import compat

__version__ = '0.1.0'

compat.apply()
