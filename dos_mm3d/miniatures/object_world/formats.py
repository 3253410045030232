"""Writes the world of objects in the forms in which ModelNet40, ScanObjectNN and ShapeNetPart are downloaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from ..naming import token
from ..staging import write_data_set
from .catalogue import CLASSES, CLASSES_WITH_PARTS, KINDS, SCANOBJECTNN_CLASSES
from .mesh import Mesh
from .objects import WorldObject
from .writer import ObjectPlan, render_objects

Y_UP = (1, 2, 0)
"""Columns of z up that are x, y, z of the files of ScanObjectNN and ShapeNetPart."""
SCANOBJECTNN_FILES = {
    'obj_bg': 'main_split/{}_objectdataset.h5',
    'obj_only': 'main_split_nobg/{}_objectdataset.h5',
    'pb_t50_rs': 'main_split/{}_objectdataset_augmentedrot_scale75.h5',
}
SCAN_CLASSES = (*SCANOBJECTNN_CLASSES, *(name for name in CLASSES if name not in SCANOBJECTNN_CLASSES))
BACKGROUND = -1
GLUED_EVERY = 5
"""So many meshes have their counts glued to the word OFF, as hundreds of ModelNet40 have."""


@dataclass(frozen=True)
class ModelNetPlan(ObjectPlan):
    """All forty classes as `<class>/<split>/<class>_<number>.off`; test numbers follow those of train."""

    NOT_ASKED = ('val_objects', 'points')  # there is no split for them, and meshes are whole
    KIND = {'format': 'modelnet40', 'generator': 2}


@dataclass(frozen=True)
class ScanObjectNNPlan(ObjectPlan):
    """All forty classes in the six `.h5` files of ScanObjectNN, its own fifteen with its labels; all are named in
    `shape_names_ext.txt`."""

    NOT_ASKED = ('val_objects',)
    KIND = {'format': 'scanobjectnn', 'generator': 2}


@dataclass(frozen=True)
class ShapeNetPartPlan(ObjectPlan):
    """The sixteen classes of ShapeNetPart with its synsets and parts, as text, and the lists of three splits."""

    KIND = {'format': 'shapenetpart', 'generator': 2}

    val_objects: int = 8


def write_modelnet40(out: str | Path, plan: ModelNetPlan, *, workers: int | None = None, force: bool = False) -> Path:
    """Write meshes to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_meshes, plan, workers), force=force)


def write_scanobjectnn(
    out: str | Path, plan: ScanObjectNNPlan, *, workers: int | None = None, force: bool = False
) -> Path:
    """Write scans to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_scans, plan, workers), force=force)


def write_shapenetpart(
    out: str | Path, plan: ShapeNetPartPlan, *, workers: int | None = None, force: bool = False
) -> Path:
    """Write clouds with normals and parts to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_clouds, plan, workers), force=force)


def off_text(mesh: Mesh, *, glued: bool) -> str:
    """A mesh as an .off file; `glued`: counts on the line of the word OFF, without a space."""
    counts = f'{len(mesh.vertices)} {len(mesh.faces)} 0'
    vertices = (f'{x:.6f} {y:.6f} {z:.6f}' for x, y, z in mesh.vertices)
    faces = (f'3 {a} {b} {c}' for a, b, c in mesh.faces)
    return '\n'.join([f'OFF{counts}' if glued else f'OFF\n{counts}', *vertices, *faces, ''])


def _write_meshes(plan: ModelNetPlan, workers: int | None, root: Path) -> None:
    for split in plan.splits():
        for name in CLASSES:
            (root / name / split).mkdir(parents=True)
        render_objects(partial(_write_mesh, root, plan), plan, split, CLASSES, workers)


def _write_mesh(root: Path, plan: ModelNetPlan, one: WorldObject) -> None:
    before = sum(plan.number_of(split) for split in plan.splits()[: plan.splits().index(one.split)])
    number = before + one.number + 1
    path = root / one.name / one.split / f'{one.name}_{number:04d}.off'
    path.write_text(off_text(one.mesh, glued=number % GLUED_EVERY == 0))


def _write_scans(plan: ScanObjectNNPlan, workers: int | None, root: Path) -> None:
    (root / 'shape_names_ext.txt').write_text(''.join(f'{name}\n' for name in SCAN_CLASSES))
    for split in plan.splits():
        scans = render_objects(partial(_scans, plan.points), plan, split, SCAN_CLASSES, workers)
        labels = [SCAN_CLASSES.index(one.name) for one in plan.objects(split, SCAN_CLASSES)]
        order = np.random.default_rng(plan.seed).permutation(len(labels))
        for variant, name in SCANOBJECTNN_FILES.items():
            path = root / name.format('training' if split == 'train' else split)
            path.parent.mkdir(parents=True, exist_ok=True)
            own = np.stack([scans[row][variant][1] for row in order])
            label = np.array(labels, np.int64)[order]
            with h5py.File(path, 'w') as file:
                file['data'] = np.stack([scans[row][variant][0][:, Y_UP] for row in order])
                file['label'] = label
                file['mask'] = np.where(own, label[:, None], BACKGROUND).astype(np.int32)


def _scans(points: int, one: WorldObject) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return one.scanned(points)


def _write_clouds(plan: ShapeNetPartPlan, workers: int | None, root: Path) -> None:
    (root / 'train_test_split').mkdir()
    for name in CLASSES_WITH_PARTS:
        (root / KINDS[name].synset).mkdir()
    lines = (f'{name.capitalize()}\t{KINDS[name].synset}\n' for name in CLASSES_WITH_PARTS)
    (root / 'synsetoffset2category.txt').write_text(''.join(lines))
    for number, split in enumerate(plan.splits()):
        paths = render_objects(partial(_write_cloud, root, plan.points), plan, split, CLASSES_WITH_PARTS, workers)
        np.random.default_rng([plan.seed, number]).shuffle(paths)
        (root / 'train_test_split' / f'shuffled_{split}_file_list.json').write_text(json.dumps(paths))


def _write_cloud(root: Path, points: int, one: WorldObject) -> str:
    """One object as rows `x y z nx ny nz part` in the unit sphere, y up; its path as the lists have it."""
    xyz, face = one.clean(points)
    middle = (xyz.min(0) + xyz.max(0)) / 2
    xyz = (xyz - middle) / np.linalg.norm(xyz - middle, axis=1).max()
    table = np.c_[xyz[:, Y_UP], one.mesh.normals()[face][:, Y_UP], one.parts(face)]
    path = f'{KINDS[one.name].synset}/{token(one.seed, one.title)}'
    np.savetxt(root / f'{path}.txt', table, fmt='%.6f')
    return f'shape_data/{path}'
