"""What is turned on a lathe: mug, bowl, vase, bottle, flower pot, bin, lamp."""

import numpy as np

from ..shapes import rotation
from .draws import Draws
from .mesh import Builder

Profile = list[tuple[float, float]]


def hollow(outside: Profile, wall: float, floor: float) -> Profile:
    """The profile of an open vessel: up the outside, over the rim, down the inside to its floor."""
    inside = [(max(r - wall, 0.0), max(z, floor)) for r, z in reversed(outside)]
    return [(0.0, outside[0][1]), *outside, *inside, (0.0, floor)]


def mug(b: Builder, d: Draws) -> None:
    """A small open cylinder with a handle, rarely without."""
    r = d.between(0.03, 0.06)
    h, foot = r * d.between(1.3, 3.2), r * d.between(0.65, 1.0)
    bulge = d.one_of((0.0, 0.0, d.even(-0.15, 0.2))) * r
    outside = [(foot + (r - foot) * t + bulge * 4 * t * (1 - t), h * t) for t in np.linspace(0, 1, 7)]
    b.lathe(hollow(outside, 0.08 * r, 0.08 * h), part='cup', sides=24)
    if d.whether(0.9):
        _ear(b, d, r, h * d.even(0.5, 0.65), h * d.between(0.2, 0.36), 'handle')


def bowl(b: Builder, d: Draws) -> None:
    """Wider than high, open, on a foot at times."""
    r = d.between(0.06, 0.2)
    h, power = r * d.between(0.3, 1.0), d.between(0.35, 0.9)
    foot = r * d.between(0.25, 0.6)
    base = h * d.between(0.05, 0.25) if d.whether(0.5) else 0.0
    outside = [(foot + (r - foot) * t**power, base + (h - base) * t) for t in np.linspace(0, 1, 8)]
    if base:
        outside = [(foot * d.even(0.8, 1.2), 0.0), *outside]
    if d.whether(0.3):
        outside.append((r * d.even(1.05, 1.25), h * 1.02))
    b.lathe(hollow(outside, 0.05 * r, base + 0.06 * h), sides=28)


def vase(b: Builder, d: Draws) -> None:
    """A curved profile, open above, slender on the whole; two ears at times."""
    h = d.between(0.15, 0.6)
    r = h * d.between(0.14, 0.4)
    belly, neck, mouth = d.even(0.2, 0.65), d.between(0.25, 0.9), d.between(0.4, 1.3)
    knots = ([0.0, belly, d.even(belly + 0.12, 0.9), 1.0], [r * d.between(0.4, 1.0), r, r * neck, r * mouth])
    outside = [(float(x), h * t) for t, x in zip(np.linspace(0, 1, 13), _smooth(np.linspace(0, 1, 13), *knots))]
    sides = d.one_of((28, 28, 28, 6))
    b.lathe(hollow(outside, 0.06 * r, 0.04 * h), sides=sides)
    if d.whether(0.15):
        for yaw in (0.0, np.pi):
            _ear(b, d, r * 0.9, h * 0.65, h * 0.15, '', yaw)


def bottle(b: Builder, d: Draws) -> None:
    """A closed body, a shoulder, a thin neck; a cap at times."""
    h = d.between(0.14, 0.36)
    r = h * d.between(0.1, 0.28)
    neck, shoulder = r * d.between(0.2, 0.55), d.even(0.45, 0.8)
    rise = min(shoulder + d.between(0.04, 0.25), 0.93)
    sides = d.one_of((24, 24, 24, 4, 8))
    steps = [(r + (neck - r) * (1 - np.cos(np.pi * t)) / 2, h * (shoulder + (rise - shoulder) * t)) for t in
             np.linspace(0, 1, 6)]  # fmt: skip
    b.lathe([(0, 0), (r * d.even(0.85, 1.0), 0), (r, 0.03 * h), *steps, (neck, h), (0, h)], sides=sides)
    if d.whether(0.5):
        cap = neck * d.between(1.05, 1.5)
        b.lathe([(0, 0.93 * h), (cap, 0.93 * h), (cap, 1.02 * h), (0, 1.02 * h)], sides=12)
    if d.whether(0.12):
        b.path([(neck, 0, 0.95 * h), (r * 1.6, 0, 0.95 * h), (r * 1.7, 0, 0.75 * h)], 0.12 * r)


