"""nuScenes: unlabelled sweeps, detection with few labels, lidarseg, and the conversion of a download."""

from . import detection, segmentation, sweeps
