"""Waymo's semantic segmentation as mmdet3d's segmentors read it, against the files themselves."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.evaluation import SegMetric
from mmdet3d.registry import DATASETS
from mmengine.config import Config

import dos_mm3d  # noqa: F401  (registers our classes)
from dos_mm3d.datasets.file_check import check_files
from dos_mm3d.datasets.waymo.classes import CLASSES, LABEL_OF_NUMBER, NUMBER, UNDEFINED
from dos_mm3d.datasets.waymo.segmentation import PALETTE, WaymoSeg

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'segmentation' / '_base_' / 'waymo.py'


def config(root: Path, split: str = 'val', **settings) -> dict:
    loader = Config.fromfile(CONFIG)['train_dataloader' if split == 'train' else 'test_dataloader']
    return {**loader['dataset'], 'data_root': f'{root}/', **settings}


def dataset(root: Path, split: str = 'val', **settings) -> WaymoSeg:
    return DATASETS.build(config(root, split, **settings))


@pytest.fixture
def own(synthetic_waymo, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(synthetic_waymo, tmp_path / 'waymo'))


def stored(root: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Points (P, 6) and official numbers (P,) of a frame."""
    points = np.fromfile(root / f'training/velodyne/{name}.bin', np.float32).reshape(-1, 6)
    return points, np.fromfile(root / f'training/semantic/{name}.bin', np.uint8)


def test_numbers_are_the_official_ones():
    """segmentation.proto, some of its 22."""
    assert len(CLASSES) == len(PALETTE) == len(set(PALETTE)) == 22
    official = {'car': 1, 'pedestrian': 7, 'sign': 8, 'construction-cone': 11, 'building': 14, 'curb': 17, 'road': 18}
    assert {name: NUMBER[name] for name in official} == official and NUMBER['sidewalk'] == 22
    assert LABEL_OF_NUMBER.tolist() == [22, *range(22)]
    assert all(LABEL_OF_NUMBER[number] == CLASSES.index(name) for name, number in NUMBER.items())


@pytest.mark.parametrize('split', ['train', 'val'])
def test_only_labelled_frames_are_read_with_the_label_of_every_point(synthetic_waymo, split):
    data = dataset(synthetic_waymo, split, test_mode=True)
    labelled = {path.stem for path in (synthetic_waymo / 'training' / 'semantic').iterdir()}
    names = [Path(entry['lidar_points']['lidar_path']).stem for entry in data.data_list]
    assert set(names) == {name for name in labelled if name[0] == {'train': '0', 'val': '1'}[split]} and names
    every = pickle.loads((synthetic_waymo / f'waymo_infos_{split}.pkl').read_bytes())['data_list']
    assert len(every) > len(names)
    for position, name in enumerate(names):
        sample = data[position]['data_samples']
        labels = sample.gt_pts_seg.pts_semantic_mask.numpy()
        points, numbers = stored(synthetic_waymo, name)
        assert len(labels) == len(points)
        assert np.array_equal(np.where(labels == 22, UNDEFINED, labels + 1), numbers)
        assert (labels[points[:, 5] < 0] == 22).all() and len(np.unique(labels)) > 3
        assert np.array_equal(labels, sample.eval_ann_info['pts_semantic_mask'])


def test_channels_are_those_of_pretraining(synthetic_waymo):
    data = dataset(synthetic_waymo)
    found = data[0]['inputs']['points'].numpy()
    points, _ = stored(synthetic_waymo, Path(data.data_list[0]['lidar_points']['lidar_path']).stem)
    points[:, 3] = np.tanh(points[:, 3])
    np.testing.assert_allclose(found, points[:, :5], atol=1e-6)
    sweeps = DATASETS.build(dict(type='WaymoSweeps', data_root=str(synthetic_waymo), splits=['validation']))
    np.testing.assert_allclose(found, sweeps.load(0)[0].numpy(), atol=1e-6)


def test_unlabelled_points_do_not_count(synthetic_waymo):
    data = dataset(synthetic_waymo)
    metric = SegMetric()
    metric.dataset_meta = data.metainfo
    sample = data[0]['data_samples']
    labels = sample.eval_ann_info['pts_semantic_mask']
    unlabelled = np.flatnonzero(labels == 22)
    guess = labels.copy()
    guess[unlabelled] = np.random.default_rng(0).integers(0, 22, len(unlabelled))
    for wrong, expected in ((0, 1.0), (10, 1 - 10 / (len(labels) - len(unlabelled)))):
        answer = guess.copy()
        at = np.flatnonzero(labels != 22)[:wrong]
        answer[at] = (answer[at] + 1) % 22
        prediction = dict(pts_semantic_mask=torch.from_numpy(answer))
        metric.process({}, [dict(pred_pts_seg=prediction, eval_ann_info=sample.eval_ann_info)])
        assert metric.evaluate(1)['acc'] == pytest.approx(expected)


def test_metainfo_is_what_the_metric_reads(synthetic_waymo):
    meta = dataset(synthetic_waymo).metainfo
    assert meta['ignore_index'] == 22 and meta['label2cat'] == dict(enumerate(CLASSES))
    assert tuple(meta['classes']) == CLASSES and len(meta['palette']) == 22


def test_the_check_before_a_run_is_content(synthetic_waymo):
    assert [check_files(config(synthetic_waymo, split)) for split in ('train', 'val')] == [None, None]


def test_infos_without_labels_are_refused(synthetic_waymo):
    with pytest.raises(ValueError, match=r'waymo_infos_test\.pkl: none of its 2 frames has semantic labels'):
        dataset(synthetic_waymo, ann_file='waymo_infos_test.pkl')


def test_files_that_do_not_fit_are_named(own):
    """Before a run by its check of the files, and while it loads."""
    points, labels = own / 'training/velodyne/1000000.bin', own / 'training/semantic/1000000.bin'
    contents = points.read_bytes(), labels.read_bytes()
    spoilt = {
        'shorter than its labels': (points, contents[0][:-48], r'1000000\.bin: (too short; )?found \d+'),
        'fewer labels': (labels, contents[1][:-5], r'semantic/1000000\.bin: (too short; )?found \d+'),
        'another range': (labels, b'\xff' * len(contents[1]), r'semantic/1000000\.bin: .*label'),
    }
    for path, content, message in spoilt.values():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            check_files(config(own))
        with pytest.raises(ValueError, match=message):
            dataset(own)[0]
        points.write_bytes(contents[0])
        labels.write_bytes(contents[1])
    labels.unlink()
    with pytest.raises(FileNotFoundError, match=r'semantic/1000000\.bin: missing'):
        check_files(config(own))
