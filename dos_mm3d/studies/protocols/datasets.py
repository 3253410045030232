"""The data sets that protocols know by name: what is labelled, and how it is cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ...datasets.info_pickle import load_info_pickle
from ...datasets.label_shares import sequence_of, sequences_of
from ...datasets.nuscenes.classes import CLASSES
from ...datasets.scannet.classes import CLASSES_20, CLASSES_200
from ...datasets.splits import cut_scenes
from ...datasets.waymo.classes import CLASSES as WAYMO_CLASSES
from ...errors import InputError, MissingFileError
from ...probe.labelled_scans import LabelledScans, Seg3DScans
from ...probe.scans import KeyFrames
from ..runner import files_sha256

SCANNET_CHANNELS = (
    'x [m]', 'y [m]', 'z [m]', 'red 0-1', 'green 0-1', 'blue 0-1', 'normal x', 'normal y', 'normal z'
)  # fmt: skip
PARTS = ('pretrain', 'probe_train', 'validation', 'test')
KITTI_CLASSES = (
    'car', 'bicycle', 'motorcycle', 'truck', 'other-vehicle', 'person', 'bicyclist', 'motorcyclist', 'road', 'parking',
    'sidewalk', 'other-ground', 'building', 'fence', 'vegetation', 'trunk', 'terrain', 'pole', 'traffic-sign',
)  # fmt: skip


@dataclass(frozen=True)
class DataSet:
    """A labelled data set.

    Args:
        name: on the command line.
        title: for the reader.
        root: where it lies by default.
        infos: info files of the official training and validation split, below root.
        prepare: the commands that make it.
        channels: of its points as read.
        classes: names, label i + 1 is classes[i].
        ground_z_m: height of the road in the frame of its points [m], None where there is no road.
        pretraining: config of the pretraining that `--config` defaults to.
        read_with: segmentation config whose test pipeline they are read with; None for nuScenes' key frames.
    """

    name: str
    title: str
    root: str
    infos: tuple[str, str]
    prepare: str
    channels: tuple[str, ...]
    classes: tuple[str, ...]
    ground_z_m: float | None
    pretraining: str
    read_with: str | None = None

    def at(self, root: str | None) -> 'DataSet':
        """The same elsewhere."""
        return self if root is None else replace(self, root=str(root))

    def require(self) -> None:
        """FileNotFoundError with the commands that make it where an info file is missing."""
        for name in self.infos:
            if not (path := Path(self.root) / name).is_file():
                raise MissingFileError(
                    f'{path}: no such file, so {self.name} is not there; make it with {self.prepare}, or say where it '
                    f'is with --data-root {self.name}=PATH'
                )

    def sequences(self, ann_file: str) -> list[str]:
        """Name of the sequence of every entry of an info file, in its order."""
        path = Path(self.root) / ann_file
        return list(_sequences(self, ann_file, path.stat().st_mtime_ns if path.is_file() else 0))

    def part(self, part: str) -> tuple[str, list[str] | None]:
        """Info file and sequences of one of PARTS: 'test' is the official validation split, the others are the fixed
        cut of the training sequences. ValueError where a data set is too small to leave any."""
        train, val = self.infos
        if part == 'test':
            return val, None
        names = list(dict.fromkeys(self.sequences(train)))
        found = cut_scenes(names)[part]
        if not found:
            raise InputError(
                f'{self.root}: its {len(names)} training sequences leave none for {part}; wanted at least 6, or '
                '--split test'
            )
        return train, found

    def scans(self, part: str, *, num_sweeps: int = 1) -> LabelledScans:
        """The labelled scans of a part. num_sweeps: of nuScenes, older sweeps included; others have single scans."""
        read = _nuscenes_scans if self.read_with is None else seg3d_scans
        return read(self, *self.part(part), num_sweeps)

    @property
    def reading(self) -> dict[str, Any]:
        """What decides, beside the files, which points and labels a scan has, for the hash of a probe's cell."""
        settings = None if self.read_with is None else scan_settings(self.read_with)
        return {'settings': settings, 'channels': list(self.channels), 'ground_z_m': self.ground_z_m}

    def hash(self) -> str:
        """sha256 of the info files."""
        self.require()
        return files_sha256(Path(self.root) / name for name in self.infos)


@cache
def _sequences(dataset: DataSet, ann_file: str, written_ns: int) -> tuple[str, ...]:
    """Read once for every info file: nuScenes' are large, and tables and notes ask again and again."""
    infos = load_info_pickle(Path(dataset.root) / ann_file)
    return tuple(sequences_of(infos['data_list'], infos['metainfo'], dataset.root))


