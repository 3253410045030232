"""What is carried: bag, cap, earphone, guitar, knife, laptop, pistol."""

import numpy as np

from ..shapes import ALONG_Z, rotation
from .draws import Draws
from .mesh import Builder


def bag(b: Builder, d: Draws) -> None:
    """A sack, a box or a case with a handle: a loop above, two loops, a strap or a bar."""
    w = d.between(0.25, 0.5)
    h, depth = w * d.between(0.6, 1.4), w * d.between(0.25, 0.6)
    style = d.one_of(('box', 'soft', 'tapered', 'pack'))
    if style == 'box':
        b.box((-w / 2, w / 2), (-depth / 2, depth / 2), (0, h), 'body')
    elif style == 'tapered':
        low, high = d.even(0.7, 1.1), d.even(0.5, 0.95)
        b.wedge(((-w / 2 * low, w / 2 * low), (-depth / 2, depth / 2)),
                ((-w / 2 * high, w / 2 * high), (-depth / 4, depth / 4)), (0, h), 'body')  # fmt: skip
    else:
        b.ball((0, 0, h / 2), (w / 2, depth / 2, h / 2), 'body', power=d.even(3.0, 6.0))
    if style == 'pack' or d.whether(0.3):
        b.ball((0, 0.45 * depth, 0.3 * h), (0.35 * w, 0.35 * depth, 0.25 * h), 'body', power=4.0)
    thin, rise = w * d.between(0.02, 0.05), h * d.between(0.15, 0.9)
    arc = np.linspace(0, np.pi, 8)
    reach = w * d.even(0.15, 0.42)
    for y in d.one_of(((0.0,), (-0.3 * depth, 0.3 * depth))):
        b.path([(reach * np.cos(a), y, 0.95 * h + rise * np.sin(a)) for a in arc], thin, 'handle')
    if style == 'pack':
        for x in (-0.25 * w, 0.25 * w):
            b.path(
                [(x, -0.5 * depth * (1 + 0.8 * np.sin(a)), h * (0.5 + 0.42 * np.cos(a))) for a in arc], thin, 'handle'
            )


def cap(b: Builder, d: Draws) -> None:
    """A crown of panels and a peak in front, or a brim all around."""
    r = d.between(0.08, 0.11)
    h, power = r * d.between(0.7, 1.5), d.even(1.8, 4.0)
    arc = np.linspace(0, 1, 8)
    outside = [(r * (1 - t**power) ** (1 / power), h * t) for t in arc]
    b.lathe([*outside, *((0.95 * x, 0.95 * z) for x, z in reversed(outside))], part='panels', squash=d.between(1, 1.25))
    if d.whether(0.8):
        out, wide, droop = r * d.between(0.5, 1.1), d.even(0.8, 1.2), r * d.even(-0.1, 0.4)
        side = np.linspace(-wide, wide, 9)
        rows = [[((r * 0.95 + s * out * np.cos(a / wide * 1.3)) * np.sin(a), (r + s * out) * np.cos(a),
                  0.04 * h - s * droop * (1 - 0.5 * np.cos(a))) for a in side] for s in (0, 0.5, 1)]  # fmt: skip
        b.sheet(np.array(rows), (0, 0, 0.04 * r), 'peak')
    else:
        out = r * d.between(1.3, 1.9)
        b.lathe([(r, 0), (out, -0.1 * h), (out, -0.06 * h), (r, 0.05 * h)], part='peak')
    if d.whether(0.5):
        b.ball((0, 0, h), (0.1 * r, 0.1 * r, 0.06 * r), 'panels')


def earphone(b: Builder, d: Draws) -> None:
    """Two cups on a band, or two buds; a cord, with a microphone at times."""
    if d.whether(0.25):
        _buds(b, d)
        return
    w, r = d.between(0.14, 0.2), d.between(0.025, 0.05)
    rise, thick = w * d.between(0.8, 1.3), r * d.between(0.4, 0.9)
    arc = np.linspace(-0.15, np.pi + 0.15, 13)
    points = np.array([(w / 2 * np.cos(a), 0, rise * max(np.sin(a), -0.1)) for a in arc])
    band = r * d.between(0.15, 0.6)
    if d.whether(0.5):
        across = np.array([0, band, 0])
        strip = np.stack([points - across, points + across], 1)
        b.sheet(strip, (0, 0, 0.15 * r), 'headband')
    else:
        b.path(points, 0.4 * band, 'headband')
    for side in (-1, 1):
        profile = [(0, -thick / 2), (r, -thick / 2), (r * d.even(0.7, 1), thick / 2), (0, thick / 2)]
        b.lathe(
            profile, (side * w / 2, 0, -0.5 * r), 'earphone', rotation(0, -side * np.pi / 2), squash=d.between(0.75, 1)
        )
    if d.whether(0.3):
        end = (d.even(-0.2, 0.3) * w, 0.7 * w, -0.6 * w)
        b.path([(w / 2, 0, -0.5 * r), (w / 2, 0.3 * w, -0.4 * w), end], 0.06 * r, 'wire')
        b.ball(end, (0.2 * r, 0.2 * r, 0.2 * r), 'wire')
    if d.whether(0.4):
        drop = w * d.between(0.4, 1.5)
        b.path([(-w / 2, 0, -r), (-w / 2, 0, -drop), (-0.3 * w, 0.1 * w, -drop * 1.1)], 0.06 * r, 'wire')


