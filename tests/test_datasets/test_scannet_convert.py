"""ScanNet's download, written by hand, read back through mmdet3d's own data set and ours."""

import shutil
import sys
from pathlib import Path

import mmdet3d
import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from numpy.testing import assert_allclose, assert_array_equal

from dos_mm3d.cli import create_data
from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.datasets.readers.ply import read_mesh
from dos_mm3d.datasets.scannet import sweeps as scans_module
from dos_mm3d.datasets.scannet.classes import CLASSES_20, CLASSES_200, GROUP_OF_200, NYU40_OF_200
from dos_mm3d.datasets.scannet.convert import prepare_scannet
from dos_mm3d.datasets.scannet.raw import vertex_normals
from dos_mm3d.datasets.scannet.scan_files import ScanJob
from dos_mm3d.errors import UserError
from tests.helpers.scannet_files import LABEL_MAP, TURN, write_mesh

SEGMENTATION = Path(__file__).parents[2] / 'configs/segmentation'
PATCH = 36  # vertices of a patch
LABELS = {'scene0000_00': ['floor', 'chair', 'office chair'], 'scene0000_01': ['wall', 'globe', 'cup', 'couch']}


def table(root: Path, folder: str, scan: str, columns: int, dtype=np.float32) -> np.ndarray:
    return np.fromfile(root / folder / f'{scan}.bin', dtype).reshape(-1, columns)


@pytest.mark.parametrize('scan', ['scene0000_00', 'scene0000_01', 'scene0001_00', 'scene0707_00'])
def test_points_are_aligned_and_normals_turn_with_them(scan, converted, download):
    written, turn = download[1][scan], np.eye(4) if scan == 'scene0707_00' else TURN
    points, normals = table(converted, 'points', scan, 6), table(converted, 'normals', scan, 3)
    assert_allclose(points[:, :3], written['xyz'] @ turn[:3, :3].T + turn[:3, 3], atol=1e-5)
    assert_array_equal(points[:, 3:], written['colour'])
    assert_allclose(normals, written['normals'] @ turn[:3, :3].T, atol=1e-5)


@pytest.mark.parametrize('scan', LABELS)
def test_masks_hold_the_numbers_of_both_label_sets(scan, converted):
    rows = [LABEL_MAP[label] for label in LABELS[scan]]
    nyu40 = np.repeat([nyu for _, nyu in rows] + [0], PATCH)
    id_200 = np.repeat([number if number in CLASSES_200 else 0 for number, _ in rows] + [0], PATCH)
    instance = np.repeat([*range(1, len(rows) + 1), 0], PATCH)
    for folder, wanted in dict(semantic_mask=nyu40, semantic_mask_200=id_200, instance_mask=instance).items():
        found = table(converted, folder, scan, 1, np.int64).ravel()
        assert_array_equal(found, [*wanted, 0], err_msg=folder)


@pytest.mark.parametrize('data', ['scannet', 'scannet200'])
@pytest.mark.parametrize('split', ['train', 'test'])
def test_the_configs_own_data_sets_read_it(data, split, converted):
    """mmdet3d's ScanNetSegDataset, unmodified, and ScanNet200Seg, through the whole pipeline of their configs."""
    from mmengine.config import Config

    cfg = Config.fromfile(SEGMENTATION / f'_base_/{data}.py')[f'{split}_dataloader'].dataset
    cfg.data_root = f'{converted}/'
    dataset = DATASETS.build(cfg)
    names = CLASSES_20 if data == 'scannet' else CLASSES_200
    classes = [name.replace('shower curtain', 'showercurtrain') for name in CLASSES_20.values()]
    assert list(dataset.metainfo['classes']) == (classes if data == 'scannet' else list(CLASSES_200.values()))
    assert len(dataset) == (2 if split == 'train' else 1)
    item = dataset[0]
    assert item['inputs']['points'].shape == (PATCH * (4 if split == 'train' else 3) + 1, 9)
    masks = (
        item['data_samples'].gt_pts_seg.pts_semantic_mask.numpy()
        if split == 'train'
        else item['data_samples'].eval_ann_info['pts_semantic_mask']
    )
    labels = ['floor', 'chair', 'office chair'] if split == 'train' else ['floor', 'couch']
    numbers = [LABEL_MAP[label][1 if data == 'scannet' else 0] for label in labels]
    wanted = [list(names).index(number) for number in numbers] + [len(names)]
    assert_array_equal(masks, [*np.repeat(wanted, PATCH), len(names)])