@cache
def scan_settings(config: str) -> dict[str, Any]:
    """The test data set of a segmentation config, wherever its files lie."""
    settings = Config.fromfile(config).test_dataloader.dataset.to_dict()
    return {key: value for key, value in settings.items() if key not in ('data_root', 'ann_file')}


def seg3d_scans(dataset: DataSet, ann_file: str, sequences: Sequence[str] | None, num_sweeps: int) -> LabelledScans:
    """Read as the segmentation config of the data set tests."""
    settings = {**scan_settings(dataset.read_with), 'data_root': f'{Path(dataset.root)}/', 'ann_file': ann_file}
    of_file = partial(sequence_of, scene_of_sample=None)
    scans = Seg3DScans(settings, channels=dataset.channels, sequence_of=of_file, sequences=sequences)
    if len(scans.classes) != len(dataset.classes):
        raise InputError(
            f'{dataset.read_with}: its data set has {len(scans.classes)} classes, {dataset.name} has '
            f'{len(dataset.classes)}'
        )
    scans.classes = dataset.classes  # mmdet3d's config misspells two of SemanticKITTI's
    return scans


def _nuscenes_scans(dataset: DataSet, ann_file: str, scenes: Sequence[str] | None, num_sweeps: int) -> LabelledScans:
    return KeyFrames(dataset.root, ann_file, num_sweeps=num_sweeps, scenes=scenes)


def _real(
    name: str,
    title: str,
    channels: tuple[str, ...],
    classes: Sequence[str],
    ground_z_m: float | None,
    pretraining: str,
    *,
    files: str | None = None,
    root: str | None = None,
    read_with: str | None = None,
) -> DataSet:
    """A data set as tools/create_data.py leaves it. files: beginning of its info files' names, default its own."""
    files = files or name
    return DataSet(
        name=name,
        title=title,
        root=root or f'data/{files}',
        infos=(f'{files}_infos_train.pkl', f'{files}_infos_val.pkl'),
        prepare=f'tools/create_data.py {files} (docs/data/{files}.md)',
        channels=channels,
        classes=tuple(classes),
        ground_z_m=ground_z_m,
        pretraining=f'configs/dos/{pretraining}.py',
        read_with=read_with and f'configs/segmentation/_base_/{read_with}.py',
    )


def _embedded(dataset: DataSet, options: str = '', **changes: str) -> DataSet:
    """The same data set over worlds of the generator. options: of tools/create_synthetic.py."""
    files = dataset.infos[0].removesuffix('_infos_train.pkl')
    root = f'data/synthetic_{files}'
    made = replace(
        dataset,
        name=f'synthetic_{dataset.name}',
        title=f'embedded {dataset.title}',
        root=root,
        prepare=(
            f'tools/create_synthetic.py --format {files}{options} and tools/create_data.py {files} --root-path {root}'
        ),
    )
    return replace(made, **changes)


_KITTI_CHANNELS = ('x [m]', 'y [m]', 'z [m]', 'intensity 0-1')
_WAYMO_CHANNELS = ('x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation')
_REAL = {
    dataset.name: dataset
    for dataset in (
        _real('nuscenes', 'nuScenes', KeyFrames.channels, CLASSES, -1.84, 'dos_second_nuscenes'),
        _real(
            'semantickitti', 'SemanticKITTI', _KITTI_CHANNELS, KITTI_CLASSES, -1.73, 'dos_minkunet_semantickitti',
            read_with='semantickitti',
        ),
        _real(
            'waymo', 'Waymo', _WAYMO_CHANNELS, WAYMO_CLASSES, 0.0, 'dos_second_waymo',
            root='data/waymo/kitti_format', read_with='waymo',
        ),
        _real(
            'scannet', 'ScanNet', SCANNET_CHANNELS, CLASSES_20.values(), None, 'dos_minkunet_scannet',
            read_with='scannet',
        ),
        _real(
            'scannet200', 'ScanNet200', SCANNET_CHANNELS, CLASSES_200.values(), None, 'dos_minkunet_scannet',
            files='scannet', read_with='scannet200',
        ),
    )
}  # fmt: skip
_EMBEDDED = (
    _embedded(_REAL['nuscenes'], name='synthetic', pretraining='configs/dos/dos_second_synthetic.py'),
    _embedded(_REAL['semantickitti'], ' --train-scenes 10'),
    _embedded(_REAL['waymo'], ' --train-scenes 10'),
    _embedded(_REAL['scannet']),
    _embedded(_REAL['scannet200']),
)
DATASETS: dict[str, DataSet] = {**{dataset.name: dataset for dataset in _EMBEDDED}, **_REAL}


def dataset_named(name: str) -> DataSet:
    """ValueError with the names that there are."""
    if name not in DATASETS:
        raise InputError(f'no data set {name!r}; wanted one of {", ".join(sorted(DATASETS))}')
    return DATASETS[name]
