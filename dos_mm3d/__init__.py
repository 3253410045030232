"""Self-supervised LiDAR pretraining for mmdetection3d; importing it repairs upstream bugs and registers our classes."""

__version__ = '0.2.0'

from . import compat

compat.apply()

from . import datasets, engine, metrics, models  # noqa: E402  (mmdet3d must be imported after the repairs)

__all__ = ['datasets', 'engine', 'metrics', 'models']
