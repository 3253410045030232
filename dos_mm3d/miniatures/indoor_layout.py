"""Finds places: what stands keeps clear of everything else, what lies lies on something that carries it.

PLACES, the first word of `Item.where`: wall (back against one), floor, spread (flat on the floor, under anything), at
(before one of the named), on / back / front (on top of one of the named), cover (all of its top), veil (along its
front), above (on the wall over it), hang (on the wall at that height), ceiling; opening (at a window or door) is
placed by indoor_room.py alone."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .indoor_catalogue import CATALOGUE, make
from .indoor_parts import Placed, Thing
from .shapes import rotation

TRIES = 60
GAP_M = 0.012


@dataclass
class Layout:
    """A room being furnished: interior 0 to size_m along x, y, z. blocked: bounds (2, 3) that nothing may enter."""

    size_m: np.ndarray
    rng: np.random.Generator
    placed: list[Placed] = field(default_factory=list)
    blocked: list[np.ndarray] = field(default_factory=list)

    def put(self, thing: Thing, yaw_rad: float, origin: np.ndarray, *, solid: bool = True) -> Placed:
        """Place it there, whatever stands there."""
        item = Placed(thing, yaw_rad, np.asarray(origin, float))
        self.placed.append(item)
        if solid:
            self.blocked.append(bounds(item))
        return item

    def fits(self, item: Placed, host: Placed | None = None) -> bool:
        """Inside the room and clear of what is blocked, but for its host."""
        low, high = bounds(item)
        if (low < -1e-3).any() or (high > self.size_m + 1e-3).any():
            return False
        mine = None if host is None else bounds(host)
        return not any(
            (low < other[1] - 1e-3).all() and (high > other[0] + 1e-3).all()
            for other in self.blocked
            if mine is None or not np.array_equal(other, mine)
        )

    def furnish(self, name: str) -> bool:
        """Add one of a category where it can stand; False where no place was found."""
        where, _, words = CATALOGUE[name].where.partition(' ')
        thing = make(name, self.rng)
        for _ in range(TRIES):
            item = PLACES[where](self, thing, words)
            if item is not None:
                self.put(item.thing, item.yaw_rad, item.origin, solid=where != 'spread')
                return True
        return False

    def pick(self, names: str) -> Placed | None:
        """One of the things of the categories `a|b|c` that stand here."""
        found = [item for item in self.placed if item.thing.name in names.split('|')]
        return found[self.rng.integers(len(found))] if found else None


def bounds(item: Placed) -> np.ndarray:
    """(2, 3) lower and upper corner of the upright box around it, in the room's frame."""
    w, d, h = item.thing.size_m
    c, s = abs(np.cos(item.yaw_rad)), abs(np.sin(item.yaw_rad))
    half = np.array([c * w + s * d, s * w + c * d]) / 2
    return np.array([[*(item.origin[:2] - half), item.origin[2]], [*(item.origin[:2] + half), item.origin[2] + h]])


def wall_frame(size_m: np.ndarray, wall: int) -> tuple[float, np.ndarray, float]:
    """Yaw, origin (3,) and length of a wall: x along it, y into the room; 0 south, 1 east, 2 north, 3 west."""
    width, depth = size_m[:2]
    corner = np.array([[0, 0, 0], [width, 0, 0], [width, depth, 0], [0, depth, 0]], float)[wall]
    return wall * np.pi / 2, corner, float(width if wall % 2 == 0 else depth)


def beside(item: Placed, x: float, y: float, z: float = 0.0) -> np.ndarray:
    """A point of its own frame, in the room."""
    return item.origin + rotation(item.yaw_rad) @ np.array([x, y, z])


def _at_wall(room: Layout, thing: Thing, z: float) -> Placed | None:
    yaw, corner, length = wall_frame(room.size_m, int(room.rng.integers(4)))
    w, d, _ = thing.size_m
    if length < w + 2 * GAP_M:
        return None
    along = room.rng.uniform(w / 2 + GAP_M, length - w / 2 - GAP_M)
    item = Placed(thing, yaw, corner + rotation(yaw) @ np.array([along, d / 2 + GAP_M, z]))
    return item if room.fits(item) else None


def _wall(room: Layout, thing: Thing, words: str) -> Placed | None:
    return _at_wall(room, thing, 0.0)


def _hang(room: Layout, thing: Thing, words: str) -> Placed | None:
    return _at_wall(room, thing, min(float(words), room.size_m[2] - thing.size_m[2] - 0.05))


def _floor(room: Layout, thing: Thing, words: str) -> Placed | None:
    origin = np.array([*room.rng.uniform(0.4, np.maximum(room.size_m[:2] - 0.4, 0.41)), 0.0])
    yaw = room.rng.integers(4) * np.pi / 2 + room.rng.uniform(-0.25, 0.25)
    item = Placed(thing, float(yaw), origin)
    return item if room.fits(item) else None


