"""Chair, stool, bench, sofa, bed, pillow."""

import numpy as np

from ..shapes import ALONG_Z, rotation
from .draws import Draws
from .mesh import Builder
from .stands import corners, stand


def chair(b: Builder, d: Draws) -> None:
    """A seat for one with a back; arms at times."""
    w, z = d.between(0.36, 0.62), d.between(0.32, 0.55)
    depth, thick = w * d.between(0.8, 1.2), d.between(0.02, 0.14)
    stand(b, d, w, depth, z - thick, 'leg')
    _seat(b, d, w, depth, (z - thick, z), 'seat')
    _back(b, d, w, depth, z, w * d.between(0.6, 1.7), 'back')
    if d.whether(0.4):
        _arms(b, d, w, depth, z, z * d.between(0.35, 0.65), 'arm')


def stool(b: Builder, d: Draws) -> None:
    """A seat for one, without a back but for a low rail at times."""
    w, z = d.between(0.28, 0.5), d.between(0.3, 0.85)
    depth, thick = w * d.between(0.8, 1.2), d.between(0.02, 0.14)
    stand(b, d, w, depth, z - thick, '')
    _seat(b, d, w, depth, (z - thick, z), '')
    if d.whether(0.15):
        _back(b, d, w, depth, z, w * d.between(0.2, 0.5), '')


def bench(b: Builder, d: Draws) -> None:
    """A seat for several; a back and arms at times."""
    w, z = d.between(0.8, 2.2), d.between(0.34, 0.55)
    depth, thick = d.between(0.28, 0.6), d.between(0.03, 0.12)
    stand(b, d, w, depth, z - thick, '', ('four', 'square', 'panels', 'panels', 'sled', 'splayed'))
    if d.whether(0.35):
        n = d.count(3, 6)
        for y in np.linspace(-depth / 2, depth / 2, n + 1)[:-1]:
            b.box((-w / 2, w / 2), (y, y + 0.75 * depth / n), (z - thick, z))
    else:
        b.box((-w / 2, w / 2), (-depth / 2, depth / 2), (z - thick, z))
    if d.whether(0.45):
        _back(b, d, w, depth, z, z * d.between(0.6, 1.2), '')
        if d.whether(0.5):
            _arms(b, d, w, depth, z, 0.45 * z, '')


def sofa(b: Builder, d: Draws) -> None:
    """Upholstery: base, cushions, back; arms nearly always, a corner at times. Narrow ones are armchairs."""
    w = d.between(0.75, 1.05) if d.whether(0.3) else d.between(1.2, 2.5)
    depth, z, foot = d.between(0.7, 1.05), d.between(0.34, 0.5), d.one_of((0.0, 0.0, 0.05, 0.12))
    arm, back = d.between(0.08, 0.25), d.between(0.12, 0.28)
    arms = d.whether(0.88)
    inner = w / 2 - arm if arms else w / 2
    if foot:
        stand(b, d, 0.9 * w, 0.9 * depth, foot, '', ('four', 'square'))
    b.box((-w / 2, w / 2), (-depth / 2, depth / 2), (foot, 0.65 * z))
    _cushions(b, d, inner, (-depth / 2 + back, depth / 2), (0.62 * z, z))
    lean = rotation(0, 0, d.even(0.0, 0.25))
    b.box((-inner, inner), (-depth / 2, -depth / 2 + back), (0.6 * z, z * d.between(1.5, 2.4)), turn=lean)
    if arms:
        top, round_arm = z * d.between(1.15, 1.6), d.whether(0.3)
        for x in (-w / 2, w / 2 - arm):
            b.box((x, x + arm), (-depth / 2, depth / 2), (foot, top))
            if round_arm:
                b.rod((x + arm / 2, -depth / 2, top), (x + arm / 2, depth / 2, top), 0.62 * arm)
    if w > 1.6 and d.whether(0.25):  # a corner
        side, wide, out = d.one_of((-1, 1)), w * d.even(0.3, 0.45), depth * d.even(0.5, 1.0)
        x0, x1 = sorted((side * w / 2, side * (w / 2 - wide)))
        b.box((x0, x1), (depth / 2, depth / 2 + out), (foot, z))


