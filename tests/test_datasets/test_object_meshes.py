"""OFF and OBJ as they are found, and points that are uniform over a surface."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from dos_mm3d.datasets.objects.meshes import Mesh, read_obj, read_off, sample_surface
from dos_mm3d.errors import InputError

SAMPLES = Path(__file__).resolve().parents[3] / 'shared/data/objects'
SQUARE = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
OFF_BODY = '0 0 0\n1 0 0\n1 1 0\n0 1 0\n'
OBJ_BODY = 'mtllib none.mtl\nv 0 0 0\nv 1 0 0 0.5 0.5 0.5\nv 1 1 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\n'


def read(tmp_path: Path, text: str, suffix: str) -> Mesh:
    path = tmp_path / f'mesh.{suffix}'
    path.write_text(text)
    return read_off(path) if suffix == 'off' else read_obj(path)


@pytest.mark.parametrize('header', ['OFF\n4 2 0\n', 'OFF4 2 0\n', 'OFF 4 2 0\n', '# x\nOFF\n# y\n4 2 0 # z\n\n'])
@pytest.mark.parametrize('face', ['4 0 1 2 3', '4 0 1 2 3 255 0 0'])
def test_off_however_its_header_and_faces_are_written(tmp_path, header, face):
    mesh = read(tmp_path, f'{header}{OFF_BODY}{face}\n3 0 1 2\n', 'off')
    assert mesh.vertices.tolist() == [list(map(float, one)) for one in SQUARE]
    assert mesh.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]


@pytest.mark.parametrize(
    ('faces', 'triangles'),
    [
        ('f 1 2 3 4\n', [[0, 1, 2], [0, 2, 3]]),
        ('f 1/1 2/1 3/1\n', [[0, 1, 2]]),
        ('f 1//1 2//1 3//1\nf 1/1/1 3/1/1 4/1/1\n', [[0, 1, 2], [0, 2, 3]]),
        ('o a\nusemtl x\nf 1 2 3\no b\nf 1 3 4\n', [[0, 1, 2], [0, 2, 3]]),
        # counted from the line that they stand in
        ('f -4 -3 -2\nv 0 0 5\nf -1 -2 -3\n', [[0, 1, 2], [4, 3, 2]]),
    ],
)
def test_obj_with_every_kind_of_corner(tmp_path, faces, triangles):
    mesh = read(tmp_path, OBJ_BODY + faces, 'obj')
    assert mesh.triangles.tolist() == triangles and mesh.vertices[2].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ('text', 'suffix', 'message'),
    [
        ('', 'off', r'begins with .*wanted OFF'),
        ('PLY\n', 'off', r"begins with b'PLY'"),
        (f'OFF\n5 1 0\n{OFF_BODY}', 'off', r'\(4, 0\) vertices and faces, its header says \(5, 1\)'),
        (f'OFF\n4 2 0\n{OFF_BODY}3 0 1 2\n', 'off', r'\(4, 1\) vertices and faces'),
        (f'OFF\n4 1 0\n{OFF_BODY}3 0 1\n', 'off', 'fewer corners'),
        (f'OFF\n4 1 0\n{OFF_BODY}3 0 1 4\n', 'off', '0 to 4, counted from 0, of 4 vertices'),
        ('OFF\n1 1 0\n0 0 x\n3 0 0 0\n', 'off', 'not three numbers'),
        ('OFF\n1 1 0\n0 0 nan\n3 0 0 0\n', 'off', 'not finite'),
        (f'OFF\n4 1 0\n{OFF_BODY}3 0 0 1\n', 'off', 'no area'),
        (OBJ_BODY, 'obj', 'its 0 triangles have no area'),
        (f'{OBJ_BODY}f 1 2 -5\n', 'obj', '-1 to 1, counted from 0'),
        (f'{OBJ_BODY}f 1 a 2\n', 'obj', 'not readable as OBJ'),
        ('v 1 2\nf 1 1 1\n', 'obj', 'not three numbers'),
    ],
)
def test_what_is_no_mesh_is_named(tmp_path, text, suffix, message):
    with pytest.raises(InputError, match=f'mesh.{suffix}: .*{message}'):
        read(tmp_path, text, suffix)


def test_points_are_uniform_over_the_area():
    # two triangles of areas 0.5 and 4.5, and one without any
    vertices = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 5), (3, 0, 5), (0, 3, 5)], float)
    mesh = Mesh(vertices, np.array([(0, 1, 2), (0, 0, 1), (3, 4, 5)]))
    points = sample_surface(mesh, 20000, np.random.default_rng(0))
    upper = points[points[:, 2] == 5]
    assert len(points) == 20000 and set(np.unique(points[:, 2])) == {0, 5}
    assert abs(len(upper) / 20000 - 0.9) < 4 * (0.9 * 0.1 / 20000) ** 0.5
    assert (points[:, :2] >= 0).all() and (upper[:, :2].sum(1) <= 3 + 1e-6).all()
    # the centroid, and the share of a quarter of the triangle
    assert np.abs(upper[:, :2].mean(0) - 1).max() < 4 * (0.5 / len(upper)) ** 0.5
    assert abs((upper[:, :2].sum(1) < 1.5).mean() - 0.25) < 0.015
    assert np.array_equal(points, sample_surface(mesh, 20000, np.random.default_rng(0)))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason='no genuine samples beside the repository')
@pytest.mark.parametrize('pattern', ['modelnet_off/*.off', 'shapenetcore/*.obj'])
def test_genuine_meshes_are_read_as_trimesh_reads_them(pattern):
    paths = sorted(SAMPLES.glob(pattern))
    assert len(paths) >= 3
    for path in paths:
        mesh = read_off(path) if path.suffix == '.off' else read_obj(path)
        other = trimesh.load_mesh(path, process=False, **({} if path.suffix == '.off' else dict(skip_materials=True)))
        edges = mesh.vertices[mesh.triangles[:, 1:]] - mesh.vertices[mesh.triangles[:, :1]]
        area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).sum() / 2
        assert len(mesh.triangles) == len(other.faces)
        assert area == pytest.approx(other.area, rel=1e-9)
        points = sample_surface(mesh, 2000, np.random.default_rng(0))
        used = mesh.vertices[mesh.triangles].reshape(-1, 3)
        assert (points >= used.min(0) - 1e-4).all() and (points <= used.max(0) + 1e-4).all()
