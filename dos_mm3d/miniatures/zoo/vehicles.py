"""Cars of several bodies, with sloping glass, lamps and plates; vans; everything else as the miniatures have it."""

import numpy as np

from .. import objects
from ..objects import BOX_MARGIN_M
from ..shapes import ALONG_Y, BOX, CYLINDER, Shape, rotation
from ..taxonomy import LABEL

CAR = LABEL['vehicle.car']
# body -> (chance, mean length, width, height in m)
BODIES = {
    'saloon': (0.26, 4.7, 1.83, 1.46),
    'hatchback': (0.22, 4.1, 1.77, 1.5),
    'estate': (0.1, 4.7, 1.83, 1.5),
    'suv': (0.24, 4.65, 1.92, 1.74),
    'coupe': (0.04, 4.4, 1.85, 1.33),
    'mpv': (0.05, 4.7, 1.87, 1.72),
    'van': (0.09, 5.4, 2.02, 2.25),
}
# body -> waist and bonnet height (shares of the height); where windscreen foot, roof front, roof rear and rear window
# foot are (shares of the length, from the middle, forward)
_PROFILE = {
    'saloon': (0.62, 0.6, 0.21, 0.04, -0.24, -0.38),
    'hatchback': (0.62, 0.62, 0.24, 0.08, -0.4, -0.48),
    'estate': (0.61, 0.6, 0.21, 0.04, -0.43, -0.49),
    'suv': (0.6, 0.6, 0.22, 0.07, -0.42, -0.49),
    'coupe': (0.63, 0.58, 0.18, 0.0, -0.2, -0.44),
    'mpv': (0.57, 0.58, 0.32, 0.14, -0.44, -0.49),
    'van': (0.52, 0.5, 0.4, 0.28, -0.48, -0.49),
}


def draw_size(kind: str, rng: np.random.Generator, with_rider: bool = False) -> np.ndarray:
    """(3,) length, width, height in metres; of cars: of a drawn body."""
    if kind != 'car':
        return objects.draw_size(kind, rng, with_rider)
    chances = np.array([body[0] for body in BODIES.values()])
    body = str(rng.choice(list(BODIES), p=chances / chances.sum()))
    return np.array(BODIES[body][1:]) * (1.0 + 0.04 * np.clip(rng.standard_normal(3), -2.0, 2.0))


def build_shape(kind: str, size_m: np.ndarray, rng: np.random.Generator, with_rider: bool = False) -> Shape:
    """Primitives of one object of the given size, standing on z = 0."""
    if kind != 'car':
        return objects.build_shape(kind, size_m, rng, with_rider)
    shape = Shape()
    _car(shape, size_m - np.array([2 * BOX_MARGIN_M, 2 * BOX_MARGIN_M, BOX_MARGIN_M]), rng)
    return shape


def body_of(size_m: np.ndarray) -> str:
    """The body whose mean size is nearest, so that a size is enough to build a car."""
    means = np.array([body[1:] for body in BODIES.values()])
    return list(BODIES)[int(np.argmin(((means - size_m) ** 2).sum(1)))]


