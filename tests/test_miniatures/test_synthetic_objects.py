"""The world of objects as prepared sets and in the forms of three downloads, and back through their readers."""

import json
import sys

import h5py
import numpy as np
import pytest
import trimesh
from numpy.testing import assert_allclose

from dos_mm3d.cli import create_synthetic
from dos_mm3d.datasets.objects.modelnet40 import find_modelnet40
from dos_mm3d.datasets.objects.object_set import ObjectSet
from dos_mm3d.datasets.objects.scanobjectnn import prepare_scanobjectnn
from dos_mm3d.datasets.objects.shapenet import PARTS, find_shapenetpart
from dos_mm3d.errors import InputError
from dos_mm3d.miniatures.object_world import formats, writer
from dos_mm3d.miniatures.object_world.catalogue import CLASSES, CLASSES_WITH_PARTS, parts_of_class
from dos_mm3d.miniatures.object_world.formats import (
    GLUED_EVERY,
    ModelNetPlan,
    ScanObjectNNPlan,
    ShapeNetPartPlan,
    write_modelnet40,
    write_scanobjectnn,
    write_shapenetpart,
)
from dos_mm3d.miniatures.object_world.objects import WorldObject, in_unit_sphere
from dos_mm3d.miniatures.object_world.writer import PreparedPlan, write_objects

POINTS = 300
FEW = ('chair', 'stool', 'mug')


@pytest.fixture
def few_classes(monkeypatch):
    """A world of three classes, two of them with parts."""
    monkeypatch.setattr(writer, 'CLASSES', FEW)
    monkeypatch.setattr(writer, 'CLASSES_WITH_PARTS', ('chair', 'mug'))
    for name, value in (('CLASSES', FEW), ('SCAN_CLASSES', FEW), ('CLASSES_WITH_PARTS', ('chair', 'mug'))):
        monkeypatch.setattr(formats, name, value)


def test_prepared_sets_hold_the_objects_that_can_be_made_alone(few_classes, tmp_path):
    plan = PreparedPlan(seed=3, train_objects=2, test_objects=1, points=POINTS)
    root = write_objects(tmp_path / 'objects', plan, workers=1)
    clean = ObjectSet.open(root / 'clean', 'train')
    assert clean.classes == FEW and clean.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert clean.source == {'variant': 'clean', **plan.manifest()}
    alone = WorldObject(3, 'train', 'stool', 1)
    assert_allclose(clean.cloud(3), alone.clean(POINTS)[0], rtol=0, atol=0)
    for variant, (xyz, _) in alone.scanned(POINTS).items():
        assert_allclose(ObjectSet.open(root / variant, 'train').cloud(3), xyz, rtol=0, atol=0)
    parts = ObjectSet.open(root / 'parts', 'test')
    assert parts.classes == ('chair', 'mug') and parts.parts_of_class == parts_of_class(('chair', 'mug'))
    assert set(parts.parts(1)) == {36, 37} and len(ObjectSet.open(root / 'pb_t50_rs', 'test')) == 3


def test_modelnet40_is_read_back(few_classes, tmp_path):
    root = write_modelnet40(tmp_path / 'modelnet40', ModelNetPlan(train_objects=4, test_objects=2), workers=1)
    splits = {split.split: split for split in find_modelnet40(root, points=500)}
    assert splits['train'].classes == tuple(sorted(FEW)) and len(splits['test'].objects) == 6
    assert sorted(path.name for path in (root / 'mug/test').iterdir()) == ['mug_0005.off', 'mug_0006.off']
    first = (root / 'mug/test/mug_0005.off').read_text().splitlines()[0]
    assert GLUED_EVERY == 5 and first.startswith('OFF') and first != 'OFF'
    mesh = trimesh.load(root / 'chair/train/chair_0001.off', process=False)
    assert_allclose(mesh.vertices, WorldObject(0, 'train', 'chair', 0).mesh.vertices, atol=1e-6)
    cloud = splits['test'].read(splits['test'].objects[-1], np.random.default_rng(0)).points
    assert_allclose(cloud.min(0)[2], 0, atol=0.02)


