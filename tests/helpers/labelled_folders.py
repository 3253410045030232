"""Folders of labelled frames, made of the embedded worlds."""

from pathlib import Path

import numpy as np
import torch

from dos_mm3d.probe.scans import LabelledScans
from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.embedded_labels import RANGE_CLASS_OF, RANGE_CLASSES

WITHOUT_CLASS = 10


def range_image(points: np.ndarray, numbers: np.ndarray, height: int) -> np.ndarray:
    """(height, W, 6) float32: x, y, z, intensity, depth, class of (N, >= 4) points, then empty cells; W fits."""
    width = -(-len(points) // height) + 1
    cells = np.zeros((height * width, 6), np.float32)
    cells[:, 5] = WITHOUT_CLASS
    depth_m = np.linalg.norm(points[:, :3], axis=1)
    cells[: len(points)] = np.column_stack((points[:, :4], depth_m, numbers))
    return cells.reshape(height, width, 6)


def range_numbers(scans: LabelledScans, labels: torch.Tensor) -> np.ndarray:
    """Classes of nuScenes as the numbers in its range images."""
    classes = [RANGE_CLASS_OF[name] for name in scans.classes]
    table = [WITHOUT_CLASS, *(WITHOUT_CLASS if name is None else RANGE_CLASSES.index(name) for name in classes)]
    return np.array(table)[labels.numpy()]


def write_range_images(nuscenes: Path, folder: Path, *, part: str, height: int = 32) -> Path:
    """A folder of range images of the key frames of a part of an embedded nuScenes, one sweep each."""
    scans = DATASETS['synthetic'].at(str(nuscenes)).scans(part, num_sweeps=1)
    folder.mkdir(parents=True)
    for index in range(len(scans)):
        points, labels = scans.read(index)
        image = range_image(points.numpy(), range_numbers(scans, labels), height)
        np.savez_compressed(folder / f'{index:05d}.npz', range_image=image)
    return folder
