"""Few labels: whole scenes, chosen the same way every time, or every fifth key frame in order of time (20 %)."""

import json
import pickle
from itertools import pairwise

import pytest
from mmdet3d.registry import DATASETS

import dos_mm3d  # noqa: F401  (registers the data set)
from dos_mm3d.datasets.nuscenes.scenes import read_scene_of_sample, spread_evenly

KEY_FRAMES = 3
TIMES_S = [30, 10, 20, 50, 40, 0, 60]


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


@pytest.fixture
def unordered_infos(tmp_path):
    """Seven key frames, not in order of time."""
    entries = [
        dict(token=f't{t}', timestamp=float(t), lidar_points=dict(lidar_path='a.bin', num_pts_feats=5), instances=[])
        for t in TIMES_S
    ]
    content = dict(metainfo=dict(categories=dict(car=0), version='v1.0-trainval'), data_list=entries)
    (tmp_path / 'infos.pkl').write_bytes(pickle.dumps(content))
    return tmp_path


def tokens(root, **few: object) -> list[str]:
    """Of the samples that are left. few: type of the data set and its setting."""
    dataset = DATASETS.build(
        dict(
            data_root=str(root),
            ann_file='infos.pkl',
            metainfo=dict(classes=['car']),
            data_prefix=dict(pts='', img=''),
            **few,
        )
    )
    return [dataset.get_data_info(index)['token'] for index in range(len(dataset))]


def tokens_of_scenes(root, count: int) -> list[str]:
    return tokens(root, type='LabelledScenesDataset', labelled_scenes=count)


def tokens_of_every_nth(root, load_interval: object) -> list[str]:
    return tokens(root, type='EveryNthNuScenesDataset', load_interval=load_interval)


def test_whole_scenes_are_kept_in_file_order(nuscenes_like):
    kept = tokens_of_scenes(nuscenes_like, 2)
    assert kept == [f'{scene}/{frame}' for frame in range(KEY_FRAMES) for scene in ('scene-0005', 'scene-0001')]
    assert len(tokens_of_scenes(nuscenes_like, 5)) == 5 * KEY_FRAMES


def test_more_scenes_than_there_are(nuscenes_like):
    with pytest.raises(ValueError, match='labelled_scenes is 6, the annotation file has 5 scenes'):
        tokens_of_scenes(nuscenes_like, 6)


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


@pytest.mark.parametrize(
    ('load_interval', 'kept'),
    [(1, [0, 10, 20, 30, 40, 50, 60]), (2, [0, 20, 40, 60]), (5, [0, 50]), (7, [0]), (100, [0])],
)
def test_every_nth_in_order_of_time_from_the_first(unordered_infos, load_interval, kept):
    assert tokens_of_every_nth(unordered_infos, load_interval) == [f't{t}' for t in kept]


@pytest.mark.parametrize('load_interval', [0, -1, 2.5, None])
def test_other_intervals_are_refused(unordered_infos, load_interval):
    with pytest.raises(ValueError, match='load_interval must be a whole number of at least 1'):
        tokens_of_every_nth(unordered_infos, load_interval)
