"""Table, desk, and bodies with fronts: cabinet, dresser, tv stand, wardrobe, shelf; box and door."""

import numpy as np

from ..shapes import rotation
from .draws import Draws
from .mesh import Builder
from .stands import stand

Bounds = tuple[float, float]


def table(b: Builder, d: Draws) -> None:
    """A top on legs: dining, coffee and side tables, square, round or oval; an apron or a shelf at times."""
    z, w = d.between(0.35, 1.05), d.between(0.45, 2.0)
    depth, thick = w * d.between(0.45, 1.0), d.between(0.015, 0.09)
    inset = d.even(0.75, 1.0)
    if d.whether(0.3):
        b.lathe([(0, z - thick), (w / 2, z - thick), (w / 2, z), (0, z)], part='top', squash=depth / w, sides=24)
        inset *= 0.72
        styles = ('four', 'splayed', 'pedestal', 'pedestal', 'star')
    else:
        b.box((-w / 2, w / 2), (-depth / 2, depth / 2), (z - thick, z), 'top')
        styles = ('four', 'four', 'square', 'square', 'splayed', 'sled', 'pedestal', 'panels')
    inner_w, inner_d = inset * w, inset * depth
    stand(b, d, inner_w, inner_d, z - thick, 'leg', styles)
    if d.whether(0.35):
        _apron(b, inner_w, inner_d, (z - thick - z * d.between(0.06, 0.2), z - thick))
    elif d.whether(0.25):
        level = z * d.even(0.15, 0.45)
        b.box((-inner_w / 2, inner_w / 2), (-inner_d / 2, inner_d / 2), (level, level + thick), 'support')


def desk(b: Builder, d: Draws) -> None:
    """A top with pedestals of drawers or side boards; a back board and an upper shelf at times."""
    w, z = d.between(0.9, 2.0), d.between(0.65, 0.85)
    depth, thick = d.between(0.45, 0.9), d.between(0.02, 0.06)
    b.box((-w / 2, w / 2), (-depth / 2, depth / 2), (z - thick, z))
    wide, level = w * d.between(0.18, 0.35), 0.0 if d.whether(0.7) else 0.1 * z
    sides = d.one_of(((-1,), (1,), (-1, 1), ()), (0.3, 0.3, 0.3, 0.1))
    for side in (-1, 1):
        edge = side * w / 2
        if side in sides:
            x = tuple(sorted((edge, edge - side * wide)))
            body(b, d, x, (-depth / 2, depth / 2), (level, z - thick), columns=1, rows=d.count(2, 4), front='drawers')
        else:
            stand_x = tuple(sorted((edge, edge - side * 0.04)))
            b.box(stand_x, (-depth / 2, depth / 2), (0, z - thick))
    if d.whether(0.6):
        b.box((-w / 2, w / 2), (-depth / 2, -depth / 2 + 0.02), (z * d.even(0.2, 0.6), z - thick))
    if d.whether(0.25):
        top = z + d.between(0.3, 0.7)
        deep = (-depth / 2, -depth / 2 + 0.45 * depth)
        body(b, d, (-w / 2, w / 2), deep, (z, top), columns=d.count(1, 3), rows=d.count(1, 2), front='open')
    if d.whether(0.15):
        out = d.between(0.4, 0.8)
        b.box((w / 2 - depth, w / 2), (depth / 2, depth / 2 + out), (z - thick, z))
        b.box((w / 2 - depth, w / 2), (depth / 2 + out - 0.03, depth / 2 + out), (0, z - thick))


def cabinet(b: Builder, d: Draws) -> None:
    """A body with doors, at times drawers above them; may hang as a box."""
    w, h = d.between(0.45, 1.4), d.between(0.55, 1.6)
    _piece(b, d, w, w * d.between(0.35, 0.75), h, columns=d.count(1, 3), rows=d.count(1, 2),
           fronts=('doors', 'doors', 'doors', 'mixed'))  # fmt: skip


def dresser(b: Builder, d: Draws) -> None:
    """A body of drawers, low and wide."""
    h = d.between(0.6, 1.25)
    _piece(b, d, h * d.between(0.75, 1.9), d.between(0.38, 0.6), h, columns=d.count(1, 3), rows=d.count(3, 5),
           fronts=('drawers',))  # fmt: skip
    if d.whether(0.15):  # a mirror
        b.box((-0.3, 0.3), (-0.2, -0.17), (h, h + d.between(0.3, 0.7)))


def tv_stand(b: Builder, d: Draws) -> None:
    """A low, long body, open or with doors."""
    w, h = d.between(0.8, 2.0), d.between(0.3, 0.75)
    _piece(b, d, w, d.between(0.35, 0.55), h, columns=d.count(2, 4), rows=d.count(1, 2),
           fronts=('open', 'mixed', 'doors', 'open'))  # fmt: skip


