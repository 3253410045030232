"""Copies of miniatures whose files are looked at, each with the config that reads them."""

import copy
from dataclasses import dataclass
from pathlib import Path

import pytest
from mmengine.config import Config

import dos_mm3d  # noqa: F401  (registers our classes)
from dos_mm3d.datasets.file_check import check_files, data_sets_in
from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.engine.launch import message_for_user

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
# config; folder of the points' files and of the labels' files, before what the infos name
CASES = {
    'nuscenes detection': ('centerpoint/centerpoint_voxel01_nuscenes.py', 'samples/LIDAR_TOP', None),
    'nuscenes lidarseg': (
        'segmentation/ptv3_linear_probe_nuscenes.py', 'samples/LIDAR_TOP', 'lidarseg/v1.0-trainval',
    ),
    'nuscenes sweeps': ('dos/dos_second_nuscenes.py', 'samples/LIDAR_TOP', None),
    'kitti detection': ('second/second_kitti.py', 'training/velodyne_reduced', None),
    'semantickitti': ('segmentation/ptv3_linear_probe_semantickitti.py', '', ''),
    'waymo detection': ('centerpoint/centerpoint_voxel01_waymo.py', 'training/velodyne', None),
    'waymo segmentation': ('segmentation/minkunet_waymo.py', 'training/velodyne', 'training'),
    'scannet': ('segmentation/minkunet_scannet.py', 'points', 'semantic_mask'),
    'scannet 200': ('segmentation/minkunet_scannet200.py', 'points', 'semantic_mask_200'),
}  # fmt: skip
# type of a label, a number that is none
LABELS = {
    'nuscenes lidarseg': ('uint8', 99),
    'semantickitti': ('uint32', 7),
    'waymo segmentation': ('uint8', 23),
    'scannet': ('int64', 41),
    'scannet 200': ('int64', 9999),
}
KITTI = 'semantickitti_infos_train.pkl'


@dataclass
class World:
    """A copy of a case's miniature."""

    case: str
    root: Path

    @property
    def infos(self) -> Path:
        """Info file of the training split."""
        (path,) = self.root.glob('*_infos_train.pkl')
        return path

    def first(self) -> dict:
        """Entry of the first frame that the case reads."""
        entries = load_info_pickle(self.infos)['data_list']
        return next(info for info in entries if self.case not in LABELS or 'pts_semantic_mask_path' in info)

    @property
    def scan(self) -> Path:
        """Point file of that frame."""
        return self.root / CASES[self.case][1] / self.first()['lidar_points']['lidar_path']

    @property
    def labels(self) -> Path:
        """Label file of that frame."""
        return self.root / CASES[self.case][2] / self.first()['pts_semantic_mask_path']

    def training_set(self) -> dict:
        """Config of the innermost training set."""
        loader = Config.fromfile(CONFIGS / CASES[self.case][0]).train_dataloader
        *_, dataset = data_sets_in(copy.deepcopy(loader.dataset))
        dataset.data_root = f'{self.root}/'
        for step in dataset.pipeline:
            if 'db_sampler' in step:
                step.db_sampler.info_path = str(next(self.root.glob('*_dbinfos_train.pkl')))
                step.db_sampler.data_root = str(self.root)
        return dataset

    def error(self) -> str:
        """What is said of it."""
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            check_files(self.training_set())
        assert message_for_user(caught.value) == str(caught.value), 'a bug, not a message'
        return str(caught.value)
