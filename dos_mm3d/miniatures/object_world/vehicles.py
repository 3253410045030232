"""What drives and flies: car, van, truck, bus, motorbike, skateboard, aeroplane, rocket. x forward, y left, z up."""

import numpy as np

from .. import objects as traffic
from ..shapes import rotation
from .draws import Draws
from .mesh import Builder
from .stands import wheels_at

# body: foot of the windscreen, front and rear edge of the roof, foot of the rear window; shares of the length from the
# middle forward, and the waist as a share of the height
BODIES = {
    'saloon': (0.2, 0.04, -0.25, -0.38, 0.6),
    'hatchback': (0.24, 0.08, -0.38, -0.48, 0.6),
    'suv': (0.24, 0.1, -0.44, -0.49, 0.56),
    'coupe': (0.16, -0.02, -0.18, -0.46, 0.62),
    'pickup': (0.22, 0.1, -0.08, -0.12, 0.58),
    'open': (0.2, 0.18, 0.16, 0.15, 0.62),
}


def car(b: Builder, d: Draws) -> None:
    """A body with a bonnet, a cabin of sloping glass under a roof, four wheels."""
    length = d.between(3.4, 5.2)
    w, h = length * d.between(0.36, 0.44), length * d.between(0.27, 0.38)
    foot, front, rear, tail, waist = BODIES[d.one_of(tuple(BODIES))]
    radius, belly, waist = h * d.between(0.18, 0.25), h * d.between(0.12, 0.2), waist * h
    bonnet = waist * d.even(0.82, 1.0)
    x_foot, nose = foot * length, length / 2
    lower = ((-length / 2, x_foot), (-w / 2, w / 2))
    b.wedge(lower, lower, (belly, waist), 'body')
    b.wedge(((x_foot, nose), (-w / 2, w / 2)), ((x_foot, nose), (-w / 2, w / 2)), (belly, 0.7 * bonnet), 'body')
    b.wedge(((x_foot, nose), (-w / 2, w / 2)), ((x_foot, nose * d.even(0.9, 1.0)), (-0.48 * w, 0.48 * w)),
            (0.7 * bonnet, bonnet), 'hood')  # fmt: skip
    roof = ((rear * length, front * length), (-0.4 * w, 0.4 * w))
    b.wedge(((tail * length, x_foot), (-w / 2, w / 2)), roof, (waist, h * 0.98), 'body')
    b.wedge(roof, roof, (h * 0.97, h), 'roof')
    if d.whether(0.2):
        b.box((-length / 2, -0.44 * length), (-0.45 * w, 0.45 * w), (waist * 1.15, waist * 1.2), 'body')  # a spoiler
    places = [(x * length, y) for x in (-0.3, 0.31) for y in (-0.46 * w, 0.46 * w)]
    wheels_at(b, places, radius, 0.12 * w, 'wheel')


def van(b: Builder, d: Draws) -> None:
    """One high body behind a short nose: delivery, people's and camper vans."""
    length = d.between(4.0, 6.2)
    w, h = length * d.between(0.32, 0.44), length * d.between(0.36, 0.5)
    nose, belly, radius = length * d.between(0.06, 0.22), 0.12 * h, h * d.between(0.13, 0.19)
    front = length / 2 - nose
    slope = length * d.even(0.02, 0.12)
    b.wedge(
        ((-length / 2, front), (-w / 2, w / 2)), ((-length / 2, front - slope), (-0.46 * w, 0.46 * w)), (0.45 * h, h)
    )
    b.box((-length / 2, front), (-w / 2, w / 2), (belly, 0.46 * h))
    b.wedge(((front, length / 2), (-w / 2, w / 2)), ((front, length / 2 - 0.3 * nose), (-0.47 * w, 0.47 * w)),
            (belly, h * d.even(0.38, 0.5)))  # fmt: skip
    if d.whether(0.3):  # a rack or a raised roof
        b.box((-0.4 * length, 0.2 * length), (-0.35 * w, 0.35 * w), (h, h * d.between(1.04, 1.25)))
    wheels_at(b, [(x * length, y) for x in (-0.3, 0.3) for y in (-0.46 * w, 0.46 * w)], radius, 0.11 * w, '')


