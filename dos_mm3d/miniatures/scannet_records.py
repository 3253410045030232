"""The files of ScanNet's release: meshes, segments, objects, metadata and the label map.

Sources: README.md of github.com/ScanNet/ScanNet (names, the two JSON forms, z up), its BenchmarkScripts (which of their
keys are read, objectId from 0, axisAlignment), the head of the released scannetv2-labels.combined.tsv, and mmdet3d's
data/scannet/load_scannet_data.py (the metadata of test scans have no axisAlignment)."""

import json
from collections import Counter

import numpy as np

from ..datasets.scannet.classes import CLASSES_200, NYU40_OF_200

NYU40 = (
    'wall', 'floor', 'cabinet', 'bed', 'chair', 'sofa', 'table', 'door', 'window', 'bookshelf', 'picture', 'counter',
    'blinds', 'desk', 'shelves', 'curtain', 'dresser', 'pillow', 'mirror', 'floor mat', 'clothes', 'ceiling', 'books',
    'refridgerator', 'television', 'paper', 'towel', 'shower curtain', 'box', 'whiteboard', 'person', 'night stand',
    'toilet', 'sink', 'lamp', 'bathtub', 'bag', 'otherstructure', 'otherfurniture', 'otherprop',
)  # fmt: skip
"""Names of the NYU40 numbers from 1, spelt as in the column nyu40class."""

PLURALS = {'books': 'book', 'shoes': 'shoe', 'kitchen cabinets': 'kitchen cabinet'}
"""Raw category -> class of ScanNet200 that has the same id."""
OTHERS = {'rug': (61, 40), 'globe': (269, 40), 'vase': (194, 40)}
"""Raw category -> id and NYU40 number of what is in neither benchmark."""

COLUMNS = (
    'id', 'raw_category', 'category', 'count', 'nyu40id', 'eigen13id', 'nyuClass', 'nyu40class', 'eigen13class',
    'ModelNet40', 'ModelNet10', 'ShapeNetCore55', 'synsetoffset', 'wnsynsetid', 'wnsynsetkey', 'mpcat40',
    'mpcat40index',
)  # fmt: skip


def nyu40_of(name: str) -> int:
    """NYU40 number of a raw category."""
    return OTHERS[name][1] if name in OTHERS else NYU40_OF_200[PLURALS.get(name, name)]


def label_map(counts: Counter[str]) -> str:
    """scannetv2-labels.combined.tsv, the most frequent first: every class of ScanNet200 and what else is used. The
    columns that map to further data sets are empty."""
    number = {name: i for i, name in CLASSES_200.items()}
    ids = {**number, **{raw: number[name] for raw, name in PLURALS.items()}, **{raw: OTHERS[raw][0] for raw in OTHERS}}
    lines = ['\t'.join(COLUMNS)]
    for raw in sorted(ids, key=lambda raw: (-counts[raw], ids[raw], raw)):
        nyu40 = nyu40_of(raw)
        known = {
            'id': ids[raw],
            'raw_category': raw,
            'category': PLURALS.get(raw, raw),
            'count': counts[raw],
            'nyu40id': nyu40,
            'nyu40class': NYU40[nyu40 - 1],
        }
        lines.append('\t'.join(str(known.get(column, '')) for column in COLUMNS))
    return '\n'.join(lines) + '\n'


def mesh(xyz_m: np.ndarray, rgb: np.ndarray, face: np.ndarray, label: np.ndarray | None = None) -> bytes:
    """A binary .ply of vertices x y z red green blue alpha, of their label (N,) where given, and of triangles
    (F, 3)."""
    fields = [('xyz', '<f4', 3), ('rgba', 'u1', 4), *([] if label is None else [('label', '<u2')])]
    vertices = np.zeros(len(xyz_m), fields)
    vertices['xyz'], vertices['rgba'][:, :3], vertices['rgba'][:, 3] = xyz_m, rgb, 255
    if label is not None:
        vertices['label'] = label
    triangles = np.zeros(len(face), [('n', 'u1'), ('vertex', '<i4', 3)])
    triangles['n'], triangles['vertex'] = 3, face
    head = [
        'ply', 'format binary_little_endian 1.0', f'element vertex {len(xyz_m)}',
        *(f'property float {axis}' for axis in 'xyz'),
        *(f'property uchar {channel}' for channel in ('red', 'green', 'blue', 'alpha')),
        *([] if label is None else ['property ushort label']),
        f'element face {len(face)}', 'property list uchar int vertex_indices', 'end_header', '',
    ]  # fmt: skip
    return '\n'.join(head).encode() + vertices.tobytes() + triangles.tobytes()


def segments(name: str, segment: np.ndarray) -> str:
    """*.segs.json: the segment of every vertex."""
    parameters = {'kThresh': '0.0100', 'segMinVerts': '20', 'minPoints': '750', 'maxPoints': '30000'}
    return json.dumps({'params': parameters, 'sceneId': name, 'segIndices': segment.tolist()})


def objects(name: str, labels: list[str], segments_of: list[np.ndarray]) -> str:
    """*.aggregation.json: label and segments of every object, numbered from 0."""
    groups = [
        {'id': i, 'objectId': i, 'segments': numbers.tolist(), 'label': label}
        for i, (label, numbers) in enumerate(zip(labels, segments_of, strict=True))
    ]
    return json.dumps(
        {
            'sceneId': f'scannet.{name}',
            'appId': 'Aggregator.v2',
            'segGroups': groups,
            'segmentsFile': f'scannet.{name}_vh_clean_2.0.010000.segs.json',
        }
    )


def metadata(alignment: np.ndarray | None, scene_type: str, n_frames: int) -> str:
    """<scan>.txt: cameras, frames, and for train and val the alignment (4, 4) and the type of the scene."""
    lines = {
        'colorHeight': 968, 'colorWidth': 1296, 'depthHeight': 480, 'depthWidth': 640,
        'fx_color': '1170.187988', 'fx_depth': '570.924255', 'fy_color': '1170.187988', 'fy_depth': '570.924316',
        'mx_color': '647.750000', 'mx_depth': '319.500000', 'my_color': '483.750000', 'my_depth': '239.500000',
        'numColorFrames': n_frames, 'numDepthFrames': n_frames, 'numIMUmeasurements': 0,
    }  # fmt: skip
    if alignment is not None:
        numbers = ' '.join(f'{value:.6f}' for value in (alignment.round(6) + 0.0).reshape(-1))
        lines = {'axisAlignment': numbers, **lines, 'sceneType': scene_type}
    return ''.join(f'{key} = {value}\n' for key, value in lines.items())


def label_colours(nyu40: np.ndarray) -> np.ndarray:
    """(N, 3) uint8: black for none, else one of 40 well separated hues."""
    hue = (nyu40[:, None] * 0.618 + np.array([0.0, 1 / 3, 2 / 3])) % 1.0
    bright = np.clip(np.abs(hue * 6 - 3) - 1, 0, 1) * (0.6 + 0.1 * (nyu40[:, None] % 5))
    return np.where(nyu40[:, None] > 0, np.rint(255 * bright), 0).astype(np.uint8)
