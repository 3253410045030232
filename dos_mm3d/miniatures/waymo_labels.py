"""What Waymo's annotators would have said of a frame of the procedural world: boxes, no-label zones, classes."""

import hashlib

import numpy as np

from ..cpu.boxes import count_points_in_boxes
from ..datasets.waymo.classes import NUMBER, UNDEFINED
from ..datasets.waymo.frame_record import CYCLIST, PEDESTRIAN, SIGN, VEHICLE
from .ground import CELL_M, HALF_EXTENT_M, LANE, MARKING, OFF_ROAD, PARKING, road_surface
from .shapes import BOX
from .taxonomy import LABEL, LIDARSEG_CATEGORIES, NAMES_IN_SEGMENTATION
from .traffic import Actor
from .waymo_lidars import Frame
from .world import Scene

FIRST_ACTOR = 2
BOX_TYPE = {
    **dict.fromkeys(('car', 'truck', 'bus', 'trailer', 'construction_vehicle', 'motorcycle'), VEHICLE),
    **dict.fromkeys(('pedestrian', 'child', 'worker'), PEDESTRIAN),
}
"""Kind of actor -> type of its box; bicycles have one only with a rider, cones, barriers and bins none."""
HARD_VISIBLE_SHARE = 0.3
CURB_M = 0.15
SIGN_THICKNESS_M = 0.2
NLZ_REACH_M, NLZ_SIZE_M = (12.0, 40.0), (15.0, 35.0)
TRAFFIC_LIGHT_HALF = (0.15, 0.18, 0.45)

OF_CATEGORY = {
    **NAMES_IN_SEGMENTATION,
    'flat.terrain': 'walkable',
    'human.pedestrian.adult': 'pedestrian',
    'human.pedestrian.child': 'pedestrian',
    'human.pedestrian.construction_worker': 'pedestrian',
    'movable_object.trafficcone': 'construction-cone',
}
"""lidarseg category of the world -> Waymo class; barriers, bins and the own car have none."""
OF_PART = {'trunk': 'tree-trunk', 'fence': 'building', 'pole': 'pole', 'sign': 'sign'}
OF_RIDDEN = {'motorcycle': 'motorcyclist', 'bicycle': 'bicyclist'}
OF_SURFACE = {LANE: 'road', MARKING: 'lane-marker', PARKING: 'road', OFF_ROAD: 'road'}


def no_label_zone(seed: int, key: tuple[int, ...]) -> np.ndarray:
    """(4,) x, y of the centre and half sizes [m, scene frame] of the rectangle that nobody labelled."""
    rng = np.random.default_rng([seed, *key, 2])
    angle, reach = rng.uniform(-np.pi, np.pi), rng.uniform(*NLZ_REACH_M)
    return np.array([reach * np.cos(angle), reach * np.sin(angle), *(rng.uniform(*NLZ_SIZE_M, 2) / 2)])


