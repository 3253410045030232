"""The ten detection classes (and a bin): sizes drawn around the means of nuScenes, shapes built from primitives.

Every shape fits inside its annotated box, BOX_MARGIN_M smaller on each side, as annotators leave a little air."""

import numpy as np

from .shapes import ALONG_Y, BOX, CONE, CYLINDER, ELLIPSOID, Shape, rotation
from .taxonomy import CATEGORY_OF, LABEL

BOX_MARGIN_M = 0.04

SIZE_M = {
    'car': ((4.62, 1.95, 1.73), 0.07),
    'truck': ((6.94, 2.51, 2.84), 0.12),
    'bus': ((11.2, 2.95, 3.47), 0.07),
    'trailer': ((11.0, 2.9, 3.8), 0.12),
    'construction_vehicle': ((6.4, 2.8, 3.2), 0.12),
    'pedestrian': ((0.73, 0.67, 1.77), 0.06),
    'child': ((0.55, 0.52, 1.35), 0.08),
    'worker': ((0.73, 0.67, 1.78), 0.05),
    'motorcycle': ((2.11, 0.77, 1.47), 0.06),
    'bicycle': ((1.70, 0.60, 1.28), 0.06),
    'traffic_cone': ((0.41, 0.41, 1.0), 0.15),
    'barrier': ((0.50, 2.40, 1.0), 0.05),
    'bin': ((0.75, 0.62, 1.1), 0.1),
}
"""kind -> mean length (x), width (y), height (z), and the relative standard deviation (clipped at two)."""


def draw_size(kind: str, rng: np.random.Generator, with_rider: bool = False) -> np.ndarray:
    """(3,) length, width, height in metres of one annotated box; a rider makes a cycle taller."""
    mean, spread = SIZE_M[kind]
    size = np.array(mean) * (1.0 + spread * np.clip(rng.standard_normal(3), -2.0, 2.0))
    if with_rider:
        size[2] = max(size[2], 1.72 + 0.06 * rng.standard_normal())
    return size


def build_shape(kind: str, size_m: np.ndarray, rng: np.random.Generator, with_rider: bool = False) -> Shape:
    """Primitives of one object of the given annotated size, standing on z = 0."""
    shape = Shape()
    inner = size_m - np.array([2 * BOX_MARGIN_M, 2 * BOX_MARGIN_M, BOX_MARGIN_M])
    label = LABEL[CATEGORY_OF[kind]]
    if kind in ('motorcycle', 'bicycle'):
        _cycle(shape, inner, label, rng, kind == 'motorcycle', with_rider)
    else:
        _BUILDERS[kind](shape, inner, label, rng)
    return shape


def _paint(rng: np.random.Generator) -> float:
    """Reflectivity of a painted body; dark cars return little."""
    return float(rng.choice([0.06, 0.15, 0.35, 0.6], p=[0.25, 0.25, 0.25, 0.25]) * rng.uniform(0.8, 1.2))


def _wheels(shape: Shape, xs: list[float], width: float, radius: float, label: int) -> None:
    for x in xs:
        for side in (-1.0, 1.0):
            centre = (x, side * (width / 2 - 0.12), radius)
            shape.add(CYLINDER, centre, (radius, radius, 0.12), label=label, reflectivity=0.06, turn=ALONG_Y)


def _plates(shape: Shape, length: float, label: int) -> None:
    for side in (-1.0, 1.0):
        shape.add(BOX, (side * (length / 2 - 0.01), 0.0, 0.55), (0.01, 0.26, 0.06), label=label, reflectivity=3.0)


