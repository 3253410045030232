"""One scene of the varied world: a street, what stands and moves on it, its colours, and a car with one sensor."""

from dataclasses import dataclass

import numpy as np

from ..ground import Ground
from ..shapes import BOX, Shape, pack, rotation
from ..taxonomy import LABEL
from ..traffic import Placer
from ..world import EGO_CENTRE_FORWARD_M, EGO_SIZE_M, LIDAR_FORWARD_M, Pose, Scene
from .buildings import build_fronts
from .crowd import fill
from .furniture import build_furniture
from .materials import Finish, draw_palette, finish_of
from .plants import build_plants
from .sensors import Rig, draw_name, draw_rig
from .streets import Street, draw_street
from .surface import build_surface
from .vehicles import build_shape, draw_size

STANDING_CHANCE = 0.12


@dataclass(frozen=True)
class ZooScene:
    """A scene of the miniatures in drawn colours, and by what it is seen.

    Args:
        scene: of the miniatures; the reflectivities of its primitives are not used.
        finish: how bright and glossy its primitives are.
        street: of the scene.
        rig: the sensor.
    """

    scene: Scene
    finish: Finish
    street: Street
    rig: Rig


def build_zoo_scene(seed: int, index: int, sweeps: int, duration_s: float, sensor: str | None = None) -> ZooScene:
    """Scene `index`; a pure function of its arguments.

    sweeps: that a frame merges; more than one are taken of sensors with few points only. duration_s: of what is
    rendered, in turns of 0.1 s. sensor: name of one; None: drawn."""
    rng = np.random.default_rng([seed, index])
    street, palette = draw_street(rng), draw_palette(rng)
    sparse = sweeps > 1
    rig = draw_rig(rng, sensor or draw_name(rng, sparse), sparse)
    ground = build_surface(street, palette, rng)
    plan = street.plan
    speed = 0.0 if rng.random() < STANDING_CHANCE else float(rng.uniform(*street.habits.ego_speed_mps))
    lane = int(rng.integers(plan.lanes))
    ego_s, ego_d = -speed * duration_s / 2, -plan.lane_centre_m(lane)
    placer = Placer(plan, ground, duration_s, rng, draw_size, build_shape)
    placer.block(ego_s + EGO_CENTRE_FORWARD_M, ego_d, EGO_SIZE_M + np.array([4.0, 0.4, 0.0]), speed)
    actors = fill(placer, street, speed, lane)
    shapes = [_scenery(street, ground, rng), _ego_body(rig.height_m, rng), *(actor.shape for actor in actors)]
    prims = pack(shapes)
    scene = Scene(
        plan=plan,
        ground=ground,
        primitives=prims,
        actors=actors,
        ego_s_m=ego_s,
        ego_d_m=ego_d,
        ego_speed_mps=speed,
        sway=_draw_sway(rng),
        lidar=_mount(rig, rng),
        intensity_gain=1.0,
        offset_m=np.zeros(3),
    )
    return ZooScene(scene, finish_of(palette, prims), street, rig)


def _scenery(street: Street, ground: Ground, rng: np.random.Generator) -> Shape:
    """All that stands, as one shape in the scene frame."""
    shape = Shape()
    for side in (-1, 1):
        build_fronts(shape, street, ground, side, rng)
        build_furniture(shape, street, ground, side, rng)
    build_plants(shape, street, ground, rng)
    return shape


def _ego_body(height_m: float, rng: np.random.Generator) -> Shape:
    """Roof, bonnet and tail below the sensor, in the ego frame; the roof hides what is steeper than 25 to 50 deg."""
    shape, label = Shape(), LABEL['vehicle.ego']
    gap, width = float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.75, 0.95))
    roof = height_m - gap

    def box(x: float, z: float, half: tuple[float, float, float]) -> None:
        shape.add(BOX, (x, 0.0, z), half, label=label, reflectivity=0.3)

    along, across = gap * rng.uniform(0.8, 2.1), gap * rng.uniform(0.8, 2.1)
    box(LIDAR_FORWARD_M, roof - 0.05, (float(along), float(min(across, 0.8)), 0.05))
    box(LIDAR_FORWARD_M + 1.9, min(0.6 * roof, 1.0) - 0.2, (0.7, width, 0.2))
    box(-0.35, min(0.7 * roof, 1.1) - 0.2, (0.5, width, 0.2))
    return shape


def _draw_sway(rng: np.random.Generator) -> np.ndarray:
    """(3, 3) amplitude, frequency (Hz), phase of bob (m), pitch and roll (rad)."""
    amplitude = np.array([0.02, 0.006, 0.007]) * rng.uniform(0.2, 1.5, 3)
    return np.stack([amplitude, rng.uniform(0.7, 2.2, 3), rng.uniform(0, 2 * np.pi, 3)])


def _mount(rig: Rig, rng: np.random.Generator) -> Pose:
    """LiDAR -> ego: x of the sensor to the right, y forward, z up (nuScenes)."""
    tilt = rng.normal(0.0, 0.01, 2)
    turn = rotation(-np.pi / 2 + rng.normal(0.0, 0.01), float(tilt[0]), float(tilt[1]))
    return Pose(turn, np.array([LIDAR_FORWARD_M, 0.0, rig.height_m]))
