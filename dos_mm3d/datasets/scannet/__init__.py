"""ScanNet and ScanNet200: rooms as coloured meshes, 20 and 200 classes."""

from . import scans, segmentation

__all__ = ['scans', 'segmentation']
