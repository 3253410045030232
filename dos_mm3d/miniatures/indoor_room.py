"""A furnished room: floor, ceiling, walls with doors and windows in them, and what its type is likely to hold."""

from dataclasses import dataclass

import numpy as np

from .indoor_catalogue import make
from .indoor_layout import Layout, wall_frame
from .indoor_parts import PLAIN, TILE, WOOD, Placed, Solids, Thing, pack
from .indoor_rooms import EXTRAS, KINDS, ROOM_TYPES
from .shapes import rotation

WALL_M = 0.12
SILL_M = 0.95
SPLITS = ('train', 'val', 'test')
ATTEMPTS = 40
WALL_PAINTS = ((0.86, 0.84, 0.78), (0.8, 0.83, 0.86), (0.88, 0.87, 0.85), (0.82, 0.78, 0.68), (0.75, 0.8, 0.74))
FLOORS = (((0.62, 0.46, 0.3), WOOD), ((0.5, 0.5, 0.5), PLAIN), ((0.68, 0.64, 0.58), TILE), ((0.42, 0.36, 0.32), WOOD))


@dataclass(frozen=True)
class Hole:
    """An opening of a wall: along it, and in height, metres."""

    wall: int
    along: tuple[float, float]
    z: tuple[float, float]
    kind: str


@dataclass(frozen=True)
class Room:
    """size_m (3,): the interior lies between 0 and it; placed: every instance; solids: their parts, owner = position in
    `placed`. scene_type: ScanNet's name of it."""

    scene_type: str
    size_m: np.ndarray
    placed: list[Placed]
    solids: Solids

    @property
    def names(self) -> list[str]:
        """Raw category of every instance."""
        return [item.thing.name for item in self.placed]


def build_room(seed: int, split: str, index: int) -> Room:
    """Room `index` of a split: the five types by turns."""
    kind, rank = KINDS[index % len(KINDS)], index // len(KINDS)
    key = [seed, SPLITS.index(split), index]
    for attempt in range(ATTEMPTS):
        room = _furnished(kind, np.random.default_rng([*key, attempt]), _extras(seed, kind, rank, split))
        if room is not None:
            return room
    raise RuntimeError(f'no room for what a {kind} must hold, seed {seed}, {split} {index}: raise ROOM_TYPES.sides_m')


def _extras(seed: int, kind: str, rank: int, split: str) -> list[str]:
    """By turns through a shuffled list, so that few rooms show many of the seldom classes."""
    seldom = ROOM_TYPES[kind].seldom
    order = np.random.default_rng([seed, KINDS.index(kind), SPLITS.index(split)]).permutation(len(seldom))
    return [seldom[order[(rank * EXTRAS + i) % len(seldom)]] for i in range(EXTRAS)]


def _furnished(kind: str, rng: np.random.Generator, extras: list[str]) -> Room | None:
    """None where something that must be there found no place."""
    recipe = ROOM_TYPES[kind]
    size = np.array([*rng.uniform(*recipe.sides_m, 2), rng.uniform(2.35, 2.7)])
    layout = Layout(size, rng)
    holes = _holes(size, recipe.windows, rng)
    _shell(layout, holes, bathroom=kind == 'bathroom')
    for hole in holes:
        _fill(layout, hole, curtains='curtain' in recipe.must)
    rest = [name for name in recipe.must if name != 'curtain']
    if not all(layout.furnish(name) for name in rest):
        return None
    counts = [(name, int(expected) + int(rng.random() < expected % 1)) for name, expected in recipe.wanted]
    for name in [*extras, *(name for name, count in counts for _ in range(count))]:
        layout.furnish(name)
    return Room(recipe.scene_type, size, layout.placed, pack(layout.placed))


def _holes(size: np.ndarray, n_windows: int, rng: np.random.Generator) -> list[Hole]:
    """A door in one wall, windows in the middle of others."""
    walls = rng.permutation(4)
    length = wall_frame(size, walls[0])[2]
    start = rng.choice([0.25, length - 0.25 - 0.97])
    holes = [Hole(int(walls[0]), (start, start + 0.97), (0.0, 2.08), 'door')]
    for wall in walls[1 : 1 + n_windows]:
        length = wall_frame(size, wall)[2]
        width = min(rng.uniform(1.0, 1.5), length - 1.4)
        middle = length / 2 + rng.uniform(-0.15, 0.15)
        top = min(2.1, size[2] - 0.2)
        holes.append(Hole(int(wall), (middle - width / 2, middle + width / 2), (SILL_M, top), 'window'))
    return holes


