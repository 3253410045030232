"""Shapes of small and hanging things: each fills a thing of width w (x), depth d (y, front at +d / 2) and height h.
What hangs on a wall has its back at -d / 2; what hangs from the ceiling is built from its underside up."""

import numpy as np

from .indoor_furniture import DARK, STEEL, WHITE
from .indoor_parts import CLOTH, PLAIN, PRINT, SHINY, Thing
from .shapes import rotation


def books(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A row of upright books, each of its own colour."""
    x = -w / 2
    while x < w / 2 - 0.03:
        thick = min(float(rng.uniform(0.025, 0.05)), w / 2 - x)
        deep, tall = d * rng.uniform(0.75, 1.0), h * rng.uniform(0.75, 1.0)
        t.slab((x, x + thick - 0.002), (-d / 2, -d / 2 + deep), (0, tall), tuple(rng.uniform(0.1, 0.85, 3)), PLAIN)
        x += thick


def screen(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A panel on a foot: monitors, televisions on a stand."""
    t.slab((-0.35 * w, 0.35 * w), (-d / 2, d / 2), (0, 0.02))
    t.slab((-0.03, 0.03), (-0.03, 0.0), (0.02, 0.35 * h))
    t.slab((-w / 2, w / 2), (-0.01, 0.03), (0.2 * h, h))


def laptop(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Keyboard half and a lid that leans back."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0, 0.022))
    half = (-0.008, 0.008)
    t.slab(
        (-w / 2, w / 2), (-d / 2 - 0.03 + half[0], -d / 2 - 0.03 + half[1]), (0.02, 0.02 + h),
        (0.16, 0.18, 0.22), PLAIN, rotation(0.0, 0.0, 0.3),
    )  # fmt: skip


def plate(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A flat box that carries nothing: paper, keyboards, mats, cases."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0, h))


def disc(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A flat round thing on something: plates, scales, candles' plates."""
    t.post(0, 0, (0, h), w / 2)


def can(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """An upright cylinder with a rim: trash cans, cups, buckets, rolls."""
    t.post(0, 0, (0, 0.93 * h), 0.46 * w)
    t.post(0, 0, (0.93 * h, h), w / 2, tuple(0.75 * c for c in t.rgb))


def bottle(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A body, a neck and a cap."""
    t.post(0, 0, (0, 0.68 * h), w / 2)
    t.post(0, 0, (0.68 * h, 0.92 * h), 0.2 * w)
    t.post(0, 0, (0.92 * h, h), 0.24 * w, tuple(rng.uniform(0.1, 0.9, 3)))


def jug(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A body, a lid and a handle: kettles, pitchers, coffee makers' jugs."""
    t.post(0, 0, (0, 0.9 * h), 0.42 * w)
    t.post(0, 0, (0.9 * h, h), 0.25 * w, DARK)
    t.slab((0.42 * w, 0.6 * w), (-0.012, 0.012), (0.25 * h, 0.8 * h), DARK, PLAIN)


def lamp(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Foot, rod and a bright shade."""
    t.post(0, 0, (0, 0.03), 0.4 * w, DARK)
    t.post(0, 0, (0.03, 0.8 * h), 0.012, DARK)
    t.post(0, 0, (h - min(0.28, 0.45 * h), h), w / 2)


def plant(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A pot, a stem and leaves."""
    pot = 0.3 * h
    t.post(0, 0, (0, pot), 0.3 * w, (0.6, 0.36, 0.24))
    t.post(0, 0, (pot, 0.8 * h), 0.012, (0.3, 0.22, 0.12))
    for _ in range(7):
        x, y = rng.uniform(-0.22, 0.22, 2) * w
        half = (0.26 * w * rng.uniform(0.6, 1.0), 0.05 * w + 0.01, 0.2 * h * rng.uniform(0.6, 1.0))
        lean = rotation(float(rng.uniform(-np.pi, np.pi)), 0.0, float(rng.uniform(-0.5, 0.5)))
        t.blob((x, y, rng.uniform(0.5, 0.8) * h), half, turn=lean)


def panel(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A framed plate on the wall: pictures, boards, mirrors, screens, calendars."""
    frame = 0.02 if w < 0.7 else 0.035
    t.slab((-w / 2 + frame, w / 2 - frame), (-d / 2, d / 2 - 0.008), (frame, h - frame))
    rim = tuple(0.5 * c for c in t.rgb)
    for x0 in (-w / 2, w / 2 - frame):
        t.slab((x0, x0 + frame), (-d / 2, d / 2), (0, h), rim, PLAIN)
    for z0 in (0.0, h - frame):
        t.slab((-w / 2 + frame, w / 2 - frame), (-d / 2, d / 2), (z0, z0 + frame), rim, PLAIN)


def dial(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A round thing on the wall: clocks, fire alarms."""
    t.bar((0, 0, h / 2), d, w / 2, 'y')
    t.bar((0, d / 2, h / 2), 0.01, 0.42 * w, 'y', tuple(1 - 0.9 * c for c in t.rgb))


def drape(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Cloth in folds: curtains, towels, hanging clothes."""
    n = max(2, round(w / 0.11))
    for i in range(n):
        x0 = -w / 2 + i * w / n
        y = (0.22 if i % 2 else -0.22) * d
        t.slab((x0, x0 + w / n), (y - 0.22 * d, y + 0.22 * d), (0, h), material=CLOTH)


def blinds(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Tilted slats below a rail."""
    n = max(3, round(h / 0.09))
    for i in range(n):
        z = i * h / n
        t.slab((-w / 2, w / 2), (-d / 2, d / 2), (z + 0.02, z + 0.035), turn=rotation(0.0, 0.0, 0.6))
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.03, h))


def pillow(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A flat ellipsoid: pillows, cushions, hats, bags of cloth."""
    t.blob((0, 0, h / 2), (w / 2, d / 2, h / 2))


def bag(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A body, a pocket and a strap."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 4), (0, 0.8 * h))
    t.blob((0, -d / 8, 0.8 * h), (w / 2, 0.37 * d, 0.2 * h))
    t.slab((-0.35 * w, 0.35 * w), (d / 4, d / 2), (0.03, 0.4 * h), tuple(0.7 * c for c in t.rgb))


def case(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A shell with a handle on two rods."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0.04, 0.78 * h))
    for x in (-0.3 * w, 0.3 * w):
        t.post(x, -0.4 * d, (0.78 * h, h), 0.012, DARK)
        t.post(x, 0, (0, 0.04), 0.035, DARK)
    t.bar((0, -0.4 * d, h), 0.62 * w, 0.014, rgb=DARK)


def shoes(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A pair."""
    for x in (-0.27 * w, 0.27 * w):
        t.blob((x, 0.1 * d, 0.4 * h), (0.2 * w, 0.4 * d, 0.4 * h))
        t.blob((x, -0.25 * d, 0.55 * h), (0.18 * w, 0.22 * d, 0.45 * h))


def appliance(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A box with a dark front and buttons: microwaves, printers, toasters, computers."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0, h))
    t.slab((-0.45 * w, 0.2 * w), (d / 2, d / 2 + 0.012), (0.12 * h, 0.88 * h), DARK, PLAIN)
    t.slab((0.27 * w, 0.42 * w), (d / 2, d / 2 + 0.012), (0.55 * h, 0.85 * h), STEEL, PLAIN)
    t.carries((-0.45 * w, 0.45 * w), (-0.45 * d, 0.45 * d), h, 0.4)


def fins(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Ribs between two pipes: radiators, dish racks."""
    n = max(4, round(w / 0.09))
    for i in range(n):
        x = -w / 2 + (i + 0.5) * w / n
        t.slab((x - 0.27 * w / n, x + 0.27 * w / n), (-d / 2, d / 2), (0.1 * h, h))
    for z in (0.2 * h, 0.85 * h):
        t.bar((0, 0, z), w, 0.018)


def rod(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A lying bar on two holders: rails, curtain rods, pipes along a wall."""
    t.bar((0, d / 2 - h / 2, h / 2), w, h / 2)
    for x in (-0.45 * w, 0.45 * w):
        t.slab((x - 0.015, x + 0.015), (-d / 2, d / 2 - h / 2), (0.2 * h, 0.8 * h))


def pole(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """An upright cylinder from the floor: pipes, columns, tubes."""
    t.post(0, 0, (0, h), w / 2)


def ladder(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Two rails and rungs, upright against the wall."""
    for x in (-w / 2 + 0.02, w / 2 - 0.02):
        t.slab((x - 0.02, x + 0.02), (-d / 2, d / 2), (0, h))
    for z in np.arange(0.25, h - 0.1, 0.28):
        t.bar((0, 0, z), w - 0.06, 0.018)


def bicycle(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Two wheels along x, a frame, a saddle, a handlebar."""
    r = 0.32
    for x in (-w / 2 + r, w / 2 - r):
        t.bar((x, 0, r), 0.035, r, 'y', DARK)
    t.slab((-0.28 * w, 0.26 * w), (-0.02, 0.02), (0.55, 0.62))
    t.slab((-0.3 * w, 0.02 * w), (-0.018, 0.018), (0.36, 0.42))
    t.post(-0.12 * w, 0, (0.6, 0.9), 0.02)
    t.slab((-0.2 * w, -0.06 * w), (-0.06, 0.06), (0.9, 0.95), DARK, PLAIN)
    t.post(0.27 * w, 0, (0.55, h), 0.02)
    t.bar((0.27 * w, 0, h), 0.9 * d, 0.016, 'y', DARK)


def guitar(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Upright against the wall: two rounds and a neck."""
    t.blob((0, 0, 0.2 * h), (w / 2, d / 2, 0.2 * h))
    t.blob((0, 0, 0.42 * h), (0.36 * w, 0.45 * d, 0.14 * h))
    t.slab((-0.03, 0.03), (-0.02, 0.02), (0.5 * h, h), (0.3, 0.2, 0.12))


def person(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Standing: legs, trunk, arms, head."""
    for x in (-0.1, 0.1):
        t.post(x, 0, (0, 0.48 * h), 0.075, (0.2, 0.22, 0.35))
        t.post(2.3 * x, 0, (0.45 * h, 0.8 * h), 0.05)
    t.blob((0, 0, 0.65 * h), (0.2, 0.13, 0.2 * h))
    t.blob((0, 0, 0.93 * h), (0.09, 0.1, 0.07 * h), (0.75, 0.56, 0.45))


def fan(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A foot, a rod, a round cage that looks to the front."""
    t.post(0, 0, (0, 0.03), 0.35 * w)
    t.post(0, 0, (0.03, h - w / 2), 0.016)
    t.bar((0, 0.03, h - w / 2), 0.09, w / 2, 'y')


def stick(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A rod on a head: brooms, plungers, vacuum cleaners, dustpans."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0, min(0.14, 0.3 * h)))
    t.post(0, 0, (min(0.14, 0.3 * h), h), 0.016, (0.7, 0.6, 0.4))


def tree(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A post with arms: coat racks, music stands."""
    t.post(0, 0, (0, 0.03), w / 2)
    t.post(0, 0, (0.03, h), 0.022)
    for yaw in (0.3, 1.8):
        t.slab((-0.45 * w, 0.45 * w), (-0.015, 0.015), (h - 0.16, h - 0.13), turn=rotation(yaw))


def board(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A long top on crossed legs: ironing boards, keyboards' stands."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.05, h))
    for lean in (-0.7, 0.7):
        t.slab((-0.02, 0.02), (-0.02, 0.02), (0.04, h - 0.06), STEEL, PLAIN, rotation(0.0, lean * 0.6))


def dumbbell(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A grip between two weights."""
    t.bar((0, 0, h / 2), w, 0.016, rgb=STEEL)
    for x in (-0.36 * w, 0.36 * w):
        t.bar((x, 0, h / 2), 0.24 * w, h / 2)


def cooler(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A cabinet with a bottle upside down on it; a tap in front."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0, 0.7 * h), WHITE, PLAIN)
    t.slab((-0.06, 0.06), (d / 2, d / 2 + 0.04), (0.55 * h, 0.62 * h), DARK, PLAIN)
    t.post(0, 0, (0.7 * h, h), 0.42 * w)


def soft(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A body, a head and ears: stuffed animals."""
    t.blob((0, 0, 0.3 * h), (w / 2, d / 2, 0.3 * h))
    t.blob((0, 0.1 * d, 0.72 * h), (0.36 * w, 0.36 * d, 0.25 * h))
    for x in (-0.26 * w, 0.26 * w):
        t.blob((x, 0.1 * d, 0.93 * h), (0.1 * w, 0.07 * d, 0.07 * h))


def pane(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A window: a pale frame with a cross, glass behind it."""
    t.slab((-w / 2, w / 2), (-d / 2, -d / 2 + 0.015), (0, h), (0.72, 0.82, 0.9), SHINY)
    for x0 in (-w / 2, -0.02, w / 2 - 0.04):
        t.slab((x0, x0 + 0.04), (-d / 2 + 0.015, d / 2), (0, h))
    for z0 in (0.0, h - 0.04):
        for x0, x1 in ((-w / 2 + 0.04, -0.02), (0.02, w / 2 - 0.04)):
            t.slab((x0, x1), (-d / 2 + 0.015, d / 2), (z0, z0 + 0.04))


def leaf(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A door with two fields and a knob."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2 - 0.012), (0, h))
    shade = tuple(0.88 * c for c in t.rgb)
    for z0, z1 in ((0.15, 0.45 * h), (0.52 * h, h - 0.15)):
        t.slab((-0.33 * w, 0.33 * w), (d / 2 - 0.012, d / 2), (z0, z1), shade)
    t.blob((0.43 * w, d / 2 + 0.03, 0.48 * h), (0.03, 0.035, 0.03), STEEL)


def frame(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """Two posts and a lintel of 6 cm around a door."""
    for x0 in (-w / 2, w / 2 - 0.06):
        t.slab((x0, x0 + 0.06), (-d / 2, d / 2), (0, h - 0.06))
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.06, h))


def print_box(t: Thing, w: float, d: float, h: float, rng: np.random.Generator) -> None:
    """A printed carton with a lid: boxes, tissue boxes, detergent."""
    t.slab((-w / 2, w / 2), (-d / 2, d / 2), (0, 0.9 * h), material=PRINT)
    t.slab((-w / 2 - 0.004, w / 2 + 0.004), (-d / 2 - 0.004, d / 2 + 0.004), (0.9 * h, h))
    t.carries((-0.45 * w, 0.45 * w), (-0.45 * d, 0.45 * d), h, 0.4)
