"""What stands beside the road: buildings, walls, fences, trees, hedges, poles and signs; all of it static."""

import numpy as np

from .ground import Ground, RoadPlan
from .shapes import BOX, CYLINDER, FOLIAGE, Shape, rotation
from .taxonomy import LABEL

MANMADE, VEGETATION = LABEL['static.manmade'], LABEL['static.vegetation']
REACH_M = 92.0


def build_scenery(plan: RoadPlan, ground: Ground, rng: np.random.Generator) -> Shape:
    """All static structures of a scene as one shape in the scene frame."""
    shape = Shape()
    for side in (-1, 1):
        _frontage(shape, plan, ground, side, rng)
        _street_trees(shape, plan, ground, side, rng)
        _poles(shape, plan, ground, side, rng)
    _free_vegetation(shape, ground, rng)
    return shape


def is_clear(ground: Ground, x: float, y: float, heading: float, half: tuple[float, float], margin: float) -> bool:
    """True where a rectangle keeps `margin` metres off the driveable surface and lies inside the raster."""
    for u in np.linspace(-half[0], half[0], max(2, int(half[0]))):
        for v in (-half[1], 0.0, half[1]):
            px, py = x + u * np.cos(heading) - v * np.sin(heading), y + u * np.sin(heading) + v * np.cos(heading)
            if max(abs(px), abs(py)) > REACH_M or ground.edge_at(px, py) < margin:
                return False
    return True


def _frontage(shape: Shape, plan: RoadPlan, ground: Ground, side: int, rng: np.random.Generator) -> None:
    """Walk along one side and fill it with buildings, walls, fences, hedges and gaps."""
    s = -REACH_M
    verge = rng.choice([0.3, 2.0, 6.0], p=[0.4, 0.35, 0.25])
    while s < REACH_M:
        length = float(rng.uniform(8.0, 26.0))
        setback = plan.sidewalk_m + verge * rng.uniform(0.7, 1.3)
        kind = rng.choice(['building', 'wall', 'fence', 'hedge', 'gap'], p=[0.55, 0.09, 0.09, 0.1, 0.17])
        depth = {'building': float(rng.uniform(8.0, 16.0)), 'hedge': 1.2}.get(str(kind), 0.25)
        d = side * (plan.half_width_m + setback + depth / 2)
        x, y, heading = plan.course.at(s + length / 2, d)
        half = (length / 2, depth / 2)
        if kind != 'gap' and is_clear(ground, x, y, heading, half, plan.sidewalk_m + 0.2):
            z = min(ground.height_at(x, y), ground.height_at(*plan.course.at(s + length / 2, d - side * depth / 2)[:2]))
            _FRONTAGES[str(kind)](shape, (x, y, z), heading, half, side, rng)
        s += length + float(rng.choice([0.1, 3.0, 7.0]))


def _building(shape: Shape, foot: tuple, heading: float, half: tuple, side: int, rng: np.random.Generator) -> None:
    """A block with a plinth, and boxes standing out of its front: balconies, bays, an entrance roof."""
    height, turn, paint = float(rng.uniform(4.0, 22.0)), rotation(heading), float(rng.uniform(0.1, 0.5))
    centre = (foot[0], foot[1], foot[2] - 1.0 + height / 2)
    shape.add(BOX, centre, (*half, height / 2 + 1.0), label=MANMADE, reflectivity=paint, turn=turn)
    for _ in range(int(rng.integers(2, 7))):
        along, out, up = rng.uniform(-0.85, 0.85) * half[0], half[1] + 0.3, rng.uniform(1.0, max(1.5, height - 1.0))
        x = foot[0] + along * turn[0, 0] - side * out * turn[0, 1]
        y = foot[1] + along * turn[1, 0] - side * out * turn[1, 1]
        block = (float(rng.uniform(0.4, 1.6)), float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.2, 1.2)))
        shape.add(BOX, (x, y, foot[2] + up), block, label=MANMADE, reflectivity=paint * 1.3, turn=turn)


def wall(shape: Shape, foot: tuple, heading: float, half: tuple, side: int, rng: np.random.Generator) -> None:
    """Knee-high to taller than a man."""
    height = float(rng.uniform(0.6, 2.4))
    centre = (foot[0], foot[1], foot[2] + height / 2 - 0.4)
    shape.add(
        BOX,
        centre,
        (*half, height / 2 + 0.4),
        label=MANMADE,
        reflectivity=float(rng.uniform(0.1, 0.4)),
        turn=rotation(heading),
        part='fence',
    )


def fence(shape: Shape, foot: tuple, heading: float, half: tuple, side: int, rng: np.random.Generator) -> None:
    """Mesh that lets most rays pass, and posts."""
    height, turn = float(rng.uniform(1.0, 2.2)), rotation(heading)
    centre = (foot[0], foot[1], foot[2] + height / 2 - 0.2)
    mesh = (half[0], 0.02, height / 2 + 0.2)
    shape.add(BOX, centre, mesh, label=MANMADE, reflectivity=0.3, density=0.35, turn=turn, part='fence')
    for along in np.arange(-half[0], half[0], 2.5):
        post = (foot[0] + along * turn[0, 0], foot[1] + along * turn[1, 0], centre[2])
        shape.add(CYLINDER, post, (0.05, 0.05, height / 2 + 0.25), label=MANMADE, reflectivity=0.2, part='fence')