def _car(shape: Shape, size: np.ndarray, rng: np.random.Generator) -> None:
    length, width, height = size
    body = body_of(size)
    waist, bonnet, *stations = _PROFILE[body]
    foot, front, rear, tail = (share * length for share in stations)
    waist, bonnet, belly = waist * height, bonnet * height * 0.95, float(rng.uniform(0.16, 0.24))
    paint = 0.2 * float(rng.choice([0.25, 0.6, 1.2, 2.6], p=[0.3, 0.25, 0.25, 0.2]) * rng.uniform(0.8, 1.25))

    def box(x: tuple[float, float], half_width: float, z: tuple[float, float], part: str = '') -> None:
        centre = ((x[0] + x[1]) / 2, 0.0, (z[0] + z[1]) / 2)
        half = ((x[1] - x[0]) / 2, half_width, (z[1] - z[0]) / 2)
        shape.add(BOX, centre, half, label=CAR, reflectivity=paint, part=part)

    nose = 0.08 * length
    box((-length / 2 + 0.1, length / 2 - nose), width / 2, (belly, 0.55 * waist))  # sills and wings
    box((-length / 2, length / 2), 0.44 * width, (belly + 0.05, 0.6 * waist))  # bumpers, narrower
    box((tail - 0.02 * length, foot), width / 2 - 0.03, (0.55 * waist, waist))
    box((foot, length / 2 - nose), 0.45 * width, (0.55 * waist, bonnet))
    if tail > -0.47 * length:
        box((-length / 2 + 0.06, tail), 0.46 * width, (0.55 * waist, 0.97 * waist))  # boot
    box((rear, front), 0.39 * width, (height - 0.08, height))
    opaque = body == 'van' and rng.random() < 0.7
    _cabin(shape, width, (waist, height - 0.06), (foot, front, rear, tail), paint, opaque, rng)
    for side in (-1.0, 1.0):
        mirror = (foot - 0.25, side * (width / 2 - 0.02), waist + 0.07)
        shape.add(BOX, mirror, (0.08, 0.09, 0.06), label=CAR, reflectivity=paint)
        for end, strength in ((-1.0, 2.0), (1.0, 1.5)):  # lamps
            place = (end * (length / 2 - 0.07), side * 0.36 * width, 0.68 * waist)
            shape.add(BOX, place, (0.08, 0.12, 0.06), label=CAR, reflectivity=strength * rng.uniform(0.7, 1.0))
    for end in (-1.0, 1.0):
        plate = (end * (length / 2 - 0.005), 0.0, float(rng.uniform(0.4, 0.7)))
        shape.add(BOX, plate, (0.012, 0.26, 0.06), label=CAR, reflectivity=3.0)
    radius = float(rng.uniform(0.29, 0.36))
    for x in (-0.29 * length, 0.31 * length):
        for side in (-1.0, 1.0):
            centre = (x, side * (width / 2 - 0.11), radius)
            shape.add(CYLINDER, centre, (radius, radius, 0.13), label=CAR, reflectivity=0.06, turn=ALONG_Y, part='tyre')


def _cabin(
    shape: Shape,
    width: float,
    z: tuple[float, float],
    x: tuple[float, float, float, float],
    paint: float,
    opaque: bool,
    rng: np.random.Generator,
) -> None:
    """Sloping glass in front and behind, glass or sheet between, and pillars. x: windscreen foot, roof front, roof
    rear, rear window foot."""
    density = float(rng.uniform(0.2, 0.6))
    foot, front, rear, tail = x
    rise, middle = z[1] - z[0], (z[0] + z[1]) / 2
    for low, high in ((foot, front), (tail, rear)):
        slope = float(np.hypot(high - low, rise))
        turn = rotation(0.0, float(np.arctan2(high - low, rise)))
        pane = ((low + high) / 2, 0.0, middle)
        shape.add(
            BOX, pane, (0.02, 0.41 * width, slope / 2), label=CAR, reflectivity=0.1, density=density, turn=turn,
            part='glass',
        )  # fmt: skip
        for side in (-1.0, 1.0):
            pillar = ((low + high) / 2, side * 0.42 * width, middle)
            shape.add(BOX, pillar, (0.05, 0.04, slope / 2), label=CAR, reflectivity=paint, turn=turn)
    sides = ((front, rear),) if not opaque else ((front, 0.5 * (front + rear)),)
    for start, end in sides:
        half = (abs(start - end) / 2, 0.43 * width, rise / 2)
        shape.add(
            BOX, ((start + end) / 2, 0.0, middle), half, label=CAR, reflectivity=0.1, density=density, part='glass'
        )
    if opaque:
        half = (abs(front - rear) / 4, 0.45 * width, rise / 2)
        shape.add(BOX, (rear + half[0], 0.0, middle), half, label=CAR, reflectivity=paint)
    for share in (0.45, 0.95):  # pillars between the windows
        place = (front + share * (rear - front), 0.0, middle)
        shape.add(BOX, place, (0.05, 0.435 * width, rise / 2), label=CAR, reflectivity=paint)
