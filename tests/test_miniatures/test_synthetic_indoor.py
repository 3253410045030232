"""Rooms, camera and reconstruction of the indoor generator against geometry worked out apart from it."""

from collections import Counter

import numpy as np
import pytest

from dos_mm3d.datasets.scannet.classes import CLASSES_20, GROUP_OF_200
from dos_mm3d.miniatures import indoor_scan
from dos_mm3d.miniatures.indoor_camera import NOTHING, cast_view, depth_noise_m, look, record
from dos_mm3d.miniatures.indoor_catalogue import CATALOGUE, make
from dos_mm3d.miniatures.indoor_layout import bounds
from dos_mm3d.miniatures.indoor_parts import SHINY, Placed, Thing, pack
from dos_mm3d.miniatures.indoor_room import Room, build_room
from dos_mm3d.miniatures.indoor_rooms import ROOM_TYPES
from dos_mm3d.miniatures.indoor_scan import MIN_SEGMENT, scan_room
from dos_mm3d.miniatures.indoor_surface import sample
from dos_mm3d.miniatures.scannet_records import OTHERS, PLURALS, nyu40_of
from dos_mm3d.miniatures.shapes import BOX, CYLINDER, ELLIPSOID, rotation


@pytest.fixture(scope='module')
def room():
    return build_room(0, 'train', 1)


@pytest.fixture(scope='module')
def scan(room):
    return scan_room(room, 24, 0.05, (7, 7))


def one(kind: int, half: tuple, yaw: float = 0.6, centre: tuple = (0.3, -0.2, 0.5)):
    thing = Thing('object', np.ones(3), (0.5, 0.5, 0.5))
    thing._add(kind, centre, half, rotation(yaw, 0.3), None, None)
    return pack([Placed(thing, 0.4, np.array([1.0, 2.0, 0.0]))])


def implicit(kind: int, unit: np.ndarray) -> np.ndarray:
    """0 on the surface of the unit solid."""
    if kind == BOX:
        return np.abs(unit).max(1) - 1
    if kind == ELLIPSOID:
        return np.linalg.norm(unit, axis=1) - 1
    return np.maximum(np.hypot(unit[:, 0], unit[:, 1]), np.abs(unit[:, 2])) - 1


@pytest.mark.parametrize('kind', [BOX, CYLINDER, ELLIPSOID])
def test_samples_lie_on_the_solid_and_cells_turn_outward(kind):
    solids = one(kind, (0.5, 0.3, 0.4))
    samples = sample(solids, 0.06)
    unit = (samples.xyz_m - solids.centre[0]) @ solids.turn[0] / solids.half[0]
    assert np.abs(implicit(kind, unit)).max() < 1e-9
    corners = samples.xyz_m[samples.cells]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    assert (normal * samples.normal[samples.cells[:, 0]]).sum(1).min() > 0.9
    assert ((corners.mean(1) - solids.centre[0]) * normal).sum(1).min() > 0
    edges = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2)
    assert np.percentile(edges, 5) > 0.02 and edges.max() < 0.09
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1).sum()
    p, (a, b, c) = 1.6075, (0.5, 0.3, 0.4)
    whole = {
        BOX: 8 * (a * b + b * c + a * c),
        CYLINDER: np.pi * (2 * a * b + 2 * c * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b)))),
        ELLIPSOID: 4 * np.pi * (((a * b) ** p + (a * c) ** p + (b * c) ** p) / 3) ** (1 / p),
    }[kind]
    assert 0.75 < area / whole < 1.0, 'all but the cracks along the edges'


def test_the_camera_sees_what_the_formula_of_a_ray_says():
    """A slab 2 m ahead and a small box before it: depth by pixel, and which of the two."""
    thing = Thing('object', np.ones(3), (0.5, 0.5, 0.5))
    thing.slab((2.0, 2.1), (-3, 3), (-3, 3))
    thing.slab((1.0, 1.2), (0.1, 0.3), (-0.1, 0.1))
    solids = pack([Placed(thing, 0.0, np.zeros(3))])
    depth, part = np.full((60, 80), np.inf, np.float32), np.full((60, 80), NOTHING, np.int32)
    focal = 70.0
    cast_view(look(0.0, 0.0), np.zeros(3), focal, solids.kind, solids.centre, solids.turn, solids.half, depth, part)
    u, v = np.meshgrid(np.arange(80) + 0.5 - 40, np.arange(60) + 0.5 - 30)
    y, z = -u / focal, -v / focal  # x forward, right is -y
    before = (np.abs(y - 0.2) < 0.1) & (np.abs(z) < 0.1)
    side = (y > 0.1 / 1.2) & (y <= 0.1) & (np.abs(z / y * 0.1) < 0.1)  # the flank at y = 0.1, of which no front is seen
    assert np.array_equal(part, np.where(before | side, 1, 0))
    assert (
        np.allclose(depth[before], 1.0) and np.allclose(depth[side], 0.1 / y[side]) and np.allclose(depth[part == 0], 2)
    )
    turned = look(0.7, -0.4)
    assert np.allclose(turned.T @ turned, np.eye(3)) and np.isclose(np.linalg.det(turned), 1)
    assert turned[2, 2] == pytest.approx(np.sin(-0.4)) and turned[2, 1] < 0, 'image rows go down'


