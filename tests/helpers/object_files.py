"""Downloads of objects as they lie on the disk, written from their descriptions."""

import json
import pickle
from pathlib import Path

import h5py
import numpy as np

OFF = 'OFF{}4 4 0\n0 0 0\n{:g} 0 0\n0 {:g} 0\n0 0 {:g}\n3 0 1 2\n3 0 1 3\n3 0 2 3\n3 1 2 3\n'
"""A tetrahedron."""


def write_modelnet40(
    root: Path, classes: tuple[str, ...] = ('bed', 'night_stand'), train: int = 3, test: int = 2
) -> Path:
    """Tetrahedra; every second header is glued to the counts."""
    for at, name in enumerate(classes):
        for number in range(train + test):
            path = root / name / ('train' if number < train else 'test') / f'{name}_{number + 1:04d}.off'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(OFF.format('' if number % 2 else '\n', 1, 2, 3 + at))
    return root


def write_normal_resampled(root: Path, names: tuple[str, ...] = ('cup_0001', 'cup_0002', 'tv_stand_0001')) -> Path:
    """The last is test; y is up, and goes from 0 to 1."""
    kinds = {name.rpartition('_')[0] for name in names}
    root.mkdir(parents=True, exist_ok=True)
    (root / 'modelnet40_shape_names.txt').write_text('\n'.join(sorted(kinds)) + '\n')
    (root / 'modelnet40_train.txt').write_text('\n'.join(names[:-1]) + '\n')
    (root / 'modelnet40_test.txt').write_text(names[-1] + '\n')
    for number, name in enumerate(names):
        path = root / name.rpartition('_')[0] / f'{name}.txt'
        path.parent.mkdir(exist_ok=True)
        points = np.random.default_rng(number).random((20, 6)) * (0.1, 1, 0.5, 1, 1, 1)
        np.savetxt(path, points, '%.6f', delimiter=',')
    return root


def write_shapenetpart(root: Path) -> Path:
    """Two objects of two classes in each split, y up; the test list names one whose file is not there."""
    classes = {'Mug': '03797390', 'Table': '04379243'}
    (root / 'train_test_split').mkdir(parents=True)
    (root / 'synsetoffset2category.txt').write_text('\n'.join(f'{k}\t{v}' for k, v in classes.items()) + '\n')
    for at, split in enumerate(('train', 'val', 'test')):
        entries = []
        for first, synset in zip((36, 47), classes.values()):
            name = f'{at}{first}'
            random = np.random.default_rng(at)
            table = np.c_[random.random((30, 3)) * (1, 9, 1), random.random((30, 3)), first + np.arange(30) % 2]
            (root / synset).mkdir(exist_ok=True)
            np.savetxt(root / synset / f'{name}.txt', table, '%.6f')
            entries.append(f'shape_data/{synset}/{name}')
        if split == 'test':
            entries.append('shape_data/04379243/absent')
        text = json.dumps(entries)
        (root / 'train_test_split' / f'shuffled_{split}_file_list.json').write_text(text)
    return root


def write_scanobjectnn(root: Path, points: int = 32) -> Path:
    """All six files; 4 and 3 objects in each, y up and from 0 to 9."""
    for folder in ('main_split', 'main_split_nobg'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder, ending in (
        ('main_split', ''), ('main_split_nobg', ''), ('main_split', '_augmentedrot_scale75')
    ):  # fmt: skip
        for seed, (name, count) in enumerate((('training', 4), ('test', 3))):
            with h5py.File(root / folder / f'{name}_objectdataset{ending}.h5', 'w') as file:
                clouds = np.random.default_rng(seed).random((count, points, 3)) * (1, 9, 1)
                file['data'] = clouds.astype(np.float32)
                file['label'] = np.arange(count, dtype=np.uint8)
                file['mask'] = np.zeros((count, points), np.float32)
    return root


def write_few_shot(root: Path, ways: int = 5, shots: int = 10) -> Path:
    """One draw, y up."""
    random = np.random.default_rng(0)
    items = [
        (random.random((20, 6)) * (1, 9, 1, 1, 1, 1), label, 3 * label) for label in range(ways) for _ in range(shots)
    ]
    path = root / f'{ways}way_{shots}shot/0.pkl'
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(dict(train=items, test=items[:2])))
    return root