def bed(b: Builder, d: Draws) -> None:
    """A frame and a mattress; headboard, footboard, pillows, posts, an upper bunk at times."""
    w, length = d.between(0.8, 2.0), d.between(1.8, 2.2)
    z, board, thick = d.between(0.2, 0.45), d.between(0.04, 0.12), d.between(0.1, 0.3)
    x, y = (-w / 2, w / 2), (-length / 2, length / 2)
    decks = [z, z + d.between(0.9, 1.2)] if w < 1.2 and d.whether(0.25) else [z]
    for deck in decks:
        b.box(x, y, (deck - board if deck > z or d.whether(0.5) else 0.0, deck))
        inset = d.even(0.0, 0.06)
        b.box((x[0] + inset, x[1] - inset), (y[0] + inset, y[1] - inset), (deck, deck + thick))
        if d.whether(0.6):
            n = 1 if w < 1.2 else 2
            for i in range(n):
                middle = (i + 0.5) * w / n - w / 2
                half = (0.4 * w / n, 0.2, 0.08)
                b.ball((middle, y[0] + 0.3, deck + thick + 0.05), half, power=3.0)
    head = decks[-1] + thick + d.between(0.15, 0.9)
    if d.whether(0.85) or len(decks) > 1:
        _board(b, d, x, (y[0] - board, y[0]), head)
    if d.whether(0.4) or len(decks) > 1:
        _board(b, d, x, (y[1], y[1] + board), decks[-1] + thick + d.between(0.05, 0.4))
    if len(decks) == 1:
        posts = d.whether(0.1)
        for px, py in corners(w - 0.06, length - 0.06):
            b.rod((px, py, 0), (px, py, 1.6 + z if posts else z), 0.035)


def pillow(b: Builder, d: Draws) -> None:
    """A cushion, lying or leaning; at times a roll."""
    w = d.between(0.35, 0.75)
    lean = rotation(0, 0, d.even(0.0, 1.45)) if d.whether(0.5) else ALONG_Z
    if d.whether(0.15):
        radius = w * d.between(0.12, 0.25)
        b.ball((0, 0, 0), (w / 2, radius, radius), turn=lean, power=d.even(3, 8))
    else:
        half = (w / 2, w / 2 * d.between(0.55, 1.0), w / 2 * d.between(0.18, 0.45))
        b.ball((0, 0, 0), half, turn=lean, power=d.even(2.2, 5.0))


def _board(b: Builder, d: Draws, x: tuple, y: tuple, top: float) -> None:
    """A head- or footboard: closed, or bars between two posts."""
    if d.whether(0.6):
        b.box(x, y, (0, top))
        return
    thick = y[1] - y[0]
    for x0 in (x[0], x[1] - thick):
        b.box((x0, x0 + thick), y, (0, top))
    b.box(x, y, (top - thick, top))
    for place in np.linspace(*x, d.count(5, 10))[1:-1]:
        b.rod((place, np.mean(y), 0.15 * top), (place, np.mean(y), top), 0.3 * thick, sides=5)


def _cushions(b: Builder, d: Draws, half: float, y: tuple, z: tuple) -> None:
    n, soft = max(1, round(2 * half / d.between(0.5, 0.9))), d.whether(0.5)
    for i in range(n):
        x0, wide = -half + i * 2 * half / n, 2 * half / n
        if soft:
            centre = (x0 + wide / 2, np.mean(y), np.mean(z))
            b.ball(centre, (0.5 * wide, (y[1] - y[0]) / 2, (z[1] - z[0]) / 2), power=6.0)
        else:
            b.box((x0 + 0.01, x0 + wide - 0.01), y, z)