def wardrobe(b: Builder, d: Draws) -> None:
    """A tall body with doors, at times drawers below them."""
    w, h = d.between(0.7, 2.0), d.between(1.6, 2.4)
    _piece(b, d, w, d.between(0.42, 0.7), h, columns=d.count(2, 4), rows=1, fronts=('doors', 'doors', 'mixed'))


def shelf(b: Builder, d: Draws) -> None:
    """Boards between sides, or posts; a back at times, things on the boards at times."""
    w, h = d.between(0.4, 1.6), d.between(0.7, 2.2)
    depth, rows, columns = d.between(0.22, 0.45), d.count(2, 6), d.count(1, 3)
    x, y = (-w / 2, w / 2), (-depth / 2, depth / 2)
    if d.whether(0.3):
        radius = d.between(0.012, 0.03)
        for px in (x[0] + radius, x[1] - radius):
            for py in (y[0] + radius, y[1] - radius):
                b.rod((px, py, 0), (px, py, h), radius, sides=6)
        for z in np.linspace(0.08 * h, h - 0.03, rows + 1):
            b.box(x, y, (z, z + 0.02))
    else:
        body(b, d, x, y, (0, h), columns=columns, rows=rows, front='open', closed_back=d.whether(0.6))
    if d.whether(0.5):
        _contents(b, d, w, depth, h, rows)


def box(b: Builder, d: Draws) -> None:
    """A carton: closed, with flaps standing out, or open with thin sides."""
    w = d.between(0.2, 0.7)
    depth, h = w * d.between(0.5, 1.0), w * d.between(0.3, 1.2)
    x, y, wall = (-w / 2, w / 2), (-depth / 2, depth / 2), 0.02 * w
    if d.whether(0.4):
        b.box(x, y, (0, h))
        if d.whether(0.4):
            b.box((x[0] - wall, x[1] + wall), (y[0] - wall, y[1] + wall), (0.8 * h, h + wall))
        return
    b.box(x, y, (0, wall))
    for x0 in (x[0], x[1] - wall):
        b.box((x0, x0 + wall), y, (0, h))
    for y0 in (y[0], y[1] - wall):
        b.box(x, (y0, y0 + wall), (0, h))
    for side in (-1, 1):  # flaps, each as far open as it likes
        for edge, reach, along in ((w / 2, depth / 2, 'y'), (depth / 2, w / 2, 'x')):
            if d.whether(0.6):
                _flap(b, d, side, edge, reach, along, h, 0.45 * min(w, depth))


def door(b: Builder, d: Draws) -> None:
    """A leaf, or two, with panels, handles and a frame at times; ajar at times."""
    w, h, thick = d.between(0.65, 1.1), d.between(1.85, 2.3), d.between(0.03, 0.07)
    leaves = 2 if d.whether(0.15) else 1
    frame, ajar = d.whether(0.5), d.even(0.3, 1.2) if d.whether(0.2) else 0.0
    panels, style = d.count(0, 3), d.one_of(('raised', 'sunk'))
    for leaf in range(leaves):
        side = -1 if leaf else 1
        hinge = np.array([0.0 if leaves == 2 else -w / 2, 0.0])
        hinge[0] += w if leaf else -w * (leaves - 1)
        _leaf(b, d, hinge, side, w, h, thick, ajar, panels, style)
    if frame:
        edge, wide, deep = w * leaves / 2, d.between(0.05, 0.12), d.between(0.06, 0.2)
        for x0 in (-edge - wide, edge):
            b.box((x0, x0 + wide), (-deep / 2, deep / 2), (0, h + wide))
        b.box((-edge, edge), (-deep / 2, deep / 2), (h, h + wide))


def body(
    b: Builder, d: Draws, x: Bounds, y: Bounds, z: Bounds, *, columns: int, rows: int, front: str,
    closed_back: bool = True,
) -> None:  # fmt: skip
    """A box of boards with a front of drawers, doors or nothing."""
    thick = min(0.02, 0.05 * (z[1] - z[0]))
    if front == 'open':
        for x0 in np.linspace(x[0], x[1] - thick, columns + 1):
            b.box((x0, x0 + thick), y, z)
        for z0 in np.linspace(z[0], z[1] - thick, rows + 1):
            b.box(x, y, (z0, z0 + thick))
        if closed_back:
            b.box(x, (y[0], y[0] + 0.5 * thick), z)
        return
    b.box(x, (y[0], y[1] - thick), z)
    wide, high, gap = (x[1] - x[0]) / columns, (z[1] - z[0]) / rows, 0.01
    knob = d.one_of(('ball', 'bar', 'none'))
    for i in range(columns):
        for j in range(rows):
            x0, z0 = x[0] + i * wide, z[0] + j * high
            b.box((x0 + gap, x0 + wide - gap), (y[1] - thick, y[1]), (z0 + gap, z0 + high - gap))
            if front == 'doors':
                _knob(b, knob, x0 + wide * (0.88 if i % 2 == 0 else 0.12), y[1], z0 + 0.5 * high, upright=True)
            else:
                _knob(b, knob, x0 + 0.5 * wide, y[1], z0 + 0.5 * high, upright=False)