def test_mmdet3ds_own_segmentation_pipeline_reads_it(converted):
    """The 6-column files stay what mmdet3d's configs expect: patches of 8192 points with normalised colours."""
    from mmengine.config import Config

    folder = Path(mmdet3d.__file__).parent / '.mim/configs/_base_/datasets'
    cfg = Config.fromfile(folder / 'scannet-seg.py').train_dataloader.dataset
    cfg.update(data_root=f'{converted}/', scene_idxs=f'{converted}/seg_info/train_scene_idxs.npy')
    dataset = DATASETS.build(cfg)
    item = dataset[1]
    assert item['inputs']['points'].shape == (8192, 6)
    colour = item['inputs']['points'][:, 3:]
    assert colour.min() >= 0 and colour.max() <= 1


def test_mmdet3ds_own_detection_data_set_finds_the_boxes_of_its_18_classes(converted):
    """Its GlobalAlignment must not turn what is turned already."""
    from mmdet3d.datasets import ScanNetDataset

    names = ScanNetDataset.METAINFO['classes']
    dataset = ScanNetDataset(
        f'{converted}/',
        'scannet_infos_train.pkl',
        metainfo=dict(classes=names),
        data_prefix=dict(pts='points', pts_instance_mask='instance_mask', pts_semantic_mask='semantic_mask'),
        pipeline=[],
    )
    for index, wanted in enumerate([['chair', 'chair'], ['sofa']]):
        info = dataset.get_data_info(index)
        assert_array_equal(info['axis_align_matrix'], np.eye(4))
        boxes = info['ann_info']['gt_bboxes_3d']
        assert [names[label] for label in info['ann_info']['gt_labels_3d']] == wanted
        points = np.fromfile(info['lidar_points']['lidar_path'], np.float32).reshape(-1, 6)[:, :3]
        instance = np.fromfile(info['pts_instance_mask_path'], np.int64)
        semantic = np.fromfile(info['pts_semantic_mask_path'], np.int64)
        objects = [n for n in np.unique(instance) if n and semantic[instance == n][0] not in (1, 2, 40)]
        for n, box in zip(objects, boxes.tensor.numpy(), strict=True):
            low, high = points[instance == n].min(0), points[instance == n].max(0)
            assert_allclose(boxes.gravity_center[objects.index(n)].numpy(), (low + high) / 2, atol=1e-5)
            assert_allclose(box[3:6], high - low, atol=1e-5)


def test_seg_info_counts_scans_and_points(converted):
    once = np.load(converted / 'seg_info/train_scene_idxs.npy')
    assert_array_equal(once, [0, 1])
    weight = np.load(converted / 'seg_info/train_label_weight.npy')
    counts = dict(zip(CLASSES_20, np.zeros(20)))
    for labels in LABELS.values():
        for label in labels:
            if LABEL_MAP[label][1] in counts:
                counts[LABEL_MAP[label][1]] += PATCH
    share = np.array(list(counts.values())) / sum(counts.values())
    assert_allclose(weight, 1 / np.log(1.2 + share), rtol=1e-6)


def test_a_scan_is_listed_once_for_every_8192_of_its_points(tmp_path):
    from dos_mm3d.datasets.scannet.infos import write_seg_info

    stamps = [dict(n_points=n, nyu40_counts=[0] * 41) for n in (8192 * 3, 8192, 8192 * 2)]
    write_seg_info(tmp_path, 'val', stamps)
    assert_array_equal(np.load(tmp_path / 'val_resampled_scene_idxs.npy'), [0, 0, 0, 1, 2, 2])


