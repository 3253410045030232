"""SemanticKITTI's converter: mmdet3d's entries for the frames that are there, and one error for what is wrong."""

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.utils import get_installed_path

from dos_mm3d.cli import create_data
from dos_mm3d.datasets.converting import LOCK
from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.datasets.semantickitti.classes import RAW_LABELS, SPLITS
from dos_mm3d.datasets.semantickitti.convert import prepare_semantickitti

MIM = Path(get_installed_path('mmdet3d')) / '.mim'
TOOL = Path(__file__).parents[2] / 'tools' / 'create_data.py'


@pytest.fixture(scope='module')
def theirs() -> dict:
    """mmdet3d's own converter, as a name space."""
    return runpy.run_path(str(MIM / 'tools/dataset_converters/semantickitti_converter.py'))


@pytest.fixture
def root(synthetic_semantickitti, tmp_path) -> Path:
    """A copy that a test may spoil, without infos."""
    return Path(shutil.copytree(synthetic_semantickitti / 'sequences', tmp_path / 'kitti/sequences')).parent


def entries(root: Path, split: str) -> list[dict]:
    return load_info_pickle(root / f'semantickitti_infos_{split}.pkl')['data_list']


def test_splits_and_raw_classes_are_the_official_ones(theirs):
    assert {split: tuple(f'{n:02d}' for n in numbers) for split, numbers in theirs['fold_split'].items()} == SPLITS
    labels_map = Config.fromfile(MIM / 'configs/_base_/datasets/semantickitti.py').labels_map
    assert set(RAW_LABELS) == set(labels_map)
    assert all(RAW_LABELS[raw].removeprefix('moving-') != RAW_LABELS[raw] for raw in RAW_LABELS if raw > 99)


def test_entries_are_those_of_mmdet3ds_converter(synthetic_semantickitti, theirs):
    for split, numbers in dict(train=('00', '01'), val=('08',), test=('11',)).items():
        full = theirs['get_semantickitti_info'](split)
        wanted = [f'sequences/{number}/velodyne/{frame:06d}.bin' for number in numbers for frame in range(2)]
        expected = [info for info in full['data_list'] if info['lidar_points']['lidar_path'] in wanted]
        assert len(expected) == len(wanted)
        if split == 'test':  # whose labels nobody has
            expected = [{k: v for k, v in info.items() if k != 'pts_semantic_mask_path'} for info in expected]
        assert entries(synthetic_semantickitti, split) == expected
        metainfo = load_info_pickle(synthetic_semantickitti / f'semantickitti_infos_{split}.pkl')['metainfo']
        assert metainfo == full['metainfo']
    parts = [entries(synthetic_semantickitti, split) for split in ('train', 'val')]
    assert entries(synthetic_semantickitti, 'trainval') == parts[0] + parts[1]


def test_a_subset_says_what_is_missing_and_leaves_no_old_infos(root, capsys):
    prepare_semantickitti(root)
    shutil.rmtree(root / 'sequences/08')
    (root / 'sequences/notes').mkdir()
    prepare_semantickitti(root)
    said = capsys.readouterr().out
    assert 'train: 4 scans of 2 of 10 sequences; missing: 02, 03, 04, 05, 06, 07, 09, 10\n' in said
    assert 'val: 0 scans of 0 of 1 sequences; missing: 08; no info file' in said
    assert 'left out, not official sequences (00 to 21): notes' in said
    assert sorted(path.name for path in root.glob('*.p*')) == [
        'semantickitti_infos_test.pkl',
        'semantickitti_infos_train.pkl',
    ]


def cut(path: Path, n_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:-n_bytes])


def relabel(path: Path, raw: int) -> None:
    labels = np.fromfile(path, np.uint32)
    labels[7] = raw | 5 << 16
    labels.tofile(path)


