"""Labelled frames in folders as the scans of a probe, and scans whose classes are brought to another list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..datasets.labelled_frames import FrameFiles, FrameFormat, check_intensity, labels_of
from ..datasets.nuscenes.classes import CLASSES, class_of_category_index
from ..datasets.readers.raw import read_float_table
from ..errors import InputError, MissingFileError
from .scans import KeyFrames, LabelledScans


@dataclass(frozen=True)
class FrameKind:
    """What frames of one kind hold.

    Args:
        format: how they lie in folders.
        channels: names of the four columns.
        intensity_top: the largest intensity.
        classes: label i + 1 is classes[i].
        label_of: number in the files -> label, 0 what is ignored; other numbers are errors. Pairs, to be hashable.
    """

    format: FrameFormat
    channels: tuple[str, ...]
    intensity_top: float
    classes: tuple[str, ...]
    label_of: tuple[tuple[int, int], ...]

    def read(self, frame: FrameFiles) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Points (N, 4) and labels (N,). InputError, naming the file, where it is no frame of this kind."""
        points, numbers = self.format.read(frame)
        labels = labels_of(numbers, dict(self.label_of), self.classes, frame.all[-1])
        check_intensity(points[:, 3], self.intensity_top, frame.points)
        return points, labels

    def labelled_points(self, frame: FrameFiles) -> int:
        """How many points of a frame have a class; a file that was not written since is not read again."""
        return _labelled_points(self, frame, tuple(path.stat().st_mtime_ns for path in frame.all))


@cache
def _labelled_points(kind: FrameKind, frame: FrameFiles, written_ns: tuple[int, ...]) -> int:
    return int(np.count_nonzero(kind.read(frame)[1]))


class FolderFrames(LabelledScans):
    """Labelled frames of a folder; a sub-folder is a sequence.

    Args:
        root: names are relative to it.
        frames: that are read, in this order.
        kind: what they hold.
    """

    def __init__(self, root: Path, frames: Sequence[FrameFiles], kind: FrameKind) -> None:
        self.frames, self.kind = list(frames), kind
        self.channels, self.classes = kind.channels, kind.classes
        self.names = [str(frame.points.relative_to(root)) for frame in self.frames]
        self.sequences = [str(frame.points.relative_to(root.parent).parent) for frame in self.frames]

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        points, labels = self.kind.read(self.frames[index])
        return torch.from_numpy(points), torch.from_numpy(labels)


class WorldFrames(LabelledScans):
    """Labelled frames of a procedural world of many sensors: `scene_*/NAME.bin`, float32 x, y, z, intensity 0-255 and
    time lag, and `NAME.label`, uint8 numbers of nuScenes' lidarseg categories. The newest sweep of each.

    Args:
        root: of the world, with the manifest that its writer left.
        categories: of the labels, in the order of their numbers.

    MissingFileError where no frame has labels.
    """

    channels = KeyFrames.channels
    classes = CLASSES

    def __init__(self, root: Path, categories: Sequence[str]) -> None:
        self.files = sorted(root.glob('scene_*/*.label'))
        if not self.files:
            raise MissingFileError(
                f'{root}: none of its frames has a .label file; write the world with labels, into another folder'
            )
        self.names = [str(file.relative_to(root).with_suffix('')) for file in self.files]
        self.sequences = [file.parent.name for file in self.files]
        self.class_of_index = class_of_category_index(dict(enumerate(categories)))

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        file = self.files[index]
        points = read_float_table(str(file.with_suffix('.bin')), len(self.channels))
        categories = np.fromfile(file, np.uint8)
        if len(categories) != len(points):
            raise InputError(f'{file}: {len(categories)} labels for {len(points)} points; write the world again')
        newest = points[:, 4] == 0
        return torch.from_numpy(points[newest]), torch.from_numpy(self.class_of_index[categories[newest]]).long()


class TranslatedScans(LabelledScans):
    """Other scans whose classes are those of another data set.

    Args:
        scans: whose points are taken as they are.
        classes: of the other data set.
        class_of: class of the scans -> class of the other data set, None where it has none: ignored.

    InputError for a class of the scans that class_of lacks.
    """

    def __init__(self, scans: LabelledScans, classes: Sequence[str], class_of: Mapping[str, str | None]) -> None:
        if missing := set(scans.classes) - set(class_of):
            raise InputError(f'no translation for the classes {sorted(missing)}')
        self.scans, self.classes = scans, tuple(classes)
        self.channels, self.names, self.sequences = scans.channels, scans.names, scans.sequences
        labels = [class_of[name] for name in scans.classes]
        self.label_of = torch.tensor([0, *(0 if name is None else self.classes.index(name) + 1 for name in labels)])

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        points, labels = self.scans.read(index)
        return points, self.label_of[labels]
