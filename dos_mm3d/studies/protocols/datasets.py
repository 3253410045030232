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

    root: where it lies by default.  infos: info files of the official training and validation split, below root.
    prepare: the commands that make it.  channels: of its points as read.  classes: names, label i + 1 is classes[i].
    ground_z_m: height of the road in the frame of its points, None where there is no road.
    read_with: segmentation config whose test pipeline they are read with; None for nuScenes' key frames.
    pretraining: config of the pretraining that `--config` defaults to.
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


_NUSCENES = DataSet(
    name='nuscenes',
    title='nuScenes',
    root='data/nuscenes',
    infos=('nuscenes_infos_train.pkl', 'nuscenes_infos_val.pkl'),
    prepare='tools/create_data.py nuscenes (docs/data/nuscenes.md)',
    channels=KeyFrames.channels,
    classes=CLASSES,
    ground_z_m=-1.84,
    pretraining='configs/dos/dos_second_nuscenes.py',
)
_SEMANTICKITTI = DataSet(
    name='semantickitti',
    title='SemanticKITTI',
    root='data/semantickitti',
    infos=('semantickitti_infos_train.pkl', 'semantickitti_infos_val.pkl'),
    prepare='tools/create_data.py semantickitti (docs/data/semantickitti.md)',
    channels=('x [m]', 'y [m]', 'z [m]', 'intensity 0-1'),
    classes=KITTI_CLASSES,
    ground_z_m=-1.73,
    read_with='configs/segmentation/_base_/semantickitti.py',
    pretraining='configs/dos/dos_minkunet_semantickitti.py',
)
_WAYMO = DataSet(
    name='waymo',
    title='Waymo',
    root='data/waymo/kitti_format',
    infos=('waymo_infos_train.pkl', 'waymo_infos_val.pkl'),
    prepare='tools/create_data.py waymo (docs/data/waymo.md)',
    channels=('x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation'),
    classes=WAYMO_CLASSES,
    ground_z_m=0.0,
    read_with='configs/segmentation/_base_/waymo.py',
    pretraining='configs/dos/dos_second_waymo.py',
)
_SCANNET = DataSet(
    name='scannet',
    title='ScanNet',
    root='data/scannet',
    infos=('scannet_infos_train.pkl', 'scannet_infos_val.pkl'),
    prepare='tools/create_data.py scannet (docs/data/scannet.md)',
    channels=SCANNET_CHANNELS,
    classes=tuple(CLASSES_20.values()),
    ground_z_m=None,
    read_with='configs/segmentation/_base_/scannet.py',
    pretraining='configs/dos/dos_minkunet_scannet.py',
)
_SCANNET200 = replace(
    _SCANNET,
    name='scannet200',
    title='ScanNet200',
    classes=tuple(CLASSES_200.values()),
    read_with='configs/segmentation/_base_/scannet200.py',
)


def _embedded_rooms(dataset: DataSet) -> DataSet:
    """The same data set over rooms of the generator."""
    return replace(
        dataset,
        name=f'synthetic_{dataset.name}',
        title=f'embedded {dataset.title}',
        root='data/synthetic_scannet',
        prepare=(
            'tools/create_synthetic.py --format scannet and tools/create_data.py scannet --root-path '
            'data/synthetic_scannet'
        ),
    )


DATASETS: dict[str, DataSet] = {
    dataset.name: dataset
    for dataset in (
        replace(
            _NUSCENES,
            name='synthetic',
            title='embedded nuScenes',
            root='data/synthetic_nuscenes',
            prepare='tools/create_synthetic.py and tools/create_data.py nuscenes',
            pretraining='configs/dos/dos_second_synthetic.py',
        ),
        _NUSCENES,
        replace(
            _SEMANTICKITTI,
            name='synthetic_semantickitti',
            title='embedded SemanticKITTI',
            root='data/synthetic_semantickitti',
            prepare=(
                'tools/create_synthetic.py --format semantickitti --train-scenes 10 and tools/create_data.py '
                'semantickitti --root-path data/synthetic_semantickitti'
            ),
        ),
        _SEMANTICKITTI,
        replace(
            _WAYMO,
            name='synthetic_waymo',
            title='embedded Waymo',
            root='data/synthetic_waymo',
            prepare=(
                'tools/create_synthetic.py --format waymo --train-scenes 10 and tools/create_data.py waymo --root-path '
                'data/synthetic_waymo'
            ),
        ),
        _WAYMO,
        *map(_embedded_rooms, (_SCANNET, _SCANNET200)),
        _SCANNET,
        _SCANNET200,
    )
}


def dataset_named(name: str) -> DataSet:
    """ValueError with the names that there are."""
    if name not in DATASETS:
        raise InputError(f'no data set {name!r}; wanted one of {", ".join(sorted(DATASETS))}')
    return DATASETS[name]
