"""Bugs of mmdet3d 1.4.0, which is imported by each repair itself: after those that its import needs."""

import inspect
import logging
import os
from collections.abc import Callable
from functools import wraps
from pathlib import PurePath
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from mmengine.logging import print_log

from ..errors import InputError


def place_previous_sweeps() -> None:
    """Let mmdet3d put previous sweeps where they belong while the car turns.

    Symptom: LoadPointsFromMultiSweeps (mmdet3d 1.4.0) computes p @ A - b where the inverse of `lidar2sensor` = [A | b]
    is (p - b) @ A: the way driven is left unrotated, half a metre off after 5 m and 0.1 rad. Handing it b @ A for b
    makes its formula the right one.
    Test: tests/test_datasets/test_nuscenes_sweeps.py.
    Can go when upstream subtracts before it rotates.
    """
    from mmdet3d.datasets import LoadPointsFromMultiSweeps  # after the other repairs, which it may need

    transform = LoadPointsFromMultiSweeps.transform

    @wraps(transform)
    def transform_with_rotated_translation(self: LoadPointsFromMultiSweeps, results: dict) -> dict:
        if 'lidar_sweeps' in results:
            results['lidar_sweeps'] = [_with_rotated_translation(sweep) for sweep in results['lidar_sweeps']]
        return transform(self, results)

    LoadPointsFromMultiSweeps.transform = transform_with_rotated_translation


def _with_rotated_translation(sweep: dict) -> dict:
    lidar2sensor = np.array(sweep['lidar_points']['lidar2sensor'])
    lidar2sensor[:3, 3] = lidar2sensor[:3, 3] @ lidar2sensor[:3, :3]
    return {**sweep, 'lidar_points': {**sweep['lidar_points'], 'lidar2sensor': lidar2sensor}}


def find_sweeps_by_their_folder() -> None:
    """Let a data set lie below any folder.

    Symptom: Det3DDataset looks for an earlier sweep among the key frames where `samples` stands anywhere in its path in
    the infos, so also below /data/nuscenes_samples: no such file, after all infos are made (mmdet3d 1.4.0).
    Test: tests/test_compat/test_mmdet3d_sweep_folders.py.
    Can go when upstream looks at the folder of the file alone.
    """
    from mmdet3d.datasets import Det3DDataset

    parse = Det3DDataset.parse_data_info

    @wraps(parse)
    def parse_with_short_paths(self: Det3DDataset, info: dict) -> dict:
        if self.modality['use_lidar']:
            for sweep in info.get('lidar_sweeps', ()):
                points = sweep['lidar_points']
                points['lidar_path'] = os.path.join(*PurePath(points['lidar_path']).parts[-3:])
        return parse(self, info)

    Det3DDataset.parse_data_info = parse_with_short_paths


def name_files_in_loading_errors() -> None:
    """Name the file where a scan's points or labels cannot be used.

    Symptom: of a point file that is cut off the loaders say "cannot reshape array of size ...", of
    labels beyond the mapping PointSegClassMapping says "index ... is out of bounds", and fewer labels than points are
    an error of whatever first needs both (mmdet3d 1.4.0).
    Test: tests/test_compat/test_mmdet3d_loading_errors.py.
    Can go when upstream names files.
    """
    from mmdet3d.datasets.transforms import (
        LoadAnnotations3D,
        LoadPointsFromFile,
        LoadPointsFromMultiSweeps,
        PointSegClassMapping,
    )

    for loader in (LoadPointsFromFile, LoadPointsFromMultiSweeps):
        loader._load_points = _checking_rows(loader._load_points)
    for step in (LoadAnnotations3D, PointSegClassMapping):
        step.transform = _naming_files(step.transform)


