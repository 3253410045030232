"""The ground of a scene as a raster: height, lidarseg label and reflectivity, from the road's cross-section and a
rolling terrain."""

from dataclasses import dataclass

import numba
import numpy as np

from .roads import Course, road_coordinates
from .taxonomy import LABEL

CELL_M = 0.2
HALF_EXTENT_M = 96.0
ROAD, OTHER, SIDEWALK, TERRAIN = (
    LABEL['flat.driveable_surface'],
    LABEL['flat.other'],
    LABEL['flat.sidewalk'],
    LABEL['flat.terrain'],
)
LANE, MARKING, PARKING, OFF_ROAD = range(4)
CORNER_M = 8.0
"""Radius of the rounded corners of a crossing; nobody parks there."""


@dataclass(frozen=True)
class RoadPlan:
    """Cross-section and crossing of the main road; metres, d positive to the left of the course, traffic on the
    right."""

    course: Course
    lanes: int
    lane_width_m: float
    median_half_m: float
    parking_m: float
    sidewalk_m: float
    curb_m: float
    crossing_s_m: float
    crossing_half_m: float
    paved_side: int

    @property
    def half_width_m(self) -> float:
        """From the centre line to the curb."""
        return self.median_half_m + self.lanes * self.lane_width_m + self.parking_m

    @property
    def cross_section(self) -> np.ndarray:
        """(9,) for the compiled code: lanes, lane width, crossing s, its half width, half width, median, sidewalk,
        curb, paved side."""
        across = [self.half_width_m, self.median_half_m, self.sidewalk_m, self.curb_m, self.paved_side]
        lanes = [self.lanes, self.lane_width_m, self.crossing_s_m, self.crossing_half_m]
        return np.array([*lanes, *across], np.float64)

    def lane_centre_m(self, lane: int) -> float:
        """Unsigned distance of a lane's centre from the course; lane 0 is the inner one."""
        return self.median_half_m + (lane + 0.5) * self.lane_width_m


@dataclass(frozen=True)
class Ground:
    """Rasters (n, n) over [-HALF_EXTENT_M, HALF_EXTENT_M]^2, axis 0 = x; node (i, j) at -HALF_EXTENT_M + CELL_M * (i,
    j).

    height_m float32, between nodes bilinear: that IS the surface. label uint8, reflectivity float32: nearest node.
    edge_m float32: signed distance to the driveable surface, negative on it."""

    height_m: np.ndarray
    label: np.ndarray
    reflectivity: np.ndarray
    edge_m: np.ndarray

    def height_at(self, x: float, y: float) -> float:
        """Height in metres of the surface at a point of the scene frame."""
        return float(height_at(self.height_m, x, y))

    def edge_at(self, x: float, y: float) -> float:
        """Signed distance in metres from the driveable surface at a point of the scene frame."""
        return float(height_at(self.edge_m, x, y))


@numba.njit(cache=True)
def height_at(raster, x, y):
    """Bilinear value of a raster; points outside take the border's."""
    last = raster.shape[0] - 1.001
    u = min(max((x + HALF_EXTENT_M) / CELL_M, 0.0), last)
    v = min(max((y + HALF_EXTENT_M) / CELL_M, 0.0), last)
    i, j = int(u), int(v)
    fu, fv = u - i, v - j
    low = raster[i, j] * (1.0 - fv) + raster[i, j + 1] * fv
    high = raster[i + 1, j] * (1.0 - fv) + raster[i + 1, j + 1] * fv
    return low * (1.0 - fu) + high * fu


@numba.njit(cache=True)
def _smooth_minimum(a, b, radius):
    """Minimum with rounded corners, so that curbs turn around a crossing."""
    blend = max(radius - abs(a - b), 0.0) / radius
    return min(a, b) - 0.25 * radius * blend * blend


@numba.njit(cache=True)
def _marking(s, d, plan, median, edge):
    """True on paint: edge and lane lines 0.2 m wide (dashed 3 m on, 6 m off), a crosswalk before the crossing."""
    lanes, lane_width = plan[0], plan[1]
    offset = abs(d) - median
    nearest = np.round(offset / lane_width)
    to_crossing = abs(s - plan[2]) - plan[3]
    if 1.5 < to_crossing < 4.5 and edge < 0.0 and abs(d) < plan[4]:
        return (d % 1.2) < 0.55
    if abs(offset - nearest * lane_width) > 0.12 or nearest > lanes or to_crossing < 4.5:
        return False
    return nearest == lanes or (nearest == 0.0) or (s % 9.0) < 3.0


