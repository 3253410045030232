"""The course of the main road: straight, arc, straight. Turns a point into (s along, d to the left) and back."""

from dataclasses import dataclass

import numba
import numpy as np


@dataclass(frozen=True)
class Course:
    """A line up to `bend_start_m`, an arc of `curvature_per_m` (left positive, never 0) up to `bend_end_m`, a line
    after it.

    s = 0 lies at the origin of the scene frame when the bend is elsewhere; all lengths in metres, `heading_rad`
    before the bend."""

    heading_rad: float
    bend_start_m: float
    bend_end_m: float
    curvature_per_m: float

    @property
    def table(self) -> np.ndarray:
        """(15,) for the compiled projection: s, x, y, heading at both ends of the bend, curvature, arc centre, cos,
        sin of both."""
        start = self._start()
        x2, y2, h2 = self._on_arc(start, self.bend_end_m)
        x1, y1 = start
        radius = 1.0 / self.curvature_per_m
        cx, cy = x1 - radius * np.sin(self.heading_rad), y1 + radius * np.cos(self.heading_rad)
        ends = [self.bend_start_m, x1, y1, self.heading_rad, self.bend_end_m, x2, y2, h2, self.curvature_per_m, cx, cy]
        return np.array([*ends, np.cos(self.heading_rad), np.sin(self.heading_rad), np.cos(h2), np.sin(h2)])

    def _start(self) -> tuple[float, float]:
        return (
            self.bend_start_m * float(np.cos(self.heading_rad)),
            self.bend_start_m * float(np.sin(self.heading_rad)),
        )

    def _on_arc(self, start: tuple[float, float], s: float) -> tuple[float, float, float]:
        heading = self.heading_rad + self.curvature_per_m * (s - self.bend_start_m)
        x = start[0] + (np.sin(heading) - np.sin(self.heading_rad)) / self.curvature_per_m
        y = start[1] - (np.cos(heading) - np.cos(self.heading_rad)) / self.curvature_per_m
        return float(x), float(y), float(heading)

    def at(self, s: float, d: float = 0.0) -> tuple[float, float, float]:
        """x, y in metres and heading in radians of the point s along and d to the left of the course."""
        start = self._start()
        x, y, heading = self._on_arc(start, min(max(s, self.bend_start_m), self.bend_end_m))
        beyond = s - min(max(s, self.bend_start_m), self.bend_end_m)
        x += beyond * np.cos(heading) - d * np.sin(heading)
        y += beyond * np.sin(heading) + d * np.cos(heading)
        return float(x), float(y), float(heading)


@numba.njit(cache=True)
def road_coordinates(x, y, table):
    """s, d of a point: the nearest of the pieces whose span holds its foot point (the inside of a bend has several)."""
    best_s, best_d, best = 0.0, 1e9, 1e9
    for piece in range(2):
        s0, x0, y0 = table[4 * piece], table[4 * piece + 1], table[4 * piece + 2]
        cos, sin = table[11 + 2 * piece], table[12 + 2 * piece]
        along = (x - x0) * cos + (y - y0) * sin
        across = -(x - x0) * sin + (y - y0) * cos
        inside = along <= 0.0 if piece == 0 else along >= 0.0
        if inside and abs(across) < best:
            best_s, best_d, best = s0 + along, across, abs(across)
    curvature, cx, cy = table[8], table[9], table[10]
    sign = 1.0 if curvature > 0.0 else -1.0
    angle = np.arctan2(sign * (x - cx), -sign * (y - cy)) - table[3]
    turned = sign * (angle - 2 * np.pi * np.floor((angle + np.pi) / (2 * np.pi)))
    along = turned / abs(curvature)
    across = sign * (1.0 / abs(curvature) - np.hypot(x - cx, y - cy))
    if 0.0 <= along <= table[4] - table[0] and abs(across) < best:
        best_s, best_d = table[0] + along, across
    return best_s, best_d