def _seat(b: Builder, d: Draws, w: float, depth: float, z: tuple, part: str) -> None:
    """A plate: square, round or a cushion."""
    style = d.one_of(('square', 'square', 'round', 'cushion'))
    if style == 'square':
        b.box((-w / 2, w / 2), (-depth / 2, depth / 2), z, part)
    elif style == 'round':
        b.lathe([(0, z[0]), (w / 2, z[0]), (w / 2, z[1]), (0, z[1])], part=part, squash=depth / w, sides=20)
    else:
        b.ball((0, 0, np.mean(z)), (w / 2, depth / 2, (z[1] - z[0]) / 2 + 0.01), part, power=5.0)


def _back(b: Builder, d: Draws, w: float, depth: float, z: float, height: float, part: str) -> None:
    """A panel, a bent shell, slats or bars above the rear edge of a seat."""
    style, lean = d.one_of(('panel', 'shell', 'slats', 'bars', 'frame')), height * d.even(0.0, 0.35)
    thick, wide = d.between(0.015, 0.08), w * d.even(0.75, 1.0)
    rear = -depth / 2 + thick

    def at(share: float) -> float:
        """Where the leaning back is at a share of its height."""
        return rear - share * lean - thick / 2

    if style == 'shell':
        rows, bow = np.linspace(0, 1, 5), wide * d.even(0.05, 0.3)
        across = np.linspace(-1, 1, 7)
        grid = np.array([[(wide / 2 * s, at(r) + bow * s * s, z + height * r) for s in across] for r in rows])
        b.sheet(grid, (0, thick, 0), part)
        return
    tilt = rotation(0, 0, float(np.arctan2(lean, height)))
    length = float(np.hypot(lean, height))

    def board(x: tuple, low: float, high: float) -> None:
        middle, half = (low + high) / 2, length * (high - low) / 2
        y, centre_z = at(middle), z + height * middle
        b.box(x, (y - thick / 2, y + thick / 2), (centre_z - half, centre_z + half), part, tilt)

    if style == 'panel':
        board((-wide / 2, wide / 2), 0.0 if d.whether(0.6) else 0.3, 1.0)
    post = min(0.04, wide / 8)
    if style != 'panel' or d.whether(0.3):
        board((-wide / 2, -wide / 2 + post), 0.0, 1.0)
        board((wide / 2 - post, wide / 2), 0.0, 1.0)
    if style == 'slats':
        n, share = d.count(2, 5), d.even(0.3, 0.7)
        for i in range(n):
            board((-wide / 2, wide / 2), 0.2 + 0.8 * i / n, 0.2 + 0.8 * (i + share) / n)
    elif style in ('bars', 'frame'):
        board((-wide / 2, wide / 2), 0.85, 1.0)
        for x in np.linspace(-wide / 2, wide / 2, d.count(4, 8) if style == 'bars' else 2)[1:-1]:
            board((x - 0.01, x + 0.01), 0.0, 0.9)
        if style == 'frame':
            board((-wide / 3, wide / 3), 0.25, 0.75)


def _arms(b: Builder, d: Draws, w: float, depth: float, z: float, rise: float, part: str) -> None:
    """Rests on both sides, on posts or closed."""
    thick, wide, closed = d.between(0.02, 0.06), d.between(0.03, 0.09), d.whether(0.3)
    front, rear = depth * d.even(0.2, 0.5), -depth / 2
    for side in (-1, 1):
        x0, x1 = sorted((side * w / 2, side * (w / 2 + wide)))
        b.box((x0, x1), (rear, front), (z + rise - thick, z + rise), part)
        if closed:
            b.box((x0, x1), (rear, front), (0.7 * z, z + rise), part)
        else:
            middle = (x0 + x1) / 2
            for y in (front - 0.04, rear + 0.04) if d.whether(0.5) else (front - 0.04,):
                b.rod((middle, y, 0.85 * z), (middle, y, z + rise), 0.4 * thick, part)
