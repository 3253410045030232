"""Self-supervised LiDAR pretraining for mmdetection3d. Importing the package repairs upstream bugs and registers its classes."""

from . import compat

compat.apply()

from . import datasets, engine, models  # noqa: E402  (mmdet3d must be imported after the repairs)

__version__ = '0.1.0'
__all__ = ['datasets', 'engine', 'models']