def _shell(layout: Layout, holes: list[Hole], bathroom: bool) -> None:
    """Floor, ceiling and four walls of pieces around their holes."""
    (w, d, h), rng = layout.size_m, layout.rng
    paint, tint = FLOORS[2] if bathroom else FLOORS[rng.integers(len(FLOORS))]
    floor = Thing('floor', np.array([w, d, WALL_M]), paint, tint)
    floor.slab((0, w), (0, d), (-WALL_M, 0))
    ceiling = Thing('ceiling', np.array([w, d, WALL_M]), (0.92, 0.92, 0.9))
    ceiling.slab((0, w), (0, d), (h, h + WALL_M))
    for thing in (floor, ceiling):
        layout.put(thing, 0.0, np.zeros(3), solid=False)
    colour = WALL_PAINTS[rng.integers(len(WALL_PAINTS))]
    for number in range(4):
        yaw, corner, length = wall_frame(layout.size_m, number)
        wall = Thing('wall', np.array([length, WALL_M, h]), colour, TILE if bathroom else PLAIN)
        for along, z in _pieces(length, h, [hole for hole in holes if hole.wall == number]):
            wall.slab(along, (-WALL_M, 0), z)
        layout.put(wall, yaw, corner, solid=False)


def _pieces(length: float, height: float, holes: list[Hole]) -> list[tuple[tuple, tuple]]:
    """(along, z) of the rectangles that are left of a wall."""
    pieces, start = [], 0.0
    for hole in holes:  # one at most
        pieces.append(((start, hole.along[0]), (0.0, height)))
        pieces += [(hole.along, z) for z in ((0.0, hole.z[0]), (hole.z[1], height)) if z[1] > z[0]]
        start = hole.along[1]
    return [*pieces, ((start, length), (0.0, height))]


def _fill(layout: Layout, hole: Hole, curtains: bool) -> None:
    """Door and frame, or window, sill and curtains; the floor before a door and the air before a window stay free."""
    yaw, corner, _ = wall_frame(layout.size_m, hole.wall)
    rng, turn = layout.rng, rotation(yaw)
    middle, width, height = sum(hole.along) / 2, hole.along[1] - hole.along[0], hole.z[1] - hole.z[0]

    def hang(name: str, along: float, out: float, z: float, size: tuple[float, float, float]) -> None:
        thing = make(name, rng, size)
        layout.put(thing, yaw, corner + turn @ np.array([along, out, z]))

    if hole.kind == 'door':
        hang('doorframe', middle, -0.05, 0.0, (width, 0.13, height))
        hang('door', middle, -0.06, 0.005, (width - 0.12, 0.05, height - 0.065))
        _keep_free(layout, turn, corner, (hole.along[0], hole.along[1]), (0.0, 0.85), (0.0, 2.0))
        return
    hang('window', middle, -0.06, hole.z[0], (width, 0.08, height))
    hang('windowsill', middle, 0.04, hole.z[0] - 0.04, (width + 0.1, 0.1, 0.035))
    if curtains:
        drop = hole.z[0] - 0.25 if rng.random() < 0.5 else 0.1
        for side in (-1, 1):
            cloth = rng.uniform(0.28, 0.4)
            at = middle + side * (width / 2 - 0.3 * cloth)
            hang('curtain', at, 0.17, drop, (cloth, 0.12, hole.z[1] + 0.12 - drop))
    elif rng.random() < 0.5:
        hang('blinds', middle, 0.12, hole.z[1] - 0.45 * height, (width, 0.06, 0.45 * height))
    _keep_free(layout, turn, corner, hole.along, (0.0, 0.25), (hole.z[0] - 0.05, hole.z[1] + 0.1))


def _keep_free(layout: Layout, turn: np.ndarray, corner: np.ndarray, along: tuple, out: tuple, z: tuple) -> None:
    ends = np.array([corner + turn @ np.array([a, o, h]) for a, o, h in zip(along, out, z, strict=True)])
    layout.blocked.append(np.array([ends.min(0), ends.max(0)]))