def truck(b: Builder, d: Draws) -> None:
    """A cab before a closed box, a flat bed, a tank, a tipper; or the trucks of the streets."""
    if d.whether(0.3):
        street_shape(b, d, d.one_of(('truck', 'truck', 'trailer')))
        return
    length = d.between(5.5, 12.0)
    w, h = d.between(2.1, 2.7), d.between(2.4, 3.8)
    cab, gap, deck = min(d.between(1.5, 2.6), 0.4 * length), d.between(0.1, 0.5), d.between(0.8, 1.2)
    front = length / 2
    nose = d.between(0.8, 1.4) if d.whether(0.35) else 0.0
    if nose:
        b.wedge(((front - nose, front), (-0.42 * w, 0.42 * w)), ((front - nose, front - 0.1), (-0.4 * w, 0.4 * w)),
                (0.5, 0.5 * h))  # fmt: skip
    x0, x1 = front - nose - cab, front - nose
    b.wedge(((x0, x1), (-w / 2, w / 2)), ((x0, x1 - d.even(0, 0.3)), (-0.46 * w, 0.46 * w)), (0.45, h * d.even(0.7, 1)))
    b.box((-front, x1), (-0.3 * w, 0.3 * w), (0.8 * deck, deck))
    _load(b, d, (-front, x0 - gap), w, (deck, h))
    axles = [front - nose / 2 - 0.25 * cab, *(-front + np.arange(1, d.count(1, 3) + 1) * 1.3)]
    wheels_at(b, [(float(x), y) for x in axles for y in (-0.44 * w, 0.44 * w)], d.between(0.4, 0.55), 0.35, '')


def bus(b: Builder, d: Draws) -> None:
    """A long box with rows of windows; two floors at times; or the bus of the streets."""
    if d.whether(0.25):
        street_shape(b, d, 'bus')
        return
    length, w = d.between(7.0, 14.0), d.between(2.3, 2.7)
    h = d.between(2.7, 3.4) if d.whether(0.8) else d.between(3.8, 4.4)
    radius, belly, slope = d.between(0.4, 0.55), 0.35, d.even(0, 0.5)
    b.box((-length / 2, length / 2), (-w / 2, w / 2), (belly, 0.45 * h))
    b.wedge(((-length / 2, length / 2), (-w / 2, w / 2)), ((-length / 2, length / 2 - slope), (-0.47 * w, 0.47 * w)),
            (0.45 * h, h))  # fmt: skip
    n = d.count(5, 10)
    for x in np.linspace(-0.45 * length, 0.42 * length, n + 1)[:-1]:  # window frames stand out
        for side in (-1, 1):
            y = tuple(sorted((side * 0.5 * w, side * 0.53 * w)))
            b.box((x, x + 0.12 * length / n), y, (0.45 * h, 0.85 * h))
    if d.whether(0.4):
        b.box((-0.3 * length, 0.1 * length), (-0.3 * w, 0.3 * w), (h, h + d.between(0.15, 0.4)))
    if d.whether(0.25):  # a bonnet, as school buses have it
        b.box((length / 2, length / 2 + d.between(0.8, 1.3)), (-0.42 * w, 0.42 * w), (belly, 0.45 * h))
    axles = (-0.28 * length, 0.3 * length) if d.whether(0.7) else (-0.3 * length, -0.2 * length, 0.32 * length)
    wheels_at(b, [(x, y) for x in axles for y in (-0.45 * w, 0.45 * w)], radius, 0.3, '')


def motorbike(b: Builder, d: Draws) -> None:
    """Two wheels, a frame with its engine, tank, seat, handlebar and light; a scooter at times."""
    length = d.between(1.8, 2.4)
    r, wide = length * d.between(0.13, 0.17), length * d.between(0.04, 0.09)
    front, rear, seat = length / 2 - r, -length / 2 + r, d.between(0.6, 0.85)
    wheels_at(b, [(front, 0), (rear, 0)], r, wide, 'wheel')
    head = (front - d.between(0.2, 0.5), 0.0, seat + d.between(0.1, 0.35))
    for y in (-0.08, 0.08):
        b.rod((front, y, r), (head[0], y, head[2]), 0.025, 'frame')
        b.rod((rear, y, r), (-0.1 * length, y, 0.6 * seat), 0.03, 'frame')
    if d.whether(0.25):  # a scooter
        b.box((rear, 0.05 * length), (-0.18, 0.18), (0.6 * r, seat - 0.08), 'frame')
        b.box((0, head[0]), (-0.17, 0.17), (0.8 * r, r), 'frame')
        b.box((head[0] - 0.04, head[0] + 0.04), (-0.2, 0.2), (r, head[2]), 'frame')
    else:
        b.ball((0, 0, 0.55 * seat), (0.2 * length, d.between(0.1, 0.2), 0.25 * seat), 'frame', power=3.5)
        b.rod((rear, 0.15, r), (0.1 * length, 0.17, 0.8 * r), 0.05, 'frame')
    b.ball((0.1 * length, 0, seat + 0.08), (d.between(0.15, 0.28), d.between(0.1, 0.17), d.between(0.08, 0.15)), 'tank')
    b.ball((-0.15 * length, 0, seat), (d.between(0.2, 0.35), 0.13, 0.06), 'seat', power=3.0)
    bar, rise = d.between(0.28, 0.45), d.even(0.0, 0.3)
    for side in (-1, 1):
        b.path([head, (head[0] - 0.05, side * 0.12, head[2] + rise), (head[0] - 0.15, side * bar, head[2] + rise)],
               0.02, 'handle')  # fmt: skip
    b.ball((head[0] + 0.1, 0, head[2] - 0.05), (0.09, 0.1, 0.1), 'light')
    if d.whether(0.3):
        turn = rotation(0, -0.6)
        b.box((head[0], head[0] + 0.02), (-0.2, 0.2), (head[2], head[2] + 0.4), 'light', turn)  # a windshield


