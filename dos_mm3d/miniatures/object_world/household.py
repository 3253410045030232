"""What stands in rooms and is neither seat nor storage: display, sink, toilet."""

import numpy as np

from ..shapes import rotation
from .draws import Draws
from .mesh import Builder
from .vessels import hollow


def display(b: Builder, d: Draws) -> None:
    """A panel on a foot, at times curved, two of them, or with a deep tube behind it."""
    w = d.between(0.35, 1.4)
    h, thick, rise = w * d.between(0.5, 0.8), w * d.between(0.02, 0.08), w * d.between(0.03, 0.3)
    tilt = d.even(-0.05, 0.25)
    if d.whether(0.2):  # an old one
        deep = w * d.between(0.5, 0.9)
        b.box((-w / 2, w / 2), (-0.2 * deep, 0.1 * deep), (rise, rise + h))
        rear = Builder()
        rear.wedge(((-w / 2, w / 2), (-h / 2, h / 2)), ((-0.3 * w, 0.3 * w), (-0.3 * h, 0.3 * h)), (0, 0.7 * deep))
        raw = rear.raw()
        b.add(raw.vertices @ rotation(0, 0, np.pi / 2).T + [0, -0.2 * deep, rise + h / 2], raw.faces)
    elif d.whether(0.2):  # curved
        x = np.linspace(-1, 1, 9)
        bow = w * d.between(0.05, 0.15)
        rows = [[(s * w / 2, bow * s * s, z) for s in x] for z in (rise, rise + h)]
        b.sheet(np.array(rows), (0, -thick, 0))
    else:
        b.box((-w / 2, w / 2), (-thick / 2, thick / 2), (rise, rise + h), turn=rotation(0, 0, tilt))
        if d.whether(0.4):
            b.box((-0.3 * w, 0.3 * w), (-2 * thick, 0), (rise + 0.2 * h, rise + 0.8 * h), turn=rotation(0, 0, tilt))
    _foot(b, d, w, rise + 0.5 * h, thick)


def sink(b: Builder, d: Draws) -> None:
    """A basin, square or oval, with a tap: in a counter, on a column, on a body, or alone."""
    w = d.between(0.4, 0.8)
    depth, deep, rim = w * d.between(0.65, 0.95), w * d.between(0.2, 0.4), w * d.between(0.04, 0.12)
    place = d.one_of(('alone', 'column', 'body', 'counter'))
    z = deep if place == 'alone' else d.between(0.75, 0.95)
    if d.whether(0.5):
        _square_basin(b, w, depth, (z - deep, z), rim)
    else:
        arc = np.linspace(0, 1, 6)
        outside = [(w / 2 * (0.35 + 0.65 * t**0.6), z - deep + deep * t) for t in arc]
        b.lathe(hollow(outside, rim, z - 0.85 * deep), squash=depth / w, sides=24)
    if place == 'column':
        r = w * d.between(0.12, 0.22)
        b.lathe([(0, 0), (1.2 * r, 0), (r, 0.1), (0.9 * r, z - deep), (0, z - deep)])
    elif place == 'body':
        b.box((-0.48 * w, 0.48 * w), (-0.48 * depth, 0.42 * depth), (0, z - deep))
    elif place == 'counter':
        for x in (-1, 1):
            b.box(tuple(sorted((x * w / 2, x * w * d.between(0.6, 1.1)))), (-depth / 2, depth / 2), (z - 0.05, z))
    _tap(b, d, depth, z)


