"""nuScenes lidarseg as mmdet3d's segmentors read it, against the devkit and the files themselves."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from nuscenes.eval.lidarseg.utils import LidarsegClassMapper

import dos_mm3d  # noqa: F401  (registers our classes)
from dos_mm3d.datasets.nuscenes.classes import CLASSES
from dos_mm3d.datasets.nuscenes.segmentation import NuScenesLidarseg, label_of_category
from dos_mm3d.errors import InputError
from dos_mm3d.miniatures.worlds import thin_nuscenes

POINTS = 900  # of a scan
STEPS = [
    dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=5, use_dim=5),
    dict(type='LoadPointsFromMultiSweeps', sweeps_num=0, use_dim=[0, 1, 2, 3, 4]),
    dict(type='LoadAnnotations3D', with_bbox_3d=False, with_label_3d=False, with_seg_3d=True, seg_3d_dtype='np.uint8'),
    dict(type='PointSegClassMapping'),
    dict(type='Pack3DDetInputs', keys=['points', 'pts_semantic_mask']),
]


@pytest.fixture(scope='module')
def root(synthetic_nuscenes, tmp_path_factory) -> Path:
    copy = shutil.copytree(synthetic_nuscenes, tmp_path_factory.mktemp('lidarseg') / 'nuscenes')
    return thin_nuscenes(copy, POINTS)


def dataset(root: Path, split: str = 'val', **settings) -> NuScenesLidarseg:
    arguments = dict(data_root=f'{root}/', ann_file=f'nuscenes_infos_{split}.pkl', pipeline=STEPS) | settings
    return DATASETS.build(dict(type='NuScenesLidarseg', **arguments))


def tables(root: Path, name: str) -> list[dict]:
    return json.loads((root / 'v1.0-trainval' / f'{name}.json').read_text())


def test_each_point_has_the_class_that_its_category_belongs_to(root):
    names = {record['index']: record['name'] for record in tables(root, 'category')}

    class Tables:
        """What the devkit's mapper asks for."""

        lidarseg_name2idx_mapping = {name: index for index, name in names.items()}

    mapper = LidarsegClassMapper(Tables())
    coarse_of = mapper.get_fine2coarse()
    data, seen = dataset(root, test_mode=True), set()
    for position in range(len(data)):
        sample = data[position]['data_samples']
        stem = Path(sample.lidar_path).name
        token = next(row['token'] for row in tables(root, 'sample_data') if row['filename'].endswith(stem))
        raw = np.fromfile(root / f'lidarseg/v1.0-trainval/{token}_lidarseg.bin', np.uint8)
        labels = sample.gt_pts_seg.pts_semantic_mask.numpy()
        assert len(labels) == len(raw) == POINTS
        assert np.array_equal(labels, sample.eval_ann_info['pts_semantic_mask'])
        for index, label in zip(raw.tolist(), labels.tolist()):
            assert coarse_of[names[index]] == ('ignore' if label == len(CLASSES) else CLASSES[label])
            seen.add(label)
    assert len(seen) >= 3


def test_points_are_those_of_the_file_with_a_time_lag_of_zero(root):
    item = dataset(root)[0]
    stored = np.fromfile(item['data_samples'].lidar_path, np.float32).reshape(-1, 5)
    found = item['inputs']['points'].numpy()
    assert np.array_equal(found[:, :4], stored[:, :4]) and not found[:, 4].any() and stored[:, 4].any()


def test_metainfo_is_what_the_metric_reads(root):
    meta = dataset(root).metainfo
    assert meta['ignore_index'] == len(CLASSES) == 16
    assert meta['label2cat'] == dict(enumerate(CLASSES)) and tuple(meta['classes']) == CLASSES
    assert len(meta['palette']) == 16 and meta['version'] == 'v1.0-trainval'


def test_labelled_scenes_keep_whole_scenes(root):
    scene_of = {row['token']: row['scene_token'] for row in tables(root, 'sample')}
    everything, one = dataset(root, 'train'), dataset(root, 'train', labelled_scenes=1)
    scenes = {scene_of[info['token']] for info in one.data_list}
    assert len(scenes) == 1 and len(everything) == 4
    assert len(one) == sum(scene_of[info['token']] in scenes for info in everything.data_list) == 2
    with pytest.raises(ValueError, match='labelled_scenes is 3'):
        dataset(root, 'train', labelled_scenes=3)


def test_ignored_is_the_last_label(root):
    table = label_of_category(root / 'v1.0-trainval' / 'category.json')
    assert table.shape == (256,) and table[0] == 16 and table[255] == 16
    assert set(table.tolist()) == set(range(17))


def test_infos_without_labels_are_refused(root, tmp_path):
    with (root / 'nuscenes_infos_val.pkl').open('rb') as file:
        infos = pickle.load(file)
    del infos['data_list'][1]['pts_semantic_mask_path']
    shutil.copytree(root / 'v1.0-trainval', tmp_path / 'v1.0-trainval')
    (tmp_path / 'nuscenes_infos_val.pkl').write_bytes(pickle.dumps(infos))
    with pytest.raises(ValueError, match='1 of 4 key frames have no pts_semantic_mask_path'):
        dataset(tmp_path)


@pytest.mark.parametrize('given', [dict(ignore_index=7), dict(metainfo=dict(classes=['car']))])
def test_classes_and_their_numbers_are_the_data_sets_own(synthetic_nuscenes, given):
    with pytest.raises(InputError, match=r'NuScenesLidarseg: (ignore_index|metainfo)=.* it has its own'):
        NuScenesLidarseg(str(synthetic_nuscenes), ann_file='nuscenes_infos_train.pkl', **given)