def flower_pot(b: Builder, d: Draws) -> None:
    """A pot that widens upwards, with a rim or a saucer; what grows in it, if anything does."""
    r = d.between(0.08, 0.25)
    h, foot = r * d.between(0.9, 2.2), r * d.between(0.5, 0.95)
    outside = [(foot, 0), (0.95 * r, 0.8 * h), (0.95 * r, 0.82 * h), (r * 1.08, 0.83 * h), (r * 1.08, h)]
    if d.whether(0.5):
        outside = [(foot, 0), (r, h)]
    b.lathe(hollow(outside, 0.08 * r, 0.1 * h), sides=d.one_of((20, 20, 4)))
    if d.whether(0.3):
        b.lathe([(0, 0), (1.2 * foot, 0), (1.4 * foot, 0.08 * h), (0, 0.04 * h)])
    if d.whether(0.75):
        b.lathe([(0, 0.8 * h), (0.9 * r, 0.8 * h)])
        d.one_of((_leaves, _bush, _cactus))(b, d, r, 0.8 * h)


def rubbish_bin(b: Builder, d: Draws) -> None:
    """A can or a box, open or with a lid of several kinds."""
    r = d.between(0.1, 0.3)
    h, foot = r * d.between(1.6, 3.6), r * d.between(0.65, 1.0)
    sides, squash = d.one_of((20, 20, 4)), d.between(0.6, 1.0)
    outside = [(foot, 0), (r, h)]
    lid = d.one_of(('none', 'flat', 'dome', 'slope'))
    b.lathe(hollow(outside, 0.05 * r, 0.04 * h), sides=sides, squash=squash)
    if lid == 'flat':
        rim = 1.05 * r
        b.lathe([(0, h), (rim, h), (rim, 1.06 * h), (0, 1.08 * h)], sides=sides, squash=squash)
    elif lid == 'dome':
        arc = [(r * np.cos(t), h + 0.8 * r * np.sin(t)) for t in np.linspace(0, np.pi / 2, 5)]
        b.lathe(arc, sides=sides, squash=squash)
    elif lid == 'slope':
        b.lathe([(0, h), (1.02 * r, h), (0.6 * r, 1.25 * h), (0, 1.25 * h)], sides=sides, squash=squash)
    if lid != 'none' and d.whether(0.3):  # wheels and a bar, as bins on the street have them
        for x in (-0.6 * r, 0.6 * r):
            b.rod((x - 0.03, -squash * foot, 0.07), (x + 0.03, -squash * foot, 0.07), 0.07)
        b.rod((-0.6 * r, -squash * r - 0.03, 0.95 * h), (0.6 * r, -squash * r - 0.03, 0.95 * h), 0.015)


def lamp(b: Builder, d: Draws) -> None:
    """Standing on the floor or a table, hanging, or on a bent arm."""
    kind = d.one_of(('floor', 'table', 'table', 'hanging', 'arm'))
    h = d.between(1.1, 1.9) if kind == 'floor' else d.between(0.3, 0.75)
    if kind == 'hanging':
        z, top = d.between(0.2, 0.4), h
        b.rod((0, 0, z), (0, 0, top), 0.008, 'pole')
        b.lathe([(0, top), (0.07, top), (0.05, top + 0.03), (0, top + 0.03)], part='canopy')
        _shade(b, d, (0, 0, z), d.between(0.1, 0.3))
        return
    foot, thin = h * d.between(0.07, 0.22) if kind == 'floor' else h * d.between(0.14, 0.35), h * d.between(0.008, 0.03)
    _foot(b, d, foot, 0.04 * h)
    if kind == 'arm':
        elbow = (-h * d.even(0.1, 0.4), 0.0, h * d.even(0.45, 0.8))
        tip = (h * d.even(0.1, 0.5), 0.0, h)
        b.path([(0, 0, 0.03 * h), elbow, tip], thin, 'pole')
        r = h * d.between(0.1, 0.2)
        turn = rotation(0, d.even(0.0, 1.2))
        b.lathe([(0.3 * r, 0), (r, -1.2 * r), (0.95 * r, -1.2 * r), (0.25 * r, 0)], tip, 'shade', turn)
        return
    if d.whether(0.5):
        b.rod((0, 0, 0), (0, 0, 0.8 * h), thin, 'pole')
    else:
        wide = h * d.between(0.03, 0.15)
        knots = np.linspace(0, 1, 9)
        body = _smooth(knots, [0, d.even(0.2, 0.6), 1.0], [0.6 * wide, wide, thin])
        b.lathe([(float(r), 0.72 * h * t) for t, r in zip(knots, body)], part='pole')
    _shade(b, d, (0, 0, 0.7 * h), h * (d.between(0.1, 0.2) if kind == 'floor' else d.between(0.18, 0.4)))


