"""Frame records -> infos: read by mmdet3d's own WaymoDataset, complete, and refused where files do not fit."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmdet3d.datasets import WaymoDataset

from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.datasets.waymo.convert import prepare_waymo
from dos_mm3d.datasets.waymo.frame_record import SIGN, FrameRecord, frame_path, read_record, write_record
from dos_mm3d.datasets.waymo.gt_database import write_gt_database
from dos_mm3d.datasets.waymo.infos import LABEL_OF_TYPE

PIPELINE = [
    dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=6, use_dim=6),
    dict(type='LoadAnnotations3D', with_bbox_3d=True, with_label_3d=True),
    dict(type='Pack3DDetInputs', keys=['points', 'gt_bboxes_3d', 'gt_labels_3d']),
]


def write_frames(root: Path, segments: dict[str, int]) -> None:
    """Frames of five points and two boxes; segments: first four digits of the names -> number of frames."""
    for key, n_frames in segments.items():
        for frame in range(n_frames):
            name = f'{key}{frame:03d}'
            for kind, values in (('points', np.ones((5, 6), np.float32)), ('no_label_zone', np.zeros(5, np.uint8))):
                path = frame_path(root, kind, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                values.tofile(path)
            box = np.array([[10, 2, 1, 4, 2, 2, 0.5], [20, 3, 1, 1, 1, 2, 0]])
            objects = dict(box=box, type=[1, 2], difficulty=[0, 0], num_points=[5, 6], speed=np.zeros((2, 2)))
            seen = dict(camera_box=box, most_visible_camera=[3, 0], image_box=np.ones((2, 4)), image_camera=[2, -1])
            record = FrameRecord(
                f'segment {key}', frame, 10 * frame, 5, track_id=['a', 'b'], **objects, **seen,
                global_from_vehicle=np.diag([1, 1, 1, 1 + frame]),
            )  # fmt: skip
            write_record(frame_path(root, 'record', name), record)


def infos_of(root: Path, split: str) -> list[dict]:
    return load_info_pickle(root / f'waymo_infos_{split}.pkl')['data_list']


@pytest.mark.parametrize(('interval', 'wanted'), [(1, 11), (5, 3)])
def test_mmdet3ds_data_set_reads_them_with_its_load_interval(tmp_path, interval, wanted):
    write_frames(tmp_path, {'0000': 11, '1000': 1})
    prepare_waymo(tmp_path, workers=1)
    prefix = dict(pts='training/velodyne', sweeps='training/velodyne')
    dataset = WaymoDataset(
        str(tmp_path), 'waymo_infos_train.pkl', data_prefix=prefix, pipeline=PIPELINE, load_interval=interval
    )
    assert len(dataset) == wanted
    item = dataset[1]
    assert item['inputs']['points'].shape == (5, 6)
    boxes = item['data_samples'].gt_instances_3d.bboxes_3d
    assert boxes.gravity_center[0].tolist() == [10, 2, 1] and boxes.tensor[0, 3:].tolist() == [4, 2, 2, 0.5]
    assert item['data_samples'].gt_instances_3d.labels_3d.tolist() == [0, 1]


def test_miniature_is_read_in_every_split(synthetic_waymo):
    for split, folder, n_frames in (('train', 'training', 4), ('trainval', 'training', 6), ('test', 'testing', 2)):
        labelled = split != 'test'
        dataset = WaymoDataset(
            str(synthetic_waymo),
            f'waymo_infos_{split}.pkl',
            data_prefix=dict(pts=f'{folder}/velodyne', sweeps=f'{folder}/velodyne'),
            pipeline=PIPELINE if labelled else [PIPELINE[0], dict(type='Pack3DDetInputs', keys=['points'])],
            test_mode=not labelled,
            load_eval_anns=labelled,
        )
        assert len(dataset) == n_frames
        assert all(len(dataset[i]['inputs']['points']) > 5000 for i in range(n_frames))


def test_instances_are_the_records_boxes_with_points(synthetic_waymo):
    infos = infos_of(synthetic_waymo, 'train') + infos_of(synthetic_waymo, 'val')
    seen, levels, dropped = set(), set(), 0
    for info in infos:
        name = Path(info['lidar_points']['lidar_path']).stem
        assert info['sample_idx'] == int(name)
        record = read_record(frame_path(synthetic_waymo, 'record', name))
        rows = np.flatnonzero(np.isin(record.type, list(LABEL_OF_TYPE)) & (record.num_points >= 1))
        assert [LABEL_OF_TYPE[record.type[row]] for row in rows] == [box['bbox_label_3d'] for box in info['instances']]
        for row, box in zip(rows, info['instances'], strict=True):
            centre = np.array(box['bbox_3d'])
            centre[2] += centre[5] / 2
            np.testing.assert_allclose(centre, record.box[row], atol=1e-5)
            assert box['num_lidar_pts'] == record.num_points[row]
            few = 2 if box['num_lidar_pts'] <= 5 else 1
            assert box['difficulty'] == (record.difficulty[row] or few)
            seen.add(box['bbox_label_3d'])
            levels.add((box['difficulty'], few))
        dropped += int((record.num_points == 0).sum())
        assert SIGN in record.type
        mask = synthetic_waymo / 'training' / info['no_label_zone_path']
        assert mask.stat().st_size == record.num_points_in_frame
        assert ('pts_semantic_mask_path' in info) == record.has_semantic
    assert seen == {0, 1, 2} and dropped > 0
    assert levels == {(1, 1), (2, 2), (2, 1)}, 'few points, many points, and hard by the annotators'


def test_sweeps_are_the_frames_before_newest_first(tmp_path):
    write_frames(tmp_path, {'0000': 4, '0001': 2})
    prepare_waymo(tmp_path, max_sweeps=2, workers=1)
    infos = infos_of(tmp_path, 'train')
    paths = [[sweep['lidar_points']['lidar_path'] for sweep in info.get('lidar_sweeps', [])] for info in infos]
    assert paths == [
        [], ['0000000.bin'], ['0000001.bin', '0000000.bin'], ['0000002.bin', '0000001.bin'], [], ['0001000.bin'],
    ]  # fmt: skip
    assert infos[3]['lidar_sweeps'][0]['ego2global'][3][3] == 3.0
    assert set(infos[3]['image_sweeps'][0]['images']) == set(infos[3]['images'])


def test_camera_boxes_are_of_the_camera_that_sees_most(tmp_path):
    write_frames(tmp_path, {'0000': 1})
    prepare_waymo(tmp_path, workers=1)
    (info,) = infos_of(tmp_path, 'train')
    assert [box['camera_id'] for box in info['cam_sync_instances']] == [2]
    assert [(box['camera_id'], box['bbox']) for box in info['instances']] == [(2, [1.0] * 4), (0, [0.0] * 4)]
    assert [box['group_id'] for box in info['instances']] == [1, 2]


def test_a_split_without_frames_has_no_file_and_loses_its_older_one(tmp_path):
    write_frames(tmp_path, {'0000': 1})
    (tmp_path / 'waymo_infos_val.pkl').write_bytes(b'older')
    prepare_waymo(tmp_path, workers=1)
    assert sorted(path.name for path in tmp_path.glob('waymo_infos_*')) == ['waymo_infos_train.pkl']


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ('break_it', 'error', 'message'),
    [
        (lambda root: cut(frame_path(root, 'points', '0000001')), ValueError, 'found 119 bytes, wanted 120'),
        (lambda root: cut(frame_path(root, 'no_label_zone', '0000001')), ValueError, 'found 4 bytes, wanted 5'),
        (lambda root: frame_path(root, 'no_label_zone', '0000000').unlink(), FileNotFoundError, '0000000.bin: missing'),
        (lambda root: frame_path(root, 'record', '0000000').unlink(), ValueError, '0000000.npz: missing'),
        (
            lambda root: shutil.copy(frame_path(root, 'record', '0000000'), frame_path(root, 'record', '0000001')),
            ValueError,
            '0000001.npz: found frame 0 of segment',
        ),
    ],
)  # fmt: skip
def test_missing_or_cut_files_are_named_and_nothing_is_written(tmp_path, break_it, error, message):
    write_frames(tmp_path, {'0000': 2})
    break_it(tmp_path)
    with pytest.raises(error, match=message):
        prepare_waymo(tmp_path, workers=1)
    assert not list(tmp_path.glob('waymo_infos*'))


def test_a_segment_whose_conversion_was_stopped_is_named(tmp_path):
    write_frames(tmp_path, {'0000': 2, '0001': 1})
    noted = {'training': {'a': {'number': 0, 'frames': 2}, 'b': {'number': 1}, 'c': {'number': 2}}}
    (tmp_path / 'segments.json').write_text(json.dumps(noted))
    with pytest.raises(ValueError, match=r'segments.json: segment b of training has 1 frames; wanted more: .*stopped'):
        prepare_waymo(tmp_path, workers=1)
    noted['training']['b']['frames'] = 1
    (tmp_path / 'segments.json').write_text(json.dumps(noted))
    assert prepare_waymo(tmp_path, workers=1) == tmp_path


def test_a_folder_above_the_data_is_told_where_it_is(tmp_path):
    write_frames(tmp_path / 'kitti_format', {'0000': 1})
    with pytest.raises(FileNotFoundError, match=r'They are in .*kitti_format: give that'):
        prepare_waymo(tmp_path, workers=1)


def test_box_database_holds_the_points_of_every_box(synthetic_waymo):
    boxes = [info['instances'] for info in infos_of(synthetic_waymo, 'train')]
    parts = (synthetic_waymo / 'waymo_gt_database/parts').glob('*.pkl')
    frames = [frame for part in parts for frame in load_info_pickle(part)['data_list']]
    entries = [entry for frame in frames for group in frame.values() for entry in group]
    assert len(entries) == sum(map(len, boxes))
    for entry in entries:
        points = np.fromfile(synthetic_waymo / entry['path'], np.float32).reshape(-1, 6)
        box = boxes[entry['image_idx']][entry['gt_idx']]
        assert abs(len(points) - box['num_lidar_pts']) <= 1 + 0.02 * len(points)  # points on a face
        assert (np.abs(points[:, :2]) <= np.hypot(*box['bbox_3d'][3:5]) / 2 + 1e-3).all()


def test_interrupted_box_database_goes_on(synthetic_waymo, tmp_path):
    root = shutil.copytree(synthetic_waymo, tmp_path / 'waymo', ignore=shutil.ignore_patterns('testing'))
    database = root / 'waymo_gt_database'
    wanted = (root / 'waymo_dbinfos_train.pkl').read_bytes()
    (root / 'waymo_dbinfos_train.pkl').unlink()
    kept, lost = sorted((database / 'parts').glob('*.pkl'))
    before = kept.stat().st_mtime_ns
    lost.unlink()
    write_gt_database(root, workers=1)
    assert (root / 'waymo_dbinfos_train.pkl').read_bytes() == wanted
    assert kept.stat().st_mtime_ns == before and lost.is_file()
    gone = next(database.glob('*.bin'))
    gone.unlink()
    write_gt_database(root, workers=1)
    assert gone.is_file(), 'points of a box that went missing are cut out again'
    before = kept.stat().st_mtime_ns
    first = load_info_pickle(root / 'waymo_infos_train.pkl')['data_list'][0]
    (root / 'training/velodyne' / first['lidar_points']['lidar_path']).touch()
    write_gt_database(root, workers=1)
    assert kept.stat().st_mtime_ns > before, 'so are those of a point file that was written anew'