def ring_column(path: Path) -> None:
    """nuScenes' five columns."""
    points = np.fromfile(path, np.float32).reshape(-1, 4)
    points = points[: len(points) // 4 * 4]
    np.column_stack([points, np.arange(len(points)) % 32]).astype(np.float32).tofile(path)


def rename_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.rename(folder / f'0000{path.name}')


WRONG = {
    'no scans': (
        lambda s: shutil.rmtree(s / '01/velodyne'),
        r'01/velodyne: no such folder.*velodyne\.zip.*sequence 01',
    ),
    'no labels': (lambda s: shutil.rmtree(s / '08/labels'), r'08/labels: no such folder.*labels\.zip.*sequence 08'),
    'empty folder': (lambda s: [f.unlink() for f in (s / '00/labels').iterdir()], r'00/labels: no \.label file.*zip'),
    'a label missing': (
        lambda s: (s / '00/labels/000001.label').unlink(),
        r'00/labels/000001\.label: missing; found 2 scans and 1 label files in sequence 00.*labels\.zip',
    ),
    'a scan missing': (
        lambda s: (s / '00/velodyne/000000.bin').unlink(),
        r'00/velodyne/000000\.bin: missing; found 1 scans and 2 label.*velodyne\.zip',
    ),
    'unfinished test sequence': (
        lambda s: (s / '11/velodyne/000001.bin').unlink(),
        r'11/velodyne/000001\.bin: missing, the first of 1; found 1 scans, but .*has 2 lines.*--allow-partial',
    ),
    'hole in the numbers': (
        lambda s: [(s / '11/velodyne/000000.bin').unlink(), (s / '11/times.txt').unlink()],
        r'11/velodyne/000000\.bin: missing.*but the last one is 000001',
    ),
    'empty scan': (
        lambda s: (s / '08/velodyne/000000.bin').write_bytes(b''),
        r'08/velodyne/000000\.bin: found 0 bytes',
    ),
    'cut scan': (
        lambda s: cut(s / '01/velodyne/000001.bin', 6),
        r'01/velodyne/000001\.bin: found \d+ .*multiple of 16',
    ),
    'cut label': (
        lambda s: cut(s / '01/labels/000001.label', 3),
        r'01/labels/000001\.label: too short; found \d+ points .*\.25 entries of 4 bytes.*labels\.zip',
    ),
    'scan shorter than its labels': (
        lambda s: cut(s / '00/velodyne/000001.bin', 160),
        r'00/velodyne/000001\.bin: too short; found \d+ points in .*and \d+ entries.*velodyne\.zip',
    ),
    'labels shorter than their scan': (
        lambda s: cut(s / '00/labels/000001.label', 40),
        r'00/labels/000001\.label: too short; found \d+ points in .*and \d+ entries.*labels\.zip',
    ),
    'unknown class': (
        lambda s: relabel(s / '08/labels/000001.label', 17),
        r'08/labels/000001\.label: found labels \[17\]; wanted numbers that semantickitti defines, 0 to 259',
    ),
    'nuScenes': (lambda s: ring_column(s / '01/velodyne/000000.bin'), r'01/velodyne/000000\.bin: .*repeat every 5'),
    'nuScenes, in another scan than the first': (
        lambda s: ring_column(s / '01/velodyne/000001.bin'),
        r'01/velodyne/000001\.bin: .*repeat every 5',
    ),
    'raw KITTI names': (lambda s: rename_all(s / '11/velodyne'), r'11/velodyne/0000000000\.bin: wanted names of six'),
}


@pytest.mark.parametrize('case', WRONG)
def test_what_is_wrong_is_named_with_its_remedy_and_nothing_is_written(case, root):
    spoil, words = WRONG[case]
    spoil(root / 'sequences')
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        prepare_semantickitti(root, workers=2)
    assert {path.name for path in root.iterdir()} <= {'sequences', LOCK}


def test_folders_that_are_not_semantickitti(tmp_path, root):
    with pytest.raises(FileNotFoundError, match=r'nowhere/sequences: no such folder.*dataset/sequences'):
        prepare_semantickitti(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match=rf'it is in {root}: give that'):
        prepare_semantickitti(tmp_path)
    (tmp_path / 'x/sequences/99').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match='none of the sequences 00 to 21'):
        prepare_semantickitti(tmp_path / 'x')


def test_frames_kept_on_purpose_are_taken_when_told(root):
    for kind, suffix in (('velodyne', 'bin'), ('labels', 'label')):
        (root / f'sequences/00/{kind}/000000.{suffix}').unlink()
    with pytest.raises(FileNotFoundError, match='allow-partial'):
        prepare_semantickitti(root)
    prepare_semantickitti(root, allow_partial=True)
    assert [info['sample_id'] for info in entries(root, 'train')] == ['01', '10', '11']


def test_a_run_that_dies_while_writing_leaves_no_infos(root, monkeypatch):
    written = []

    def sync(number: int) -> None:
        written.append(number)
        if len(written) == 3:
            raise OSError('no space left on device')

    monkeypatch.setattr('dos_mm3d.files.os.fsync', sync)
    with pytest.raises(OSError, match='no space'):
        prepare_semantickitti(root)
    assert len(written) == 3 and not list(root.glob('*.pkl')) and not list(root.glob('.*.tmp'))


def test_the_tool_writes_into_another_folder_and_says_errors_in_a_sentence(root, tmp_path, monkeypatch, capsys):
    arguments = ['create_data.py', 'semantickitti', '--root-path', str(root), '--out-dir', str(tmp_path / 'out')]
    monkeypatch.setattr(sys, 'argv', arguments)
    create_data.main()
    assert f'{tmp_path / "out"}: semantickitti infos ready' in capsys.readouterr().out
    assert len(list((tmp_path / 'out').glob('semantickitti_infos_*.pkl'))) == 4 and not list(root.glob('*.pkl'))
    shutil.rmtree(root / 'sequences')
    with pytest.raises(FileNotFoundError, match=r'.*sequences: no such folder'):
        create_data.main()
