"""The written data set, read back as anyone would: devkit, mmdet3d's metric, plain files."""

import hashlib
import json
import shutil
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.fileio import load
from nuscenes.eval.detection.constants import DETECTION_NAMES
from nuscenes.nuscenes import NuScenes
from nuscenes.tests.assert_download import verify_setup
from nuscenes.utils import splits
from nuscenes.utils.data_classes import LidarPointCloud
from nuscenes.utils.geometry_utils import points_in_box
from pyquaternion import Quaternion
from scipy.spatial import cKDTree

from dos_mm3d.miniatures.nuscenes_writer import NuScenesPlan, write_nuscenes
from dos_mm3d.miniatures.staging import MANIFEST
from dos_mm3d.miniatures.taxonomy import LABEL

SMALL = NuScenesPlan(seed=5, train_scenes=1, val_scenes=1, seconds=1.0)


@pytest.fixture(scope='module')
def tables(synthetic_nuscenes):
    return NuScenes('v1.0-trainval', str(synthetic_nuscenes), verbose=False)


def global_points(tables, key):
    """(N, 3) points of a sample_data record in the global frame, through its own calibration and pose."""
    record = tables.get('sample_data', key)
    points = np.fromfile(Path(tables.dataroot) / record['filename'], np.float32).reshape(-1, 5)[:, :3].astype(float)
    for table in ('calibrated_sensor', 'ego_pose'):
        frame = tables.get(table, record[f'{table}_token'])
        points = points @ Quaternion(frame['rotation']).rotation_matrix.T + frame['translation']
    return points


def labels(tables, key):
    return np.fromfile(Path(tables.dataroot) / tables.get('lidarseg', key)['filename'], np.uint8)


def test_devkit_verifies_the_setup(tables, monkeypatch):
    known = {scene['name'] for scene in tables.scene}
    assert known == {*splits.train[:2], *splits.val[:2]}
    monkeypatch.setattr('builtins.print', lambda *args, **kwargs: None)
    verify_setup(tables)


def test_chains_run_forwards_and_back_through_every_record(tables):
    for table in ('sample', 'sample_data', 'sample_annotation'):
        for record in getattr(tables, table):
            if record['next']:
                assert tables.get(table, record['next'])['prev'] == record['token']
    for scene in tables.scene:
        assert scene['nbr_samples'] == 2
        first = tables.get('sample', scene['first_sample_token'])
        assert first['next'] == scene['last_sample_token']
        assert tables.get('sample', first['next'])['timestamp'] - first['timestamp'] == 500_000
        key = tables.get('sample_data', first['data']['LIDAR_TOP'])
        earlier = tables.get('sample_data', key['prev'])
        assert not earlier['is_key_frame'] and key['timestamp'] - earlier['timestamp'] == 50_000
        assert set(first['data']) == {'LIDAR_TOP', *(s['channel'] for s in tables.sensor)}


def test_labels_match_points_one_to_one(tables):
    for record in tables.lidarseg:
        cloud = LidarPointCloud.from_file(tables.get_sample_data_path(record['token']))
        assert cloud.nbr_points() == len(labels(tables, record['token']))
        assert labels(tables, record['token']).max() <= 31


def test_static_points_of_consecutive_sweeps_agree_within_5_cm(tables):
    """Each road point of a key frame lies on the plane through its neighbours in the sweep BEFORE it."""
    for sample in tables.sample:
        key = sample['data']['LIDAR_TOP']
        now, before = global_points(tables, key), global_points(tables, tables.get('sample_data', key)['prev'])
        here = now[labels(tables, key) == LABEL['flat.driveable_surface']]
        rings = np.linalg.norm(here[:, :2] - np.median(here[:, :2], axis=0), axis=1) < 10.0
        distance, rows = cKDTree(before[:, :2]).query(here[rings][:, :2], k=6)
        around = before[rows]
        level = (np.ptp(around[:, :, 2], axis=1) < 0.15) & (distance[:, -1] < 0.6)
        residual = here[rings][level][:, 2] - around[level].mean(1)[:, 2]
        assert level.sum() > 500
        assert np.percentile(np.abs(residual), 95) < 0.05
        assert abs(np.median(residual)) < 0.01