def _shade(b: Builder, d: Draws, place: tuple, r: float) -> None:
    """A cone, a drum, a ball or a bowl; its lower edge at the place."""
    style, high = d.one_of(('cone', 'drum', 'ball', 'bowl')), r * d.between(0.7, 1.6)
    if style == 'ball':
        b.ball((place[0], place[1], place[2] + 0.8 * r), (0.8 * r, 0.8 * r, 0.8 * r), 'shade')
        return
    top = {'cone': d.even(0.25, 0.75), 'drum': 1.0, 'bowl': 1.0}[style] * r
    outside = [(r, 0), (top, high)]
    if style == 'bowl':
        outside = [(r * np.cos(t), r * np.sin(t)) for t in np.linspace(0, np.pi / 2 - 0.1, 6)]
    profile = [*outside, *((0.96 * x, z) for x, z in reversed(outside))]
    b.lathe(profile, place, 'shade', sides=d.one_of((24, 24, 4, 6)))


def _foot(b: Builder, d: Draws, r: float, thick: float) -> None:
    """A plate, a dome, or three legs."""
    style = d.one_of(('plate', 'square', 'dome', 'tripod'))
    if style == 'tripod':
        for angle in (0.4, 2.5, 4.6):
            end = (1.6 * r * np.cos(angle), 1.6 * r * np.sin(angle), 0)
            b.rod((0, 0, 2.2 * r), end, 0.35 * thick, 'base', sides=6)
    elif style == 'dome':
        arc = [(r * np.cos(t), 0.6 * r * np.sin(t)) for t in np.linspace(0, np.pi / 2, 5)]
        b.lathe([(0, 0), *arc], part='base')
    else:
        b.lathe([(0, 0), (r, 0), (r, thick), (0, thick)], part='base', sides=4 if style == 'square' else 20)


def _ear(b: Builder, d: Draws, r: float, z: float, high: float, part: str, yaw: float = 0.0) -> None:
    """A handle at the side: round, square or an open hook."""
    out, thin = high * d.between(0.7, 1.3), high * d.between(0.12, 0.25)
    style = d.one_of(('round', 'round', 'square', 'hook'))
    angle = np.linspace(-np.pi / 2, np.pi / 2, 7)
    points = [(0.9 * r + out * np.cos(a), z + high * np.sin(a)) for a in angle]
    if style == 'square':
        points = [(0.9 * r, z - high), (r + out, z - high), (r + out, z + high), (0.9 * r, z + high)]
    elif style == 'hook':
        points = points[2:]
    b.path([(x * np.cos(yaw), x * np.sin(yaw), h) for x, h in points], thin, part)


def _smooth(at: np.ndarray, knots: list[float], values: list[float]) -> np.ndarray:
    """Values between knots along half cosines."""
    which = np.clip(np.searchsorted(knots, at, 'right') - 1, 0, len(knots) - 2)
    low, high = np.take(knots, which), np.take(knots, which + 1)
    share = (1 - np.cos(np.pi * (at - low) / (high - low))) / 2
    return np.take(values, which) * (1 - share) + np.take(values, which + 1) * share


def _leaves(b: Builder, d: Draws, r: float, z: float) -> None:
    """Stems with leaves at their ends."""
    long = r * d.between(1.5, 5.0)
    for _ in range(d.count(5, 12)):
        yaw, lean = d.even(0, 2 * np.pi), d.even(0.05, 1.1)
        tip = np.array([np.sin(lean) * np.cos(yaw), np.sin(lean) * np.sin(yaw), np.cos(lean)]) * long * d.even(0.6, 1)
        b.rod((0, 0, z), (*tip[:2], z + tip[2]), 0.03 * r, sides=5)
        half = (long * 0.16, long * 0.06, long * 0.012)
        b.ball((*tip[:2], z + tip[2]), half, turn=rotation(yaw, d.even(-0.4, 0.9)))


def _bush(b: Builder, d: Draws, r: float, z: float) -> None:
    """A crown of balls, on a stem at times."""
    stem, crown = r * d.between(0.3, 4.0), r * d.between(0.7, 1.8)
    b.rod((0, 0, z), (0, 0, z + stem), 0.1 * r)
    for _ in range(d.count(2, 6)):
        shift = crown * d.rng.uniform(-0.4, 0.4, 3)
        b.ball((shift[0], shift[1], z + stem + shift[2]), crown * d.rng.uniform(0.5, 0.9, 3))


def _cactus(b: Builder, d: Draws, r: float, z: float) -> None:
    """A thick stem with arms."""
    high, thick = r * d.between(1.5, 4.0), r * d.between(0.25, 0.5)
    b.ball((0, 0, z + high / 2), (thick, thick, high / 2), power=4.0)
    for _ in range(d.count(0, 3)):
        yaw, level = d.even(0, 2 * np.pi), z + high * d.even(0.3, 0.6)
        x, y = 2.2 * thick * np.cos(yaw), 2.2 * thick * np.sin(yaw)
        b.path([(0, 0, level), (x, y, level), (x, y, level + high * d.even(0.2, 0.4))], 0.5 * thick)
