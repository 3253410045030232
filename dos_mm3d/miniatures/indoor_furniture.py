"""Shapes of furniture and appliances: each fills a thing of width w (x), depth d (y, front at +d / 2) and height h."""

import numpy as np

from .indoor_parts import CLOTH, PLAIN, SHINY, Thing
from .shapes import rotation

DARK, STEEL, WHITE = (0.12, 0.12, 0.13), (0.62, 0.63, 0.65), (0.9, 0.9, 0.88)


def _legs(t: Thing, w: float, d: float, z: float, radius: float = 0.022) -> None:
    for x in (-w / 2 + 0.05, w / 2 - 0.05):
        for y in (-d / 2 + 0.05, d / 2 - 0.05):
            t.post(x, y, (0.0, z), radius)


def block(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A plain box that carries things."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0, h))
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def cupboard(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A body with doors and knobs."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2 - 0.02), (0, h))
    n = max(1, round(w / 0.45))
    shade = tuple(0.9 * c for c in t.rgb)
    for i in range(n):
        x0 = -w / 2 + i * w / n
        t.slab((x0 + 0.012, x0 + w / n - 0.012), (d / 2 - 0.02, d / 2), (0.06, h - 0.012), shade)
        knob = x0 + (w / n - 0.06 if i % 2 == 0 else 0.06)
        t.slab((knob - 0.01, knob + 0.01), (d / 2, d / 2 + 0.025), (0.45 * h, 0.45 * h + 0.12), STEEL, PLAIN)
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def drawers(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A body with a column of drawer fronts."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2 - 0.02), (0, h))
    n = max(2, round(h / 0.24))
    shade = tuple(0.92 * c for c in t.rgb)
    for i in range(n):
        z0 = 0.04 + i * (h - 0.05) / n
        t.slab((-w / 2 + 0.015, w / 2 - 0.015), (d / 2 - 0.02, d / 2), (z0, z0 + (h - 0.05) / n - 0.02), shade)
        middle = z0 + (h - 0.05) / n / 2
        t.slab((-0.07, 0.07), (d / 2, d / 2 + 0.025), (middle - 0.012, middle + 0.012), STEEL, PLAIN)
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def table(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A top on four legs."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.035, h))
    _legs(t, w, d, h - 0.035, 0.03)
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def round_table(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A round top on one foot."""
    t.post(0, 0, (h - 0.035, h), w / 2)
    t.post(0, 0, (0.03, h - 0.035), 0.045)
    t.post(0, 0, (0, 0.03), 0.28 * w)
    t.carries((-0.35 * w, 0.35 * w), (-0.35 * w, 0.35 * w), h)


def desk(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A top, a side and a pedestal of drawers; who sits at it sits at its front."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.035, h))
    side = float(rng.choice([-1.0, 1.0]))
    outer = side * (w / 2 - 0.02)
    t.slab((outer - 0.015, outer + 0.015), (-d / 2 + 0.03, d / 2 - 0.05), (0, h - 0.035))
    x0, x1 = sorted((-side * (w / 2 - 0.02), -side * (w / 2 - 0.42)))
    t.slab((x0, x1), (-d / 2 + 0.03, d / 2 - 0.06), (0.02, h - 0.035))
    for i in range(3):
        z0 = 0.05 + i * (h - 0.1) / 3
        t.slab((x0 + 0.01, x1 - 0.01), (d / 2 - 0.06, d / 2 - 0.045), (z0, z0 + (h - 0.1) / 3 - 0.02))
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def chair(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Four legs, a seat at 0.45 m, a back of slats or one panel."""
    seat = 0.45
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (seat - 0.04, seat))
    _legs(t, w, d, seat - 0.04, 0.02)
    for x in (-w / 2 + 0.03, w / 2 - 0.03):
        t.post(x, -d / 2 + 0.025, (seat, h), 0.02)
    if rng.random() < 0.5:
        t.slab((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2, -d / 2 + 0.035), (seat + 0.12, h))
    else:
        for z in np.linspace(seat + 0.14, h - 0.08, 3):
            t.slab((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.01, -d / 2 + 0.035), (z, z + 0.07))
    t.carries((-w / 2 + 0.04, w / 2 - 0.04), (-d / 2 + 0.08, d / 2 - 0.02), seat, 0.5)


def swivel_chair(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A star foot, a post, a seat, a back and arms."""
    for yaw in (0.0, 2 * np.pi / 5, 4 * np.pi / 5):
        t.slab((-0.3, 0.3), (-0.025, 0.025), (0.05, 0.09), DARK, PLAIN, rotation(yaw))
    t.post(0, 0, (0.09, 0.43), 0.03, DARK)
    t.slab((-w * 0.42, w * 0.42), (-d * 0.4, d * 0.42), (0.43, 0.51))
    t.slab((-0.04, 0.04), (-d * 0.46, -d * 0.4), (0.4, 0.62), DARK, PLAIN)
    t.slab((-w * 0.38, w * 0.38), (-d * 0.46, -d * 0.36), (0.6, h), turn=rotation(0.0, 0.0, 0.12))
    for x in (-w * 0.46, w * 0.46):
        t.slab((x - 0.03, x + 0.03), (-d * 0.25, d * 0.2), (0.65, 0.69), DARK, PLAIN)
        t.slab((x - 0.02, x + 0.02), (-0.04, 0.04), (0.45, 0.65), DARK, PLAIN)


def sofa(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Base, seat cushions, back and arms; as an armchair where it is narrow."""
    arm = 0.16
    t.slab((-w / 2 + arm, w / 2 - arm), (-d / 2 + 0.2, d / 2 - 0.02), (0.06, 0.3))
    n = max(1, round((w - 2 * arm) / 0.7))
    for i in range(n):
        x0 = -w / 2 + arm + i * (w - 2 * arm) / n
        t.slab((x0 + 0.008, x0 + (w - 2 * arm) / n - 0.008), (-d / 2 + 0.2, d / 2), (0.3, 0.44))
    t.slab((-w / 2 + arm, w / 2 - arm), (-d / 2, -d / 2 + 0.2), (0.06, h))
    for x0 in (-w / 2, w / 2 - arm):
        t.slab((x0, x0 + arm), (-d / 2, d / 2 - 0.02), (0.06, 0.62))
    t.carries((-w / 2 + arm, w / 2 - arm), (-d / 2 + 0.22, d / 2 - 0.05), 0.44, 0.6)


def stool(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A round seat on four posts."""
    t.post(0, 0, (h - 0.05, h), w / 2)
    _legs(t, 0.9 * w, 0.9 * w, h - 0.05, 0.017)
    t.bar((0, -0.45 * w + 0.05, 0.3 * h), 0.8 * w - 0.05, 0.012)


def bench(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A seat on two end panels."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.05, h))
    for x in (-w / 2 + 0.08, w / 2 - 0.08):
        t.slab((x - 0.025, x + 0.025), (-d / 2 + 0.03, d / 2 - 0.03), (0, h - 0.05))
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def bed(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Head against the wall: a headboard of height h, a frame, a mattress with its cover at 0.5 m."""
    t.slab((-w / 2, w / 2), (-d / 2, -d / 2 + 0.06), (0, h), (0.45, 0.3, 0.18))
    t.slab((-w / 2 + 0.02, w / 2 - 0.02), (-d / 2 + 0.06, d / 2), (0.1, 0.3), (0.45, 0.3, 0.18))
    t.slab((-w / 2 + 0.03, w / 2 - 0.03), (-d / 2 + 0.06, -d / 2 + 0.62), (0.3, 0.49), WHITE, CLOTH)
    t.slab((-w / 2 + 0.01, w / 2 - 0.01), (-d / 2 + 0.62, d / 2 - 0.01), (0.26, 0.52))
    t.carries((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.08, -d / 2 + 0.6), 0.49, 0.8)
    t.carries((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.7, d / 2 - 0.05), 0.52, 0.8)


def shelves(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Sides, a back and boards that carry books and boxes."""
    for x0 in (-w / 2, w / 2 - 0.025):
        t.slab((x0, x0 + 0.025), (-d / 2, d / 2), (0, h))
    t.slab((-w / 2 + 0.025, w / 2 - 0.025), (-d / 2, -d / 2 + 0.015), (0.03, h - 0.03))
    n = max(1, round(h / 0.38))
    pitch = (h - 0.03) / n
    for i in range(n + 1):
        z = 0.005 + i * pitch
        t.slab((-w / 2 + 0.025, w / 2 - 0.025), (-d / 2 + 0.015, d / 2), (z, z + 0.025))
        clear = 0.6 if i == n else pitch - 0.03
        t.carries((-w / 2 + 0.03, w / 2 - 0.03), (-d / 2 + 0.02, d / 2), z + 0.025, clear)


def rack(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Four posts and open boards; a cart has them too."""
    for x in (-w / 2 + 0.02, w / 2 - 0.02):
        for y in (-d / 2 + 0.02, d / 2 - 0.02):
            t.post(x, y, (0, h), 0.016)
    n = max(2, round(h / 0.4))
    for i in range(n):
        z = 0.12 + i * (h - 0.14) / (n - 1)
        t.slab((-w / 2, w / 2), (-d / 2, d / 2), (z, z + 0.02))
        t.carries((-w / 2 + 0.04, w / 2 - 0.04), (-d / 2 + 0.03, d / 2 - 0.03), z + 0.02, (h - 0.14) / (n - 1) - 0.03)


def fridge(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A body, the doors of freezer and fridge, long handles."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2 - 0.05), (0.04, h))
    split = 0.68 * h if h > 1.2 else h
    doors = [(0.06, split - 0.01), (split + 0.01, h)] if h > 1.2 else [(0.06, h)]
    for z0, z1 in doors:
        t.slab((-w / 2, w / 2), (d / 2 - 0.05, d / 2), (z0, z1), tuple(0.96 * c for c in t.rgb))
        t.post(-w / 2 + 0.06, d / 2 + 0.03, (z0 + 0.3 * (z1 - z0), z1 - 0.08), 0.014, STEEL)
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def stove(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Four burners, an oven door with its window and bar, a back panel."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2 - 0.03), (0, h))
    t.slab((-w / 2 + 0.03, w / 2 - 0.03), (d / 2 - 0.03, d / 2), (0.15, h - 0.16), DARK, PLAIN)
    t.bar((0, d / 2 + 0.03, h - 0.2), w - 0.15, 0.013, rgb=STEEL)
    for x in (-w / 4, w / 4):
        for y in (-d / 5, d / 5):
            t.post(x, y, (h, h + 0.015), 0.09, DARK)
    t.slab((-w / 2, w / 2), (-d / 2, -d / 2 + 0.05), (h, h + 0.12))


def washer(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A white box with a round door and a dark panel: washing machine, dryer, dishwasher."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0, h))
    t.bar((0, d / 2 + 0.01, 0.45 * h), 0.03, 0.32 * w, 'y', (0.35, 0.37, 0.4))
    t.slab((-w / 2 + 0.02, w / 2 - 0.02), (d / 2, d / 2 + 0.015), (h - 0.14, h - 0.03), (0.3, 0.3, 0.32))
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def toilet(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A tank at the wall, an oval bowl on its foot, a lid."""
    t.slab((-w / 2, w / 2), (-d / 2, -d / 2 + 0.2), (0.38, h))
    t.slab((-w / 2 - 0.01, w / 2 + 0.01), (-d / 2, -d / 2 + 0.21), (h, h + 0.03))
    t.post(0, 0.06, (0, 0.26), 0.13, squash=1.5)
    t.post(0, 0.08, (0.26, 0.4), 0.19, squash=1.35)
    t.post(0, 0.08, (0.4, 0.43), 0.2, (0.82, 0.82, 0.8), squash=1.35)


def basin(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """An open box with thick rims, and a tap: sinks."""
    rim, floor = 0.045, 0.35 * h
    _tray(t, w, d, h, rim, floor)
    t.post(0, -d / 2 + 0.025, (h, h + 0.17), 0.014, STEEL)
    t.slab((-0.012, 0.012), (-d / 2 + 0.03, -d / 2 + 0.17), (h + 0.15, h + 0.175), STEEL, PLAIN)


def tub(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A deep tray."""
    _tray(t, w, d, h, 0.07, 0.12)


def tray(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A shallow one: trays, baskets, crates, open bins."""
    _tray(t, w, d, h, min(0.02, 0.1 * w), min(0.02, 0.3 * h))


def _tray(t: Thing, w: float, d: float, h: float, rim: float, floor: float) -> None:
    t.slab((-w / 2 + rim, w / 2 - rim), (-d / 2 + rim, d / 2 - rim), (0, floor))
    for x0 in (-w / 2, w / 2 - rim):
        t.slab((x0, x0 + rim), (-d / 2, d / 2), (0, h))
    for y0 in (-d / 2, d / 2 - rim):
        t.slab((-w / 2 + rim, w / 2 - rim), (y0, y0 + rim), (0, h))


def piano(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """An upright: body, ledge, white keys."""
    t.slab((-w / 2, w / 2), (-d / 2, -d / 2 + 0.3), (0, h))
    t.slab((-w / 2, w / 2), (-d / 2 + 0.3, d / 2), (0.58, 0.68))
    t.slab((-w / 2 + 0.06, w / 2 - 0.06), (-d / 2 + 0.34, d / 2 - 0.02), (0.68, 0.695), WHITE, PLAIN)
    for x in (-w / 2 + 0.04, w / 2 - 0.04):
        t.slab((x - 0.03, x + 0.03), (d / 2 - 0.1, d / 2 - 0.04), (0, 0.58))


def fireplace(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Two jambs, a lintel and a mantel around a dark hearth."""
    for x0 in (-w / 2, w / 2 - 0.25):
        t.slab((x0, x0 + 0.25), (-d / 2, d / 2), (0, h - 0.3))
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.3, h - 0.06))
    t.slab((-w / 2 - 0.06, w / 2 + 0.06), (-d / 2, d / 2 + 0.06), (h - 0.06, h), WHITE, PLAIN)
    t.slab((-w / 2 + 0.25, w / 2 - 0.25), (-d / 2, -d / 2 + 0.03), (0, h - 0.3), DARK, PLAIN)
    t.carries((-w / 2, w / 2), (-d / 2, d / 2), h)


def stairs(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Steps that climb towards the wall."""
    n = max(2, round(h / 0.18))
    for i in range(n):
        t.slab((-w / 2, w / 2), (d / 2 - (i + 1) * d / n, d / 2 - i * d / n), (0, (i + 1) * h / n))


def stall(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Two glass or board sides on a low kerb: a shower or a stall, open at its front."""
    for x0 in (-w / 2, w / 2 - 0.025):
        t.slab((x0, x0 + 0.025), (-d / 2, d / 2), (0.1, h), material=SHINY if t.material == SHINY else PLAIN)
    t.slab((-w / 2, w / 2), (d / 2 - 0.05, d / 2), (0, 0.1), WHITE, PLAIN)