def test_walls_stand_still_while_the_ego_vehicle_moves(tables):
    """Manmade points of a key frame find a point of the sweep before beside them: heading and position are right
    too."""
    gaps = []
    for sample in tables.sample:
        key = sample['data']['LIDAR_TOP']
        now, before = global_points(tables, key), global_points(tables, tables.get('sample_data', key)['prev'])
        wall = now[labels(tables, key) == LABEL['static.manmade']]
        distance, rows = cKDTree(before).query(wall, k=12)
        near = distance[:, -1] < 0.8
        around = before[rows[near]]
        centred = around - around.mean(1, keepdims=True)
        values, axes = np.linalg.eigh(np.einsum('nki,nkj->nij', centred, centred))
        flat = (values[:, 0] < 0.01) & (values[:, 1] > 0.05)
        offset = np.einsum('ni,ni->n', wall[near] - around.mean(1), axes[:, :, 0])
        gaps.append(np.abs(offset[flat]))
    gaps = np.concatenate(gaps)
    assert len(gaps) > 1000
    assert np.percentile(gaps, 95) < 0.05


def test_car_points_lie_in_car_boxes_and_counts_are_the_devkits(tables):
    inside_cars, car_points, checked = 0, 0, 0
    for sample in tables.sample:
        key = sample['data']['LIDAR_TOP']
        points = global_points(tables, key)
        is_car = labels(tables, key) == LABEL['vehicle.car']
        covered = np.zeros(len(points), bool)
        for box in (tables.get_box(ann) for ann in sample['anns']):
            mask = points_in_box(box, points.T)
            assert abs(int(mask.sum()) - tables.get('sample_annotation', box.token)['num_lidar_pts']) <= 1
            checked += 1
            if box.name == 'vehicle.car':
                covered |= mask
        inside_cars, car_points = inside_cars + (covered & is_car).sum(), car_points + is_car.sum()
    assert checked > 100
    assert inside_cars / car_points >= 0.95


def test_devkit_velocities_are_those_of_moving_things(tables):
    speeds = {'vehicle.moving': [], 'vehicle.parked': [], 'vehicle.stopped': []}
    for annotation in tables.sample_annotation:
        for attribute in (tables.get('attribute', key)['name'] for key in annotation['attribute_tokens']):
            if attribute in speeds and (annotation['prev'] or annotation['next']):
                speeds[attribute].append(np.linalg.norm(tables.box_velocity(annotation['token'])[:2]))
    assert max(speeds['vehicle.parked'] + speeds['vehicle.stopped']) < 1e-6
    assert len(speeds['vehicle.moving']) > 5 and 1.0 < np.median(speeds['vehicle.moving']) < 15.0


def evaluate(root, tmp_path, use_truth):
    """mmdet3d's NuScenesMetric, with the ground truth as predictions or with none at all."""
    from mmdet3d.datasets import NuScenesDataset
    from mmdet3d.evaluation import NuScenesMetric
    from mmdet3d.structures import LiDARInstance3DBoxes

    prefix = {'pts': 'samples/LIDAR_TOP', 'img': '', 'sweeps': 'sweeps/LIDAR_TOP'}
    dataset = NuScenesDataset(str(root), 'nuscenes_infos_val.pkl', pipeline=[], data_prefix=prefix, test_mode=True)
    ann_file = str(root / 'nuscenes_infos_val.pkl')
    metric = NuScenesMetric(str(root), ann_file, jsonfile_prefix=str(tmp_path / 'results'))
    metric.dataset_meta = dataset.metainfo
    for index, info in enumerate(load(ann_file)['data_list']):
        seen = [box for box in info['instances'] if use_truth and box['bbox_label_3d'] >= 0 and box['bbox_3d_isvalid']]
        rows = np.array([[*box['bbox_3d'], *np.nan_to_num(box['velocity'])] for box in seen]).reshape(-1, 9)
        boxes = LiDARInstance3DBoxes(torch.tensor(rows, dtype=torch.float32), box_dim=9, origin=(0.5, 0.5, 0.5))
        names = torch.tensor([box['bbox_label_3d'] for box in seen], dtype=torch.int64)
        found = {'bboxes_3d': boxes, 'labels_3d': names, 'scores_3d': torch.ones(len(seen))}
        metric.process({}, [{'pred_instances_3d': found, 'pred_instances': {}, 'sample_idx': index}])
    return metric.evaluate(len(dataset))


def test_ground_truth_scores_1_in_all_ten_classes_and_nothing_scores_0(synthetic_nuscenes, tmp_path):
    perfect = evaluate(synthetic_nuscenes, tmp_path / 'truth', use_truth=True)
    prefix = 'NuScenes metric/pred_instances_3d_NuScenes'
    for name in DETECTION_NAMES:
        for threshold in ('0.5', '1.0', '2.0', '4.0'):
            assert perfect[f'{prefix}/{name}_AP_dist_{threshold}'] == pytest.approx(1.0), name
    assert perfect[f'{prefix}/mAP'] == pytest.approx(1.0)
    assert evaluate(synthetic_nuscenes, tmp_path / 'nothing', use_truth=False)[f'{prefix}/mAP'] == 0.0