def test_nothing_stands_in_anything_else(room):
    """But for what is set up to: chairs under tables, things on tops, rugs, the shell."""
    free = [
        item
        for item in room.placed
        if CATALOGUE.get(item.thing.name, None)
        and CATALOGUE[item.thing.name].where.split()[0] in ('wall', 'floor', 'hang')
    ]
    assert len(free) > 10
    for i, item in enumerate(free):
        low, high = bounds(item)
        assert low.min() > -1e-6 and (high < room.size_m + 1e-6).all()
        for other in free[:i]:
            b = bounds(other)
            assert not ((low < b[1] - 2e-3).all() and (high > b[0] + 2e-3).all()), (item.thing.name, other.thing.name)


def test_what_lies_on_something_is_carried_by_it():
    tops = 0
    for index in range(10):
        room = build_room(1, 'train', index)
        for item in room.placed:
            where, _, hosts = getattr(CATALOGUE.get(item.thing.name), 'where', 'shell').partition(' ')
            if where not in ('on', 'back', 'front'):
                continue
            heights = [
                other.origin[2] + top.z
                for other in room.placed
                if other.thing.name in hosts.split('|')
                for top in other.thing.tops
                if np.hypot(*(other.origin - item.origin)[:2]) < np.hypot(*other.thing.size_m[:2]) / 2
            ]
            assert min(abs(item.origin[2] - z) for z in heights) < 0.002, item.thing.name
            tops += 1
    assert tops > 50


def test_every_recipe_fills_its_size_and_has_a_known_name():
    rng = np.random.default_rng(0)
    named = {name for kind in ROOM_TYPES.values() for name in (*kind.must, *dict(kind.wanted), *kind.seldom)}
    assert named <= set(CATALOGUE)
    for name in CATALOGUE:
        assert name in GROUP_OF_200 or name in PLURALS or name in OTHERS
        assert 1 <= nyu40_of(name) <= 40
        thing = make(name, rng)
        solids = pack([Placed(thing, 0.0, np.zeros(3))])
        reach = np.abs(np.einsum('pij,pj->pij', solids.turn, solids.half)).sum(2)
        low, high = (solids.centre - reach).min(0), (solids.centre + reach).max(0)
        w, d, h = thing.size_m
        assert low[2] > -0.08 and h * 0.7 - 0.03 < high[2] < h + 0.25, name
        assert (np.abs([low[:2], high[:2]]) < np.array([w, d]) / 2 + 0.2).all(), name


def test_few_rooms_show_head_common_and_tail_classes_by_a_long_tail():
    rooms = [build_room(0, split, i) for split, n in (('train', 20), ('val', 5)) for i in range(n)]
    seen = Counter(PLURALS.get(name, name) for room in rooms for name in room.names)
    groups = Counter(GROUP_OF_200[name] for name in seen if name in GROUP_OF_200)
    assert groups['head'] > 45 and groups['common'] > 35 and groups['tail'] > 30, groups
    assert sum(count == 1 for count in seen.values()) > 30 and seen['wall'] == 100 and seen['chair'] > 15
    for start in (0, 5, 20):
        numbers = {nyu40_of(name) for room in rooms[start : start + 5] for name in room.names}
        assert set(CLASSES_20) <= numbers, 'any five rooms in a row have the whole benchmark'


def test_normals_of_the_faces_are_those_of_the_surfaces(scan):
    corners = scan.xyz_m[scan.face]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = np.zeros_like(scan.xyz_m)
    for k in range(3):
        np.add.at(normal, scan.face[:, k], across)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip((normal * scan.normal).sum(1), -1, 1)))
    assert np.median(angle) < 6 and np.percentile(angle, 90) < 20
    assert np.array_equal(np.unique(scan.face), np.arange(len(scan.xyz_m))), 'every vertex has a face'


