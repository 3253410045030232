"""ScanNet's download broken in every way: each is named before anything is converted."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import recfunctions as rfn
from plyfile import PlyData, PlyElement

from dos_mm3d.datasets.readers.ply import read_mesh
from dos_mm3d.datasets.scannet.convert import prepare_scannet


def scan_file(root: Path, suffix: str, scan: str = 'scene0000_01') -> Path:
    return root / 'scans' / scan / f'{scan}{suffix}'


def break_mesh(root: Path) -> None:
    path = scan_file(root, '_vh_clean_2.ply')
    path.write_bytes(path.read_bytes()[:-100])


def break_header(root: Path) -> None:
    scan_file(root, '_vh_clean_2.ply').write_bytes(b'ply\nformat bin')


def break_segments(root: Path) -> None:
    path = scan_file(root, '_vh_clean_2.0.010000.segs.json')
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, 'segIndices': content['segIndices'][:-1]}))


def cut_segments(root: Path) -> None:
    path = scan_file(root, '_vh_clean_2.0.010000.segs.json')
    path.write_text(path.read_text()[:-40])


def rename_object(root: Path) -> None:
    path = scan_file(root, '.aggregation.json')
    path.write_text(path.read_text().replace('"globe"', '"spaceship"'))


def append(path: Path, text: str) -> None:
    path.write_text(f'{path.read_text().rstrip()}\n{text}')


def other_objects(root: Path) -> None:
    path = scan_file(root, '.aggregation.json')
    path.write_text(json.dumps({'sceneId': 'scannet.scene0000_00', **json.loads(path.read_text())}))


def other_segments(root: Path) -> None:
    path = scan_file(root, '_vh_clean_2.0.010000.segs.json')
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, 'segIndices': [2 + number for number in content['segIndices']]}))


def swap_segments(root: Path) -> None:
    scan_file(root, '_vh_clean_2.0.010000.segs.json').write_text(scan_file(root, '.aggregation.json').read_text())


def cut_label_map(root: Path) -> None:
    path = root / 'scannetv2-labels.combined.tsv'
    path.write_text(path.read_text() + '1357\tlast')


def break_alignment(root: Path) -> None:
    scan_file(root, '.txt').write_text('axisAlignment = 1 0 0\n')


def drop_colours(root: Path) -> None:
    path = scan_file(root, '_vh_clean_2.ply')
    vertices, faces = read_mesh(str(path))
    grey = PlyElement.describe(rfn.drop_fields(vertices, ['red', 'green', 'blue']), 'vertex')
    corners = np.empty(len(faces), [('vertex_indices', 'i4', (3,))])
    corners['vertex_indices'] = faces
    PlyData([grey, PlyElement.describe(corners, 'face')]).write(str(path))


BREAKS = {
    'no whole .ply file.*truncated or corrupt': break_mesh,
    '_vh_clean_2.ply: found content that is no whole .ply': break_header,
    'segments of 180 vertices, the mesh has 181': break_segments,
    'no whole JSON file': cut_segments,
    "an object 'spaceship', which scannetv2-labels.combined.tsv does not have": rename_object,
    "segs.json: found no list 'segIndices'": swap_segments,
    'combined.tsv: .* wanted whole numbers. The file is cut off': cut_label_map,
    'found axisAlignment = 1 0 0; wanted 16 numbers': break_alignment,
    'scene0000_01.txt: found axisAlignment = 1 0 x': lambda root: scan_file(root, '.txt').write_text(
        'axisAlignment = 1 0 x\n'
    ),
    '_vh_clean_2.ply: its vertices have no red, green, blue, only x, y, z, alpha': drop_colours,
    'aggregation.json: missing; wanted': lambda root: scan_file(root, '.aggregation.json').unlink(),
    'aggregation.json: empty; wanted': lambda root: scan_file(root, '.aggregation.json').write_text(''),
    'scene0000_01: missing, the first of 1; found 1 of the 2': lambda root: shutil.rmtree(root / 'scans/scene0000_01'),
    'scannetv2_val.txt: missing': lambda root: (root / 'scannetv2_val.txt').unlink(),
    'combined.tsv: missing': lambda root: (root / 'scannetv2-labels.combined.tsv').unlink(),
    'combined.tsv: found columns': lambda root: (root / 'scannetv2-labels.combined.tsv').write_text('a\tb\n1\t2\n'),
    'scene0000_00 is listed in scannetv2_train.txt and in scannetv2_train.txt, the first of 1': lambda root: append(
        root / 'scannetv2_train.txt', 'scene0000_00\n'
    ),
    'scene0001_00 is listed in scannetv2_train.txt and in scannetv2_val.txt': lambda root: append(
        root / 'scannetv2_train.txt', 'scene0001_00\n'
    ),
    'aggregation.json: is of scannet.scene0000_00, wanted that of scene0000_01': other_objects,
    'none of its 4 objects has a segment that the mesh has': lambda root: other_segments(root),
    'scans: no such folder': lambda root: shutil.rmtree(root / 'scans'),
}


@pytest.mark.parametrize('message', BREAKS)
def test_what_is_wrong_is_named_before_anything_is_converted(message, raw):
    BREAKS[message](raw)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        prepare_scannet(raw, workers=1)
    assert str(raw) in str(error.value)
    assert not (raw / 'points').exists() and not list(raw.glob('*.pkl'))