def skateboard(b: Builder, d: Draws) -> None:
    """A deck with risen ends, two axles, four wheels."""
    length = d.between(0.6, 1.1)
    w, thick, rise = length * d.between(0.2, 0.3), length * d.between(0.012, 0.03), length * d.even(0.0, 0.1)
    level, flat, r = length * d.between(0.08, 0.15), d.even(0.55, 0.8), length * d.between(0.03, 0.055)
    grid = []
    for x in np.linspace(-1, 1, 13):
        end = max(abs(x) - flat, 0) / (1 - flat)
        half = w / 2 * np.sqrt(max(1 - d_end(end), 0.05))
        grid.append([(x * length / 2, y * half, level + rise * end**1.5) for y in (-1, -0.5, 0.5, 1)])
    b.sheet(np.array(grid), (0, 0, thick), 'deck')
    places = [(x * length, y) for x in (-0.3, 0.3) for y in (-0.4 * w, 0.4 * w)]
    wheels_at(b, places, r, 0.2 * w, 'wheel')
    for x in (-0.3, 0.3):
        b.rod((x * length, -0.4 * w, r), (x * length, 0.4 * w, r), 0.35 * r, 'belt', sides=6)
        b.wedge(((x * length - r, x * length + r), (-0.15 * w, 0.15 * w)),
                ((x * length - 1.5 * r, x * length + 1.5 * r), (-0.25 * w, 0.25 * w)), (r, level), 'belt')  # fmt: skip


def d_end(share: float) -> float:
    """How much of the width is gone at a share of a deck's rounded end."""
    return share**2.5


def airplane(b: Builder, d: Draws) -> None:
    """A fuselage, wings and tail of several plans; engines below the wings, at the tail or a propeller."""
    length = d.between(6.0, 40.0)
    r, power = length * d.between(0.035, 0.085), d.between(1.5, 4.0)
    x = np.linspace(-1, 1, 15)
    profile = [(r * max(1 - abs(t) ** power, 0.02) ** 0.6, t * length / 2) for t in x]
    b.lathe(profile, part='body', turn=rotation(0, np.pi / 2))
    span, root, sweep = length * d.between(0.3, 0.62), length * d.between(0.1, 0.3), length * d.even(-0.02, 0.3)
    tip, z, rise = root * d.between(0.15, 0.9), r * d.even(-0.8, 0.9), length * d.even(-0.01, 0.06)
    at = length * d.even(0.0, 0.15)
    for side in (-1, 1):
        _wing(b, side, at, span, root, tip, sweep, (z, z + rise), 'wing')
        if d.whether(0.08):  # a biplane
            _wing(b, side, at, span, root, tip, sweep, (z + 2.5 * r, z + rise + 2.5 * r), 'wing')
    tail, high = -0.44 * length, length * d.between(0.09, 0.2)
    level = high if d.whether(0.25) else 0.3 * r
    for side in (-1, 1):
        _wing(b, side, tail, 0.35 * span, 0.08 * length, 0.04 * length, 0.05 * length, (level, level), 'tail')
    lean = d.even(0.3, 0.9) * high
    fin = [(tail - 0.06 * length, 0), (tail + 0.06 * length, 0), (tail + 0.03 * length - lean, high),
           (tail - 0.04 * length - lean, high)]  # fmt: skip
    thick = 0.005 * length
    b.prism(fin, (-thick, thick), 'tail', rotation(0, 0, np.pi / 2))
    _engines(b, d, length, r, span, at - 0.4 * sweep, z)


