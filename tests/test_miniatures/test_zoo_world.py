"""The varied world: sensors, colours, echoes, merged sweeps, and how it is written."""

import hashlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial import cKDTree

from dos_mm3d.cli import create_data
from dos_mm3d.errors import InputError, OutputExistsError
from dos_mm3d.files import remove_unfinished
from dos_mm3d.miniatures.lidar import trace
from dos_mm3d.miniatures.staging import MANIFEST
from dos_mm3d.miniatures.taxonomy import LABEL
from dos_mm3d.miniatures.zoo import writer
from dos_mm3d.miniatures.zoo.echo import brightness, intensity, render_frame, return_chance
from dos_mm3d.miniatures.zoo.materials import MATERIAL, draw_palette, material_of
from dos_mm3d.miniatures.zoo.scene import build_zoo_scene
from dos_mm3d.miniatures.zoo.sensors import ANY, SENSORS, SPARSE_CELLS, draw_name, draw_rig
from dos_mm3d.miniatures.zoo.streets import STREETS, draw_street
from dos_mm3d.miniatures.zoo.vehicles import BODIES, body_of, build_shape
from dos_mm3d.miniatures.zoo.writer import POINT_COLUMNS, ZooPlan, write_zoo_world

SMALL = ZooPlan(seed=3, frames=1, sweeps=(1, 2), most_points=4000, labels=True)
N_SCENES = 2


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('zoo') / 'world'
    assert write_zoo_world(out, SMALL, N_SCENES, workers=1) == N_SCENES
    return out


@pytest.fixture(scope='module')
def city():
    """A scene with a moving car in it and HDL-32E, 0.4 s long."""
    zoo = build_zoo_scene(0, 4, 5, 0.4, 'HDL-32E')
    return replace(zoo, scene=replace(zoo.scene, ego_speed_mps=12.0))


