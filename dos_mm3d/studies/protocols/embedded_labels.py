"""Labels of the embedded worlds in place of real ones: which scans, and which class stands for which."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ...files import read_json
from ...miniatures.staging import MANIFEST
from ...probe.frames import WorldFrames
from ...probe.scans import LabelledScans
from ..runner import content_hash
from .datasets import DATASETS
from .encoder_input import SensorFrame

RANGE_CLASSES = (
    'road', 'sidewalk', 'manmade', 'barrier or cone', 'vegetation', 'person', 'two-wheeler', 'car', 'truck', 'bus'
)  # fmt: skip
"""Of the range images of nuScenes; number 10 there is what has none, mostly the ego vehicle."""
RANGE_CLASS_OF = {
    'barrier': 'barrier or cone',
    'bicycle': 'two-wheeler',
    'bus': 'bus',
    'car': 'car',
    'construction_vehicle': 'truck',
    'motorcycle': 'two-wheeler',
    'pedestrian': 'person',
    'traffic_cone': 'barrier or cone',
    'trailer': 'truck',
    'truck': 'truck',
    'driveable_surface': 'road',
    'other_flat': None,
    'sidewalk': 'sidewalk',
    'terrain': 'vegetation',
    'manmade': 'manmade',
    'vegetation': 'vegetation',
}
"""Class of nuScenes' lidarseg challenge -> class of the range images. Terrain has no number of its own there."""
KITTI_CLASS_OF = {
    'barrier': None,
    'bicycle': 'bicycle',
    'bus': 'other-vehicle',
    'car': 'car',
    'construction_vehicle': 'other-vehicle',
    'motorcycle': 'motorcycle',
    'pedestrian': 'person',
    'traffic_cone': None,
    'trailer': 'other-vehicle',
    'truck': 'truck',
    'driveable_surface': 'road',
    'other_flat': 'other-ground',
    'sidewalk': 'sidewalk',
    'terrain': 'terrain',
    'manmade': 'building',
    'vegetation': 'vegetation',
}
"""Class of nuScenes' lidarseg challenge -> class of SemanticKITTI, None where it has none."""


def embedded_scans(root: str) -> LabelledScans:
    """The scans of an embedded world whose labels layers are trained on: single sweeps, as real frames are. Of an
    embedded nuScenes those of its probe scenes, of another world all that have labels."""
    if (manifest := world_manifest(root)) is not None:
        return WorldFrames(Path(root), manifest['classes'])
    embedded = DATASETS['synthetic'].at(root)
    embedded.require()
    return embedded.scans('probe_train', num_sweeps=1)


def world_manifest(root: str) -> dict[str, Any] | None:
    """The manifest of a world of tools/create_data.py zoo_world; None where a folder is something else."""
    path = Path(root) / MANIFEST
    manifest = read_json(path) if path.is_file() else {}
    return manifest if manifest.get('format') == 'zoo_world' else None


def embedded_hash(root: str) -> str:
    """Of an embedded world: what it is made from, and how many of its scans have labels."""
    if (manifest := world_manifest(root)) is not None:
        return content_hash([manifest, len(embedded_scans(root))])
    return DATASETS['synthetic'].at(root).hash()


def embedded_frame(root: str) -> SensorFrame:
    """How the points of an embedded world lie."""
    frame = DATASETS['synthetic'].frame('probe_train')
    # sensors of that world stand at many heights, as they did for whatever was pretrained on it
    return replace(frame, ground_z_m=None) if world_manifest(root) else frame