def test_the_unlabelled_view_is_centred_and_has_nine_columns(converted):
    dataset = DATASETS.build(dict(type='ScanNetScans', data_root=str(converted)))
    assert len(dataset) == 2 and len(scans_module.COLUMNS) == 9
    points, file = dataset.load(1)
    assert Path(file).name == 'scene0000_01.bin'
    raw_points = table(converted, 'points', 'scene0000_01', 6)
    moved = points[:, :3].numpy() - raw_points[:, :3]
    assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-6)
    low, high = points[:, :3].amin(0), points[:, :3].amax(0)
    assert_allclose((low + high)[:2], 0, atol=1e-6), assert_allclose(low[2], 0, atol=1e-6)
    assert_allclose(points[:, 3:6] * 255, raw_points[:, 3:], atol=1e-4)
    assert_array_equal(points[:, 6:], table(converted, 'normals', 'scene0000_01', 3))
    every = DATASETS.build(dict(type='ScanNetScans', data_root=str(converted), splits=['train', 'val', 'test']))
    assert len(every) == 4
    with pytest.raises(ValueError, match=r"different ones of \['train', 'val', 'test'\].*got \['all'\]"):
        DATASETS.build(dict(type='ScanNetScans', data_root=str(converted), splits='all'))


def test_a_cut_file_of_points_is_named_by_the_view(converted, tmp_path):
    root = shutil.copytree(converted, tmp_path / 'scannet')
    file = root / 'points/scene0000_00.bin'
    file.write_bytes(file.read_bytes()[:-24])
    dataset = DATASETS.build(dict(type='ScanNetScans', data_root=str(root)))
    with pytest.raises(ValueError, match=r'scene0000_00.bin.*different conversions'):
        dataset.load(0)
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r'scene0000_00.bin'):
        dataset.load(0)


def test_a_missing_file_of_normals_is_named_before_training(converted, tmp_path):
    root = shutil.copytree(converted, tmp_path / 'scannet')
    (root / 'normals/scene0000_01.bin').unlink()
    with pytest.raises(FileNotFoundError, match=r'normals/scene0000_01.bin: missing, the first of 1 of 2.*create_data'):
        DATASETS.build(dict(type='ScanNetScans', data_root=str(root)))
    assert len(DATASETS.build(dict(type='ScanNetScans', data_root=str(root), on_bad_file='skip'))) == 2


