"""The unlabelled view: every frame, with the very columns that the detector is fed."""

import numpy as np
import pytest
from mmdet3d.datasets.transforms import LoadPointsFromFile

from dos_mm3d.datasets.waymo.frame_record import frame_path
from dos_mm3d.datasets.waymo.sweeps import WaymoSweeps
from dos_mm3d.datasets.waymo.transforms import DropNoLabelZone


def names(dataset: WaymoSweeps) -> list[str]:
    return [file.split('/')[-1] for file in dataset.frames]


def test_all_frames_of_the_training_split_and_no_other(synthetic_waymo):
    assert names(WaymoSweeps(str(synthetic_waymo))) == ['0000000.bin', '0000001.bin', '0001000.bin', '0001001.bin']
    both = WaymoSweeps(str(synthetic_waymo), splits=['validation', 'testing'], load_interval=2)
    assert names(both) == ['1000000.bin', '2000000.bin']
    assert names(WaymoSweeps(str(synthetic_waymo), segments=[1])) == ['0001000.bin', '0001001.bin']


def test_points_are_those_that_the_detectors_loader_gives(synthetic_waymo):
    points, file = WaymoSweeps(str(synthetic_waymo)).load(2)
    loader = LoadPointsFromFile(coord_type='LIDAR', load_dim=6, use_dim=5, norm_intensity=True)
    wanted = loader({'lidar_points': {'lidar_path': file}})['points'].tensor
    assert points.dtype == wanted.dtype and points.equal(wanted)
    raw = np.fromfile(file, np.float32).reshape(-1, 6)
    assert raw[:, 3].max() > 10 and points[:, 3].max() <= 1


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (dict(splits=['train']), ValueError, 'splits must be'),
        (dict(splits=[]), ValueError, 'splits must be'),
        (dict(load_interval=0), ValueError, 'load_interval must be 1'),
        (dict(segments=[0, 7]), FileNotFoundError, 'no segment 7 of training .0007000.bin.*it has 2'),
        (dict(data_root='nowhere'), FileNotFoundError, 'nowhere.*no frame of training'),
    ],
)
def test_wrong_arguments_are_named(synthetic_waymo, arguments, error, message):
    with pytest.raises(error, match=message):
        WaymoSweeps(**{'data_root': str(synthetic_waymo), **arguments})


def test_no_label_zone_is_dropped_for_training(synthetic_waymo):
    name = '0000000'
    path = frame_path(synthetic_waymo, 'points', name)
    loader = LoadPointsFromFile(coord_type='LIDAR', load_dim=6, use_dim=5)
    results = loader({'lidar_points': {'lidar_path': str(path)}})
    inside = np.fromfile(frame_path(synthetic_waymo, 'no_label_zone', name), np.uint8) == 1
    every = results['points'].tensor
    with pytest.raises(ValueError, match=r'no_label_zone_path.*create_data.py waymo'):
        DropNoLabelZone()(results)
    left = DropNoLabelZone()({**results, 'no_label_zone_path': f'no_label_zone/{name}.bin'})['points']
    assert inside.any() and left.tensor.equal(every[~inside])
    with pytest.raises(ValueError, match=r'wanted .* one for each point'):
        DropNoLabelZone()(
            {**results, 'points': results['points'][:-1], 'no_label_zone_path': f'no_label_zone/{name}.bin'}
        )