def hedge(shape: Shape, foot: tuple, heading: float, half: tuple, side: int, rng: np.random.Generator) -> None:
    """A row of bushes that overlap."""
    height, turn = float(rng.uniform(0.7, 1.8)), rotation(heading)
    for along in np.arange(-half[0], half[0], 1.1):
        centre = (foot[0] + along * turn[0, 0], foot[1] + along * turn[1, 0], foot[2] + 0.45 * height)
        bush = (0.8, half[1] * rng.uniform(0.8, 1.2), 0.55 * height * rng.uniform(0.85, 1.15))
        shape.add(FOLIAGE, centre, bush, label=VEGETATION, reflectivity=0.35, density=0.12, turn=turn)


_FRONTAGES = {'building': _building, 'wall': wall, 'fence': fence, 'hedge': hedge}


def tree(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    """A trunk and a few clouds of leaves."""
    height, trunk = float(rng.uniform(4.0, 10.0)), float(rng.uniform(0.09, 0.25))
    bare = height * rng.uniform(0.25, 0.45)
    shape.add(
        CYLINDER,
        (x, y, z + (bare + 1.0) / 2 - 0.5),
        (trunk, trunk, (bare + 1.0) / 2 + 0.5),
        label=VEGETATION,
        reflectivity=0.25,
        part='trunk',
    )
    for _ in range(int(rng.integers(2, 5))):
        spread = (height - bare) * rng.uniform(0.25, 0.45)
        off = rng.uniform(-0.35, 0.35, 3) * (height - bare)
        centre = (x + off[0], y + off[1], z + (bare + height) / 2 + 0.6 * off[2])
        crown = (spread, spread * rng.uniform(0.8, 1.2), spread * rng.uniform(0.8, 1.1))
        shape.add(FOLIAGE, centre, crown, label=VEGETATION, reflectivity=0.4, density=float(rng.uniform(0.3, 1.0)))


def _street_trees(shape: Shape, plan: RoadPlan, ground: Ground, side: int, rng: np.random.Generator) -> None:
    if rng.random() < 0.15:
        return
    spacing = float(rng.uniform(7.0, 16.0))
    for s in np.arange(-REACH_M, REACH_M, spacing):
        x, y, _ = plan.course.at(float(s + rng.uniform(-1, 1)), side * (plan.half_width_m + 0.8))
        if max(abs(x), abs(y)) < REACH_M and ground.edge_at(x, y) > 0.5:
            tree(shape, x, y, ground.height_at(x, y), rng)


def _free_vegetation(shape: Shape, ground: Ground, rng: np.random.Generator) -> None:
    """Trees and bushes on open terrain."""
    for _ in range(int(rng.integers(50, 120))):
        x, y = rng.uniform(-85.0, 85.0, 2)
        if ground.edge_at(x, y) < 7.0:
            continue
        z = ground.height_at(x, y)
        if rng.random() < 0.5:
            tree(shape, x, y, z, rng)
        else:
            bush = (rng.uniform(0.4, 1.6), rng.uniform(0.4, 1.6), rng.uniform(0.3, 1.1))
            shape.add(FOLIAGE, (x, y, z + 0.3 * bush[2]), bush, label=VEGETATION, reflectivity=0.35, density=0.15)


def _poles(shape: Shape, plan: RoadPlan, ground: Ground, side: int, rng: np.random.Generator) -> None:
    """Lamps, sign posts, bollards and traffic lights on the sidewalk, 0.35 m behind the curb."""
    s = -REACH_M
    while s < REACH_M:
        s += float(rng.uniform(5.0, 18.0))
        x, y, heading = plan.course.at(s, side * (plan.half_width_m + 0.35))
        if max(abs(x), abs(y)) > REACH_M or ground.edge_at(x, y) < 0.2:
            continue
        _pole(shape, x, y, ground.height_at(x, y), heading, side, rng)


def _pole(shape: Shape, x: float, y: float, z: float, heading: float, side: int, rng: np.random.Generator) -> None:
    turn = rotation(heading)
    kind = rng.choice(['lamp', 'sign', 'bollard', 'light'], p=[0.4, 0.3, 0.2, 0.1])
    height = {'lamp': 7.5, 'sign': 2.6, 'bollard': 0.9, 'light': 4.5}[str(kind)] * float(rng.uniform(0.85, 1.15))
    radius = {'lamp': 0.1, 'sign': 0.04, 'bollard': 0.07, 'light': 0.08}[str(kind)]
    stem = (radius, radius, height / 2)
    shape.add(CYLINDER, (x, y, z + height / 2), stem, label=MANMADE, reflectivity=0.25, part='pole')
    if kind == 'sign':
        plate = (0.02, 0.35, 0.35)
        shape.add(BOX, (x, y, z + height - 0.4), plate, label=MANMADE, reflectivity=4.0, turn=turn, part='sign')
    if kind == 'lamp':
        arm = (x + side * turn[0, 1] * -1.0, y + side * turn[1, 1] * -1.0, z + height)
        shape.add(BOX, arm, (0.12, 1.1, 0.06), label=MANMADE, reflectivity=0.25, turn=turn, part='pole')
    if kind == 'light':
        box = (0.15, 0.18, 0.45)
        shape.add(BOX, (x, y, z + height - 0.45), box, label=MANMADE, reflectivity=0.1, turn=turn, part='pole')