def test_a_stopped_run_goes_on_and_a_changed_download_is_converted_again(raw, monkeypatch):
    done = []
    convert = ScanJob.convert

    def stops_at_the_third(job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job.folder.name)
        convert(job)

    monkeypatch.setattr(ScanJob, 'convert', stops_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        prepare_scannet(raw, workers=1)
    assert not list(raw.glob('*.pkl')) and len(list((raw / 'points').glob('*'))) == 2
    again = []
    monkeypatch.setattr(ScanJob, 'convert', lambda job: (again.append(job.folder.name), convert(job)))
    prepare_scannet(raw, workers=1)
    assert sorted(done + again) == ['scene0000_00', 'scene0000_01', 'scene0001_00', 'scene0707_00']
    assert not list(raw.rglob('*partial*'))
    about = raw / 'scans/scene0001_00/scene0001_00.txt'
    about.write_text(about.read_text() + 'more = 1\n')
    (raw / 'normals/scene0000_00.bin').unlink()
    again.clear()
    prepare_scannet(raw, workers=1)
    assert sorted(again) == ['scene0000_00', 'scene0001_00'], 'what changed, and what is not whole'
    objects = raw / 'scans/scene0000_01/scene0000_01.aggregation.json'
    objects.write_text(objects.read_text().replace('wall', 'WALL').replace('WALL', 'wall'))
    for number, text in enumerate(('{', '[]', '{}')):
        (raw / f'prepared/{sorted(done)[0]}.json').write_text(text)
        again.clear()
        prepare_scannet(raw, workers=1)
        same_size = ['scene0000_01'] if number == 0 else []
        assert sorted(again) == sorted([sorted(done)[0], *same_size]), 'a stamp that is damaged, and as many bytes'


def test_what_is_kept_on_purpose_is_enough(raw, capsys):
    shutil.rmtree(raw / 'scans/scene0000_01')
    shutil.rmtree(raw / 'scans/scene0001_00')
    shutil.rmtree(raw / 'scans_test')
    (raw / 'scannet_infos_val.pkl').write_bytes(b'old')
    prepare_scannet(raw, allow_partial=True, workers=1)
    assert 'val: 0 of 312 official scans; no info file' in capsys.readouterr().out
    assert {path.name for path in raw.glob('*.pkl')} == {'scannet_infos_train.pkl'}
    assert len(load_info_pickle(raw / 'scannet_infos_train.pkl')['data_list']) == 1


def test_two_processes_write_the_same_bytes_as_one_into_another_folder(raw, converted, tmp_path):
    out = prepare_scannet(raw, out_dir=tmp_path / 'out', extra_tag='mine', workers=2)
    assert not (raw / 'points').exists() and (out / 'mine_infos_train.pkl').is_file()
    for file in converted.glob('*/*.bin'):
        assert (out / file.relative_to(converted)).read_bytes() == file.read_bytes()


@pytest.mark.parametrize('name', ['scannet', 'scannet200'])
def test_the_tool_makes_both_or_says_what_is_wrong_in_a_sentence(name, raw, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['create_data.py', name, '--root-path', str(raw), '--workers', '1'])
    create_data.main()
    assert 'labels of ScanNet and ScanNet200 ready' in capsys.readouterr().out
    assert (raw / 'semantic_mask/scene0000_00.bin').is_file() and (raw / 'semantic_mask_200/scene0000_00.bin').is_file()
    shutil.rmtree(raw / 'scans/scene0000_00')
    with pytest.raises(UserError, match=r'scene0000_00: missing, the first of 1.*--allow-partial'):
        create_data.main()


def test_normals_of_a_mesh_are_weighted_by_area():
    """A large triangle and a small one share a vertex: its normal leans to the large one's."""
    xyz = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 1], [0, 1, 0], [9, 9, 9]], float)
    normals = vertex_normals(xyz, np.array([[0, 1, 2], [0, 4, 3]]))
    assert_allclose(normals[0], np.array([1, 0, 4]) / np.sqrt(17))
    assert_allclose(normals[[1, 3, 5]], [[0, 0, 1], [1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize('text', [True, False])
def test_meshes_are_read_from_text_and_binary_and_refused_without_triangles(tmp_path, text):
    xyz, colour = np.random.default_rng(0).random((4, 3)), np.zeros((4, 3))
    faces = np.array([[0, 1, 2], [1, 2, 3]])
    write_mesh(tmp_path / 'a.ply', xyz, colour, faces, text=text)
    vertices, found = read_mesh(str(tmp_path / 'a.ply'))
    assert_allclose(np.stack([vertices[name] for name in 'xyz'], 1), xyz, rtol=1e-6)
    assert_array_equal(found, faces)
    write_mesh(tmp_path / 'b.ply', xyz, colour, faces + 1, text=text)
    with pytest.raises(ValueError, match=r'b.ply: found 2 faces, some of which are no triangles of its vertices'):
        read_mesh(str(tmp_path / 'b.ply'))


def test_the_tables_of_classes_are_those_of_the_benchmarks():
    assert len(CLASSES_20) == 20 and len(CLASSES_200) == 200
    assert len(set(CLASSES_200.values())) == 200 and list(CLASSES_200) == sorted(CLASSES_200)
    assert set(GROUP_OF_200) == set(NYU40_OF_200) == set(CLASSES_200.values())
    assert [list(GROUP_OF_200.values()).count(group) for group in ('head', 'common', 'tail')] == [66, 68, 66]
    assert {CLASSES_200[number] for number in (1, 3, 2, 1191)} == {'wall', 'floor', 'chair', 'mattress'}
    assert set(NYU40_OF_200.values()) <= set(range(1, 41))
    both = set(CLASSES_20.values()) & set(CLASSES_200.values())
    number_of = {name: number for number, name in CLASSES_20.items()}
    assert all(NYU40_OF_200[name] == number_of[name] for name in both) and len(both) == 18