def toilet(b: Builder, d: Draws) -> None:
    """A bowl with a seat; a tank behind it, and a lid, down or up; some hang."""
    w = d.between(0.34, 0.44)
    length, z = w * d.between(1.1, 1.45), d.between(0.36, 0.46)
    squash, hung = length / w, d.whether(0.2)
    base = d.even(0.35, 0.8) * w / 2
    low = 0.4 * z if hung else 0.0
    outside = [(base, low), (0.8 * base, low + 0.3 * (z - low)), (w / 2, 0.9 * z), (w / 2, z)]
    b.lathe(hollow(outside, 0.12 * w, 0.55 * z), squash=squash, sides=24)
    ring = [(0.36 * w, z), (0.52 * w, z), (0.52 * w, z + 0.03), (0.36 * w, z + 0.03), (0.36 * w, z)]
    b.lathe(ring, squash=squash, sides=24)
    rear = -length / 2
    lid = d.one_of(('down', 'up', 'none'))
    if lid == 'down':
        b.lathe([(0, z + 0.03), (0.52 * w, z + 0.03), (0.5 * w, z + 0.06), (0, z + 0.07)], squash=squash, sides=24)
    elif lid == 'up':
        lean = rotation(0, 0, np.pi / 2 + 0.12)
        b.lathe([(0, 0), (0.52 * w, 0), (0.5 * w, 0.03), (0, 0.03)], (0, rear + 0.03, z + length / 2), turn=lean,
                squash=squash, sides=24)  # fmt: skip
    if d.whether(0.8):
        wide, deep, high = w * d.between(0.9, 1.3), d.between(0.14, 0.24), d.between(0.28, 0.45)
        start = z if d.whether(0.7) else 0.02
        b.box((-wide / 2, wide / 2), (rear - deep, rear), (start, z + high))
        b.box((-wide / 2 - 0.01, wide / 2 + 0.01), (rear - deep - 0.01, rear + 0.01), (z + high, z + high + 0.03))
    b.box((-0.35 * w, 0.35 * w), (rear - 0.1, rear + 0.1), (low, z))


def _foot(b: Builder, d: Draws, w: float, z: float, thick: float) -> None:
    """Below a panel whose middle is at z: a plate, a disc, or two feet at its ends; none where it hangs."""
    style = d.one_of(('plate', 'disc', 'feet', 'none'))
    deep = w * d.between(0.2, 0.45)
    if style == 'feet':
        for x in (-0.35 * w, 0.35 * w):
            for y in (-deep / 2, deep / 2):
                b.rod((x, 0, 0.5 * z), (x, y, 0), 0.012)
        return
    if style == 'none':
        return
    neck, wide = w * d.between(0.04, 0.15), w * d.between(0.25, 0.6)
    b.box((-neck / 2, neck / 2), (-1.5 * thick, -0.3 * thick), (0, z))
    if style == 'plate':
        b.box((-wide / 2, wide / 2), (-deep / 2, deep / 2), (0, 0.015))
    else:
        b.lathe([(0, 0), (wide / 2, 0), (0.9 * wide / 2, 0.02), (0, 0.02)], squash=deep / wide)


def _square_basin(b: Builder, w: float, depth: float, z: tuple[float, float], rim: float) -> None:
    x, y = (-w / 2, w / 2), (-depth / 2, depth / 2)
    b.box((x[0] + rim, x[1] - rim), (y[0] + rim, y[1] - rim), (z[0], z[0] + 0.15 * (z[1] - z[0])))
    for x0 in (x[0], x[1] - rim):
        b.box((x0, x0 + rim), y, z)
    for y0 in (y[0], y[1] - rim):
        b.box(x, (y0, y0 + rim), z)


def _tap(b: Builder, d: Draws, depth: float, z: float) -> None:
    """A spout with its handles, at the rear edge."""
    y, high, out = -0.45 * depth, d.between(0.08, 0.35), d.between(0.1, 0.22)
    thin = d.between(0.008, 0.018)
    if d.whether(0.5):
        arc = np.linspace(np.pi, 0, 6)
        bow = [(0, y + out / 2 + out / 2 * np.cos(a), z + high + out / 2 * np.sin(a)) for a in arc]
        b.path([(0, y, z), *bow], thin)
    else:
        b.path([(0, y, z), (0, y, z + high), (0, y + out, z + 0.8 * high)], thin)
    if d.whether(0.5):
        for x in (-0.08, 0.08):
            b.rod((x, y, z), (x, y, z + 0.06), thin)
