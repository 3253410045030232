"""A ScanNet download small enough to be written by hand: flat patches of a grid, an object each."""

import json
from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement

SIDE = 6  # vertices along the edge of a patch
# raw category -> id and NYU40 number: classes of both sets, of one only, and of none
LABEL_MAP = {
    'wall': (1, 1),
    'floor': (3, 2),
    'chair': (2, 5),
    'office chair': (10, 5),
    'couch': (6, 6),
    'cup': (130, 40),
    'globe': (269, 40),
}
TURN = np.array([[0.0, -1.0, 0.0, 2.0], [1.0, 0.0, 0.0, -1.0], [0.0, 0.0, 1.0, 0.25], [0.0, 0.0, 0.0, 1.0]])
"""The alignment of every labelled scan: a quarter turn and a shift."""


def patch(origin: tuple[float, float, float], u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(SIDE^2, 3) vertices on a grid of 0.1 m along u and v, and (F, 3) faces whose normals are u x v."""
    i, j = (index.ravel() for index in np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing='ij'))
    xyz = np.array(origin) + 0.1 * (i[:, None] * u + j[:, None] * v)
    corner = (i * SIDE + j)[(i < SIDE - 1) & (j < SIDE - 1)]
    faces = np.concatenate((corner[:, None] + [0, SIDE, 1], corner[:, None] + [SIDE, SIDE + 1, 1]))
    return xyz, faces


def write_scan(folder: Path, labels: list[str], *, seed: int = 0, labelled: bool = True) -> dict[str, np.ndarray]:
    """A scan with a patch for each label and one more that is no object; gives what the files say of its vertices.

    Patches lie flat (normal +z) and upright (normal +x) in turn; the last vertex of all has no face."""
    rng = np.random.default_rng(seed)
    x, y, z = np.eye(3)
    parts = [patch((n, 0.5 * n, 0.3 * n), *((x, y) if n % 2 == 0 else (y, z))) for n in range(len(labels) + 1)]
    n_each = SIDE * SIDE
    xyz = np.concatenate([vertices for vertices, _ in parts] + [[[5.0, 5.0, 1.0]]])
    faces = np.concatenate([part + n * n_each for n, (_, part) in enumerate(parts)])
    normals = np.concatenate([np.tile(z if n % 2 == 0 else x, (n_each, 1)) for n in range(len(parts))] + [[[0.0] * 3]])
    colour = rng.integers(0, 256, (len(xyz), 3))
    folder.mkdir(parents=True)
    write_mesh(folder / f'{folder.name}_vh_clean_2.ply', xyz, colour, faces)
    about = 'colorHeight = 968\n' + (
        f'axisAlignment = {" ".join(f"{number:.6f}" for number in TURN.ravel())} \n' if labelled else ''
    )
    (folder / f'{folder.name}.txt').write_text(about + 'sceneType = Office\n')
    # two segments to a patch, numbered as ScanNet numbers them: by some vertex, not from 0
    segment = np.arange(len(xyz)) // (n_each // 2) * 7 + 3
    if labelled:
        (folder / f'{folder.name}_vh_clean_2.0.010000.segs.json').write_text(
            json.dumps({'sceneId': folder.name, 'segIndices': segment.tolist()})
        )
        groups = [
            {'id': n, 'objectId': n, 'label': label, 'segments': [(2 * n + part) * 7 + 3 for part in range(2)]}
            for n, label in enumerate(labels)
        ]
        (folder / f'{folder.name}.aggregation.json').write_text(json.dumps({'segGroups': groups}))
    return dict(xyz=xyz, colour=colour, normals=normals)


def write_mesh(path: Path, xyz: np.ndarray, colour: np.ndarray, faces: np.ndarray, *, text: bool = False) -> None:
    """A mesh with the properties of ScanNet's."""
    vertices = np.zeros(
        len(xyz), [(name, 'f4') for name in 'xyz'] + [(name, 'u1') for name in ('red', 'green', 'blue', 'alpha')]
    )
    for column, name in enumerate('xyz'):
        vertices[name] = xyz[:, column]
    for column, name in enumerate(('red', 'green', 'blue')):
        vertices[name] = colour[:, column]
    table = np.zeros(len(faces), [('vertex_indices', 'i4', (3,))])
    table['vertex_indices'] = faces
    PlyData([PlyElement.describe(vertices, 'vertex'), PlyElement.describe(table, 'face')], text=text).write(str(path))


def write_download(root: Path) -> dict[str, dict[str, np.ndarray]]:
    """Two train scans, one val, one test, the lists and the label map; scan name -> what `write_scan` gives."""
    scans = {
        'scans/scene0000_00': ['floor', 'chair', 'office chair'],
        'scans/scene0000_01': ['wall', 'globe', 'cup', 'couch'],
        'scans/scene0001_00': ['floor', 'couch'],
        'scans_test/scene0707_00': ['floor'],
    }
    written = {
        Path(path).name: write_scan(root / path, labels, seed=n, labelled='_test' not in path)
        for n, (path, labels) in enumerate(scans.items())
    }
    splits = dict(train=['scene0000_00', 'scene0000_01'], val=['scene0001_00'], test=['scene0707_00'])
    for split, names in splits.items():
        (root / f'scannetv2_{split}.txt').write_text('\n'.join(names) + '\n')
    rows = [f'{number}\t{name}\t{name}\t1\t{nyu40}' for name, (number, nyu40) in LABEL_MAP.items()]
    (root / 'scannetv2-labels.combined.tsv').write_text(
        '\n'.join(['id\traw_category\tcategory\tcount\tnyu40id', *rows]) + '\n'
    )
    return written