def hashes(root: Path) -> dict[str, str]:
    """Relative path -> sha256 of every file."""
    files = sorted(path for path in root.rglob('*') if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rendered(zoo, t: float = 0.0, sweeps: int = 1):
    return render_frame(zoo, t, sweeps, np.random.default_rng(1))


@pytest.mark.parametrize('name', sorted(SENSORS))
def test_a_sensor_has_the_beams_of_its_data_sheet(name, city):
    model = SENSORS[name]
    for seed in range(5):
        rig = draw_rig(np.random.default_rng(seed), name, False)
        degrees = np.degrees(rig.sensor.elevations_rad)
        assert (np.diff(degrees) > 0).all()
        assert_allclose(degrees, model.elevations_deg, atol=1.7)
        assert rig.sensor.columns in model.columns
        assert 1.4 <= rig.height_m <= 2.3
    rig = replace(rig, blind_rad=(0.0, 0.0), ego_return=1.0)
    points, _ = rendered(replace(city, rig=rig))
    cells = len(degrees) * rig.sensor.columns
    assert 0.35 * cells < len(points) <= cells
    seen = np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
    assert degrees[0] - 0.1 < seen.min() and seen.max() < degrees[-1] + 0.1
    # every beam has echoes but those that look above all that stands
    beam = np.abs(seen[:, None] - degrees).argmin(1)
    assert (np.bincount(beam, minlength=len(degrees))[degrees < 0] > 0).all()


def test_published_tables_are_as_published():
    pandar = SENSORS['Pandar64'].elevations_deg
    assert len(pandar) == 64 and (pandar[0], pandar[-1]) == (-25.0, 15.0)
    assert_allclose(np.diff(pandar)[10:58], 1 / 6)
    assert len(SENSORS['VLP-32C'].elevations_deg) == len(SENSORS['HDL-32E'].elevations_deg) == 32
    assert_allclose(np.diff(SENSORS['VLP-16'].elevations_deg), 2.0)
    assert_allclose(np.diff(SENSORS['HDL-32E'].elevations_deg), 4 / 3, atol=1e-3)
    assert len(SENSORS['OS1-128'].elevations_deg) == 128


def test_sensors_of_merged_sweeps_are_sparse():
    rng = np.random.default_rng(0)
    for _ in range(60):
        rig = draw_rig(rng, draw_name(rng, True), True)
        assert len(rig.sensor.elevations_rad) * rig.sensor.columns <= SPARSE_CELLS
    assert {draw_name(rng, False) for _ in range(300)} == {*SENSORS, ANY}


def test_any_sensor_has_16_to_128_rising_beams():
    for seed in range(60):
        elevations = draw_rig(np.random.default_rng(seed), ANY, False).sensor.elevations_rad
        assert 16 <= len(elevations) <= 128 and (np.diff(elevations) > 0).all()
        assert -0.65 < elevations[0] < -0.2 and 0.0 < elevations[-1] < 0.45


def test_most_scenes_are_as_bright_as_real_ones_are():
    """Order of real frames: car paint below the road, sidewalk, walls, leaves above, plates far above."""
    palettes = np.array([draw_palette(np.random.default_rng(seed)).reflectivity for seed in range(400)])
    ratio = {name: palettes[:, index] / palettes[:, MATERIAL['road']] for name, index in MATERIAL.items()}
    assert (ratio['paint'] < 1).mean() > 0.95
    for name in ('sidewalk', 'wall', 'leaf'):
        assert 0.85 < (ratio[name] > 1).mean() < 1.0, name
    assert (ratio['retro'] > 5).all()
    assert np.quantile(palettes[:, 0], 0.9) > 2.5 * np.quantile(palettes[:, 0], 0.1)


def test_intensities_follow_the_materials(city):
    points, labels = rendered(replace(city, rig=replace(city.rig, road_intensity=30.0)))
    material, reflectivity = material_of(city.scene.primitives), city.finish.reflectivity
    retro, walls = (reflectivity[material == MATERIAL[name]] for name in ('retro', 'wall'))
    assert len(retro) and retro.min() > walls.max()
    assert points[:, 3].min() >= 0 and points[:, 3].max() == 255.0
    painted = replace(city.finish, reflectivity=np.where(material == MATERIAL['wall'], 4.0, 1.0) * reflectivity)
    again, new_labels = rendered(replace(city, finish=painted, rig=replace(city.rig, road_intensity=30.0)))
    for name, rises in (('flat.driveable_surface', False), ('static.manmade', True)):
        before, after = (np.median(p[of == LABEL[name], 3]) for p, of in ((points, labels), (again, new_labels)))
        assert after > 1.5 * before if rises else after == before


def test_paint_mirrors_rays_away_unless_it_is_met_squarely(city):
    hits = trace(city.scene, 0.0, city.rig.sensor, np.random.default_rng(0))
    _, mirrored = brightness(hits, city)
    painted = (hits.row >= 0) & (city.finish.mirrored[np.maximum(hits.row, 0)] > 0)
    assert painted.any() and (mirrored[~painted] == 0).all()
    assert mirrored[painted & (hits.cosine < 0.7)].min() > 0
    assert (mirrored[painted & (hits.cosine > 0.9999)] < 0.01).all()
    all_mirrored = replace(city, finish=replace(city.finish, mirrored=np.ones(len(city.finish.mirrored))))
    assert len(rendered(all_mirrored)[0]) < len(rendered(city)[0])


def test_half_of_the_echoes_of_a_tenth_come_back_at_the_reach(city):
    rig = replace(city.rig, loss=0.0, reach_m=60.0)
    tenth = np.full((1, 32), 0.1, np.float32)
    for distance, chance in ((60.0, 0.5), (1.0, 1.0), (120.0, 1 - 0.5**0.25)):
        assert_allclose(return_chance(tenth, np.float32(distance), rig), chance, rtol=1e-5)
    assert (return_chance(0 * tenth, np.float32(5.0), rig) == 0).all()


def test_a_compensated_intensity_does_not_know_the_range(city):
    bright, still = np.full((1, 32), 0.2, np.float32), np.zeros((1, 32), np.float32)
    rig = replace(city.rig, beam_gain=np.ones(32), road_intensity=40.0, intensity_floor=0.0, compensation=1.0)
    near, far = (intensity(bright, np.float32(d), still, rig) for d in (2.0, 60.0))
    assert (near == far).all() and (near > 0).all()
    raw = replace(rig, compensation=0.0)
    assert (intensity(bright, np.float32(60.0), still, raw) < intensity(bright, np.float32(2.0), still, raw)).all()
    assert (intensity(bright, np.float32(2.0), still, replace(rig, intensity_floor=255.0)) == 0).all()


def test_merged_sweeps_line_up(city):
    points, labels = rendered(city, 0.4, 5)
    lags = np.unique(points[:, 4])
    assert_allclose(lags, 0.05 * np.arange(5), atol=1e-6)
    pose, ground = city.scene.lidar_pose(0.4), city.scene.ground
    road = (labels == LABEL['flat.driveable_surface']) & (np.linalg.norm(points[:, :3], axis=1) < 20)
    for lag in lags:
        xyz = points[road & (points[:, 4] == lag), :3] @ pose.turn.T + pose.origin
        above = [z - ground.height_at(x, y) for x, y, z in xyz[::10]]
        assert np.quantile(np.abs(above), 0.9) < 0.05, lag
    walls = labels == LABEL['static.manmade']
    newest, oldest = (points[walls & (points[:, 4] == lag), :3] for lag in (lags[0], lags[-1]))
    far = np.linalg.norm(oldest - np.array([0.0, 12.0 * 0.2, 0.0]), axis=1)  # without the motion: 2.4 m off
    near = far < 15
    assert near.sum() > 100
    gap = np.median(cKDTree(newest).query(oldest[near])[0])
    moved_back = oldest[near] + np.array([0.0, 12.0 * 0.2, 0.0])
    assert gap < 0.2 < 1.5 * np.median(cKDTree(newest).query(moved_back)[0])


def test_early_sweeps_lose_what_is_within_a_metre(city):
    standing = replace(city.scene, ego_speed_mps=0.0, sway=np.zeros((3, 3)))
    points, _ = rendered(replace(city, scene=standing, rig=replace(city.rig, ego_return=1.0)), 0.4, 3)
    close = (np.abs(points[:, :2]) < 0.99).all(1)
    assert (points[close, 4] == 0).all()
    assert close.any()


def test_every_kind_of_street_is_drawn():
    streets = [draw_street(np.random.default_rng(seed)) for seed in range(200)]
    assert {street.kind for street in streets} == set(STREETS)
    for street in streets:
        assert street.plan.half_width_m > 1.2 and street.plan.sidewalk_m >= 0.0


@pytest.mark.parametrize('body', sorted(BODIES))
def test_cars_fit_their_size_and_have_glass_tyres_and_plates(body):
    size = np.array(BODIES[body][1:])
    assert body_of(size) == body
    shape = build_shape('car', size, np.random.default_rng(0))
    corners = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T
    for centre, half, turn in zip(shape.centres, shape.halves, shape.rotations):
        reach = np.abs((corners * half) @ turn.T).max(0)
        assert (np.abs(centre[:2]) + reach[:2] <= size[:2] / 2 + 0.08).all()  # mirrors and plates stand out
        assert centre[2] - reach[2] > -1e-9 and centre[2] + reach[2] <= size[2]
    assert {'glass', 'tyre'} < set(shape.parts) and max(shape.reflectivities) == 3.0


def test_files_have_five_columns_labels_and_what_they_are_of(world):
    assert tuple(json.loads((world / MANIFEST).read_text())['columns']) == POINT_COLUMNS
    seen = set()
    for index in range(N_SCENES):
        folder = world / f'scene_{index:06d}'
        about = json.loads((folder / 'scene.json').read_text())
        points = np.fromfile(folder / 'frame_00.bin', np.float32).reshape(-1, 5)
        labels = np.fromfile(folder / 'frame_00.label', np.uint8)
        assert len(points) == len(labels) <= SMALL.most_points
        assert len(np.unique(points[:, 4])) == about['sweeps'] in SMALL.sweeps
        assert np.isfinite(points).all() and np.abs(points[:, :2]).max() < 130
        assert about['scene'] == index and about['sensor'] in {*SENSORS, ANY} and about['street'] in STREETS
        seen |= set(labels.tolist())
    for name in ('flat.driveable_surface', 'static.manmade', 'static.vegetation', 'vehicle.car'):
        assert LABEL[name] in seen


def test_bytes_do_not_depend_on_the_number_of_workers(world, tmp_path):
    write_zoo_world(tmp_path / 'world', SMALL, N_SCENES, workers=2)
    assert hashes(tmp_path / 'world') == hashes(world)


def test_a_killed_run_goes_on_where_it_was(world, tmp_path, monkeypatch):
    out, calls = tmp_path / 'world', []

    def stops_in_the_second_scene(zoo, t, sweeps, rng):
        calls.append(t)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return render_frame(zoo, t, sweeps, rng)

    monkeypatch.setattr(writer, 'render_frame', stops_in_the_second_scene)
    with pytest.raises(KeyboardInterrupt):
        write_zoo_world(out, SMALL, N_SCENES, workers=1)
    assert sorted(path.name for path in out.iterdir()) == ['scene_000000', MANIFEST]
    left = out / '.scene_000001.0123456789abcdef.tmp'  # of a run that had no time to clean up
    left.mkdir()
    (left / 'frame_07.bin').write_bytes(b'half')
    monkeypatch.undo()
    os.utime(left, (0, 0))
    remove_unfinished.cache_clear()  # as in a new process, later
    assert write_zoo_world(out, SMALL, N_SCENES, workers=1) == N_SCENES - 1
    assert hashes(out) == hashes(world)
    assert write_zoo_world(out, SMALL, N_SCENES, workers=1) == 0


def test_a_folder_of_something_else_is_left_alone(world, tmp_path):
    with pytest.raises(OutputExistsError, match='seed is 3; wanted seed 4'):
        write_zoo_world(world, replace(SMALL, seed=4), N_SCENES)
    (tmp_path / 'mine.bin').write_bytes(b'1')
    with pytest.raises(OutputExistsError, match='not a synthetic data set'):
        write_zoo_world(tmp_path, SMALL, 1)
    for wrong in (dict(sweeps=()), dict(sweeps=(11,)), dict(frames=0), dict(seed=-1)):
        with pytest.raises(InputError):
            replace(SMALL, **wrong)
    with pytest.raises(InputError, match='scenes must be'):
        write_zoo_world(tmp_path / 'new', SMALL, 0)


def test_the_tool_writes_what_it_is_asked_for(world, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'world'
    options = '--scenes 1 --seed 3 --frames 1 --sweeps 1 2 --most-points 4000 --labels --workers 1'
    monkeypatch.setattr(sys, 'argv', ['create_data.py', 'zoo_world', '--out-dir', str(out), *options.split()])
    create_data.main()
    assert '1 scenes ready, 1 of them new' in capsys.readouterr().out
    assert hashes(out).items() < hashes(world).items()