def guitar(b: Builder, d: Draws) -> None:
    """A body with a waist, a neck, a head with pegs; solid bodies are flat and have horns. Upright."""
    h = d.between(0.7, 1.1)
    w, deep, electric = h * d.between(0.28, 0.42), h * d.between(0.035, 0.12), d.whether(0.45)
    body, neck, head = h * d.between(0.42, 0.52), h * d.between(0.025, 0.05), h * d.between(0.12, 0.18)
    deep = 0.4 * deep if electric else deep
    waist, upper = d.even(0.55, 0.85), d.even(0.65, 0.95)
    angle = 2 * np.pi * np.arange(36) / 36
    up = np.sin(angle)
    wide = np.where(up < 0, 1 - (1 - waist) * 0.0, 1.0)
    half = wide * w / 2 * (np.where(up > 0, upper, 1.0) - (1 - waist) * np.exp(-(((up - 0.15) / 0.3) ** 2)))
    outline = [(x * c, 0.5 * body * u) for x, c, u in zip(half, np.cos(angle), up)]
    upright = rotation(0, 0, np.pi / 2)
    b.prism(outline, (-deep / 2, deep / 2), 'body', upright, (0, 0, body / 2))
    if electric:
        for side in (-1, 1):
            if d.whether(0.8):
                tip = (side * w * d.even(0.25, 0.45), 0, body * d.even(0.95, 1.15))
                b.rod((side * 0.25 * w, 0, 0.7 * body), tip, 0.5 * deep, 'body', 0.3 * deep)
    top = h - head
    b.box((-neck / 2, neck / 2), (deep / 2 - 0.2 * neck, deep / 2 + 0.4 * neck), (0.6 * body, top), 'neck')
    tilt = rotation(0, 0, -d.even(0.0, 0.25))
    wide_head = neck * d.between(1.2, 2.2)
    b.box((-wide_head / 2, wide_head / 2), (deep / 2 - 0.2 * neck, deep / 2 + 0.2 * neck), (top, h), 'head', tilt)
    for z in np.linspace(top + 0.2 * head, h - 0.1 * head, 3):
        b.rod((-wide_head, deep / 2, z), (wide_head, deep / 2, z), 0.1 * neck, 'head', sides=5)
    if not electric or d.whether(0.5):
        b.box((-0.15 * w, 0.15 * w), (deep / 2, deep / 2 + 0.15 * neck), (0.2 * body, 0.24 * body), 'body')


def knife(b: Builder, d: Draws) -> None:
    """A blade and a handle, lying along x: kitchen knives, daggers, cleavers."""
    length = d.between(0.15, 0.45)
    blade, high, thick = length * d.even(0.5, 0.72), length * d.between(0.05, 0.14), length * d.between(0.006, 0.014)
    style = d.one_of(('kitchen', 'dagger', 'cleaver', 'curved'))
    if style == 'dagger':
        outline = [(0, -high / 2), (0.8 * blade, -high / 2), (blade, 0), (0.8 * blade, high / 2), (0, high / 2)]
    elif style == 'cleaver':
        high *= 2.0
        outline = [(0, -0.7 * high), (blade, -0.7 * high), (blade, 0.3 * high), (0, 0.3 * high)]
    else:
        bow = high * (d.even(0.3, 0.9) if style == 'curved' else 0.0)
        t = np.linspace(0, 1, 7)
        lower = [(blade * s, -high / 2 + high * s**3 + bow * s**2) for s in t]
        outline = [*lower, *((blade * s, high / 2 + bow * s**2) for s in t[-2::-1])]
    upright = rotation(0, 0, np.pi / 2) if d.whether(0.5) else ALONG_Z
    b.prism(outline, (-thick / 2, thick / 2), 'blade', upright)
    grip, fat = length - blade, high * d.between(0.25, 0.5) if style != 'cleaver' else 0.2 * high
    half = (grip / 2, 0.6 * fat, fat) if upright is not ALONG_Z else (grip / 2, fat, 0.6 * fat)
    b.ball((-grip / 2, 0, 0), half, 'handle', power=d.even(3.0, 8.0))
    if style == 'dagger' or d.whether(0.2):
        guard = high * d.between(0.6, 1.2)
        across = (0, 0, guard) if upright is not ALONG_Z else (0, guard, 0)
        b.rod(np.negative(across), across, 0.02 * length, 'handle')


