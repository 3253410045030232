"""Few labels means few whole scenes, chosen the same way every time."""

import json
import pickle
from itertools import pairwise

import pytest
from mmdet3d.registry import DATASETS

import dos_mm3d  # noqa: F401  (registers the data set)
from dos_mm3d.datasets.nuscenes.scenes import read_scene_of_sample, spread_evenly

KEY_FRAMES = 3


@pytest.fixture
def nuscenes_like(tmp_path):
    """Tables and infos of five scenes, their key frames interleaved in the annotation file."""
    tables = tmp_path / 'v1.0-trainval'
    tables.mkdir()
    names = [f'scene-{number:04d}' for number in (5, 1, 4, 2, 3)]
    samples = [(f'{name}/{frame}', f'token of {name}') for frame in range(KEY_FRAMES) for name in names]
    scenes = [dict(token=f'token of {name}', name=name) for name in names]
    (tables / 'scene.json').write_text(json.dumps(scenes))
    (tables / 'sample.json').write_text(json.dumps([dict(token=t, scene_token=s) for t, s in samples]))
    lidar = dict(lidar_path='a.bin', num_pts_feats=5)
    entries = [dict(token=token, lidar_points=dict(lidar), instances=[]) for token, _ in samples]
    infos = dict(metainfo=dict(categories=dict(car=0), version='v1.0-trainval'), data_list=entries)
    (tmp_path / 'infos.pkl').write_bytes(pickle.dumps(infos))
    return tmp_path


def tokens(root, count):
    dataset = DATASETS.build(
        dict(
            type='LabelledScenesDataset',
            labelled_scenes=count,
            data_root=str(root),
            ann_file='infos.pkl',
            metainfo=dict(classes=['car']),
            data_prefix=dict(pts='', img=''),
        )
    )
    return [dataset.get_data_info(index)['token'] for index in range(len(dataset))]


def test_whole_scenes_are_kept_in_file_order(nuscenes_like):
    kept = tokens(nuscenes_like, 2)
    assert kept == [f'{scene}/{frame}' for frame in range(KEY_FRAMES) for scene in ('scene-0005', 'scene-0001')]
    assert len(tokens(nuscenes_like, 5)) == 5 * KEY_FRAMES


def test_more_scenes_than_there_are(nuscenes_like):
    with pytest.raises(ValueError, match='labelled_scenes is 6, the annotation file has 5 scenes'):
        tokens(nuscenes_like, 6)


def test_missing_tables_are_named(nuscenes_like):
    (nuscenes_like / 'v1.0-trainval' / 'sample.json').unlink()
    with pytest.raises(FileNotFoundError, match=r'sample\.json'):
        read_scene_of_sample(nuscenes_like / 'v1.0-trainval')


def test_spread_is_even_and_distinct():
    names = [str(number) for number in range(40)]
    assert spread_evenly(names, 1) == ['0']
    for count in (2, 7, 20, 40):
        chosen = [int(name) for name in spread_evenly(names, count)]
        steps = [b - a for a, b in pairwise(chosen)]
        assert len(set(chosen)) == count and max(steps) - min(steps) <= 1
