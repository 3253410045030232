"""What seats and tables stand on: legs of several kinds."""

import numpy as np

from ..shapes import rotation
from .draws import Draws
from .mesh import Builder

STYLES = ('four', 'four', 'splayed', 'square', 'sled', 'pedestal', 'star', 'panels')


def stand(b: Builder, d: Draws, w: float, depth: float, z: float, part: str, styles: tuple[str, ...] = STYLES) -> None:
    """Legs below a plate of w by depth whose underside is at z."""
    _STANDS[d.one_of(styles)](b, d, w, depth, z, part)


def corners(w: float, depth: float) -> list[tuple[float, float]]:
    """The four corners of a footprint around the origin."""
    return [(x, y) for x in (-w / 2, w / 2) for y in (-depth / 2, depth / 2)]


def _four(b: Builder, d: Draws, w: float, depth: float, z: float, part: str) -> None:
    """Upright legs, round and at times tapered; at times rungs between them."""
    radius = z * d.between(0.025, 0.08)
    foot = radius * d.one_of((1.0, 1.0, 0.5))
    inner_w, inner_d = w - 2 * radius, depth - 2 * radius
    for x, y in corners(inner_w, inner_d):
        b.rod((x, y, z), (x, y, 0), radius, part, foot)
    if d.whether(0.35):
        level = z * d.even(0.15, 0.5)
        for side in (-1, 1):
            b.rod((-inner_w / 2, side * inner_d / 2, level), (inner_w / 2, side * inner_d / 2, level), radius / 2, part)
            b.rod((side * inner_w / 2, -inner_d / 2, level), (side * inner_w / 2, inner_d / 2, level), radius / 2, part)


def _square(b: Builder, d: Draws, w: float, depth: float, z: float, part: str) -> None:
    """Posts of square section."""
    half = z * d.between(0.03, 0.09)
    for x, y in corners(w - 2 * half, depth - 2 * half):
        b.box((x - half, x + half), (y - half, y + half), (0, z), part)


def _splayed(b: Builder, d: Draws, w: float, depth: float, z: float, part: str) -> None:
    """Legs that spread downwards, four or three of them."""
    radius, spread, inset = z * d.between(0.02, 0.06), d.even(1.0, 1.4), d.even(0.45, 0.85)
    places = corners(w, depth)
    if d.whether(0.25):
        places = [(w / 2 * np.cos(a), depth / 2 * np.sin(a)) for a in (0.5, 2.6, 4.7)]
    for x, y in places:
        b.rod((inset * x, inset * y, z), (spread * x, spread * y, 0), radius, part, radius * 0.6)


def _sled(b: Builder, d: Draws, w: float, depth: float, z: float, part: str) -> None:
    """A bent tube on each side."""
    radius = z * d.between(0.02, 0.05)
    open_front = d.whether(0.35)  # a cantilever
    for x in (-w / 2 + radius, w / 2 - radius):
        y0, y1 = -depth / 2 + radius, depth / 2 - radius
        points = [(x, y0, radius), (x, y1, radius), (x, y1, z)]
        b.path(points if open_front else [(x, y0, z), *points], radius, part)


def _pedestal(b: Builder, d: Draws, w: float, depth: float, z: float, part: str) -> None:
    """A column on a round, or square, foot."""
    foot, thick, radius = min(w, depth) * d.between(0.25, 0.5), z * d.between(0.02, 0.08), z * d.between(0.04, 0.14)
    flare = radius * d.one_of((1.0, 1.0, 1.6))
    b.lathe([(0, 0), (foot, 0), (foot, thick), (radius, 1.6 * thick), (flare, z), (0, z)], part=part,
            sides=d.one_of((4, 16, 16)))  # fmt: skip


def _star(b: Builder, d: Draws, w: float, depth: float, z: float, part: str) -> None:
    """A column on arms, with castors at times."""
    arms, reach, radius = d.count(3, 5), min(w, depth) * d.between(0.4, 0.62), z * d.between(0.04, 0.09)
    castors, hub = d.whether(0.6), z * d.even(0.15, 0.3)
    level = 0.12 * z if castors else 0.03 * z
    b.rod((0, 0, level), (0, 0, z), radius, part)
    for angle in np.arange(arms) * 2 * np.pi / arms + d.even(0, 1):
        x, y = reach * np.cos(angle), reach * np.sin(angle)
        b.rod((0, 0, hub), (x, y, level), radius * 0.7, part, radius * 0.5)
        if castors:
            b.ball((x, y, level / 2), (level / 2,) * 3, part)


def _panels(b: Builder, d: Draws, w: float, depth: float, z: float, part: str) -> None:
    """A board on each side, at times a third along the back."""
    thick, inset, deep = z * d.between(0.03, 0.1), w * d.even(0.0, 0.15), depth * d.even(0.7, 1.0)
    for side in (-1, 1):
        x = side * (w / 2 - inset - thick / 2)
        b.box((x - thick / 2, x + thick / 2), (-deep / 2, deep / 2), (0, z), part)
    if d.whether(0.4):
        b.box((-w / 2 + inset, w / 2 - inset), (-deep / 2, -deep / 2 + thick), (z * d.even(0.1, 0.6), z), part)


def wheels_at(b: Builder, places: list[tuple[float, float]], radius: float, width: float, part: str) -> None:
    """Wheels that roll along x, their lowest points at z = 0."""
    for x, y in places:
        profile = [(0, -width / 2), (radius, -width / 2), (radius, width / 2), (0, width / 2)]
        b.lathe(profile, (x, y, radius), part, rotation(0, 0, np.pi / 2))


_STANDS = {
    'four': _four, 'square': _square, 'splayed': _splayed, 'sled': _sled, 'pedestal': _pedestal, 'star': _star,
    'panels': _panels,
}  # fmt: skip