def in_zone(zone: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """(N,) bool of points (N, 2) of the scene frame."""
    return (np.abs(xy - zone[:2]) <= zone[2:]).all(1)


def label_frame(scene: Scene, frame: Frame, zone: np.ndarray, t: float, seed: int, key: tuple[int, ...]) -> dict:
    """The fields of a FrameRecord that describe its objects, of all that are not in the no-label zone."""
    boxes, kinds, owners, speeds, ids = _objects(scene, t, seed, key)
    kept = ~in_zone(zone, boxes[:, :2])
    boxes, kinds, owners, speeds, ids = (values[kept] for values in (boxes, kinds, owners, speeds, ids))
    pose = scene.ego_pose(t)
    yaw = np.arctan2(pose.turn[1, 0], pose.turn[0, 0])
    boxes[:, :3] = (boxes[:, :3] - pose.origin) @ pose.turn
    boxes[:, 6] = np.mod(boxes[:, 6] - yaw + np.pi, 2 * np.pi) - np.pi
    boxes = boxes.astype(np.float32)
    num_points = count_points_in_boxes(frame.points, boxes)
    visible = np.where(owners >= 0, frame.top.visible[np.minimum(owners, len(frame.top.visible) - 1)], 1.0)
    hard = (visible < HARD_VISIBLE_SHARE) & (num_points > 0)
    return {
        'box': boxes,
        'type': kinds,
        'difficulty': np.where(hard, 2, 0),
        'num_points': num_points,
        'speed': speeds @ pose.turn[:2, :2],
        'track_id': ids,
    }


def _objects(scene: Scene, t: float, seed: int, key: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Boxes (N, 7) in the scene frame, types, owner of the primitives (-1: a sign), speeds (N, 2), track ids."""
    kinds = np.array([_box_type(actor) for actor in scene.actors], np.int64)
    actors = np.flatnonzero(kinds)
    boxes = scene.boxes(t)[actors]
    speed = np.array([scene.actors[i].speed_mps for i in actors])
    headings = np.array([_course_heading(scene, scene.actors[i], t) for i in actors])
    speeds = speed[:, None] * np.stack([np.cos(headings), np.sin(headings)], 1).reshape(-1, 2)
    prims = scene.primitives
    signs = np.flatnonzero(prims.part == 'sign')
    yaw = np.arctan2(prims.turn[signs, 1, 0], prims.turn[signs, 0, 0])
    plates = np.column_stack([prims.centre[signs], np.maximum(2 * prims.half[signs], SIGN_THICKNESS_M), yaw])
    names = [f'actor {i}' for i in actors] + [f'sign {i}' for i in signs]
    ids = [hashlib.sha256(f'{seed} {key} {name}'.encode()).hexdigest()[:22] for name in names]
    return (
        np.concatenate([boxes, plates]),
        np.concatenate([kinds[actors], np.full(len(signs), SIGN)]),
        np.concatenate([actors + FIRST_ACTOR, np.full(len(signs), -1)]),
        np.concatenate([speeds, np.zeros((len(signs), 2))]),
        np.array(ids, np.str_),
    )


def _box_type(actor: Actor) -> int:
    """0 for what has no box."""
    if actor.kind == 'bicycle':
        return CYCLIST if actor.with_rider else 0
    return BOX_TYPE.get(actor.kind, 0)


def _course_heading(scene: Scene, actor: Actor, t: float) -> float:
    return scene.plan.course.at(actor.s_m + actor.speed_mps * t, actor.d_m)[2]


def semantic_labels(scene: Scene, frame: Frame, t: float) -> np.ndarray:
    """(P,) uint8 official numbers; as officially, only points of the roof's lidar have a class."""
    of_category = np.array([_number(OF_CATEGORY.get(name)) for name in LIDARSEG_CATEGORIES], np.uint8)
    semantic = of_category[frame.label]
    on_object = frame.row >= 0
    semantic[on_object] = _of_primitives(scene)[frame.row[on_object]]
    pose = scene.ego_pose(t)
    xy = (frame.points[:, :3].astype(np.float64) @ pose.turn.T + pose.origin)[:, :2]
    road = np.flatnonzero(~on_object & (frame.label == LABEL['flat.driveable_surface']))
    of_surface = np.array([NUMBER[OF_SURFACE[kind]] for kind in range(len(OF_SURFACE))], np.uint8)
    semantic[road] = of_surface[road_surface(scene.plan, scene.ground, xy[road])]
    semantic[~on_object & _on_curb(scene, xy)] = NUMBER['curb']
    semantic[frame.lidar != 0] = UNDEFINED
    return semantic


def _on_curb(scene: Scene, xy: np.ndarray) -> np.ndarray:
    """(N,) on the slope between road and sidewalk."""
    last = len(scene.ground.edge_m) - 1
    node = np.clip(((xy + HALF_EXTENT_M) / CELL_M + 0.5).astype(np.int64), 0, last)
    edge = scene.ground.edge_m[node[:, 0], node[:, 1]]
    return (edge >= 0) & (edge < CURB_M)


def _of_primitives(scene: Scene) -> np.ndarray:
    """(P,) uint8 class of every primitive."""
    prims = scene.primitives
    names = [OF_CATEGORY.get(LIDARSEG_CATEGORIES[label]) for label in prims.label]
    for row, part in enumerate(prims.part):
        owner = int(prims.owner[row]) - FIRST_ACTOR
        if owner >= 0 and scene.actors[owner].with_rider:
            names[row] = OF_RIDDEN[scene.actors[owner].kind]
        elif part:
            names[row] = OF_PART[str(part)]
        if part == 'pole' and prims.kind[row] == BOX and tuple(prims.half[row]) == TRAFFIC_LIGHT_HALF:
            names[row] = 'traffic-light'
    return np.array([_number(name) for name in names], np.uint8)


def _number(name: str | None) -> int:
    return UNDEFINED if name is None else NUMBER[name]
