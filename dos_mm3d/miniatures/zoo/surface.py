"""What the raster of the ground lacks: a grass strip behind the curb, rough terrain, patches of another asphalt."""

from dataclasses import replace

import numpy as np

from ..ground import CELL_M, HALF_EXTENT_M, Ground, build_ground
from ..taxonomy import LABEL
from .materials import Palette
from .streets import Street

SIDEWALK, TERRAIN = LABEL['flat.sidewalk'], LABEL['flat.terrain']
CURB_STONE_M = 0.2
NODES = round(2 * HALF_EXTENT_M / CELL_M) + 1


def build_surface(street: Street, palette: Palette, rng: np.random.Generator) -> Ground:
    """The ground of a street in the colours of a scene."""
    colours = palette.ground
    ground = build_ground(street.plan, rng, colours)
    height, label, reflectivity = ground.height_m, ground.label, ground.reflectivity
    if street.grass_m > CURB_STONE_M:
        strip = (label == SIDEWALK) & (ground.edge_m > CURB_STONE_M) & (ground.edge_m < street.grass_m)
        label[strip] = TERRAIN
        reflectivity[strip] *= np.float32(colours[3] / colours[2])
    rough = rng.uniform(0.01, 0.06) * rng.standard_normal((NODES, NODES), np.float32)
    height += np.where(label == TERRAIN, rough, np.float32(0.0))
    reflectivity *= _patches(rng)
    return replace(ground, height_m=height, label=label, reflectivity=reflectivity)


def _patches(rng: np.random.Generator) -> np.ndarray:
    """(n, n) float32 factor around 1 that changes over some metres: worn, wet, dirty and mended places."""
    coarse = int(rng.integers(12, 60))
    field = np.exp(rng.uniform(0.05, 0.35) * rng.standard_normal((coarse, coarse), np.float32))
    # linear between the coarse nodes along both axes, as two products with the same weights
    place = np.linspace(0.0, coarse - 1.0, NODES)[:, None] - np.arange(coarse)
    weight = np.clip(1.0 - np.abs(place), 0.0, None).astype(np.float32)
    return weight @ field @ weight.T