def test_noise_grows_with_the_square_of_the_distance_and_falls_with_the_number_of_views(scan):
    z = np.array([0.4, 1.0, 2.0, 4.0])
    assert np.allclose(depth_noise_m(z), [0.0012, 0.001884, 0.006064, 0.025824])
    error = np.linalg.norm(scan.xyz_m - scan.true_xyz_m, axis=1)
    once = scan.n_views == 1
    spread = [
        np.sqrt(np.mean((error[once & (np.abs(scan.depth_m - depth) < 0.25)] / depth_noise_m(depth)) ** 2))
        for depth in (1.25, 2.0, 2.75, 3.5)
    ]
    assert np.allclose(spread, 1.1, atol=0.25), 'along a ray that is a little longer than its depth'
    assert np.std(error[once] / scan.noise_m[once]) < 1.0
    often = error[scan.n_views >= 4] / scan.noise_m[scan.n_views >= 4]
    assert 0.9 < np.sqrt(np.mean(often**2)) < 1.3, 'as the mean of independent measurements has it'


def test_every_vertex_was_seen_and_what_no_view_saw_is_missing(room, scan):
    views = record(room, 24, int(8 * round(4.5 / 0.05 / 8)), np.random.default_rng((7, 7)))
    toward = np.einsum('vk,nk->nv', views.origin, scan.normal) - (scan.true_xyz_m * scan.normal).sum(1)[:, None]
    assert (toward.max(1) > 0).all(), 'in front of a camera'
    samples = sample(room.solids, 0.05)
    kept = set(map(tuple, scan.true_xyz_m.round(6)))
    below = (samples.normal[:, 2] < -0.9) & (samples.xyz_m[:, 2] < 0.7) & (samples.xyz_m[:, 2] > 0)
    undersides = [tuple(xyz) for xyz in samples.xyz_m[below].round(6)]
    assert len(undersides) > 50 and np.mean([xyz in kept for xyz in undersides]) < 0.05
    assert 0.3 < len(scan.xyz_m) / len(samples.xyz_m) < 0.9
    floor = room.names.index('floor')
    assert (
        np.mean([tuple(xyz) in kept for xyz in samples.xyz_m[room.solids.owner[samples.part] == floor].round(6)]) < 0.6
    )


def test_a_sheet_hides_what_lies_under_it():
    """A millimetre of paper on the floor: nothing of the floor under it, although it is where the depth says."""
    floor, sheet = Thing('floor', np.ones(3), (0.5, 0.5, 0.5)), Thing('paper', np.ones(3), (0.5, 0.5, 0.5))
    floor.slab((0, 3), (0, 3), (-0.1, 0))
    sheet.slab((1, 2), (1, 2), (0.0, 0.001))
    placed = [Placed(thing, 0.0, np.zeros(3)) for thing in (floor, sheet)]
    scan = scan_room(Room('Misc.', np.array([3.0, 3.0, 2.5]), placed, pack(placed)), 40, 0.05, (0,))
    inside = (np.abs(scan.true_xyz_m[:, :2] - 1.5) < 0.45).all(1)
    assert set(scan.instance[inside]) == {1} and inside.sum() > 100
    around = (np.abs(scan.true_xyz_m[:, :2] - 1.5) > 0.52).any(1)
    assert set(scan.instance[around]) == {0} and around.sum() > 1500


def test_glass_is_seen_head_on_only(monkeypatch):
    """The same walk with glass as any other surface sees more of it, and the same of all else."""
    home = build_room(0, 'train', 0)
    shiny = np.flatnonzero(home.solids.material == SHINY)
    scans = [scan_room(home, 24, 0.08, (1, 2))]
    monkeypatch.setattr(indoor_scan, 'LEAST_COSINE_SHINY', indoor_scan.LEAST_COSINE)
    scans.append(scan_room(home, 24, 0.08, (1, 2)))
    glass = [np.isin(scan.part, shiny) for scan in scans]
    assert 0 < glass[0].sum() < 0.75 * glass[1].sum()
    assert np.array_equal(scans[0].xyz_m[~glass[0]], scans[1].xyz_m[~glass[1]])


def test_segments_over_segment_the_instances(room, scan):
    numbers, counts = np.unique(scan.segment, return_counts=True)
    assert len(numbers) > 3 * len(np.unique(scan.instance)) and np.median(counts) > MIN_SEGMENT
    shell = np.isin(scan.instance, [i for i, name in enumerate(room.names) if name in ('floor', 'ceiling')])
    for number in numbers:
        mine = scan.segment == number
        assert mine[number] and len(np.unique(scan.part[mine])) == 1
        assert not shell[number] or np.ptp(scan.true_xyz_m[mine], axis=0).max() < 1.0