def digest(root):
    """One hash over every path and byte."""
    whole = hashlib.sha256()
    for path in sorted(path for path in root.rglob('*') if path.is_file()):
        whole.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return whole.hexdigest()


def test_same_seed_gives_the_same_bytes_with_any_number_of_workers(tmp_path):
    one = digest(write_nuscenes(tmp_path / 'one', SMALL, workers=1))
    assert digest(write_nuscenes(tmp_path / 'two', SMALL, workers=2)) == one
    other = NuScenesPlan(seed=6, train_scenes=1, val_scenes=1, seconds=1.0)
    assert digest(write_nuscenes(tmp_path / 'other', other, workers=2)) != one


def test_of_many_scenes_the_last_sweeps_suffice(tmp_path):
    """One key frame and the sweep before it, the same bytes as in the whole scene; what is not limited is not said."""
    whole = NuScenesPlan(seed=5, train_scenes=1, val_scenes=1, seconds=0.5)
    ends = replace(whole, last_sweeps=2)
    folders = [write_nuscenes(tmp_path / name, plan, workers=1) for name, plan in (('whole', whole), ('ends', ends))]
    files = {name: path.read_bytes() for name, path in _files(folders[0]).items()}
    for name, path in _files(folders[1]).items():
        assert name.startswith('v1.0-') or name == MANIFEST or path.read_bytes() == files[name], name
    tables = NuScenes('v1.0-trainval', str(folders[1]), verbose=False)
    lidar = [record for record in tables.sample_data if record['sensor_modality'] == 'lidar']
    assert [record['is_key_frame'] for record in lidar] == [False, True] * 2
    assert [bool(record['prev']) for record in lidar] == [False, True] * 2
    assert 'last_sweeps' not in json.loads((folders[0] / MANIFEST).read_text())
    with pytest.raises(ValueError, match='last_sweeps must be 1 to 10'):
        replace(whole, last_sweeps=11)


def _files(root):
    return {str(path.relative_to(root)): path for path in root.rglob('*') if path.is_file()}


def test_a_finished_data_set_is_reused_and_another_is_not_overwritten(tmp_path, capsys):
    out = write_nuscenes(tmp_path / 'set', SMALL, workers=1)
    before = (out / MANIFEST).stat().st_mtime_ns
    write_nuscenes(out, SMALL, workers=1)
    assert 'reused' in capsys.readouterr().out and (out / MANIFEST).stat().st_mtime_ns == before
    other = NuScenesPlan(seed=9, train_scenes=1, val_scenes=1, seconds=1.0)
    with pytest.raises(FileExistsError, match='--force'):
        write_nuscenes(out, other, workers=1)
    write_nuscenes(out, other, workers=1, force=True)
    assert json.loads((out / MANIFEST).read_text())['seed'] == 9


def test_foreign_folders_are_never_replaced(tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    for force in (False, True):
        with pytest.raises(FileExistsError, match='not a synthetic data set'):
            write_nuscenes(tmp_path, SMALL, force=force)
    assert (tmp_path / 'notes.txt').read_text() == 'mine'


def test_a_killed_run_leaves_nothing_that_looks_whole(tmp_path):
    """SIGKILL while sweeps are being written; the next run starts afresh and finishes."""
    out = tmp_path / 'set'
    run = get_context('fork').Process(target=write_nuscenes, args=(out, NuScenesPlan(seed=0)), kwargs={'workers': 1})
    run.start()
    partial, deadline = tmp_path / 'set.partial' / 'sweeps' / 'LIDAR_TOP', time.monotonic() + 120
    while not (partial.is_dir() and any(partial.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.kill()
    run.join()
    assert any(partial.iterdir()) and not out.exists()
    assert not (tmp_path / 'set.partial' / MANIFEST).exists()
    write_nuscenes(out, SMALL, workers=1)
    assert out.is_dir() and not partial.exists()
    shutil.rmtree(out)


@pytest.mark.parametrize(
    ('wrong', 'words'),
    [
        ({'train_scenes': 0}, 'train_scenes'),
        ({'val_scenes': 151}, 'val_scenes'),
        ({'seconds': 0.3}, 'seconds'),
        ({'seed': -1}, 'seed'),
    ],
)
def test_impossible_sizes_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        NuScenesPlan(**wrong)