def test_scanobjectnn_is_read_back(few_classes, tmp_path):
    plan = ScanObjectNNPlan(train_objects=2, test_objects=1, points=POINTS)
    root = write_scanobjectnn(tmp_path / 'scans', plan, workers=1)
    files = sorted(str(path.relative_to(root)) for path in root.rglob('*.h5'))
    assert len(files) == 6 and 'main_split/training_objectdataset_augmentedrot_scale75.h5' in files
    with h5py.File(root / 'main_split_nobg/training_objectdataset.h5') as file:
        data, label, mask = (file[name][:] for name in ('data', 'label', 'mask'))
    assert data.shape == (6, POINTS, 3) and sorted(label) == [0, 0, 1, 1, 2, 2] and (mask == label[:, None]).all()
    with h5py.File(root / 'main_split/test_objectdataset.h5') as file:
        assert (file['mask'][:] == -1).any()
    prepared = prepare_scanobjectnn(root, tmp_path / 'prepared')['obj_bg']['test']
    row = prepared.labels.tolist().index(1)
    wanted = WorldObject(0, 'test', 'stool', 0).scanned(POINTS)['obj_bg'][0]
    assert prepared.classes == FEW
    assert_allclose(prepared.cloud(row), wanted, atol=1e-6)


def test_shapenetpart_is_read_back(few_classes, tmp_path):
    plan = ShapeNetPartPlan(train_objects=2, val_objects=1, test_objects=1, points=POINTS)
    root = write_shapenetpart(tmp_path / 'parts', plan, workers=1)
    lists = sorted(path.name for path in (root / 'train_test_split').iterdir())
    assert lists == [f'shuffled_{split}_file_list.json' for split in ('test', 'train', 'val')]
    (path,) = [one for one in json.loads((root / 'train_test_split' / lists[0]).read_text()) if '/03797390/' in one]
    table = np.loadtxt(root / (path.removeprefix('shape_data/') + '.txt'))
    assert table.shape == (POINTS, 7) and set(table[:, 6]) == {36, 37}
    assert_allclose(np.linalg.norm(table[:, 3:6], axis=1), 1, atol=1e-5)
    split = {one.split: one for one in find_shapenetpart(root)}['test']
    assert split.classes == ('Chair', 'Mug')
    read = split.read(next(one for one in split.objects if one.name in path), np.random.default_rng(0))
    wanted = in_unit_sphere(WorldObject(0, 'test', 'mug', 0).clean(POINTS)[0])
    assert np.abs(in_unit_sphere(read.points) - wanted).max() < 1e-4


def test_the_parts_are_those_of_shapenetpart():
    assert {name.capitalize(): numbers for name, numbers in parts_of_class().items()} == PARTS


@pytest.mark.parametrize(
    ('form', 'option'), [('modelnet40', 'val-objects'), ('modelnet40', 'points'), ('scanobjectnn', 'val-objects')]
)
def test_an_option_that_a_format_does_nothing_with_is_refused(form, option):
    """ModelNet40's numbers would have holes where those of val were."""
    args = create_synthetic.make_parser().parse_args(['--format', form, f'--{option}', '300'])
    with pytest.raises(
        InputError, match=f'--format {form} has no option {option.replace("-", "_")}; it has seed, train'
    ):
        create_synthetic.plan_of(args)


def test_scanobjectnns_own_classes_keep_their_labels():
    assert formats.SCAN_CLASSES[:3] == ('bag', 'bin', 'box') and formats.SCAN_CLASSES[14] == 'toilet'
    assert sorted(formats.SCAN_CLASSES) == sorted(CLASSES) and set(CLASSES_WITH_PARTS) <= set(CLASSES)


def test_the_tool_writes_objects(few_classes, tmp_path, monkeypatch):
    out = tmp_path / 'meshes'
    line = (
        f'create_synthetic.py --format modelnet40 --out {out} --train-objects 1 --test-objects 1 --seed 7 --workers 1'
    )
    monkeypatch.setattr(sys, 'argv', line.split())
    create_synthetic.main()
    assert sorted(path.name for path in out.iterdir()) == [*sorted(FEW), 'synthetic.json']


@pytest.mark.parametrize('wrong', [{'train_objects': 0}, {'test_objects': 0}, {'points': 10}, {'seed': -1}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        PreparedPlan(**wrong)
