"""The embedded ScanNet: its files against each other, against the rooms they show, and how they are written."""

import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from plyfile import PlyData

from dos_mm3d.cli import create_synthetic
from dos_mm3d.datasets.scannet.classes import CLASSES_20, CLASSES_200, NYU40_OF_200
from dos_mm3d.miniatures import scannet_writer
from dos_mm3d.miniatures.scannet_records import COLUMNS, label_colours, nyu40_of
from dos_mm3d.miniatures.scannet_writer import (
    MIN_ANNOTATED,
    OFFICIAL,
    ScanNetPlan,
    axis_alignment,
    scan_frame,
    scan_of,
    write_scannet,
)
from dos_mm3d.miniatures.staging import MANIFEST

ROOT = Path(__file__).parents[2]
TINY = ScanNetPlan(seed=3, train_scenes=2, val_scenes=1, test_scenes=1, views=8, spacing_m=0.1)
SCAN, NUMBER = 'scene0119_00', 1


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> Path:
    """Two rooms of train, one of val, one of test."""
    return write_scannet(tmp_path_factory.mktemp('world') / 'scannet', TINY, workers=1)


def mesh(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (structured), xyz (N, 3) and faces (F, 3) by an independent reader."""
    ply = PlyData.read(path)
    vertex = ply['vertex'].data
    return vertex, np.stack([vertex[axis] for axis in 'xyz'], 1), np.stack(ply['face'].data['vertex_indices'])


def annotation(stem: str) -> tuple[np.ndarray, list[dict]]:
    """Segment of every vertex, and the objects."""
    segments = json.loads(Path(f'{stem}_vh_clean_2.0.010000.segs.json').read_text())
    return np.array(segments['segIndices']), json.loads(Path(f'{stem}.aggregation.json').read_text())['segGroups']


def alignment(path: Path) -> np.ndarray | None:
    """(4, 4) of a metadata file, read as ScanNet200's own script does; None where there is none."""
    entries = dict(line.split(' = ') for line in path.read_text().splitlines())
    numbers = entries.get('axisAlignment')
    return None if numbers is None else np.array([float(x) for x in numbers.split()]).reshape(4, 4)


def test_files_are_those_of_the_download(world):
    assert sorted(path.name for path in world.iterdir()) == sorted(
        ['scans', 'scans_test', 'scannetv2-labels.combined.tsv', MANIFEST]
        + [f'scannetv2_{split}.txt' for split in ('train', 'val', 'test')]
    )
    assert (world / 'scannetv2_train.txt').read_text().split() == ['scene0191_00', 'scene0119_00']
    assert (world / 'scannetv2_val.txt').read_text().split() == ['scene0568_00']
    suffixes = [
        '.aggregation.json',
        '.txt',
        '_vh_clean_2.0.010000.segs.json',
        '_vh_clean_2.labels.ply',
        '_vh_clean_2.ply',
    ]
    for name in ('scene0191_00', 'scene0119_00', 'scene0568_00'):
        assert sorted(path.name for path in (world / 'scans' / name).iterdir()) == [
            name + suffix for suffix in suffixes
        ]
    test = world / 'scans_test/scene0707_00'
    assert sorted(path.name for path in test.iterdir()) == ['scene0707_00.txt', 'scene0707_00_vh_clean_2.ply']
    assert alignment(test / 'scene0707_00.txt') is None


def test_segments_objects_and_labelled_mesh_agree(world):
    for folder in (world / 'scans').iterdir():
        stem = f'{folder}/{folder.name}'
        plain, xyz, face = mesh(Path(f'{stem}_vh_clean_2.ply'))
        labelled, same_xyz, same_face = mesh(Path(f'{stem}_vh_clean_2.labels.ply'))
        assert plain.dtype.names == ('x', 'y', 'z', 'red', 'green', 'blue', 'alpha')
        assert labelled.dtype.names == (*plain.dtype.names, 'label')
        assert np.array_equal(xyz, same_xyz) and np.array_equal(face, same_face) and (plain['alpha'] == 255).all()
        segment, groups = annotation(stem)
        assert len(segment) == len(xyz) and xyz.min() > 0
        assert [group['objectId'] for group in groups] == [group['id'] for group in groups] == list(range(len(groups)))
        used = [number for group in groups for number in group['segments']]
        assert len(used) == len(set(used)) and set(used) <= set(segment.tolist()), 'a segment is of one object'
        nyu40 = np.zeros(len(xyz), int)
        for group in groups:
            mine = np.isin(segment, group['segments'])
            assert mine.sum() >= MIN_ANNOTATED
            nyu40[mine] = nyu40_of(group['label'])
        assert np.array_equal(labelled['label'], nyu40)
        colours = np.stack([labelled[name] for name in ('red', 'green', 'blue')], 1)
        assert np.array_equal(colours, label_colours(nyu40))
        assert len(np.unique(label_colours(np.arange(41)), axis=0)) == 41


def test_the_alignment_undoes_the_scans_yaw(world):
    """Walls lie along x and y, the floor at 0, the room around the origin: as room and scan were built."""
    stem = world / 'scans' / SCAN / SCAN
    room, scan = scan_of(TINY, 'train', NUMBER)
    _, xyz, face = mesh(Path(f'{stem}_vh_clean_2.ply'))
    matrix = alignment(Path(f'{stem}.txt'))
    assert np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-5) and np.linalg.det(matrix) > 0.99
    assert abs(matrix[0, 1]) > 0.02, 'the scan is turned'
    assert np.allclose(matrix, axis_alignment(room, *scan_frame(TINY, 'train', NUMBER, room)), atol=1e-5)
    aligned = xyz @ matrix[:3, :3].T + matrix[:3, 3]
    middle = np.array([*room.size_m[:2] / 2, 0.0])
    assert np.allclose(aligned, scan.xyz_m - middle, atol=1e-4) and np.array_equal(face, scan.face)


