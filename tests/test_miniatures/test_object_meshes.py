"""The meshes of the world of objects: solids, changes of whole objects, forty classes and their parts, sampling."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dos_mm3d.datasets.objects.meshes import surface_points
from dos_mm3d.miniatures.object_world.catalogue import (
    CLASSES,
    CLASSES_WITH_PARTS,
    KINDS,
    SCANOBJECTNN_CLASSES,
    make_object,
    parts_of_class,
)
from dos_mm3d.miniatures.object_world.deform import bent, finer, tapered
from dos_mm3d.miniatures.object_world.mesh import Builder, Mesh, towards
from dos_mm3d.miniatures.object_world.objects import WorldObject
from dos_mm3d.miniatures.shapes import rotation


def volume(mesh: Mesh) -> float:
    """Of a closed mesh, positive where its faces look outwards."""
    a, b, c = mesh.triangles().transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


def built(add) -> Mesh:
    builder = Builder()
    add(builder)
    return builder.raw()


SOLIDS = {
    'box': (lambda b: b.box((0, 1), (0, 2), (1, 4), turn=rotation(0.3, 0.4)), 6.0, 1e-9),
    'wedge': (lambda b: b.wedge(((0, 2), (0, 2)), ((0, 2), (0, 2)), (0, 1)), 4.0, 1e-9),
    'cylinder': (lambda b: b.rod((1, 1, 1), (1, 1, 3), 0.5, sides=64), np.pi / 2, 0.01),
    'cone': (lambda b: b.rod((0, 0, 0), (3, 0, 0), 1.0, end_radius=0.0, sides=64), np.pi, 0.02),
    'ball': (lambda b: b.ball((3, 0, 0), (1, 2, 0.5)), 4 / 3 * np.pi, 0.35),
    'cushion': (lambda b: b.ball((0, 0, 0), (1, 1, 1), power=60.0), 8.0, 1.0),
    'prism': (lambda b: b.prism([(0, 0), (2, 0), (2, 1), (0, 1)], (0, 3)), 6.0, 1e-9),
    'plate': (lambda b: b.sheet(np.array([[(x, y, 0) for x in (0, 1, 2)] for y in (0, 1)], float), (0, 0, -0.1)), 0.2,
              1e-9),
}  # fmt: skip


@pytest.mark.parametrize('name', SOLIDS)
def test_solids_are_closed_and_look_outwards(name):
    add, wanted, tolerance = SOLIDS[name]
    mesh = built(add)
    assert volume(mesh) == pytest.approx(wanted, abs=tolerance)
    shifted = mesh.moved(np.eye(3), (5, -7, 9))  # only of a closed mesh the volume does not depend on the origin
    assert volume(shifted) == pytest.approx(volume(mesh), abs=1e-6)


def test_a_rod_goes_from_its_start_to_its_end():
    start, end = np.array([1.0, -2.0, 0.5]), np.array([-1.0, 0.0, 2.0])
    assert_allclose(towards(end - start)[:, 2], (end - start) / np.linalg.norm(end - start), atol=1e-12)
    vertices = built(lambda b: b.rod(start, end, 0.1)).vertices
    assert np.linalg.norm(vertices - start, axis=1).min() < 1e-9 and np.linalg.norm(vertices - end, axis=1).min() < 1e-9


def test_a_finer_mesh_is_the_same_surface():
    mesh = built(lambda b: b.box((0, 1), (0, 2), (0, 3)))
    assert len(finer(mesh).faces) == 4 * len(mesh.faces)
    assert volume(finer(mesh)) == pytest.approx(6.0)


def test_a_taper_widens_the_top_as_much_as_it_narrows_the_underside():
    mesh = tapered(built(lambda b: b.box((-1, 1), (-1, 1), (0, 2))), 0.2)
    low, high = (mesh.vertices[mesh.vertices[:, 2] == z] for z in (0.0, 2.0))
    assert np.abs(low[:, :2]).max() == pytest.approx(0.8) and np.abs(high[:, :2]).max() == pytest.approx(1.2)


def test_a_bent_strip_keeps_its_length_and_turns_its_ends():
    strip = built(lambda b: b.sheet(np.array([[(x, y, 0) for x in np.linspace(-1, 1, 41)] for y in (0, 1)]), (0, 0, 0)))
    edge = bent(strip, 1.0, axis=0).vertices[:41]
    steps = np.diff(edge, axis=0)
    assert np.linalg.norm(steps, axis=1).sum() == pytest.approx(2.0, abs=1e-3)
    slopes = np.arctan2(steps[:, 2], steps[:, 0])
    assert slopes[-1] - slopes[0] == pytest.approx(1.0, abs=0.03)


def test_points_are_spread_by_area_and_lie_on_their_faces():
    mesh = built(lambda b: b.box((0, 1), (0, 1), (0, 3)))
    xyz, face = surface_points(mesh.triangles(), 20000, np.random.default_rng(0))
    top = np.isclose(xyz[:, 2], 3)
    assert top.mean() == pytest.approx(1 / 14, abs=0.006)
    assert xyz[top, 0].std() == pytest.approx(12**-0.5, abs=0.01)
    offset = ((xyz - mesh.triangles()[face][:, 0]) * mesh.normals()[face]).sum(1)
    assert_allclose(offset, 0, atol=1e-12)


def test_the_catalogue_is_that_of_the_three_formats():
    assert len(CLASSES) == 40 and len(CLASSES_WITH_PARTS) == 16 and len(SCANOBJECTNN_CLASSES) == 15
    assert set(SCANOBJECTNN_CLASSES) <= set(CLASSES)
    numbers = [number for parts in parts_of_class().values() for number in parts]
    assert numbers == list(range(50))
    assert parts_of_class()['airplane'] == (0, 1, 2, 3) and parts_of_class()['table'] == (47, 48, 49)


@pytest.mark.parametrize('name', CLASSES)
def test_every_class_has_whole_objects_that_differ_and_all_its_parts(name):
    meshes = [make_object(name, np.random.default_rng([1, number])) for number in range(12)]
    for mesh in meshes:
        low, high = mesh.bounds()
        assert np.isfinite(mesh.vertices).all() and (high > low).all()
        assert low[2] == pytest.approx(0, abs=1e-9) and (low + high)[:2] == pytest.approx([0, 0], abs=1e-9)
    assert len({len(mesh.faces) for mesh in meshes}) > 1 or len({tuple(mesh.bounds()[1]) for mesh in meshes}) == 12
    shown = set(np.concatenate([mesh.part for mesh in meshes]).tolist())
    assert shown == set(range(max(1, len(KINDS[name].parts))))


def test_an_object_depends_on_its_four_numbers_alone():
    one = WorldObject(3, 'train', 'chair', 5)
    xyz, face = one.clean(300)
    again = WorldObject(3, 'train', 'chair', 5).clean(300)
    assert_allclose(again[0], xyz, rtol=0, atol=0)
    assert set(one.parts(face)) <= {12, 13, 14, 15}
    for other in (('val', 'chair', 5), ('train', 'stool', 5), ('train', 'chair', 6)):
        assert not np.array_equal(WorldObject(3, *other).clean(300)[0], xyz)
