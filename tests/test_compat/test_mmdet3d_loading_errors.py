"""While a run goes on, mmdet3d's loading steps name the file that they cannot use."""

from pathlib import Path

import numpy as np
import pytest
from mmdet3d.registry import TRANSFORMS

import dos_mm3d  # noqa: F401  (repairs the loading steps)

POINTS = dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=4, use_dim=4)
LABELS = dict(
    type='LoadAnnotations3D', with_bbox_3d=False, with_label_3d=False, with_seg_3d=True, seg_3d_dtype='np.uint8'
)


@pytest.fixture
def frame(tmp_path: Path) -> dict:
    np.zeros((10, 4), np.float32).tofile(tmp_path / 'scan.bin')
    np.zeros(10, np.uint8).tofile(tmp_path / 'scan.label')
    return dict(
        lidar_points=dict(lidar_path=str(tmp_path / 'scan.bin')),
        pts_semantic_mask_path=str(tmp_path / 'scan.label'),
        seg_label_mapping=np.arange(3),
    )


def run(results: dict, *steps: dict) -> dict:
    for step in steps:
        results = TRANSFORMS.build(step).transform(results)
    return results


def test_whole_files_are_loaded_as_before(frame):
    results = run(frame, POINTS, LABELS, dict(type='PointSegClassMapping'))
    assert results['points'].shape == (10, 4) and results['pts_semantic_mask'].shape == (10,)


@pytest.mark.parametrize('numbers', [39, 0])
def test_a_point_file_that_is_cut_off_is_named(numbers, frame):
    path = frame['lidar_points']['lidar_path']
    np.zeros(numbers, np.float32).tofile(path)
    with pytest.raises(ValueError, match=rf'{path}: found {numbers} float32 numbers; wanted a multiple of 4.*cut off'):
        run(frame, POINTS)


def test_an_earlier_sweep_that_is_cut_off_is_named(frame, tmp_path):
    np.zeros(7, np.float32).tofile(tmp_path / 'older.bin')
    older = dict(lidar_path=str(tmp_path / 'older.bin'), lidar2sensor=np.eye(4).tolist())
    frame.update(lidar_sweeps=[dict(timestamp=0.0, lidar_points=older)], timestamp=0.1)
    with pytest.raises(ValueError, match=r'older\.bin: found 7 float32 numbers'):
        run(
            frame,
            {**POINTS, 'load_dim': 5, 'use_dim': 5},
            dict(type='LoadPointsFromMultiSweeps', sweeps_num=1, load_dim=5),
        )


def test_fewer_labels_than_points_are_named(frame):
    path = frame['pts_semantic_mask_path']
    np.zeros(9, np.uint8).tofile(path)
    with pytest.raises(ValueError, match=rf'{path}: found 9 labels for 10 points of .*scan\.bin; wanted as many'):
        run(frame, POINTS, LABELS)


def test_labels_cut_off_within_one_are_named(frame):
    path = frame['pts_semantic_mask_path']
    with pytest.raises(ValueError, match=rf'{path}: LoadAnnotations3D cannot use its labels: .*cut off'):
        run(frame, POINTS, {**LABELS, 'seg_3d_dtype': 'np.int32'})


def test_labels_beyond_the_mapping_are_named(frame):
    path = frame['pts_semantic_mask_path']
    np.full(10, 3, np.uint8).tofile(path)
    with pytest.raises(ValueError, match=rf'{path}: PointSegClassMapping cannot use its labels: .*numbering'):
        run(frame, POINTS, LABELS, dict(type='PointSegClassMapping'))
