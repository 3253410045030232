"""The unlabelled view of KITTI: whole sweeps of all frames but those that results are reported on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets.kitti.sweeps import KittiSweeps
from dos_mm3d.errors import InputError, MissingFileError


@pytest.fixture
def root(synthetic_kitti, tmp_path) -> Path:
    """A copy without what the conversion made."""
    ignored = shutil.ignore_patterns('*.pkl', 'kitti_gt_database', 'calib', 'label_2')
    return Path(shutil.copytree(synthetic_kitti, tmp_path / 'kitti', ignore=ignored))


def names(sweeps: KittiSweeps, root: Path) -> list[str]:
    return [str(Path(file).relative_to(root)) for file in sweeps.frames]


def test_whole_sweeps_of_both_folders_without_the_frames_that_are_scored(root):
    shutil.copy(root / 'training/velodyne/000000.bin', root / 'training/velodyne/000007.bin')  # in no list
    sweeps = KittiSweeps(str(root))
    training = [f'training/velodyne/{number}.bin' for number in ('000000', '000001', '000007')]
    assert names(sweeps, root) == [*training, 'testing/velodyne/000000.bin']
    points, file = sweeps.load(1)
    assert np.array_equal(points.numpy(), np.fromfile(file, np.float32).reshape(-1, 4)), 'intensity stays as it is'
    assert (points[:, 0] < -1).any(), 'behind the car, too'
    assert len(KittiSweeps(str(root), leave_out=[])) == 5
    assert len(KittiSweeps(str(root), leave_out=['train', 'val'])) == 2


def test_reduced_sweeps_where_there_are_no_others(root):
    shutil.rmtree(root / 'training/velodyne')
    shutil.rmtree(root / 'testing')
    sweeps = KittiSweeps(str(root))
    assert names(sweeps, root) == ['training/velodyne_reduced/000000.bin', 'training/velodyne_reduced/000001.bin']
    assert (sweeps.load(0)[0][:, 0] > 0).all()


def test_what_is_not_there_is_refused(root, tmp_path):
    with pytest.raises(MissingFileError, match=r'training/velodyne: no such folder, testing/ neither.*data_root'):
        KittiSweeps(str(tmp_path))
    (root / 'ImageSets/val.txt').unlink()
    with pytest.raises(MissingFileError, match=r'ImageSets/val\.txt: missing.*leave_out=\[\]'):
        KittiSweeps(str(root))
    with pytest.raises(InputError, match='leave_out must be different ones of'):
        KittiSweeps(str(root), leave_out=['validation'])
    with pytest.raises(InputError, match='every sweep is in train, val, test'):
        (root / 'ImageSets/val.txt').write_text('000002\n')
        KittiSweeps(str(root), leave_out=['train', 'val', 'test'])


def test_intensities_of_another_sensor_are_refused(root):
    for path in root.glob('*/velodyne/*.bin'):
        points = np.fromfile(path, np.float32).reshape(-1, 4)
        points[:, 3] *= 255
        points.tofile(path)
    with pytest.raises(InputError, match=r"found intensities up to 255; wanted 0 to 1\. These are not KITTI's"):
        KittiSweeps(str(root))