def _spread(room: Layout, thing: Thing, words: str) -> Placed | None:
    reach = np.minimum(np.hypot(*thing.size_m[:2]) / 2, room.size_m[:2] / 2 - 0.01)
    origin = np.array([*room.rng.uniform(reach, room.size_m[:2] - reach), 0.0])
    return Placed(thing, float(room.rng.integers(4) * np.pi / 2), origin)


def _ceiling(room: Layout, thing: Thing, words: str) -> Placed | None:
    origin = np.array([*room.size_m[:2] * room.rng.uniform(0.35, 0.65, 2), room.size_m[2] - thing.size_m[2]])
    item = Placed(thing, 0.0, origin)
    return item if room.fits(item) else None


def _at(room: Layout, thing: Thing, words: str) -> Placed | None:
    """Before a desk, or at one of the four sides of a table, half under it, turned to it."""
    host = room.pick(words)
    if host is None:
        return None
    side = 0 if host.thing.name == 'desk' else int(room.rng.integers(4))
    turn = side * np.pi / 2
    w, d, _ = host.thing.size_m
    across, out = (w, d) if side % 2 == 0 else (d, w)
    slide = max(across / 2 - 0.3, 0.0)
    place = rotation(turn) @ np.array([room.rng.uniform(-slide, slide), out / 2 + 0.3 * thing.size_m[1], 0.0])
    yaw = host.yaw_rad + turn + np.pi + room.rng.uniform(-0.3, 0.3)
    item = Placed(thing, float(yaw), beside(host, place[0], place[1]))
    return item if room.fits(item, host) else None


def _on(room: Layout, thing: Thing, words: str, part: tuple[float, float] = (0.0, 1.0)) -> Placed | None:
    """On a top of one of the named; `part`: which share of its depth, from the back."""
    host = room.pick(words)
    if host is None or not host.thing.tops:
        return None
    tops = host.thing.tops
    rear, fore = min(top.y0 for top in tops), max(top.y0 for top in tops)
    tops = [top for top in tops if (part[1] == 1 or top.y0 == rear) and (part[0] == 0 or top.y0 == fore)]
    top = tops[room.rng.integers(len(tops))]
    w, d, h = thing.size_m
    y0, y1 = (top.y0 + share * (top.y1 - top.y0) for share in part)
    y0, y1 = (y0, y1) if y1 - y0 >= d else (top.y0, top.y1)
    if h > top.clear_m or w > top.x1 - top.x0 + 0.02 or d > y1 - y0 + 0.02:
        return None
    x = room.rng.uniform(min(top.x0 + w / 2, 0.0), max(top.x1 - w / 2, 0.0))
    y = room.rng.uniform(y0 + d / 2, max(y1 - d / 2, y0 + d / 2))
    item = Placed(thing, host.yaw_rad, beside(host, x, y, top.z + 0.001))
    return item if room.fits(item, host) else None


def _back(room: Layout, thing: Thing, words: str) -> Placed | None:
    return _on(room, thing, words, (0.0, 0.6))


def _front(room: Layout, thing: Thing, words: str) -> Placed | None:
    return _on(room, thing, words, (0.5, 1.0))


def _cover(room: Layout, thing: Thing, words: str) -> Placed | None:
    """A slab of its host's size on top of it."""
    host = room.pick(words)
    if host is None:
        return None
    w, d, h = host.thing.size_m
    item = Placed(make(thing.name, room.rng, (w, d, thing.size_m[2])), host.yaw_rad, beside(host, 0, 0, h))
    return item if room.fits(item, host) else None


def _veil(room: Layout, thing: Thing, words: str) -> Placed | None:
    """Along the front of its host and from 0.2 m up (what is flat: at 1.95 m, all of its length)."""
    host = room.pick(words)
    if host is None:
        return None
    w, d = host.thing.size_m[:2]
    if thing.size_m[2] < 0.1:
        thing = make(thing.name, room.rng, (w, *thing.size_m[1:]))
    slack = max(w - thing.size_m[0], 0.0) / 2
    z = 1.96 if thing.size_m[2] < 0.1 else 0.2
    item = Placed(thing, host.yaw_rad, beside(host, room.rng.choice([-slack, slack]), d / 2 + thing.size_m[1] / 2, z))
    return item if room.fits(item) else None


def _above(room: Layout, thing: Thing, words: str) -> Placed | None:
    name, _, height = words.rpartition(' ')
    host = room.pick(name)
    if host is None:
        return None
    back = -host.thing.size_m[1] / 2 + thing.size_m[1] / 2
    item = Placed(thing, host.yaw_rad, beside(host, 0.0, back, float(height)))
    return item if room.fits(item) else None


PLACES: dict[str, Callable[[Layout, Thing, str], Placed | None]] = {
    'wall': _wall,
    'hang': _hang,
    'floor': _floor,
    'spread': _spread,
    'ceiling': _ceiling,
    'at': _at,
    'on': _on,
    'back': _back,
    'front': _front,
    'cover': _cover,
    'veil': _veil,
    'above': _above,
}
