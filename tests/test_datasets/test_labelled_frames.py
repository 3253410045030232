"""20 % of the labels means every fifth key frame in order of time."""

import pickle

import pytest
from mmdet3d.registry import DATASETS

import dos_mm3d  # noqa: F401  (registers the data set)

TIMES_S = [30, 10, 20, 50, 40, 0, 60]


@pytest.fixture
def infos(tmp_path):
    """Seven key frames, not in order of time."""
    entries = [
        dict(token=f't{t}', timestamp=float(t), lidar_points=dict(lidar_path='a.bin', num_pts_feats=5), instances=[])
        for t in TIMES_S
    ]
    content = dict(metainfo=dict(categories=dict(car=0), version='v1.0-trainval'), data_list=entries)
    (tmp_path / 'infos.pkl').write_bytes(pickle.dumps(content))
    return tmp_path


def tokens(root, load_interval) -> list[str]:
    dataset = DATASETS.build(
        dict(
            type='EveryNthNuScenesDataset',
            load_interval=load_interval,
            data_root=str(root),
            ann_file='infos.pkl',
            metainfo=dict(classes=['car']),
            data_prefix=dict(pts='', img=''),
        )
    )
    return [dataset.get_data_info(index)['token'] for index in range(len(dataset))]


@pytest.mark.parametrize(
    ('load_interval', 'kept'),
    [(1, [0, 10, 20, 30, 40, 50, 60]), (2, [0, 20, 40, 60]), (5, [0, 50]), (7, [0]), (100, [0])],
)
def test_every_nth_in_order_of_time_from_the_first(infos, load_interval, kept):
    assert tokens(infos, load_interval) == [f't{t}' for t in kept]


@pytest.mark.parametrize('load_interval', [0, -1, 2.5, None])
def test_other_intervals_are_refused(infos, load_interval):
    with pytest.raises(ValueError, match='load_interval must be a whole number of at least 1'):
        tokens(infos, load_interval)
