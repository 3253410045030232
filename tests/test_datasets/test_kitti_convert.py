"""KITTI's conversion: what mmdet3d's own makes, of the frames that are there; one error for what is wrong."""

import contextlib
import io
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from PIL import Image

from dos_mm3d.cpu.boxes import count_points_in_boxes
from dos_mm3d.datasets.info_pickle import load_info_pickle, load_plain_pickle
from dos_mm3d.datasets.kitti.check import check_frames, find_frames
from dos_mm3d.datasets.kitti.convert import REDUCED, _publish, prepare_kitti
from dos_mm3d.datasets.mmdet3d_converter import mmdet3d_converter
from dos_mm3d.errors import MissingFileError, OutputExistsError, UserError
from dos_mm3d.files import write_text
from tests.references.real_kitti import REAL, assemble

NUMBERS = {'train': ['000000', '000001'], 'val': ['000002'], 'test': ['000000']}


@pytest.fixture
def root(synthetic_kitti, tmp_path) -> Path:
    """A copy that a test may spoil, as it is downloaded."""
    return Path(
        shutil.copytree(
            synthetic_kitti,
            tmp_path / 'kitti',
            ignore=shutil.ignore_patterns('*.pkl', 'kitti_gt_database', 'velodyne_reduced'),
        )
    )


def infos(root: Path, split: str) -> dict:
    return load_info_pickle(root / f'kitti_infos_{split}.pkl')


def test_infos_hold_the_frames_of_the_lists_and_say_what_was_taken_for_images(synthetic_kitti):
    for split, names in NUMBERS.items():
        found = infos(synthetic_kitti, split)
        assert [info['lidar_points']['lidar_path'] for info in found['data_list']] == [f'{name}.bin' for name in names]
        assert bool(found['data_list'][0]['instances']) == (split != 'test')
        assert found['metainfo']['default_image_size'] == [1242, 375] and found['metainfo']['images_absent'] == 4
        assert found['metainfo']['categories']['DontCare'] == -1
    both = infos(synthetic_kitti, 'trainval')['data_list']
    assert both == infos(synthetic_kitti, 'train')['data_list'] + infos(synthetic_kitti, 'val')['data_list']


def test_reduced_sweeps_are_the_points_that_the_camera_sees(synthetic_kitti):
    info = infos(synthetic_kitti, 'val')['data_list'][0]
    whole, reduced = (
        np.fromfile(synthetic_kitti / 'training' / kind / '000002.bin', np.float32).reshape(-1, 4)
        for kind in ('velodyne', 'velodyne_reduced')
    )
    pixels = np.column_stack([whole[:, :3], np.ones(len(whole))]) @ np.array(info['images']['CAM2']['lidar2img']).T
    left, down = pixels[:, 0] / pixels[:, 2], pixels[:, 1] / pixels[:, 2]
    seen = (pixels[:, 2] > 0) & (left > 0) & (left < 1242) & (down > 0) & (down < 375)
    assert 0.05 < seen.mean() < 0.3
    assert np.array_equal(whole[seen], reduced)


def test_the_data_base_holds_the_points_in_every_training_box(synthetic_kitti):
    entries = load_plain_pickle(synthetic_kitti / 'kitti_dbinfos_train.pkl', data_set='kitti')
    boxes = [box for info in infos(synthetic_kitti, 'train')['data_list'] for box in info['instances']]
    assert sum(map(len, entries.values())) == sum(box['bbox_label_3d'] >= 0 for box in boxes) > 3
    for group in entries.values():
        for entry in group:
            points = np.fromfile(synthetic_kitti / entry['path'], np.float32).reshape(-1, 4)
            assert len(points) == entry['num_points_in_gt']
            assert (np.linalg.norm(points[:, :2], axis=1) <= np.hypot(*entry['box3d_lidar'][3:5]) / 2 + 1e-3).all()