@numba.njit(cache=True)
def _raster(table, plan, along_x, along_y, reflectivities, mound, height, label, reflectivity, edges):
    """Fill the rasters node by node; plan is the cross-section. along_x, along_y (n, W, 2): the waves as
    sin(a + b) = sin a cos b + cos a sin b, the last two make mounds. `reflectivity` comes in as the texture, a factor
    around 1."""
    n = height.shape[0]
    half_width, median, sidewalk, curb, paved = plan[4], plan[5], plan[6], plan[7], plan[8]
    for i in range(n):
        for j in range(n):
            x, y = -HALF_EXTENT_M + CELL_M * i, -HALF_EXTENT_M + CELL_M * j
            s, d = road_coordinates(x, y, table)
            edge = _smooth_minimum(abs(d) - half_width, abs(s - plan[2]) - plan[3], CORNER_M)
            z = 0.0
            for w in range(along_x.shape[1] - 2):
                z += along_x[i, w, 0] * along_y[j, w, 1] + along_x[i, w, 1] * along_y[j, w, 0]
            on_median = median > 0.0 and abs(d) < median and abs(s - plan[2]) > plan[3] + 5.0
            if on_median or edge >= 0.0:
                z += curb * min(1.0, max(edge, median - abs(d) if on_median else 0.0) / 0.15)
            if on_median:
                kind, material = OTHER, 1
            elif edge < 0.0:
                kind, material = ROAD, 0
                z -= 0.02 * max(0.0, abs(d) - median)
                if _marking(s, d, plan, median, edge):
                    material = 4
            elif edge < sidewalk:
                kind, material = SIDEWALK, 2
                z -= 0.02 * half_width
            else:
                z -= 0.02 * half_width
                if d * paved > 0.0:
                    kind, material = OTHER, 1
                else:
                    kind, material = TERRAIN, 3
                    rise = min(1.0, (edge - sidewalk) / 4.0)
                    z += (
                        rise
                        * mound
                        * (along_x[i, -2, 0] * along_y[j, -2, 0] + 0.2 * along_x[i, -1, 0] * along_y[j, -1, 0])
                    )
            height[i, j] = z
            label[i, j] = kind
            reflectivity[i, j] *= reflectivities[material]
            edges[i, j] = edge


@numba.njit(cache=True)
def _surfaces(xy, table, plan, parking_m, edges, kinds):
    """Fill kinds (N,) for points xy (N, 2) of the scene frame; see road_surface."""
    last = edges.shape[0] - 1
    for k in range(xy.shape[0]):
        i = min(max(int((xy[k, 0] + HALF_EXTENT_M) / CELL_M + 0.5), 0), last)
        j = min(max(int((xy[k, 1] + HALF_EXTENT_M) / CELL_M + 0.5), 0), last)
        s, d = road_coordinates(-HALF_EXTENT_M + CELL_M * i, -HALF_EXTENT_M + CELL_M * j, table)
        if edges[i, j] >= 0.0:
            kinds[k] = OFF_ROAD
        elif _marking(s, d, plan, plan[5], edges[i, j]):
            kinds[k] = MARKING
        elif plan[4] - parking_m < abs(d) < plan[4] and abs(s - plan[2]) > plan[3] + CORNER_M:
            kinds[k] = PARKING
        else:
            kinds[k] = LANE


def road_surface(plan: RoadPlan, ground: Ground, xy: np.ndarray) -> np.ndarray:
    """(N,) uint8 LANE, MARKING, PARKING or OFF_ROAD at points (N, 2) of the scene frame: what the label of the
    driveable surface does not tell. At the nearest node, where the raster's paint is too."""
    kinds = np.empty(len(xy), np.uint8)
    _surfaces(np.asarray(xy, np.float64), plan.course.table, plan.cross_section, plan.parking_m, ground.edge_m, kinds)
    return kinds


