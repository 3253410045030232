"""How bright what is: reflectivities of all materials of a scene, drawn relative to its road.

Ratios of medians of real frames (nuScenes and KITTI, road = 1): sidewalk 1.2 to 2.6, walls 1.6 to 2.5, leaves 1.4 to
2.1, terrain 1.2, car paint 0 to 0.5, plates and signs saturated. Scenes differ widely, so all are drawn widely."""

from dataclasses import dataclass

import numpy as np

from ..shapes import CYLINDER, FOLIAGE, Primitives
from ..taxonomy import LABEL, LIDARSEG_CATEGORIES

# material -> (median of its ratio to the road, standard deviation of the logarithm between scenes,
#              nominal reflectivity that the builders of shapes draw around, gloss: median of the mirror-like echo,
#              most that is mirrored away where the surface is not met squarely)
_TABLE = {
    'road': (1.0, 0.0, 1.0, 0.0, 0.0),
    'paving': (1.8, 0.45, 1.0, 0.0, 0.0),
    'sidewalk': (2.3, 0.4, 1.0, 0.0, 0.0),
    'terrain': (1.9, 0.5, 1.0, 0.0, 0.0),
    'marking': (3.5, 0.5, 1.0, 0.0, 0.0),
    'wall': (2.5, 0.5, 0.25, 0.0, 0.0),
    'leaf': (2.2, 0.4, 0.37, 0.0, 0.0),
    'bark': (1.5, 0.4, 0.25, 0.0, 0.0),
    'metal': (1.6, 0.5, 0.25, 0.1, 0.0),
    'paint': (0.25, 0.5, 0.2, 0.15, 0.35),
    'cargo': (0.9, 0.6, 0.2, 0.1, 0.1),
    'glass': (0.15, 0.5, 0.1, 0.15, 0.8),
    'tyre': (0.3, 0.4, 0.06, 0.0, 0.0),
    'cloth': (1.7, 0.5, 0.25, 0.0, 0.0),
    'plastic': (1.5, 0.5, 0.45, 0.05, 0.0),
    'retro': (30.0, 0.4, 3.0, 0.0, 0.0),
}
MATERIALS = tuple(_TABLE)
MATERIAL = {name: index for index, name in enumerate(MATERIALS)}
_RATIO, _SPREAD, _NOMINAL, _GLOSS, _MIRRORED = np.array(list(_TABLE.values())).T
_GROUND = [MATERIAL[name] for name in ('road', 'paving', 'sidewalk', 'terrain', 'marking')]
ROAD_RANGE = (0.06, 0.22)
RETRO_FROM = 1.4
"""Nominal reflectivity from which builders mean plates, signs, bands and vests."""

_OF_LABEL = {
    'static.manmade': 'wall',
    'static.vegetation': 'leaf',
    'vehicle.car': 'paint',
    'vehicle.ego': 'paint',
    'vehicle.truck': 'cargo',
    'vehicle.bus.rigid': 'cargo',
    'vehicle.trailer': 'cargo',
    'vehicle.construction': 'cargo',
    'vehicle.motorcycle': 'metal',
    'vehicle.bicycle': 'metal',
    'movable_object.trafficcone': 'plastic',
    'movable_object.barrier': 'plastic',
    'movable_object.pushable_pullable': 'plastic',
}
_OF_PART = {
    'rider': 'cloth', 'trunk': 'bark', 'pole': 'metal', 'sign': 'retro', 'glass': 'glass', 'tyre': 'tyre',
    'metal': 'metal', 'panel': 'cargo', 'timber': 'bark',
}  # fmt: skip


@dataclass(frozen=True)
class Palette:
    """Of one scene, (M,) for every material, in the order of MATERIALS: reflectivity, gloss (the echo that is added
    where a surface is met squarely), and the share of the rays that it mirrors away elsewhere."""

    reflectivity: np.ndarray
    gloss: np.ndarray
    mirrored: np.ndarray

    @property
    def ground(self) -> np.ndarray:
        """(5,) as build_ground takes them: asphalt, paving, sidewalk, terrain, markings."""
        return self.reflectivity[_GROUND]


def draw_palette(rng: np.random.Generator) -> Palette:
    """Ratios to a drawn road, each apart: a scene is in order in most, not in all."""
    road = np.exp(rng.uniform(*np.log(ROAD_RANGE)))
    ratio = _RATIO * np.exp(_SPREAD * rng.standard_normal(len(MATERIALS)))
    gloss = _GLOSS * np.exp(0.6 * rng.standard_normal(len(MATERIALS)))
    return Palette(road * ratio, gloss, _MIRRORED * rng.random(len(MATERIALS)))


def material_of(prims: Primitives) -> np.ndarray:
    """(P,) index in MATERIALS of every primitive, from its label, its part and what the builders make it of."""
    by_label = np.full(len(LIDARSEG_CATEGORIES), MATERIAL['cloth'])
    for label, name in _OF_LABEL.items():
        by_label[LABEL[label]] = MATERIAL[name]
    vehicle = np.array([name.startswith('vehicle.') for name in LIDARSEG_CATEGORIES])[prims.label]
    material = by_label[prims.label]
    material[vehicle & (prims.density < 1.0) & (prims.kind != FOLIAGE)] = MATERIAL['glass']
    material[vehicle & (prims.kind == CYLINDER)] = MATERIAL['tyre']
    for part, name in _OF_PART.items():
        material[prims.part == part] = MATERIAL[name]
    material[prims.reflectivity >= RETRO_FROM] = MATERIAL['retro']
    return material


@dataclass(frozen=True)
class Finish:
    """(P,) of every primitive: reflectivity, gloss, mirrored, as in Palette."""

    reflectivity: np.ndarray
    gloss: np.ndarray
    mirrored: np.ndarray


def finish_of(palette: Palette, prims: Primitives) -> Finish:
    """Every primitive in the colours of a scene: its nominal brightness among others of its material stays."""
    material = material_of(prims)
    reflectivity = palette.reflectivity[material] * prims.reflectivity / _NOMINAL[material]
    return Finish(reflectivity, palette.gloss[material], palette.mirrored[material])