def test_boxes_are_read_where_their_points_are(synthetic_kitti):
    dataset = DATASETS.build(
        dict(
            type='KittiDataset',
            data_root=str(synthetic_kitti),
            ann_file='kitti_infos_train.pkl',
            data_prefix=dict(pts='training/velodyne_reduced'),
            pipeline=[],
        )
    )
    info = dataset.get_data_info(0)
    points = np.fromfile(info['lidar_points']['lidar_path'], np.float32).reshape(-1, 4)
    boxes = info['ann_info']['gt_bboxes_3d']
    counted = count_points_in_boxes(points, np.concatenate([boxes.gravity_center, boxes.tensor[:, 3:]], 1))
    assert np.abs(counted - info['ann_info']['num_lidar_pts']).max() <= 2 and counted.max() > 20


@pytest.mark.slow
def test_everything_is_what_mmdet3ds_converter_makes(root, monkeypatch):
    """With images, which it needs, at four of their real sizes; it sleeps before it overwrites."""
    sizes = {'000000': (1224, 370), '000001': (1242, 375), '000002': (1238, 374)}
    for part, names in (('training', sizes), ('testing', ['000000'])):
        (root / part / 'image_2').mkdir()
        for name in names:
            Image.new('RGB', sizes[name]).save(root / part / 'image_2' / f'{name}.png')
    theirs = Path(shutil.copytree(root, root.with_name('theirs')))
    prepare_kitti(root, workers=1)
    monkeypatch.setattr('time.sleep', lambda seconds: None)
    with mmdet3d_converter(theirs) as converter, contextlib.redirect_stdout(io.StringIO()):
        converter.kitti_data_prep(str(theirs), 'kitti', 'v1.0', str(theirs))
    for split in (*NUMBERS, 'trainval'):
        wanted = pickle.loads((theirs / f'kitti_infos_{split}.pkl').read_bytes())
        assert same(infos(root, split)['data_list'], wanted['data_list'])
        assert wanted['metainfo'].items() <= infos(root, split)['metainfo'].items()
    wanted = pickle.loads((theirs / 'kitti_dbinfos_train.pkl').read_bytes())
    assert same(load_plain_pickle(root / 'kitti_dbinfos_train.pkl', data_set='kitti'), wanted)
    for kind in ('training/velodyne_reduced', 'testing/velodyne_reduced', 'kitti_gt_database'):
        files = sorted(path.name for path in (theirs / kind).iterdir())
        assert files == sorted(path.name for path in (root / kind).iterdir())
        assert all((root / kind / name).read_bytes() == (theirs / kind / name).read_bytes() for name in files)


def same(ours: object, theirs: object) -> bool:
    """Equal containers, arrays included."""

    def plain(value: object) -> object:
        return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)

    return json.dumps(ours, default=plain, sort_keys=True) == json.dumps(theirs, default=plain, sort_keys=True)


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def first_object(root: Path) -> str:
    return (root / 'training/label_2/000001.txt').read_text().splitlines()[0]


def change_calibration(root: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    path = root / 'training/calib/000001.txt'
    lines = path.read_text().splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith(f'{name}:'))
    numbers = change(np.array(lines[place].split()[1:], np.float64))
    lines[place] = f'{name}: {" ".join(map(str, numbers))}'
    path.write_text('\n'.join(lines))