def draw_plan(rng: np.random.Generator) -> RoadPlan:
    """A road: straight, gently curved or a sharp bend; with or without a crossing, a median, parking lanes, a paved
    side."""
    sharp = rng.random() < 0.35
    radius = rng.uniform(18.0, 45.0) if sharp else rng.uniform(80.0, 2000.0)
    length = min(radius * rng.uniform(0.5, 1.4), 60.0) if sharp else rng.uniform(40.0, 120.0)
    start = rng.uniform(0.0, 15.0) - length / 2
    course = Course(
        heading_rad=float(rng.uniform(-np.pi, np.pi)),
        bend_start_m=float(start),
        bend_end_m=float(start + length),
        curvature_per_m=float(rng.choice([-1.0, 1.0]) / radius),
    )
    lanes = int(rng.choice([1, 2], p=[0.5, 0.5]))
    has_crossing = not sharp and rng.random() < 0.6
    return RoadPlan(
        course=course,
        lanes=lanes,
        lane_width_m=float(rng.uniform(3.2, 3.7)),
        median_half_m=float(rng.uniform(0.8, 1.6)) if lanes == 2 and rng.random() < 0.5 else 0.0,
        parking_m=2.5,
        sidewalk_m=float(rng.uniform(2.2, 4.5)),
        curb_m=float(rng.uniform(0.12, 0.18)),
        crossing_s_m=float(rng.uniform(8.0, 40.0)) * (1 if rng.random() < 0.7 else -1) if has_crossing else 1e6,
        crossing_half_m=float(rng.uniform(4.5, 7.5)),
        paved_side=int(rng.choice([-1, 0, 1], p=[0.2, 0.6, 0.2])),
    )


def draw_waves(rng: np.random.Generator) -> np.ndarray:
    """(7, 4) kx, ky (rad/m), phase, amplitude (m): slopes of 1-2 % each; the longest, 400 m, is the tilt of the
    scene."""
    lengths = np.array([400.0, 90.0, 60.0, 40.0, 25.0, 15.0, 9.0])
    slopes = np.array([0.035, 0.018, 0.014, 0.012, 0.01, 0.008, 0.005]) * rng.uniform(0.4, 1.3, len(lengths))
    angle, phase = rng.uniform(0, 2 * np.pi, len(lengths)), rng.uniform(0, 2 * np.pi, len(lengths))
    wave_number = 2 * np.pi / lengths
    return np.stack([wave_number * np.cos(angle), wave_number * np.sin(angle), phase, slopes / wave_number], 1)


def _wave_tables(waves: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """What _raster wants: (n, W + 2, 2) sin and cos of the x part (times amplitude) and of the y part of waves."""
    axis = -HALF_EXTENT_M + CELL_M * np.arange(n)[:, None]
    mounds = np.array([[0.31, 0.27, 1.0, 1.0], [1.9, 2.3, 0.0, 1.0]])
    kx, ky, phase, amplitude = np.concatenate([waves, mounds]).T
    along_x = np.stack([np.sin(kx * axis + phase), np.cos(kx * axis + phase)], 2) * amplitude[:, None]
    return along_x, np.stack([np.sin(ky * axis), np.cos(ky * axis)], 2)


def draw_reflectivities(rng: np.random.Generator) -> np.ndarray:
    """(5,) asphalt, paving, sidewalk, grass, paint of one scene."""
    low = np.array([0.08, 0.1, 0.1, 0.12, 0.45])
    high = np.array([0.22, 0.35, 0.38, 0.4, 0.9])
    return rng.uniform(low, high)


def build_ground(plan: RoadPlan, rng: np.random.Generator, reflectivities: np.ndarray | None = None) -> Ground:
    """Rasterise a plan.

    reflectivities: see :func:`draw_reflectivities`, which draws them where none are given."""
    n = round(2 * HALF_EXTENT_M / CELL_M) + 1
    height, edges = (np.empty((n, n), np.float32) for _ in range(2))
    label = np.empty((n, n), np.uint8)
    if reflectivities is None:
        reflectivities = draw_reflectivities(rng)
    mound = float(rng.uniform(0.05, 0.6))
    along_x, along_y = _wave_tables(draw_waves(rng), n)
    reflectivity = 0.85 + 0.3 * rng.random((n, n), np.float32)
    _raster(
        plan.course.table,
        plan.cross_section,
        along_x,
        along_y,
        reflectivities,
        mound,
        height,
        label,
        reflectivity,
        edges,
    )
    return Ground(height, label, reflectivity, edges)
