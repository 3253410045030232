"""nuScenes names: the 32 lidarseg categories, the ten detection classes, attributes, and how both fold into each
other."""

LIDARSEG_CATEGORIES = (
    'noise',
    'animal',
    'human.pedestrian.adult',
    'human.pedestrian.child',
    'human.pedestrian.construction_worker',
    'human.pedestrian.personal_mobility',
    'human.pedestrian.police_officer',
    'human.pedestrian.stroller',
    'human.pedestrian.wheelchair',
    'movable_object.barrier',
    'movable_object.debris',
    'movable_object.pushable_pullable',
    'movable_object.trafficcone',
    'static_object.bicycle_rack',
    'vehicle.bicycle',
    'vehicle.bus.bendy',
    'vehicle.bus.rigid',
    'vehicle.car',
    'vehicle.construction',
    'vehicle.emergency.ambulance',
    'vehicle.emergency.police',
    'vehicle.motorcycle',
    'vehicle.trailer',
    'vehicle.truck',
    'flat.driveable_surface',
    'flat.other',
    'flat.sidewalk',
    'flat.terrain',
    'static.manmade',
    'static.other',
    'static.vegetation',
    'vehicle.ego',
)
"""Position = value in the lidarseg files, the order of the official category.json."""

LABEL = {name: index for index, name in enumerate(LIDARSEG_CATEGORIES)}

ATTRIBUTES = (
    'vehicle.moving',
    'vehicle.stopped',
    'vehicle.parked',
    'cycle.with_rider',
    'cycle.without_rider',
    'pedestrian.sitting_lying_down',
    'pedestrian.standing',
    'pedestrian.moving',
)

VISIBILITIES = (('1', 'v0-40'), ('2', 'v40-60'), ('3', 'v60-80'), ('4', 'v80-100'))

CLASS_RANGE_M = {
    'car': 50.0,
    'truck': 50.0,
    'bus': 50.0,
    'trailer': 50.0,
    'construction_vehicle': 50.0,
    'pedestrian': 40.0,
    'motorcycle': 40.0,
    'bicycle': 40.0,
    'traffic_cone': 30.0,
    'barrier': 30.0,
}
"""Evaluation range of the ten detection classes (devkit, detection_cvpr_2019.json)."""

CATEGORY_OF = {
    'car': 'vehicle.car',
    'truck': 'vehicle.truck',
    'bus': 'vehicle.bus.rigid',
    'trailer': 'vehicle.trailer',
    'construction_vehicle': 'vehicle.construction',
    'pedestrian': 'human.pedestrian.adult',
    'child': 'human.pedestrian.child',
    'worker': 'human.pedestrian.construction_worker',
    'motorcycle': 'vehicle.motorcycle',
    'bicycle': 'vehicle.bicycle',
    'traffic_cone': 'movable_object.trafficcone',
    'barrier': 'movable_object.barrier',
    'bin': 'movable_object.pushable_pullable',
}
"""Kind of object in the procedural world -> nuScenes category of its boxes and points."""


def attribute_of(kind: str, speed_mps: float, with_rider: bool, parked: bool) -> str | None:
    """nuScenes attribute of an object; None for cones, barriers and bins, which have none."""
    if kind in ('traffic_cone', 'barrier', 'bin'):
        return None
    moving = abs(speed_mps) > 0.2
    if kind in ('pedestrian', 'child', 'worker'):
        return 'pedestrian.moving' if moving else 'pedestrian.standing'
    if kind in ('motorcycle', 'bicycle'):
        return 'cycle.with_rider' if with_rider else 'cycle.without_rider'
    if moving:
        return 'vehicle.moving'
    return 'vehicle.parked' if parked else 'vehicle.stopped'


NAMES_IN_SEGMENTATION = {
    'flat.driveable_surface': 'road',
    'flat.other': 'other-ground',
    'flat.sidewalk': 'sidewalk',
    'static.manmade': 'building',
    'static.vegetation': 'vegetation',
    'vehicle.car': 'car',
    'vehicle.truck': 'truck',
    'vehicle.bus.rigid': 'bus',
    'vehicle.trailer': 'other-vehicle',
    'vehicle.construction': 'other-vehicle',
    'vehicle.motorcycle': 'motorcycle',
    'vehicle.bicycle': 'bicycle',
}
"""lidarseg category of the world -> the name that SemanticKITTI's and Waymo's segmentation both have for it."""