def five_columns(root: Path) -> None:
    path = root / 'training/velodyne/000002.bin'
    points = np.fromfile(path, np.float32).reshape(-1, 4)
    points = points[: len(points) // 4 * 4]
    np.c_[points, np.arange(len(points)) % 64].astype(np.float32).tofile(path)


WRONG = {
    'no lists': (lambda r: shutil.rmtree(r / 'ImageSets'), r'ImageSets/train\.txt: missing, and val\.txt too'),
    'a list of paths': (
        lambda r: (r / 'ImageSets/val.txt').write_text('training/000002.png\n'),
        r"ImageSets/val\.txt: found 'training/000002\.png'; wanted one number of six digits a line",
    ),
    'a frame twice': (
        lambda r: (r / 'ImageSets/train.txt').write_text('000000\n000001\n000000\n'),
        r'train\.txt: has 000000 more than once',
    ),
    'scored frames that are trained on': (
        lambda r: (r / 'ImageSets/val.txt').write_text('000001\n000002\n'),
        r'val\.txt: 000001 is in train\.txt, too, the first of 1',
    ),
    'a sweep missing': (
        lambda r: (r / 'training/velodyne/000001.bin').unlink(),
        r'velodyne/000001\.bin: missing, the first of 1 of 4.*data_object_velodyne\.zip',
    ),
    'a label missing': (
        lambda r: (r / 'training/label_2/000002.txt').unlink(),
        r'label_2/000002\.txt: missing, the first of 1 of 3.*data_object_label_2\.zip',
    ),
    'an empty sweep': (lambda r: (r / 'testing/velodyne/000000.bin').write_bytes(b''), r'000000\.bin: 0 bytes, wanted'),
    'a sweep cut off': (
        lambda r: (r / 'training/velodyne/000001.bin').write_bytes(bytes(100)),
        r'000001\.bin: 100 bytes, wanted a multiple of 16.*cut off',
    ),
    'the calibration of a raw drive': (
        lambda r: (r / 'training/calib/000001.txt').write_text('calib_time: 09-Jan-2012 13:57:47\n'),
        r"calib/000001\.txt: line 1: found 'calib_time:.*wanted \"P0:\" and 12 numbers.*raw drives",
    ),
    'a calibration cut off': (
        lambda r: rewrite(r / 'training/calib/000000.txt', 'Tr_velo_to_cam', 'Tr'),
        r'calib/000000\.txt: line 6: found .Tr:',
    ),
    'an unknown class': (
        lambda r: rewrite(r / 'training/label_2/000001.txt', first_object(r).split()[0], 'Unicorn'),
        r"label_2/000001\.txt: line 1: found 'Unicorn .*wanted one of Car, Van",
    ),
    'a label without numbers': (
        lambda r: (r / 'training/label_2/000001.txt').write_text('Car 0.00 0 nan 1 2 3 4 1 1 1 1 1 1 1\n'),
        r'000001\.txt: line 1: found .Car 0\.00 0 nan.*14 numbers',
    ),
    'a file that is no image': (
        lambda r: write_text(r / 'training/image_2/000001.png', '<html>'),
        r'training/image_2/000001\.png: is no image that can be read.*data_object_image_2\.zip.*or remove it',
    ),
    'a box of no size': (
        lambda r: (r / 'training/label_2/000001.txt').write_text('Car 0.00 0 1 1 2 3 4 0 1 1 1 1 9 1\n'),
        r'000001\.txt: line 1: a Car of \[0\.0, 1\.0, 1\.0\] m; wanted sizes above 0',
    ),
    'an empty list': (lambda r: (r / 'ImageSets/val.txt').write_text('\n'), r'val\.txt: is empty; .*no such split'),
    'a calibration of zeros': (
        lambda r: change_calibration(r, 'R0_rect', lambda numbers: numbers * 0),
        r'calib/000001\.txt: line 5: the first three columns of R0_rect are .*no rotation',
    ),
    'a calibration in another unit': (
        lambda r: change_calibration(r, 'Tr_velo_to_cam', lambda numbers: numbers * 1000),
        r'000001\.txt: line 6: .* of Tr_velo_to_cam .*no rotation; wanted one, and metres',
    ),
    'a camera without a plane': (
        lambda r: change_calibration(r, 'P2', lambda numbers: numbers * 0),
        r'000001\.txt: line 3: P2 projects onto less than a plane',
    ),
    'scores of some': (
        lambda r: rewrite(r / 'training/label_2/000001.txt', first_object(r), f'{first_object(r)} 0.5'),
        r'000001\.txt: has lines of 15 and of 16 words; wanted as many in each',
    ),
    'degrees': (
        lambda r: (r / 'training/label_2/000001.txt').write_text('Car 0.00 0 1 1 2 3 4 1 1 1 1 1 9 -90\n'),
        r'000001\.txt: line 1: a Car with rotation_y=-90; wanted radians',
    ),
    'a last sweep of other columns': (five_columns, r'velodyne/000002\.bin: found values that repeat every 5'),
    'an object after a region': (
        lambda r: (r / 'training/label_2/000001.txt').write_text(
            'DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\nCar 0.00 0 1 1 2 3 4 1 1 1 1 1 9 1\n'
        ),
        r'000001\.txt: line 2: a Car after a DontCare; wanted those last',
    ),
}


@pytest.mark.parametrize('case', WRONG)
def test_what_is_wrong_is_named_with_its_remedy_before_anything_is_written(case, root):
    spoil, message = WRONG[case]
    spoil(root)
    before = sorted(root.rglob('*'))
    with pytest.raises(UserError, match=message):
        prepare_kitti(root, workers=1)
    assert sorted(root.rglob('*')) == before


def test_what_another_name_and_other_folders_hold_stays(tmp_path):
    out, view, elsewhere = tmp_path / 'out', tmp_path / 'view', tmp_path / 'elsewhere'
    for folder in (
        out / 'training/velodyne_reduced',
        elsewhere,
        *(view / f'{p}/{REDUCED}' for p in ('training', 'testing')),
    ):
        folder.mkdir(parents=True)
    for name in ('000000', '000001'):
        (out / f'training/velodyne_reduced/{name}.bin').write_text('old')
    (elsewhere / 'kept').write_text('')
    (out / 'mine_gt_database').symlink_to(elsewhere)
    (view / 'mine_gt_database').mkdir()
    (view / 'mine_gt_database/0.bin').write_text('new')
    (view / 'training/velodyne_reduced/000001.bin').write_text('new')
    _publish(view, out, 'mine')
    found = {str(path.relative_to(out)): path.read_text() for path in out.rglob('*.bin')}
    reduced = {f'training/velodyne_reduced/{name}.bin': text for name, text in (('000000', 'old'), ('000001', 'new'))}
    assert found == {**reduced, 'mine_gt_database/0.bin': 'new'}
    assert (elsewhere / 'kept').is_file()


def test_a_camera_that_sees_no_point_is_named(root):
    change_calibration(root, 'Tr_velo_to_cam', lambda numbers: -numbers.reshape(3, 4)[[0, 2, 1]].ravel())
    with pytest.raises(UserError, match=r'000001\.txt: by it no point of the sweep is in the view of the camera'):
        prepare_kitti(root, workers=1)


def test_another_folder_says_where_it_is(root):
    with pytest.raises(MissingFileError, match=r'It is in .*/kitti: give that'):
        find_frames(root.parent)


def test_what_is_in_no_list_is_neither_converted_nor_looked_at(root):
    (root / 'training/velodyne/000009.bin').write_bytes(b'no sweep')
    (root / 'ImageSets/test.txt').unlink()
    frames = find_frames(root)
    check_frames(root, frames, workers=1)
    assert frames == {'train': NUMBERS['train'], 'val': NUMBERS['val']}


@pytest.mark.slow
def test_reduced_sweeps_that_were_not_made_anew_stay_and_frames_without_boxes_are_converted(root, capsys):
    prepare_kitti(root, workers=1)
    (root / 'ImageSets/test.txt').unlink()
    for name in NUMBERS['train']:
        (root / f'training/label_2/{name}.txt').write_text('')
    prepare_kitti(root, workers=1)
    assert (root / 'testing/velodyne_reduced/000000.bin').is_file() and not (root / 'kitti_infos_test.pkl').exists()
    assert infos(root, 'train')['data_list'][0]['instances'] == []
    assert load_plain_pickle(root / 'kitti_dbinfos_train.pkl', data_set='kitti') == {}
    said = capsys.readouterr().out
    assert 'train: 2 frames, 0 boxes\n' in said and 'test: no ImageSets/test.txt; no info file\n' in said
    assert '3 of 3 images are not there' in said and '1242 x 375' in said


def test_the_real_frames_are_a_kitti(tmp_path):
    if not (REAL / 'kitti_object_more').is_dir():
        pytest.skip('no real frames at ../shared/data/real/kitti_object_more')
    assert assemble(tmp_path / 'kitti') == {'train': 21, 'val': 4, 'testing': 16}
    frames = find_frames(tmp_path / 'kitti')
    check_frames(tmp_path / 'kitti', frames, workers=1)
    lines = [
        line.split()[0]
        for path in (tmp_path / 'kitti/training/label_2').iterdir()
        for line in path.read_text().splitlines()
    ]
    assert len(lines) - lines.count('DontCare') == 121
    with pytest.raises(OutputExistsError, match='is there and not empty'):
        assemble(tmp_path / 'kitti')