def _car(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    length, width, height = size
    paint = _paint(rng)
    style = rng.choice(3, p=[0.5, 0.35, 0.15])  # saloon, hatchback or SUV, van
    waist = height * (0.58, 0.62, 0.55)[style]
    cabin_start, cabin_end = ((-0.32, 0.20), (-0.47, 0.22), (-0.48, 0.36))[style]
    shape.add(
        BOX, (0, 0, (0.2 + waist) / 2), (length / 2, width / 2, (waist - 0.2) / 2), label=label, reflectivity=paint
    )
    steps = ((0.0, 0.33), (0.33, 0.66), (0.66, 1.0))
    for low, high in steps:  # the greenhouse narrows upwards: windscreen and rear window as three steps
        start, end = cabin_start + 0.05 * low, cabin_end - 0.09 * low
        z = waist + (height - waist) * (low + high) / 2
        half = ((end - start) * length / 2, width * (0.47 - 0.05 * high), (height - waist) * (high - low) / 2)
        glass = high < 1.0
        shape.add(
            BOX,
            ((start + end) / 2 * length, 0.0, z),
            half,
            label=label,
            reflectivity=0.1 if glass else paint,
            density=0.55 if glass else 1.0,
        )
    _wheels(shape, [-0.3 * length, 0.31 * length], width, 0.32, label)
    _plates(shape, length, label)


def _truck(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    length, width, height = size
    paint, cargo = _paint(rng), _paint(rng)
    cab = min(2.2, 0.36 * length)
    cab_x, cargo_length = length / 2 - cab / 2, length - cab - 0.25
    shape.add(
        BOX,
        (cab_x, 0, (0.4 + 0.85 * height) / 2),
        (cab / 2, width / 2 - 0.08, (0.85 * height - 0.4) / 2),
        label=label,
        reflectivity=paint,
    )
    cargo_x = -length / 2 + cargo_length / 2
    if rng.random() < 0.7:  # closed cargo box, else an open bed with low sides
        half = (cargo_length / 2, width / 2, (height - 0.9) / 2)
        shape.add(BOX, (cargo_x, 0, (height + 0.9) / 2), half, label=label, reflectivity=cargo)
    else:
        shape.add(BOX, (cargo_x, 0, 1.25), (cargo_length / 2, width / 2, 0.35), label=label, reflectivity=cargo)
        shape.add(BOX, (cab_x, 0, height - 0.1), (0.3 * cab, width / 3, 0.1), label=label, reflectivity=paint)
    shape.add(BOX, (0, 0, 0.7), (length / 2 - 0.1, width * 0.3, 0.15), label=label, reflectivity=0.08)
    _wheels(shape, [-0.34 * length, -0.18 * length, 0.34 * length], width, 0.46, label)
    _plates(shape, length, label)


def _bus(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    length, width, height = size
    paint = _paint(rng) + 0.1
    bands = ((0.3, 0.42, paint, 1.0), (0.42, 0.8, 0.12, 0.6), (0.8, 1.0, paint, 1.0))  # body, windows, roof
    for low, high, reflectivity, density in bands:
        bottom = 0.35 if low == 0.3 else low * height
        half = (length / 2, width / 2, (high * height - bottom) / 2)
        centre = (0.0, 0.0, (high * height + bottom) / 2)
        shape.add(BOX, centre, half, label=label, reflectivity=reflectivity, density=density)
    for x in np.linspace(-length / 2 + 0.1, length / 2 - 0.1, 7):  # pillars between the windows
        half = (0.08, width / 2, 0.19 * height)
        shape.add(BOX, (x, 0.0, 0.61 * height), half, label=label, reflectivity=paint)
    _wheels(shape, [-0.27 * length, 0.3 * length], width, 0.48, label)


def _trailer(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    length, width, height = size
    paint = _paint(rng) + 0.1
    if rng.random() < 0.6:
        half = (length / 2, width / 2, (height - 1.2) / 2)
        shape.add(BOX, (0, 0, (height + 1.2) / 2), half, label=label, reflectivity=paint)
    else:  # flat bed with a stack of cargo
        shape.add(BOX, (0, 0, 1.25), (length / 2, width / 2, 0.12), label=label, reflectivity=paint)
        half = (0.4 * length, 0.45 * width, (height - 1.37) / 2)
        shape.add(BOX, (-0.05 * length, 0, (height + 1.37) / 2), half, label=label, reflectivity=_paint(rng))
    shape.add(BOX, (0, 0, 1.0), (length / 2 - 0.3, 0.2 * width, 0.15), label=label, reflectivity=0.08)
    shape.add(BOX, (0.28 * length, 0, 0.5), (0.08, 0.35 * width, 0.5), label=label, reflectivity=0.1)
    _wheels(shape, [-0.42 * length, -0.32 * length, -0.22 * length], width, 0.5, label)


def _construction(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    """Excavator: tracks, body, cab, boom up and stick down to a bucket."""
    length, width, height = size
    paint = 0.4 * rng.uniform(0.8, 1.2)
    for side in (-1.0, 1.0):
        centre = (-0.15 * length, side * (width / 2 - 0.3), 0.42)
        shape.add(BOX, centre, (0.33 * length, 0.3, 0.42), label=label, reflectivity=0.08)
    shape.add(BOX, (-0.2 * length, 0, 1.3), (0.28 * length, 0.42 * width, 0.45), label=label, reflectivity=paint)
    cab_half = (0.13 * length, 0.18 * width, (height - 1.75) / 2)
    shape.add(BOX, (-0.04 * length, 0.2 * width, 1.75 + cab_half[2]), cab_half, label=label, reflectivity=paint)
    elbow, root, tip = (
        np.array([0.25 * length, height - 0.3]),
        np.array([0.02 * length, 1.5]),
        np.array([0.44 * length, 0.6]),
    )
    for start, end in ((root, elbow), (elbow, tip)):
        along = end - start
        turn = rotation(0.0, -float(np.arctan2(along[1], along[0])))
        middle = (start + end) / 2
        half = (float(np.hypot(*along)) / 2 - 0.1, 0.18, 0.17)
        shape.add(BOX, (middle[0], -0.1 * width, middle[1]), half, label=label, reflectivity=paint, turn=turn)
    bucket = (0.07 * length, 0.25 * width, 0.35)
    shape.add(BOX, (0.42 * length, -0.1 * width, 0.4), bucket, label=label, reflectivity=0.15)


def _person(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    clothes = float(rng.uniform(0.1, 0.5))
    if label == LABEL['human.pedestrian.construction_worker']:
        clothes = 1.5  # reflective vest
    length, width, height = size
    stride = rng.uniform(0.2, 0.9) * (length / 2 - 0.1)
    for side in (-1.0, 1.0):
        leg = (side * stride * 0.6, side * 0.1, 0.24 * height)
        turn = rotation(0.0, -side * np.arctan2(stride, 0.48 * height))
        shape.add(CYLINDER, leg, (0.075, 0.075, 0.22 * height), label=label, reflectivity=clothes * 0.7, turn=turn)
        arm = (-side * stride * 0.3, side * (width / 2 - 0.07), 0.62 * height)
        shape.add(CYLINDER, arm, (0.05, 0.05, 0.17 * height), label=label, reflectivity=clothes)
    torso = (0.13, width / 2 - 0.1, 0.2 * height)
    shape.add(ELLIPSOID, (0, 0, 0.65 * height), torso, label=label, reflectivity=clothes)
    shape.add(ELLIPSOID, (0, 0, 0.925 * height), (0.1, 0.09, 0.075 * height), label=label, reflectivity=0.4)


def _rider(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    height, clothes = size[2], float(rng.uniform(0.1, 0.5))
    lean = rotation(0.0, 0.25)
    torso = (0.14, size[1] / 2 - 0.12, 0.19 * height)
    shape.add(ELLIPSOID, (-0.1, 0, 0.7 * height), torso, label=label, reflectivity=clothes, turn=lean, part='rider')
    head = (0.11, 0.1, 0.068 * height)
    shape.add(ELLIPSOID, (0.05, 0, 0.93 * height), head, label=label, reflectivity=0.4, part='rider')
    for side in (-1.0, 1.0):
        leg = (0.0, side * 0.14, 0.34 * height)
        arm = (0.18, side * 0.2, 0.68 * height)
        for place, thickness, length, pitch in ((leg, 0.07, 0.2, 0.4), (arm, 0.045, 0.16, 1.0)):
            half, turn = (thickness, thickness, length * height), rotation(0.0, pitch)
            shape.add(CYLINDER, place, half, label=label, reflectivity=clothes, turn=turn, part='rider')


def _cycle(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator, motor: bool, with_rider: bool) -> None:
    length, width = size[0], size[1]
    bare_height = min(size[2], 1.25)
    radius = 0.31 if motor else 0.33
    thickness, filled = (0.07, 1.0) if motor else (0.025, 0.6)
    for side in (-1.0, 1.0):  # the spokes of a bicycle let rays through
        centre = (side * (length / 2 - radius), 0.0, radius)
        half = (radius, radius, thickness)
        shape.add(CYLINDER, centre, half, label=label, reflectivity=0.1, density=filled, turn=ALONG_Y)
    frame = (0.27 * length, 0.16, 0.22) if motor else (0.25 * length, 0.03, 0.17)
    shape.add(BOX, (0, 0, 0.62), frame, label=label, reflectivity=_paint(rng), density=1.0 if motor else 0.7)
    seat = (0.17 * length, 0.14, 0.06) if motor else (0.1, 0.07, 0.04)
    shape.add(BOX, (-0.18 * length, 0, 0.86), seat, label=label, reflectivity=0.1)
    bar = (0.04, width / 2, 0.04)
    shape.add(BOX, (0.27 * length, 0, bare_height - 0.15), bar, label=label, reflectivity=0.2)
    stem = (0.05, 0.05, (bare_height - 0.6) / 2)
    shape.add(CYLINDER, (0.29 * length, 0, bare_height - 0.15 - stem[2]), stem, label=label, reflectivity=0.2)
    if with_rider:
        _rider(shape, size, label, rng)


def _cone(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    length, height = min(size[:2]), size[2]
    shape.add(BOX, (0, 0, 0.03), (length / 2, length / 2, 0.03), label=label, reflectivity=0.15)
    radius = 0.42 * length
    shape.add(CONE, (0, 0, height / 2), (radius, radius, height / 2), label=label, reflectivity=0.5)
    band = 0.55 * radius
    shape.add(CYLINDER, (0, 0, 0.6 * height), (band, band, 0.08 * height), label=label, reflectivity=2.5)


def _barrier(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    thickness, width, height = size
    paint = float(rng.uniform(0.3, 0.7))
    steps = ((0.0, 0.25, 1.0), (0.25, 0.5, 0.7), (0.5, 1.0, 0.4))
    for low, high, share in steps:
        half = (share * thickness / 2, width / 2, (high - low) * height / 2)
        shape.add(BOX, (0, 0, (low + high) / 2 * height), half, label=label, reflectivity=paint)


def _bin(shape: Shape, size: np.ndarray, label: int, rng: np.random.Generator) -> None:
    shape.add(BOX, (0, 0, size[2] / 2), tuple(size / 2), label=label, reflectivity=_paint(rng))


_BUILDERS = {
    'car': _car,
    'truck': _truck,
    'bus': _bus,
    'trailer': _trailer,
    'construction_vehicle': _construction,
    'pedestrian': _person,
    'child': _person,
    'worker': _person,
    'traffic_cone': _cone,
    'barrier': _barrier,
    'bin': _bin,
}
