"""ScanNet and ScanNet200, rooms as coloured meshes: whole scans, 200 classes, and the conversion of a download."""

from . import segmentation, sweeps
