"""Models, registered into mmdet3d."""

from . import backbones, heads, methods, preprocessors, segmentors