def rocket(b: Builder, d: Draws) -> None:
    """A body with a nose and fins, in stages, with boosters at times; upright."""
    h = d.between(1.0, 30.0)
    r, nose = h * d.between(0.035, 0.13), h * d.between(0.1, 0.35)
    waist, power = r * d.between(0.6, 1.0), d.between(0.5, 1.2)
    low, step, top = h * d.even(0.0, 0.08), h * d.even(0.3, 0.7), h - nose
    bell = [(r * 0.8, 0), (r * 0.5, low)]
    b.lathe([(0, 0), *bell, (r, low), (r, step), (waist, step + 0.05 * h), (waist, top), (0, top)], part='body')
    b.lathe([(waist * (1 - t) ** power, top + nose * t) for t in np.linspace(0, 1, 8)], part='nose')
    n, root, out = d.count(3, 5), h * d.between(0.1, 0.28), r * d.between(0.5, 2.5)
    back, thick = d.even(-0.5, 0.6) * root, 0.06 * r
    for angle in np.arange(n) * 2 * np.pi / n:
        fin = [(0.8 * r, low), (r + out, low - back), (r + out, low - back + 0.5 * root), (0.8 * r, low + root)]
        b.prism(fin, (-thick, thick), 'fin', rotation(angle) @ rotation(0, 0, np.pi / 2))
    if d.whether(0.3):
        slim, high = r * d.between(0.4, 0.8), h * d.between(0.3, 0.6)
        for angle in np.arange(d.one_of((2, 4))) * np.pi:
            centre = ((r + slim) * np.cos(angle), (r + slim) * np.sin(angle), low)
            b.lathe([(0, 0), (slim, 0), (slim, 0.85 * high), (0, high)], centre, 'body', sides=12)


def street_shape(b: Builder, d: Draws, kind: str) -> None:
    """An object of the embedded streets, of a size of its own."""
    shape = traffic.build_shape(kind, traffic.draw_size(kind, d.rng), d.rng)
    for solid, centre, half, turn in zip(shape.kinds, shape.centres, shape.halves, shape.rotations):
        b.solid(solid, np.array(centre), np.array(half), turn)


def _wing(
    b: Builder, side: int, x: float, span: float, root: float, tip: float, sweep: float, z: tuple[float, float],
    part: str,
) -> None:  # fmt: skip
    """A plate from the middle outwards, swept back."""
    rows = [
        [(x + s * root / 2, 0.0, z[0]) for s in (-1, 1)],
        [(x - sweep + s * tip / 2, side * span, z[1]) for s in (-1, 1)],
    ]
    b.sheet(np.array(rows), (0, 0, 0.07 * root), part)


def _engines(b: Builder, d: Draws, length: float, r: float, span: float, x: float, z: float) -> None:
    """Below the wings, beside the tail, before the nose, or none that is seen."""
    style, size = d.one_of(('wing', 'wing', 'tail', 'propeller', 'none')), r * d.between(0.35, 0.7)
    lying = rotation(0, np.pi / 2)
    nacelle = [(0.6 * size, -1.5 * size), (size, -0.5 * size), (size, 1.5 * size), (0, 1.4 * size)]
    if style == 'wing':
        places = [0.3] if d.whether(0.6) else [0.25, 0.5]
        for y in (side * share * span for share in places for side in (-1, 1)):
            b.lathe([(0, -1.5 * size), *nacelle], (x, y, z - size), 'engine', lying)
    elif style == 'tail':
        for side in (-1, 1):
            b.lathe([(0, -1.5 * size), *nacelle], (-0.3 * length, side * (r + size), 0.4 * r), 'engine', lying)
    elif style == 'propeller':
        for turn in (0.0, np.pi / 2):
            b.box(
                (0.5 * length, 0.51 * length),
                (-2.5 * r, 2.5 * r),
                (-0.15 * r, 0.15 * r),
                'engine',
                rotation(0, 0, turn),
            )


def _load(b: Builder, d: Draws, x: tuple[float, float], w: float, z: tuple[float, float]) -> None:
    """What stands on the chassis."""
    style = d.one_of(('box', 'box', 'bed', 'tank', 'tipper'))
    deck, top = z
    if style == 'box':
        b.box(x, (-w / 2, w / 2), (deck, top))
    elif style == 'bed':
        b.box(x, (-w / 2, w / 2), (deck, deck + 0.12))
        for side in (-1, 1):
            b.box(x, tuple(sorted((side * w / 2, side * 0.48 * w))), (deck, deck + d.between(0.2, 0.6)))
        if d.whether(0.6):
            end = x[0] + (x[1] - x[0]) * d.even(0.3, 0.95)
            b.box((x[0] + 0.2, end), (-0.4 * w, 0.4 * w), (deck, deck + d.even(0.3, 0.8) * (top - deck)))
    elif style == 'tank':
        r = min(w, top - deck) / 2
        profile = [(0, x[0]), (0.9 * r, x[0]), (r, x[0] + 0.2), (r, x[1] - 0.2), (0.9 * r, x[1]), (0, x[1])]
        b.lathe(profile, (0, 0, deck + r), turn=rotation(0, np.pi / 2))
    else:
        b.wedge((x, (-0.35 * w, 0.35 * w)), ((x[0] - 0.3, x[1]), (-w / 2, w / 2)), (deck, deck + 0.7 * (top - deck)))
