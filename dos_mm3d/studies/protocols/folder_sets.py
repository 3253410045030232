"""Folders of labelled real frames that nothing was prepared of: two folders, one to train a probe on, one to score."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ...datasets.labelled_frames import LABEL_PAIRS, RANGE_IMAGES, FrameFiles, cut_in_time
from ...errors import InputError
from ...probe.frames import FolderFrames, FrameKind, TranslatedScans
from ...probe.scans import LabelledScans
from ..runner import portable
from .datasets import DATASETS, KITTI_CLASSES, DataSet, scan_settings
from .embedded_labels import (
    KITTI_CLASS_OF,
    RANGE_CLASS_OF,
    RANGE_CLASSES,
    embedded_frame,
    embedded_hash,
    embedded_scans,
)
from .encoder_input import SensorFrame

EMBEDDED = '_from_embedded'
_XYZ = ('x [m]', 'y [m]', 'z [m]')


@dataclass(frozen=True)
class FolderSet:
    """Labelled frames of two folders.

    Args:
        name: on the command line.
        title: for the reader.
        class_of: class of the embedded nuScenes -> class here.
        sensor: data set whose sensor the frames are of: height and axes.
        root: folder of the frames that layers are trained on.
        test_root: folder of the frames that are scored; None: those of `root` that `cut_in_time` holds back.
        embedded_root: an embedded nuScenes, or a labelled world of tools/create_data.py; given, layers are trained on
            its labels alone, and the frames of `root` are used without theirs.
    """

    name: str
    title: str
    class_of: Mapping[str, str | None]
    sensor: str
    root: str = ''
    test_root: str | None = None
    embedded_root: str | None = None

    @property
    def kind(self) -> FrameKind:
        """Format, columns and classes of the frames."""
        return _kind(self.name)

    @property
    def place(self) -> dict[str, str | None]:
        """Where the files lie, for `at`."""
        return {'root': self.root, 'test_root': self.test_root, 'embedded_root': self.embedded_root}

    def at(self, place: Mapping[str, str | None]) -> 'FolderSet':
        """The same elsewhere."""
        return replace(self, **place)

    def from_embedded(self, root: str) -> 'FolderSet':
        """The same frames, scored by layers that are trained on an embedded world."""
        return replace(self, name=f'{self.name}{EMBEDDED}', embedded_root=root)

    def part(self, part: str) -> list[FrameFiles]:
        """The frames of a part: 'probe_train' and, its labels unused, 'pretrain', or what is scored. InputError where
        the test split is asked for and there is no folder of it."""
        frames = self.kind.format.find(Path(self.root))
        if self.test_root is None:
            if part == 'test':
                raise InputError(f'{self.name}: --split test needs the folder that is scored: --test-root PATH')
            return cut_in_time(frames)[part == 'validation']
        return self.kind.format.find(Path(self.test_root)) if part in ('validation', 'test') else frames

    def scans(self, part: str, *, num_sweeps: int = 1) -> LabelledScans:
        """The labelled scans of a part. num_sweeps has no meaning: frames are single sweeps, and so are those of the
        embedded world that stand in for them."""
        if part == 'probe_train' and self.embedded_root is not None:
            return TranslatedScans(embedded_scans(self.embedded_root), self.kind.classes, self.class_of)
        root = self.root if self.test_root is None or part in ('probe_train', 'pretrain') else self.test_root
        return FolderFrames(Path(root), self.part(part), self.kind)

    def frame(self, part: str) -> SensorFrame:
        """Height of the road and axes of the points of a part."""
        if part != 'probe_train' or self.embedded_root is None:
            return DATASETS[self.sensor].frame(part)
        return embedded_frame(self.embedded_root)

    def require(self) -> None:
        """InputError or MissingFileError where a folder, or one of its frames, is not what it should be; every frame is
        read, once."""
        train, scored = self.part('probe_train'), self.part('validation')
        if unlabelled := [frame for frame in train if not self.kind.labelled_points(frame)]:
            raise InputError(
                f'{unlabelled[0].points}: no point of it has a class, nor of {len(unlabelled) - 1} more of the '
                f'{len(train)} frames to train on; take them out of {self.root}'
            )
        if not sum(map(self.kind.labelled_points, scored)):
            raise InputError(
                f'{self.test_root or self.root}: no point of its {len(scored)} frames to score has a class'
            )
        require_apart(train, scored)
        if self.embedded_root is not None:
            embedded_scans(self.embedded_root)

    @property
    def reading(self) -> dict[str, Any]:
        """What decides, beside the files, which points and labels a scan has, for the hash of a probe's cell."""
        return {
            'format': self.kind.format.name,
            'channels': list(self.kind.channels),
            'labels': list(map(list, self.kind.label_of)),
            'sensor': DATASETS[self.sensor].reading['frame'],
            'embedded': None if self.embedded_root is None else asdict(self.frame('probe_train')),
            'class_of': None if self.embedded_root is None else dict(self.class_of),
        }

    def hash(self) -> str:
        """sha256 of the bytes of all frames, those to train on before those that are scored."""
        found = [part for name in ('probe_train', 'validation') for part in map(_sha256, self.part(name))]
        if self.embedded_root is not None:
            found.append(embedded_hash(self.embedded_root))
        return hashlib.sha256(' '.join(found).encode()).hexdigest()

    @property
    def record(self) -> dict[str, Any]:
        """What is written down of it."""
        scored = self.part('validation')
        counts = {'train': len(self.part('probe_train')), 'scored': len(scored)}
        return {
            'name': self.name,
            'title': self.title,
            'root': portable(self.root),
            'test_root': None if self.test_root is None else portable(self.test_root),
            'frames': counts,
            'scored_frames_without_labels': sum(not self.kind.labelled_points(frame) for frame in scored),
            'data_hash': self.hash(),
        }

    @property
    def note(self) -> str:
        """What layers are trained on and what is scored; of embedded labels how classes are translated."""
        if self.embedded_root is not None:
            pairs = ', '.join(
                f'{theirs} as {ours or "nothing"}' for theirs, ours in self.class_of.items() if theirs != ours
            )
            without = sorted(set(self.kind.classes) - set(self.class_of.values()))
            never = f' Never predicted: {", ".join(without)}.' if without else ''
            return f'Layers of embedded labels saw no label of a real frame; their classes count so: {pairs}.{never}'
        train, scored = self.part('probe_train'), self.part('validation')
        if self.test_root is None:
            folders = {frame.points.parent for frame in train}
            return f'Trained on {len(train)} frames of a folder, scored on {len(scored)} others of it, ' + (
                'later ones of one drive: that is no other scene.' if len(folders) == 1 else 'of other sub-folders.'
            )
        return f'Trained on {len(train)} frames of one folder, scored on {len(scored)} of another.'


