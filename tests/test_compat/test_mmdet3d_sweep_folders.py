"""A data set may lie below a folder whose name has `samples` in it."""

import pickle
from pathlib import Path

import pytest
from mmdet3d.datasets import NuScenesDataset

PREFIX = {'pts': 'samples/LIDAR_TOP', 'img': '', 'sweeps': 'sweeps/LIDAR_TOP'}


@pytest.mark.parametrize('root', ['/data/nuscenes', '/data/my_samples/nuscenes', './samples', 'data/all samples/x'])
def test_earlier_sweeps_are_looked_for_in_their_own_folder(root: str, tmp_path: Path) -> None:
    def points(path: str) -> dict:
        return {'lidar_points': {'lidar_path': path, 'num_pts_feats': 5}}

    sweeps = [points(f'{root}/sweeps/LIDAR_TOP/a.pcd.bin'), points(f'{root}/samples/LIDAR_TOP/b.pcd.bin')]
    infos = {
        'metainfo': {'version': 'v1.0-mini', 'categories': {'car': 0}},
        'data_list': [{**points('c.pcd.bin'), 'lidar_sweeps': sweeps, 'instances': []}],
    }
    (tmp_path / 'infos.pkl').write_bytes(pickle.dumps(infos))
    frame = NuScenesDataset(str(tmp_path), 'infos.pkl', [], data_prefix=PREFIX, test_mode=True).get_data_info(0)
    found = [Path(sweep['lidar_points']['lidar_path']) for sweep in frame['lidar_sweeps']]
    assert found == [tmp_path / 'sweeps/LIDAR_TOP/a.pcd.bin', tmp_path / 'samples/LIDAR_TOP/b.pcd.bin']
