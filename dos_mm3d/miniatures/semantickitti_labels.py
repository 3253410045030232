"""What a sweep of the procedural world met -> SemanticKITTI's labels."""

import numpy as np

from ..datasets.semantickitti.classes import RAW_ID, THINGS
from .ground import LANE, MARKING, OFF_ROAD, PARKING, road_surface
from .lidar import Sweep
from .taxonomy import LABEL, LIDARSEG_CATEGORIES, NAMES_IN_SEGMENTATION
from .world import Scene

FIRST_ACTOR = 2
MOVING_MPS = 0.2

OF_CATEGORY = {
    **NAMES_IN_SEGMENTATION,
    'flat.terrain': 'terrain',
    'vehicle.ego': 'outlier',
    'human.pedestrian.adult': 'person',
    'human.pedestrian.child': 'person',
    'human.pedestrian.construction_worker': 'person',
    'movable_object.barrier': 'fence',
    'movable_object.trafficcone': 'other-object',
    'movable_object.pushable_pullable': 'other-object',
}
"""lidarseg category of the world -> name of the raw label; the annotators' guide counts small walls and crash
barriers as fences."""

OF_PART = {'trunk': 'trunk', 'fence': 'fence', 'pole': 'pole', 'sign': 'traffic-sign'}
OF_RIDER = {'motorcycle': 'motorcyclist', 'bicycle': 'bicyclist'}
OF_SURFACE = {LANE: 'road', MARKING: 'lane-marking', PARKING: 'parking', OFF_ROAD: 'road'}
"""OFF_ROAD stays road: a label of the curb's node, whose edge is a hair above zero."""


def raw_labels(scene: Scene, sweep: Sweep, t: float) -> np.ndarray:
    """(N,) uint32 labels of a sweep at t seconds: class below, instance above (0: none, 1 + i: actor i)."""
    of_category = np.array([RAW_ID[OF_CATEGORY.get(name, 'unlabeled')] for name in LIDARSEG_CATEGORIES], np.uint32)
    semantic = of_category[sweep.label]
    on_object = sweep.row >= 0
    semantic[on_object] = _of_primitives(scene)[sweep.row[on_object]]
    road = np.flatnonzero(~on_object & (sweep.label == LABEL['flat.driveable_surface']))
    pose = scene.lidar_pose(t)
    xy = (sweep.points[road, :3].astype(np.float64) @ pose.turn.T + pose.origin)[:, :2]
    of_surface = np.array([RAW_ID[OF_SURFACE[kind]] for kind in range(len(OF_SURFACE))], np.uint32)
    semantic[road] = of_surface[road_surface(scene.plan, scene.ground, xy)]
    instance = np.where(np.isin(semantic, THINGS), np.maximum(sweep.owner - FIRST_ACTOR + 1, 0), 0)
    return semantic | instance.astype(np.uint32) << np.uint32(16)


def _of_primitives(scene: Scene) -> np.ndarray:
    """(P,) uint32 raw class of every primitive."""
    prims = scene.primitives
    names = [OF_CATEGORY[LIDARSEG_CATEGORIES[label]] for label in prims.label]
    for row, part in enumerate(prims.part):
        owner = int(prims.owner[row]) - FIRST_ACTOR
        if part == 'rider':
            names[row] = OF_RIDER[scene.actors[owner].kind]
        elif part:
            names[row] = OF_PART[str(part)]
        if owner >= 0 and abs(scene.actors[owner].speed_mps) > MOVING_MPS:
            moving = f'moving-{names[row]}'
            names[row] = moving if moving in RAW_ID else names[row]
    return np.array([RAW_ID[name] for name in names], np.uint32)
