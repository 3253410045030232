"""Colour of a room's surfaces: paint, pattern of the material, light of a lamp, and the camera's own cast."""

import numpy as np

from .indoor_parts import CLOTH, PRINT, TILE, WOOD, Solids
from .indoor_room import Room

AMBIENT, LAMP = 0.45, 0.55
TILE_M, PRINT_M = 0.3, 0.07


def paint(room: Room, xyz_m: np.ndarray, normal: np.ndarray, part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) uint8 colour of surface points (N, 3) in the room's frame, seen with the exposure of one scan."""
    solids = room.solids
    rgb = solids.rgb[part] * _pattern(solids, xyz_m, normal, part)
    lamp = np.array([*(room.size_m[:2] / 2), room.size_m[2] - 0.3])
    to_lamp = lamp - xyz_m
    distance = np.linalg.norm(to_lamp, axis=1)
    slant = np.clip((normal * to_lamp).sum(1) / np.maximum(distance, 1e-6), 0.0, 1.0)
    light = AMBIENT + LAMP * (0.35 + 0.65 * slant) / (1.0 + 0.08 * distance**2)
    cast = rng.uniform(0.9, 1.1) * rng.uniform(0.95, 1.05, 3)
    shown = rgb * light[:, None] * cast * (1.0 + 0.03 * rng.standard_normal((len(rgb), 1)))
    return np.clip(np.rint(255.0 * (shown + 0.012 * rng.standard_normal(rgb.shape))), 0, 255).astype(np.uint8)


def _pattern(solids: Solids, xyz_m: np.ndarray, normal: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(N, 3) factors: grain along the longest side of wood, weave, joints between tiles, blocks of print."""
    local = np.einsum('nji,nj->ni', solids.turn[part], xyz_m - solids.centre[part])
    across = np.abs(np.einsum('nji,nj->ni', solids.turn[part], normal))
    order = np.argsort(np.where(across > 0.9, -1.0, solids.half[part]), axis=1)
    rows = np.arange(len(local))
    short, long = local[rows, order[:, 1]], local[rows, order[:, 2]]
    material = solids.material[part]
    factor = np.ones((len(local), 3))
    grain = 1.0 + 0.09 * np.sin(70.0 * short + 1.5 * np.sin(4.0 * long) + part)
    factor[material == WOOD] *= grain[material == WOOD, None]
    weave = 1.0 + 0.06 * np.sin(60.0 * short) * np.sin(60.0 * long)
    factor[material == CLOTH] *= weave[material == CLOTH, None]
    joint = np.minimum(np.abs((short / TILE_M) % 1.0 - 0.5), np.abs((long / TILE_M) % 1.0 - 0.5)) < 0.05
    factor[(material == TILE) & joint] *= 0.75
    printed = material == PRINT
    block = np.floor(short[printed] / PRINT_M) * 12.9898 + np.floor(long[printed] / PRINT_M) * 78.233 + part[printed]
    factor[printed] *= 0.45 + 0.8 * np.modf(np.abs(np.sin(block[:, None] + [0.0, 1.7, 3.1]) * 43758.5453))[0]
    return factor