def laptop(b: Builder, d: Draws) -> None:
    """A base with its keyboard and a lid on a hinge, anywhere from nearly shut to lying flat."""
    w = d.between(0.26, 0.42)
    depth, thick = w * d.between(0.6, 0.78), w * d.between(0.03, 0.09)
    b.box((-w / 2, w / 2), (-depth / 2, depth / 2), (0, thick), 'keyboard')
    if d.whether(0.6):
        rows = d.count(3, 5)
        for y in np.linspace(-0.35 * depth, 0.1 * depth, rows):
            b.box((-0.43 * w, 0.43 * w), (y, y + 0.3 * depth / rows), (thick, thick * 1.12), 'keyboard')
    angle = d.even(0.5, 2.4) if d.whether(0.25) else d.even(1.5, 2.1)
    lid = thick * d.between(0.3, 0.7)
    high = depth * d.even(0.92, 1.02)
    turn = rotation(0, 0, angle)
    corner = np.array([0.0, -depth / 2, thick])
    panel = Builder()
    panel.box((-w / 2, w / 2), (0, high), (0, lid))
    raw = panel.raw()
    b.add(raw.vertices @ turn.T + corner, raw.faces, 'screen')


def pistol(b: Builder, d: Draws) -> None:
    """A barrel along x, a handle that hangs from its rear, a trigger in its guard; a drum or a stock at times."""
    length = d.between(0.15, 0.4)
    high, wide = length * d.between(0.1, 0.22), length * d.between(0.06, 0.12)
    b.box((-0.25 * length, d.even(0.2, 0.45) * length), (-wide / 2, wide / 2), (-high / 2, high / 2), 'barrel')
    b.rod((0, 0, 0.1 * high), (0.72 * length, 0, 0.1 * high), high * d.between(0.22, 0.45), 'barrel')
    if d.whether(0.35):
        b.lathe([(0, -0.1 * length), (0.75 * high, -0.1 * length), (0.75 * high, 0.1 * length), (0, 0.1 * length)],
                (0.02 * length, 0, -0.1 * high), 'barrel', rotation(0, np.pi / 2), sides=8)  # fmt: skip
    grip, lean = length * d.between(0.3, 0.5), d.even(0.05, 0.6)
    turn = rotation(0, lean)
    x0 = -0.2 * length
    centre = (x0 - 0.5 * grip * np.sin(lean), 0, -high / 2 - 0.45 * grip * np.cos(lean))
    half = np.array([length * d.between(0.06, 0.1), wide * 0.55, grip / 2])
    b.ball(centre, half, 'handle', turn, power=6.0)
    guard = length * d.between(0.07, 0.12)
    middle = (x0 + 0.1 * length + guard, 0, -high / 2)
    arc = np.linspace(np.pi, 2 * np.pi, 7)
    b.path([(middle[0] + guard * np.cos(a), 0, middle[2] + guard * np.sin(a)) for a in arc], 0.1 * guard, 'trigger')
    b.rod(middle, (middle[0] - 0.2 * guard, 0, middle[2] - 0.7 * guard), 0.12 * guard, 'trigger', sides=5)
    if d.whether(0.12):
        b.box((-0.75 * length, -0.25 * length), (-wide / 2, wide / 2), (-0.9 * high, 0.2 * high), 'handle')


def _buds(b: Builder, d: Draws) -> None:
    """Two buds at the ends of a cord that joins."""
    r, long = d.between(0.007, 0.012), d.between(0.08, 0.2)
    join = (0, 0, -long)
    for side in (-1, 1):
        place = np.array([side * long * d.even(0.15, 0.35), 0, 0])
        b.ball(place, (r, r, r), 'earphone')
        b.rod(place, place - [0, 0, 3 * r], 0.35 * r, 'earphone')
        b.path([place - [0, 0, 3 * r], (place[0] * 0.8, 0.02, -0.5 * long), join], 0.15 * r, 'wire')
    b.path([join, (d.even(-0.03, 0.03), 0.02, -1.8 * long)], 0.15 * r, 'wire')