def _label_table(numbers: Sequence[int], ignored: int) -> tuple[tuple[int, int], ...]:
    """Pairs (number, label) where the numbers of the classes, in their order, become 1, 2, ..."""
    return (*((number, label) for label, number in enumerate(numbers, start=1)), (ignored, 0))


def _kitti_table() -> tuple[tuple[int, int], ...]:
    """Raw numbers of SemanticKITTI -> labels, by the learning map of mmdet3d's data set, which counts from 0."""
    mapping = scan_settings(DATASETS['semantickitti'].read_with)['metainfo']['seg_label_mapping']
    n_classes = len(KITTI_CLASSES)
    return tuple((int(raw), (label + 1) % (n_classes + 1)) for raw, label in mapping.items())


@cache
def _kind(name: str) -> FrameKind:
    """By the name of a set; of the learning map a config is read, so only when it is asked for."""
    name = name.removesuffix(EMBEDDED)
    if name == 'range_nuscenes':
        return FrameKind(RANGE_IMAGES, (*_XYZ, 'intensity 0-255'), 255, RANGE_CLASSES, _label_table(range(10), 10))
    kitti = (*_XYZ, 'intensity 0-1'), 1, KITTI_CLASSES
    if name == 'range_semantickitti':
        return FrameKind(RANGE_IMAGES, *kitti, _label_table(range(1, 20), 0))
    return FrameKind(LABEL_PAIRS, *kitti, _kitti_table())


_SETS = (
    FolderSet('range_nuscenes', 'range images of nuScenes', RANGE_CLASS_OF, 'nuscenes'),
    FolderSet('range_semantickitti', 'range images of SemanticKITTI', KITTI_CLASS_OF, 'semantickitti'),
    FolderSet('bin_label', 'KITTI sweeps with labels', KITTI_CLASS_OF, 'semantickitti'),
)
FOLDER_SETS: dict[str, FolderSet] = {one.name: one for one in _SETS}
Probed = DataSet | FolderSet


def probed_set(name: str, place: Any) -> Probed:
    """A data set of either kind at its place, as a request names it."""
    if name in DATASETS:
        return DATASETS[name].at(place)
    return replace(FOLDER_SETS[name.removesuffix(EMBEDDED)], name=name).at(place)


def read_folder_set(
    name: str, train_root: str | None, test_root: str | None, embedded_root: str | None
) -> FolderSet | None:
    """The set of --dataset at its folders, all of its frames read once; None where `name` is another data set.

    ValueError where a folder is not given, or given for a data set that has none; what `FolderSet.require` raises.
    """
    given = {'--train-root': train_root, '--test-root': test_root, '--embedded-root': embedded_root}
    if name not in FOLDER_SETS:
        if unused := [option for option, value in given.items() if value]:
            raise InputError(f'{unused[0]} is for --dataset {", ".join(FOLDER_SETS)}, got --dataset {name}')
        return None
    if not train_root:
        raise InputError(f'--dataset {name} needs --train-root PATH, the folder of the labelled frames to train on')
    found = FOLDER_SETS[name].at({'root': train_root, 'test_root': test_root})
    found.require()
    if embedded_root:
        found.from_embedded(embedded_root).require()
    return found


def require_apart(train: Sequence[FrameFiles], scored: Sequence[FrameFiles]) -> None:
    """InputError where a frame that is scored is also trained on, under whatever name."""
    trained = {_sha256(frame): frame for frame in train}
    for frame in scored:
        if (other := trained.get(_sha256(frame))) is not None:
            raise InputError(
                f'{frame.points} is scored and is the very same as {other.points}, which layers are trained on; take '
                'one of them away'
            )


def _sha256(frame: FrameFiles) -> str:
    return _content_sha256(frame, tuple(path.stat().st_mtime_ns for path in frame.all))


@cache
def _content_sha256(frame: FrameFiles, written_ns: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    for path in frame.all:
        digest.update(path.read_bytes())
    return digest.hexdigest()
