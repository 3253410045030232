"""A flipped bit of an info file is found, wherever it is; mmdet3d reads the file as before."""

import pickle
import random
from pathlib import Path

import mmengine
import pytest

from dos_mm3d.datasets.file_check import check_files
from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.errors import InputError

FILES = {
    'nuscenes': ('nuscenes_infos_train.pkl', 'nuscenes_infos_val.pkl', 'nuscenes_dbinfos_train.pkl'),
    'semantickitti': ('semantickitti_infos_train.pkl', 'semantickitti_infos_trainval.pkl'),
    'waymo': ('waymo_infos_train.pkl', 'waymo_dbinfos_train.pkl'),
    'scannet': ('scannet_infos_train.pkl', 'scannet_infos_val.pkl'),
}
SEAL_BYTES = len(b'\n# sha256 ') + 64 + 1
SEALS = [(name, file) for name, files in FILES.items() for file in files]


@pytest.fixture
def sealed_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of what a converter wrote."""
    name, file = request.param
    copy = tmp_path / file
    copy.write_bytes((request.getfixturevalue(f'synthetic_{name}') / file).read_bytes())
    return copy


@pytest.mark.parametrize('sealed_file', SEALS, indirect=True, ids=lambda seal: seal[1])
def test_no_bit_flips_unseen(sealed_file: Path) -> None:
    whole, rng = sealed_file.read_bytes(), random.Random(0)
    for _ in range(30):
        at = rng.randrange(len(whole))
        sealed_file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
        try:
            load_info_pickle(sealed_file)
        except InputError as error:
            assert sealed_file.name in str(error)
        else:
            assert at >= len(whole) - SEAL_BYTES, 'the mark of the sum alone may be damaged unseen'


@pytest.mark.parametrize('sealed_file', SEALS, indirect=True, ids=lambda seal: seal[1])
def test_others_read_what_they_read_before(sealed_file: Path) -> None:
    plain = sealed_file.read_bytes()[:-SEAL_BYTES]
    assert plain.endswith(b'.') and sealed_file.read_bytes()[-SEAL_BYTES:].startswith(b'\n# sha256 ')
    assert pickle.dumps(mmengine.load(str(sealed_file))) == pickle.dumps(pickle.loads(plain))


def test_infos_without_a_sum_are_read_as_they_are(tmp_path: Path) -> None:
    """mmdet3d's own converter writes none."""
    path = tmp_path / 'infos.pkl'
    path.write_bytes(pickle.dumps({'metainfo': {}, 'data_list': [{'token': 'a'}]}))
    assert load_info_pickle(path)['data_list'] == [{'token': 'a'}]


def test_a_damaged_database_is_found_before_a_run(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    content = bytearray((synthetic_nuscenes / 'nuscenes_dbinfos_train.pkl').read_bytes())
    content[len(content) // 2] ^= 4
    damaged = tmp_path / 'dbinfos.pkl'
    damaged.write_bytes(content)
    dataset = {
        'type': 'NuScenesDataset',
        'data_root': str(synthetic_nuscenes),
        'ann_file': 'nuscenes_infos_train.pkl',
        'data_prefix': {'pts': 'samples/LIDAR_TOP', 'sweeps': 'sweeps/LIDAR_TOP'},
        'pipeline': [{'type': 'ObjectSample', 'db_sampler': {'info_path': str(damaged)}}],
    }
    with pytest.raises(InputError, match=r'dbinfos\.pkl: is damaged'):
        check_files(dataset)
