"""The data sets that protocols know by name: what is labelled, and how it is cut."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
from ...probe.scans import KeyFrames, LabelledScans, Seg3DScans
from ..project import config_file
from ..runner import files_sha256, portable
from .encoder_input import SensorFrame

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
        files: beginning of its info files' names.
        channels: of its points as read.
        classes: names, label i + 1 is classes[i]; none where only boxes are labelled.
        ground_z_m: height of the road in the frame of its points [m], None where there is no road.
        pretraining: config of the pretraining that `--config` defaults to.
        read_with: segmentation config whose test pipeline they are read with; None for nuScenes' key frames.
        root: where it lies; default data/FILES, of an embedded one data/synthetic_FILES.
        made_with: of an embedded one, options of tools/create_synthetic.py; None for the real one.
        forward: axis of its points that points ahead, 'x' or 'y'; None where nothing drives.
    """

    name: str
    title: str
    files: str
    channels: tuple[str, ...]
    classes: tuple[str, ...]
    ground_z_m: float | None
    pretraining: str
    read_with: str | None = None
    root: str = ''
    made_with: str | None = None
    forward: str | None = 'x'

    def __post_init__(self) -> None:
        if not self.root:
            object.__setattr__(self, 'root', f'data/{"" if self.made_with is None else "synthetic_"}{self.files}')

    @property
    def infos(self) -> tuple[str, str]:
        """Info files of the official training and validation split, below root."""
        return f'{self.files}_infos_train.pkl', f'{self.files}_infos_val.pkl'

    @property
    def prepare(self) -> str:
        """The commands that make it."""
        create = f'tools/create_data.py {self.files}'
        if self.made_with is None:
            return f'{create} (docs/data/{self.files}.md)'
        embedded = f'tools/create_synthetic.py --format {self.files}{self.made_with}'
        return f'{embedded} and {create} --root-path data/synthetic_{self.files}'

    def at(self, root: str | None) -> 'DataSet':
        """The same elsewhere."""
        return self if root is None else replace(self, root=str(root))

    @property
    def place(self) -> str:
        """Where its files lie, for `at`."""
        return self.root

    def frame(self, part: str) -> SensorFrame:
        """Height of the road and axes of the points of a part: alike in all."""
        return SensorFrame(self.ground_z_m, self.forward)

    def require(self) -> None:
        """FileNotFoundError with the commands that make it where an info file is missing."""
        for name in self.infos:
            if not (path := Path(self.root) / name).is_file():
                raise MissingFileError(
                    f'{path}: no such file, so {self.name} is not there; make it with {self.prepare}, or say where it '
                    f'is: --data-root {self.name}=PATH (a ladder: --cfg-options data_root=PATH/)'
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
        if not self.classes:
            raise InputError(
                f'{self.name} has boxes and no class for every point, so there is nothing to probe; wanted the '
                'protocol detection, or another data set'
            )
        ann_file, sequences = self.part(part)
        if self.read_with is None:
            return KeyFrames(self.root, ann_file, num_sweeps=num_sweeps, scenes=sequences)
        return seg3d_scans(self, ann_file, sequences)

    @property
    def reading(self) -> dict[str, Any]:
        """What decides, beside the files, which points and labels a scan has, for the hash of a probe's cell."""
        settings = None if self.read_with is None else scan_settings(self.read_with)
        frame = asdict(self.frame('test'))
        return {'settings': settings, 'channels': list(self.channels), 'frame': frame}

    def hash(self) -> str:
        """sha256 of the info files."""
        self.require()
        return files_sha256(Path(self.root) / name for name in self.infos)

    @property
    def record(self) -> dict[str, Any]:
        """What is written down of it."""
        return {'name': self.name, 'title': self.title, 'root': portable(self.root), 'data_hash': self.hash()}


@cache
def _sequences(dataset: DataSet, ann_file: str, written_ns: int) -> tuple[str, ...]:
    """Read once for every info file: nuScenes' are large, and tables and notes ask again and again."""
    infos = load_info_pickle(Path(dataset.root) / ann_file)
    return tuple(sequences_of(infos['data_list'], infos['metainfo'], dataset.root))


@cache
def scan_settings(config: str) -> dict[str, Any]:
    """The test data set of a segmentation config, wherever its files lie."""
    settings = Config.fromfile(config_file(config)).test_dataloader.dataset.to_dict()
    return {key: value for key, value in settings.items() if key not in ('data_root', 'ann_file')}


def seg3d_scans(dataset: DataSet, ann_file: str, sequences: Sequence[str] | None) -> LabelledScans:
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


_KITTI_CHANNELS = ('x [m]', 'y [m]', 'z [m]', 'intensity 0-1')
_WAYMO_CHANNELS = ('x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation')
_READ, _DOS = 'configs/segmentation/_base_/', 'configs/dos/'
_REAL = (
    DataSet(
        'nuscenes', 'nuScenes', 'nuscenes', KeyFrames.channels, tuple(CLASSES), -1.84, f'{_DOS}dos_second_nuscenes.py',
        forward='y',
    ),
    DataSet('kitti', 'KITTI', 'kitti', _KITTI_CHANNELS, (), -1.73, f'{_DOS}dos_second_kitti.py'),
    DataSet(
        'semantickitti', 'SemanticKITTI', 'semantickitti', _KITTI_CHANNELS, KITTI_CLASSES, -1.73,
        f'{_DOS}dos_minkunet_semantickitti.py', f'{_READ}semantickitti.py',
    ),
    DataSet(
        'waymo', 'Waymo', 'waymo', _WAYMO_CHANNELS, tuple(WAYMO_CLASSES), 0.0, f'{_DOS}dos_second_waymo.py',
        f'{_READ}waymo.py', root='data/waymo/kitti_format',
    ),
    DataSet(
        'scannet', 'ScanNet', 'scannet', SCANNET_CHANNELS, tuple(CLASSES_20.values()), None,
        f'{_DOS}dos_minkunet_scannet.py', f'{_READ}scannet.py', forward=None,
    ),
    DataSet(
        'scannet200', 'ScanNet200', 'scannet', SCANNET_CHANNELS, tuple(CLASSES_200.values()), None,
        f'{_DOS}dos_minkunet_scannet.py', f'{_READ}scannet200.py', forward=None,
    ),
)  # fmt: skip


def _embedded(dataset: DataSet) -> DataSet:
    """The same data set over worlds of the generator; that of nuScenes, the first there was, is called `synthetic`."""
    title = f'embedded {dataset.title}'
    if dataset.name == 'nuscenes':
        changes = {'name': 'synthetic', 'pretraining': f'{_DOS}dos_second_synthetic.py', 'made_with': ''}
    else:
        options = ' --train-scenes 10' if dataset.name in ('semantickitti', 'waymo') else ''
        changes = {'name': f'synthetic_{dataset.name}', 'made_with': options}
    return replace(dataset, title=title, root='', **changes)


DATASETS: dict[str, DataSet] = {dataset.name: dataset for dataset in (*map(_embedded, _REAL), *_REAL)}


def dataset_named(name: str) -> DataSet:
    """ValueError with the names that there are."""
    if name not in DATASETS:
        raise InputError(f'no data set {name!r}; wanted one of {", ".join(sorted(DATASETS))}')
    return DATASETS[name]