def _piece(
    b: Builder, d: Draws, w: float, depth: float, h: float, *, columns: int, rows: int, fronts: tuple[str, ...]
) -> None:
    """A body of furniture, on legs or a plinth or the floor, with a projecting top at times."""
    foot = d.one_of((0.0, 0.0, d.between(0.03, 0.25)))
    if foot:
        stand(b, d, 0.95 * w, 0.95 * depth, foot, '', ('four', 'square', 'splayed', 'panels', 'sled'))
    x, y, z = (-w / 2, w / 2), (-depth / 2, depth / 2), (foot, foot + h)
    front = d.one_of(fronts)
    if front == 'mixed':
        share = z[0] + h * d.even(0.25, 0.7)
        kinds = d.one_of((('doors', 'drawers'), ('drawers', 'doors'), ('open', 'doors'), ('doors', 'open')))
        body(b, d, x, y, (z[0], share), columns=columns, rows=1, front=kinds[0])
        body(b, d, x, y, (share, z[1]), columns=columns, rows=1, front=kinds[1])
    else:
        body(b, d, x, y, z, columns=columns, rows=rows, front=front)
    if d.whether(0.5):
        out = d.between(0.01, 0.05)
        b.box((x[0] - out, x[1] + out), (y[0], y[1] + out), (z[1], z[1] + d.between(0.015, 0.05)))


def _apron(b: Builder, w: float, depth: float, z: Bounds) -> None:
    for side in (-1, 1):
        b.box((-w / 2, w / 2), tuple(sorted((side * depth / 2, side * (depth / 2 - 0.02)))), z, 'support')
        b.box(tuple(sorted((side * w / 2, side * (w / 2 - 0.02)))), (-depth / 2, depth / 2), z, 'support')


def _knob(b: Builder, style: str, x: float, y: float, z: float, *, upright: bool) -> None:
    if style == 'ball':
        b.ball((x, y + 0.015, z), (0.016, 0.016, 0.016))
    elif style == 'bar':
        half = (0.008, 0.07) if upright else (0.07, 0.008)
        b.box((x - half[0], x + half[0]), (y, y + 0.025), (z - half[1], z + half[1]))


def _contents(b: Builder, d: Draws, w: float, depth: float, h: float, rows: int) -> None:
    """Rows of books, and boxes."""
    for level in range(rows):
        z, room, x = level * h / rows + 0.02, 0.8 * h / rows, -0.45 * w
        while x < 0.4 * w and d.whether(0.85):
            wide = d.between(0.04, 0.25)
            high, end = room * d.even(0.5, 1.0), min(x + wide, 0.45 * w)
            b.box((x, end), (-0.45 * depth, -0.45 * depth + depth * d.even(0.4, 0.85)), (z, z + high))
            x = end + (d.between(0.01, 0.2) if d.whether(0.4) else 0.003)


def _flap(b: Builder, d: Draws, side: int, edge: float, reach: float, along: str, h: float, size: float) -> None:
    """A lid that turns about an upper edge, from upright to hanging outside."""
    angle = d.even(-0.3, 2.2)
    out, up = size * np.sin(angle), size * np.cos(angle)
    inner, outer = (side * edge, h), (side * (edge + out), h + up)
    rows = [[(p, s, z) if along == 'x' else (s, p, z) for p in (-reach, reach)] for s, z in (inner, outer)]
    b.sheet(np.array(rows), (0, 0, 0.004))


def _leaf(
    b: Builder, d: Draws, hinge: np.ndarray, side: int, w: float, h: float, thick: float, ajar: float, panels: int,
    style: str,
) -> None:  # fmt: skip
    """One leaf, turned about its hinge."""
    leaf = Builder()
    leaf.box((0, w), (-thick / 2, thick / 2), (0, h))
    for i in range(panels):
        z0, z1 = h * (0.08 + 0.86 * i / panels), h * (0.08 + 0.86 * (i + 0.8) / panels)
        out = thick * (0.8 if style == 'raised' else 0.55)
        leaf.box((0.18 * w, 0.82 * w), (-out, out), (z0, z1))
    x, z = 0.9 * w, d.even(0.42, 0.52) * h
    for y in (-1, 1):
        if d.whether(0.5):
            leaf.ball((x, y * (thick / 2 + 0.04), z), (0.03, 0.03, 0.03))
        else:
            leaf.box(
                (x - 0.12, x + 0.02), tuple(sorted((y * thick / 2, y * (thick / 2 + 0.06)))), (z - 0.015, z + 0.015)
            )
    turn = rotation(ajar if side > 0 else np.pi - ajar)
    raw = leaf.raw()
    b.add(raw.vertices @ turn.T + [*hinge, 0.0], raw.faces)
