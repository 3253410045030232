"""The embedded KITTI: labels where the points and the image say, in the genuine format, the same for the same plan."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.cli import create_synthetic
from dos_mm3d.cpu.boxes import count_points_in_boxes
from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.datasets.kitti.check import check_frames, find_frames
from dos_mm3d.errors import InputError
from dos_mm3d.miniatures.kitti_writer import KittiPlan, write_kitti

SMALL = KittiPlan(seed=5, train_scenes=1, val_scenes=1, test_scenes=0, seconds=0.5, columns=32)


@pytest.fixture(scope='module')
def small(tmp_path_factory) -> Path:
    return write_kitti(tmp_path_factory.mktemp('small') / 'kitti', SMALL, workers=1)


def digest(root: Path) -> str:
    files = sorted(path for path in root.rglob('*') if path.is_file())
    return hashlib.sha256(b''.join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def labels(root: Path) -> list[list[str]]:
    """Words of every line of every frame."""
    return [line.split() for path in sorted(root.rglob('label_2/*.txt')) for line in path.read_text().splitlines()]


def test_the_frames_are_whole_and_as_many_as_planned(small, synthetic_kitti):
    assert find_frames(small) == {'train': ['000000'], 'val': ['000001']}
    check_frames(small, find_frames(small), workers=1)
    plan = KittiPlan(train_scenes=2, val_scenes=1, test_scenes=2, seconds=1.0)
    assert [(split, list(numbers)) for split, _, numbers in plan.scenes()] == [
        ('train', [0, 1]), ('train', [2, 3]), ('val', [4, 5]), ('test', [0, 1]), ('test', [2, 3]),
    ]  # fmt: skip
    assert not (synthetic_kitti / 'testing/label_2').exists()


def test_the_same_plan_gives_the_same_bytes_and_another_seed_others(small, tmp_path):
    assert digest(write_kitti(tmp_path / 'again', SMALL, workers=1)) == digest(small)
    other = KittiPlan(**{**SMALL.__dict__, 'seed': 6})
    assert digest(write_kitti(tmp_path / 'other', other, workers=1)) != digest(small)


def test_all_that_the_metric_knows_occurs(synthetic_kitti):
    found = labels(synthetic_kitti)
    assert {'Car', 'Pedestrian', 'DontCare'} <= {words[0] for words in found}
    objects = [words for words in found if words[0] != 'DontCare']
    assert {words[2] for words in objects} >= {'0', '1'} and any(float(words[1]) > 0 for words in objects)


def test_boxes_hold_their_points_and_the_image_holds_the_boxes(synthetic_kitti):
    for info in load_info_pickle(synthetic_kitti / 'kitti_infos_trainval.pkl')['data_list']:
        name, objects = (
            info['lidar_points']['lidar_path'],
            [box for box in info['instances'] if box['bbox_label_3d'] >= 0],
        )
        points = np.fromfile(synthetic_kitti / 'training/velodyne' / name, np.float32).reshape(-1, 4)
        camera = np.array([box['bbox_3d'] for box in objects])
        to_lidar = np.linalg.inv(np.array(info['images']['CAM2']['lidar2cam']))
        centre = np.column_stack([camera[:, 0], camera[:, 1] - camera[:, 4] / 2, camera[:, 2], np.ones(len(camera))])
        boxes = np.column_stack([
            (centre @ to_lidar.T)[:, :3], camera[:, 3], camera[:, 5], camera[:, 4], -camera[:, 6] - np.pi / 2,
        ])  # fmt: skip
        assert (count_points_in_boxes(points, boxes) > 0).mean() > 0.9
        projected = centre @ (np.array(info['images']['CAM2']['cam2img']) @ np.eye(4)).T
        middle = projected[:, :2] / projected[:, 2:3]
        image = np.array([box['bbox'] for box in objects])
        whole = np.array([box['truncated'] for box in objects]) < 0.05
        assert ((middle > image[:, :2]) & (middle < image[:, 2:])).all(1)[whole].all()
        assert (image >= 0).all() and (image[:, 2] < 1242).all() and (image[:, 3] < 375).all()


def test_sizes_that_no_plan_has_are_refused():
    with pytest.raises(InputError, match=r'seconds must be 0\.5 to 20'):
        KittiPlan(seconds=0.4)
    with pytest.raises(InputError, match='train_scenes must be 1 to 10000'):
        KittiPlan(train_scenes=0)


def test_the_tool_writes_it(tmp_path, monkeypatch, capsys):
    command = ['create_synthetic.py', '--format', 'kitti', '--out', str(tmp_path / 'kitti'), '--seconds', '0.5']
    command += ['--train-scenes', '1', '--val-scenes', '1', '--test-scenes', '0', '--columns', '16', '--workers', '1']
    monkeypatch.setattr(sys, 'argv', command)
    create_synthetic.main()
    assert 'ready after' in capsys.readouterr().out
    assert len(list((tmp_path / 'kitti').rglob('*.bin'))) == 2
