"""Transforms of mmdet3d's points in the pipelines of labelled data sets: normals, origin, intensities, time lag."""

import os

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from mmdet3d.structures.points import DepthPoints
from torch import Tensor

from ...errors import InputError, MissingFileError
from ...functional.augment import indoor_origin
from ...functional.intensity import IntensityScale, check_intensity_scale, rank_intensity, unit_intensity
from ..readers.raw import read_float_table

NORMAL_COLUMNS, NORMAL_BYTES = slice(-3, None), 12


class OrientedPoints(DepthPoints):
    """DepthPoints whose last three columns are unit normals: mmdet3d's GlobalRotScaleTrans and RandomFlip3D, in
    training and in test-time augmentation, call these methods, and would leave normals behind."""

    def rotate(self, rotation: Tensor | np.ndarray | float, axis: int | None = None) -> Tensor:
        """Turn points and normals; gives the matrix that rows are multiplied by, as upstream."""
        matrix = super().rotate(rotation, axis)
        self.tensor[:, NORMAL_COLUMNS] = self.tensor[:, NORMAL_COLUMNS] @ matrix
        return matrix

    def flip(self, bev_direction: str = 'horizontal') -> None:
        """Mirror points and normals: x where the direction is horizontal, y where vertical, as upstream."""
        super().flip(bev_direction)
        column = {'horizontal': -3, 'vertical': -2}[bev_direction]
        self.tensor[:, column] = -self.tensor[:, column]


@TRANSFORMS.register_module()
class LoadScanNormals(BaseTransform):
    """Adds columns: the normals of results['points'], from `../normals/` beside the folder of the points' file.

    Stands behind LoadPointsFromFile and before all that turns or drops points. ValueError where they are not as many
    as the points; FileNotFoundError where there are none."""

    def transform(self, results: dict) -> dict:
        points = results['points']
        normals = torch.from_numpy(read_normals(results['lidar_points']['lidar_path'], len(points)))
        width = points.tensor.shape[1]
        results['points'] = OrientedPoints(
            torch.cat((points.tensor, normals), 1),
            points_dim=width + 3,
            attribute_dims={**(points.attribute_dims or {}), 'normal': [width, width + 1, width + 2]},
        )
        return results


def read_normals(points_file: str, n_points: int) -> np.ndarray:
    """(N, 3) float32 normals that lie beside a file of points."""
    folder, name = os.path.split(points_file)
    path = os.path.join(os.path.dirname(folder), 'normals', name)
    if not os.path.isfile(path):
        raise MissingFileError(
            f"{path}: no such file. mmdet3d's own script makes no normals: run python tools/create_data.py scannet"
        )
    n_bytes = os.path.getsize(path)
    if n_bytes != NORMAL_BYTES * n_points:
        raise InputError(
            f'{path}: found {n_bytes / 4:g} numbers, wanted 3 for each of the {n_points} points of {points_file}. The '
            'two are of different conversions: remove both and run python tools/create_data.py scannet again.'
        )
    return read_float_table(path, 3)


@TRANSFORMS.register_module()
class CentreScan(BaseTransform):
    """Moves the scan: the middle of its box is at x = y = 0, its lowest point at z = 0, as ScanNetScans does."""

    def transform(self, results: dict) -> dict:
        points = results['points']
        points.translate(-indoor_origin(points.coord))
        return results


INTENSITY_COLUMN = 3


@TRANSFORMS.register_module()
class UnitIntensity(BaseTransform):
    """results['points'] (mmdet3d's points, x, y, z, intensity, ...): the intensity brought to 0-1.

    For a model whose weights come from :class:`JointSweeps`. Stands after whatever loads or pastes points
    (LoadPointsFromMultiSweeps, ObjectSample).

    Args:
        intensity: that of the member of the same sensor, see :func:`unit_intensity`.
    """

    def __init__(self, intensity: IntensityScale) -> None:
        check_intensity_scale(intensity)
        self.intensity = intensity

    def transform(self, results: dict) -> dict:
        values = results['points'].tensor
        try:
            values[:, INTENSITY_COLUMN] = unit_intensity(values[:, INTENSITY_COLUMN], self.intensity)
        except InputError as error:
            raise InputError(f'{results.get("lidar_path", "points")}: {error}') from error
        return results


@TRANSFORMS.register_module()
class IntensityRanks(BaseTransform):
    """results['points'] (mmdet3d's points, x, y, z, intensity, ...): the intensity as ranks within the cloud, 0-255.

    For a model whose weights come from pretraining with ``TwoViews(intensity_ranks=True)``, in training and in test.
    Stands after whatever loads or pastes points (LoadPointsFromMultiSweeps, ObjectSample) and before all that drops
    them (PointsRangeFilter), as pretraining ranks whole clouds, merged sweeps among them."""

    def transform(self, results: dict) -> dict:
        values, file = results['points'].tensor, results.get('lidar_path', 'points')
        if values.shape[1] <= INTENSITY_COLUMN:
            raise InputError(
                f'{file}: found {values.shape[1]} columns, wanted x, y, z, intensity: load one more (use_dim)'
            )
        try:
            values[:, INTENSITY_COLUMN] = rank_intensity(values[:, INTENSITY_COLUMN])
        except InputError as error:
            raise InputError(f'{file}: {error}') from error
        return results


@TRANSFORMS.register_module()
class ZeroTimeLag(BaseTransform):
    """Adds a column to results['points'] (mmdet3d's points): the time lag of a single sweep, 0 s.

    For a model whose weights were fed sweeps with their time lags, on a data set of single sweeps. Stands after
    whatever loads or pastes points (ObjectSample)."""

    def transform(self, results: dict) -> dict:
        points = results['points']
        values = torch.nn.functional.pad(points.tensor, (0, 1))
        results['points'] = type(points)(values, points_dim=values.shape[1], attribute_dims=points.attribute_dims)
        return results