def signed_distance(room, part: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """(N,) metres from the surface of a box; only for boxes."""
    solids = room.solids
    local = np.einsum('nji,nj->ni', solids.turn[part], xyz - solids.centre[part])
    outside = np.abs(local) - solids.half[part]
    return np.linalg.norm(np.maximum(outside, 0), axis=1) + np.minimum(outside.max(1), 0)


def test_what_is_labelled_x_lies_on_an_x(world):
    room, _ = scan_of(TINY, 'train', NUMBER)
    stem = world / 'scans' / SCAN / SCAN
    _, xyz, _ = mesh(Path(f'{stem}_vh_clean_2.ply'))
    matrix = alignment(Path(f'{stem}.txt'))
    xyz = xyz @ matrix[:3, :3].T + matrix[:3, 3] + [*room.size_m[:2] / 2, 0.0]
    segment, groups = annotation(str(stem))
    assert len(groups) > 15 and {'wall', 'floor', 'desk', 'office chair'} <= {group['label'] for group in groups}
    gaps = []
    for group in groups:
        rows = np.flatnonzero([room.names[owner] == group['label'] for owner in room.solids.owner])
        if (room.solids.kind[rows] != 0).any():
            continue  # the distance below is a box's
        points = xyz[np.isin(segment, group['segments'])]
        nearest = np.min([np.abs(signed_distance(room, np.full(len(points), row), points)) for row in rows], 0)
        gaps.append(np.median(nearest))
        assert np.percentile(nearest, 95) < 0.06, group['label']
    assert len(gaps) > 8 and np.median(gaps) < 0.01


def test_the_label_map_has_the_official_columns_and_numbers(world):
    with (world / 'scannetv2-labels.combined.tsv').open(newline='') as file:
        rows = list(csv.DictReader(file, delimiter='\t'))
    assert tuple(rows[0]) == COLUMNS
    by_name = {row['raw_category']: row for row in rows}
    assert len(by_name) == len(rows)
    for number, name in CLASSES_200.items():
        assert (int(by_name[name]['id']), int(by_name[name]['nyu40id'])) == (number, NYU40_OF_200[name])
    assert by_name['books']['category'] == 'book' and by_name['books']['id'] == by_name['book']['id'] == '22'
    counts = dict.fromkeys(by_name, 0)
    for folder in (world / 'scans').iterdir():
        for group in annotation(f'{folder}/{folder.name}')[1]:
            counts[group['label']] += 1
    assert {name: int(row['count']) for name, row in by_name.items()} == counts
    found = [int(row['count']) for row in rows]
    assert found == sorted(found, reverse=True)


def digest(root: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in root.rglob('*') if path.is_file()):
        whole.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return whole.hexdigest()


def test_every_byte_depends_on_the_plan_alone(world, tmp_path):
    again = write_scannet(tmp_path / 'b', TINY, workers=3)
    assert digest(world) == digest(again)
    one = ScanNetPlan(**{**TINY.__dict__, 'seed': 4, 'train_scenes': 1, 'test_scenes': 0})
    other = write_scannet(tmp_path / 'c', one, workers=1)
    name = 'scans/scene0191_00/scene0191_00_vh_clean_2.ply'
    assert (other / name).read_bytes() != (world / name).read_bytes()
    assert not (other / 'scans_test').exists() and (other / 'scannetv2_test.txt').read_text() == ''


def test_a_run_that_dies_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    annotate = scannet_writer._annotate

    def dies(stem, *args):
        if 'scene0119' in stem:
            raise KeyboardInterrupt
        return annotate(stem, *args)

    out, partial = tmp_path / 'scannet', tmp_path / 'scannet.partial'
    with monkeypatch.context() as patch:
        patch.setattr(scannet_writer, '_annotate', dies)
        with pytest.raises(KeyboardInterrupt):
            write_scannet(out, TINY, workers=1)
    assert list(partial.rglob('*.ply')) and not (partial / MANIFEST).exists() and not out.exists()
    write_scannet(out, TINY, workers=1)
    assert (out / MANIFEST).is_file() and not partial.exists()
    monkeypatch.setattr(scannet_writer, '_annotate', dies)
    write_scannet(out, TINY, workers=1)  # reused: dies() is not called
    with pytest.raises(FileExistsError, match='holds another synthetic data set'):
        write_scannet(out, ScanNetPlan())


@pytest.mark.parametrize(
    'wrong',
    [
        dict(train_scenes=0),
        dict(val_scenes=21),
        dict(test_scenes=101),
        dict(views=3),
        dict(spacing_m=0.5),
        dict(seed=-1),
    ],
)
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ScanNetPlan(**wrong)


def test_names_are_distinct_and_of_one_split():
    names = [name for split in OFFICIAL.values() for name in split]
    assert len(names) == len(set(names)) and all(name.endswith('_00') and len(name) == 12 for name in names)


def test_the_tool_writes_scannet(tmp_path, monkeypatch):
    sizes = ['--train-scenes', '1', '--val-scenes', '1', '--test-scenes', '0', '--views', '4', '--spacing', '0.2']
    command = ['create_synthetic.py', '--format', 'scannet', '--out', str(tmp_path / 'scannet'), '--workers', '1']
    monkeypatch.setattr(sys, 'argv', [*command, *sizes])
    create_synthetic.main()
    assert sorted(path.name for path in (tmp_path / 'scannet/scans').iterdir()) == ['scene0191_00', 'scene0568_00']
    monkeypatch.setattr(sys, 'argv', [*command, '--seconds', '2'])
    with pytest.raises(ValueError, match='--format scannet has no option seconds; it has seed, train_scenes'):
        create_synthetic.main()


@pytest.mark.slow
def test_the_default_plan_shows_every_class_of_scannet_20_in_each_split_and_much_of_the_tail(tmp_path):
    root = write_scannet(tmp_path / 'scannet', ScanNetPlan(), workers=2)
    shown: dict[str, set[str]] = {}
    for split in ('train', 'val'):
        names = (root / f'scannetv2_{split}.txt').read_text().split()
        shown[split] = {group['label'] for name in names for group in annotation(f'{root}/scans/{name}/{name}')[1]}
        assert set(CLASSES_20) <= {nyu40_of(label) for label in shown[split]}
        sizes = [len(annotation(f'{root}/scans/{name}/{name}')[0]) for name in names]
        assert min(sizes) > 20_000 and max(sizes) < 100_000
    assert len(shown['train'] & set(CLASSES_200.values())) > 110
