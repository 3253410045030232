"""With --out-dir a conversion writes there and nowhere else; where nothing can be written it says so first."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dos_mm3d import files
from dos_mm3d.cli import create_data
from dos_mm3d.datasets.kitti.convert import prepare_kitti
from dos_mm3d.datasets.nuscenes.convert import prepare_nuscenes
from dos_mm3d.datasets.scannet.convert import prepare_scannet
from dos_mm3d.datasets.semantickitti.convert import prepare_semantickitti
from dos_mm3d.datasets.waymo.convert import prepare_waymo
from dos_mm3d.datasets.waymo.gt_database import write_gt_database
from dos_mm3d.errors import InputError

PREPARE: dict[str, Callable] = {
    'nuscenes': lambda root, out: prepare_nuscenes(root, out_dir=out, max_sweeps=2),
    'kitti': lambda root, out: prepare_kitti(root, out_dir=out, workers=1),
    'semantickitti': lambda root, out: prepare_semantickitti(root, out_dir=out, workers=1),
    'waymo': lambda root, out: (
        prepare_waymo(root, out_dir=out, workers=1),
        write_gt_database(root, out_dir=out, workers=1),
    ),
    'scannet': lambda root, out: prepare_scannet(root, out_dir=out, workers=1, allow_partial=True),
}


def state(root: Path) -> dict[Path, tuple[int, int]]:
    """Times and sizes of everything below a folder; that of a folder changes with every file made or removed in it."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in [root, *root.rglob('*')]}


@pytest.mark.parametrize('name', PREPARE)
def test_the_root_is_left_as_it_is(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    root = request.getfixturevalue(f'synthetic_{name}')
    before = state(root)
    PREPARE[name](root, tmp_path / 'made' / 'out')
    assert state(root) == before
    assert list(tmp_path.iterdir()) == [tmp_path / 'made'] and list((tmp_path / 'made' / 'out').glob('*_infos_*.pkl'))


@pytest.mark.parametrize('name', PREPARE)
def test_a_folder_that_takes_nothing_is_said_first(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, 'Read-only file system')

    monkeypatch.setattr(files.tempfile, 'NamedTemporaryFile', refuse)
    with pytest.raises(InputError, match=r'nothing can be written there \(Read-only file system.*--out-dir'):
        PREPARE[name](request.getfixturevalue(f'synthetic_{name}'), tmp_path / 'out')
    assert not list(tmp_path.iterdir())


def test_the_infos_name_their_sweeps_below_the_root(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    """Whatever folder the converter worked in; the files beside them are those of a conversion in place."""
    prepare_nuscenes(synthetic_nuscenes, out_dir=tmp_path / 'out')
    for split in ('train', 'val'):
        name = f'nuscenes_infos_{split}.pkl'
        assert (tmp_path / 'out' / name).read_bytes() == (synthetic_nuscenes / name).read_bytes()
    assert str(synthetic_nuscenes / 'sweeps/LIDAR_TOP') in str(pickle.loads((tmp_path / 'out' / name).read_bytes()))


@pytest.mark.parametrize('tag', ['', '../up', 'a/b', '.hidden'])
def test_a_tag_is_no_way_to_another_folder(tag: str, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr('sys.argv', ['create_data.py', 'semantickitti', '--extra-tag', tag])
    with pytest.raises(SystemExit):
        create_data.main()
    assert 'wanted the beginning of a file name' in capsys.readouterr().err


def test_what_a_killed_run_left_is_cleared(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    left = tmp_path / 'out' / '.nuscenes.partial'
    left.mkdir(parents=True)
    (left / 'samples').symlink_to(synthetic_nuscenes / 'samples')
    (left / 'nuscenes_infos_train.pkl').write_text('half')
    prepare_nuscenes(synthetic_nuscenes, out_dir=tmp_path / 'out', max_sweeps=0)
    assert not left.exists() and (synthetic_nuscenes / 'samples').is_dir()
    shutil.rmtree(tmp_path / 'out')


def test_a_box_database_that_is_a_link_is_replaced_and_what_it_leads_to_stays(
    synthetic_nuscenes: Path, tmp_path: Path
) -> None:
    elsewhere, out = tmp_path / 'fast_disk', tmp_path / 'out'
    elsewhere.mkdir()
    out.mkdir()
    (elsewhere / 'of_the_user').write_text('stays')
    (out / 'nuscenes_gt_database').symlink_to(elsewhere)
    prepare_nuscenes(synthetic_nuscenes, out_dir=out, max_sweeps=0)
    assert (elsewhere / 'of_the_user').read_text() == 'stays'
    assert any((out / 'nuscenes_gt_database').iterdir()) and (out / 'nuscenes_infos_train.pkl').is_file()