def _checking_rows(load: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    @wraps(load)
    def load_whole_rows(self: Any, pts_filename: str) -> np.ndarray:
        points = load(self, pts_filename)
        if points.size == 0 or points.size % self.load_dim:
            raise InputError(
                f'{pts_filename}: found {points.size} float32 numbers; wanted a multiple of {self.load_dim}, and not '
                '0, as load_dim states. The file is cut off: copy it again; or load_dim is of another data set.'
            )
        return points

    return load_whole_rows


def _naming_files(transform: Callable[..., dict]) -> Callable[..., dict]:
    @wraps(transform)
    def transform_naming_files(self: Any, results: dict) -> dict:
        labels_file = results.get('pts_semantic_mask_path')
        try:
            results = transform(self, results)
        except (ValueError, IndexError) as error:
            raise InputError(
                f'{labels_file}: {type(self).__name__} cannot use its labels: {error}. The file is cut off, or of '
                'another type or numbering than the config reads. Copy or unpack it again.'
            ) from error
        points, labels = results.get('points'), results.get('pts_semantic_mask')
        if points is not None and labels is not None and len(points) != len(labels):
            raise InputError(
                f'{labels_file}: found {len(labels)} labels for {len(points)} points of '
                f'{results["lidar_points"]["lidar_path"]}; wanted as many. One of them is cut off, or they are of '
                'different versions. Copy or unpack them again.'
            )
        return results

    return transform_naming_files


def voxelize_for_minkunet_on_any_device() -> None:
    """Let the voxels of MinkUNet and SPVCNN be made where the points are.

    Symptom: Det3DDataPreprocessor.voxelize (mmdet3d 1.4.0, voxel_type 'minkunet') sends its index arrays to the
    current GPU: "Torch not compiled with CUDA enabled", or tensors on two devices. `.cuda()` is, during that call, the
    device of the points.
    Test: tests/test_compat/test_mmdet3d_minkunet.py.
    Can go when mmdet3d asks the points.
    """
    from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor

    voxelize = Det3DDataPreprocessor.voxelize

    @wraps(voxelize)
    def voxelize_where_the_points_are(self: Det3DDataPreprocessor, points: list[torch.Tensor], samples: list) -> dict:
        if self.voxel_type != 'minkunet':
            return voxelize(self, points, samples)
        with patch.object(torch.Tensor, 'cuda', lambda tensor: tensor.to(points[0].device)):
            return voxelize(self, points, samples)

    Det3DDataPreprocessor.voxelize = voxelize_where_the_points_are


def build_minkunet_twice() -> None:
    """Let MinkUNetBackbone be built again, from its defaults and from one and the same config.

    Symptom: the second build raises an AssertionError without a text, as the first one inserted a number into the lists
    that it was given, its own defaults included (mmdet3d 1.4.0). It now gets copies. Subclasses (SPVCNN) read what was
    inserted, and are left alone.
    Test: tests/test_compat/test_mmdet3d_minkunet.py.
    Can go when mmdet3d copies the lists.
    """
    from mmdet3d.models.backbones import MinkUNetBackbone

    init = MinkUNetBackbone.__init__
    parameters = inspect.signature(init)

    @wraps(init)
    def init_with_lists_of_its_own(self: MinkUNetBackbone, *args: Any, **kwargs: Any) -> None:
        if type(self) is not MinkUNetBackbone:
            return init(self, *args, **kwargs)
        given = parameters.bind(self, *args, **kwargs)
        given.apply_defaults()
        init(**{name: list(value) if isinstance(value, list) else value for name, value in given.arguments.items()})

    MinkUNetBackbone.__init__ = init_with_lists_of_its_own


def balance_classes_that_are_there() -> None:
    """Let CBGS resample a data set in which a class has no box: a few labelled scenes, nuScenes' v1.0-mini.

    Symptom: ZeroDivisionError ("division by zero" or "float division by zero") in CBGSDataset (mmdet3d 1.4.0), which
    divides by the share of every class. A class without a box is drawn from never; where all have one, the indices are
    upstream's.
    Test: tests/test_compat/test_mmdet3d_rare_classes.py.
    Can go when upstream leaves such classes out.
    """
    from mmdet3d.datasets import CBGSDataset

    def sample_indices(self: CBGSDataset, dataset: Any) -> list[int]:
        classes = self.metainfo['classes']
        of_class: dict[int, list[int]] = {label: [] for label in range(len(classes))}
        for index in range(len(dataset)):
            for label in dataset.get_cat_ids(index):
                if label != -1:
                    of_class[label].append(index)
        there = [found for found in of_class.values() if found]
        total = sum(map(len, there))
        if not total:
            raise InputError(f'CBGSDataset: no frame has a box of {", ".join(classes)}; wanted labels to balance')
        # upstream's order of the operations: rounded otherwise, a class may have a frame more or less
        sizes = [int(len(found) * (1 / len(classes) / (len(found) / total))) for found in there]
        return [index for found, size in zip(there, sizes) for index in np.random.choice(found, size).tolist()]

    CBGSDataset._get_sample_indices = sample_indices


def paste_only_classes_that_are_there() -> None:
    """Let ObjectSample go without a class whose data base of boxes is empty, and say so.

    Symptom: KeyError: 'construction_vehicle' of DataBaseSampler (mmdet3d 1.4.0) where the training frames have no box
    of a class that is to be filtered or pasted; ValueError of np.stack where none is left after filtering.
    Test: tests/test_compat/test_mmdet3d_rare_classes.py.
    Can go when upstream passes over such classes.
    """
    from mmdet3d.datasets.transforms.dbsampler import DataBaseSampler

    by_points, init = DataBaseSampler.filter_by_min_points, DataBaseSampler.__init__

    def filter_by_min_points(db_infos: dict, min_gt_points_dict: dict) -> dict:
        return by_points(db_infos, {name: count for name, count in min_gt_points_dict.items() if name in db_infos})

    @wraps(init)
    def init_with_what_is_there(self: DataBaseSampler, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        groups = list(zip(self.sample_classes, self.sample_max_nums))
        kept = [(name, count) for name, count in groups if self.db_infos.get(name)]
        self.sample_classes, self.sample_max_nums = [name for name, _ in kept], [count for _, count in kept]
        if absent := [name for name, _ in groups if name not in self.sample_classes]:
            text = f'{self.info_path}: has no box of {", ".join(absent)} to paste; ObjectSample goes without'
            print_log(text, 'current', level=logging.WARNING)

    DataBaseSampler.filter_by_min_points = staticmethod(filter_by_min_points)
    DataBaseSampler.__init__ = init_with_what_is_there
