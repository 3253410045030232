"""Spinning LiDARs by their data sheets, and what differs between two of the same kind: mount, gains, noise, losses."""

from dataclasses import dataclass

import numpy as np

from ..lidar import HDL32E, HDL64E, Sensor
from ..waymo_lidars import TOP_COLUMNS, TOP_ELEVATIONS_RAD

VLP32C_DEG = (
    -25.0, -15.639, -11.31, -8.843, -7.254, -6.148, -5.333, -4.667, -4.0, -3.667, -3.333, -3.0, -2.667, -2.333, -2.0,
    -1.667, -1.333, -1.0, -0.667, -0.333, 0.0, 0.333, 0.667, 1.0, 1.333, 1.667, 2.333, 3.333, 4.667, 7.0, 10.333, 15.0,
)  # fmt: skip
PANDAR64_DEG = np.concatenate(
    [[-25.0, -19.0], np.arange(-14.0, -6.5), np.linspace(-6.0, 2.0, 49), [3.0, 5.0, 8.0, 11.0, 15.0]]
)


@dataclass(frozen=True)
class SensorModel:
    """A kind of sensor.

    Args:
        elevations_deg: (B,) of the beams, rising.
        columns: firings in a turn that it can be set to.
        period_s: of a turn.
        reach_m: at which half of the echoes of a tenth's reflectivity are lost.
        range_noise_m: one standard deviation.
        floor_chance: of cutting weak intensities off to 0, as KITTI's does.
    """

    elevations_deg: np.ndarray
    columns: tuple[int, ...]
    period_s: float = 0.1
    reach_m: float = 80.0
    range_noise_m: float = 0.02
    floor_chance: float = 0.15

    @property
    def cells(self) -> int:
        """Firings of a turn at the lowest setting."""
        return len(self.elevations_deg) * min(self.columns)


SENSORS = {
    # Velodyne 63-9113 (manual): 4/3 degrees apart; nuScenes turns it 20 times a second
    'HDL-32E': SensorModel(np.degrees(HDL32E.elevations_rad), (1080,), period_s=0.05, reach_m=55.0),
    'HDL-64E': SensorModel(np.degrees(HDL64E.elevations_rad), (2083, 1800), reach_m=60.0, floor_chance=0.6),
    # Velodyne 63-9243 (manual): 2 degrees apart
    'VLP-16': SensorModel(np.linspace(-15.0, 15.0, 16), (1800, 900), reach_m=60.0, range_noise_m=0.03),
    # Velodyne 63-9325 (manual), table of the vertical angles
    'VLP-32C': SensorModel(np.array(VLP32C_DEG), (1800, 900), reach_m=90.0, range_noise_m=0.03),
    # Hesai Pandar64 (manual, appendix): a sixth of a degree apart from -6 to 2, one, three to six degrees outside
    'Pandar64': SensorModel(PANDAR64_DEG, (1800,), reach_m=90.0),
    # Ouster OS1 (data sheets): 33.2 degrees of generation 1, 45 of the later ones, evenly
    'OS1-64': SensorModel(np.linspace(-16.6, 16.6, 64), (1024, 512), reach_m=45.0, range_noise_m=0.03),
    'OS1-128': SensorModel(np.linspace(-22.5, 22.5, 128), (1024,), reach_m=50.0, range_noise_m=0.03),
    # Sun et al., Scalability in Perception (2020), table 2: -17.6 to 2.4 degrees, denser above
    'Waymo-top': SensorModel(np.degrees(TOP_ELEVATIONS_RAD), (TOP_COLUMNS,), reach_m=90.0),
}
ANY = 'any'
"""A sensor that nobody sells: 16 to 128 beams between drawn angles, denser around the horizon."""
CHANCES = {
    'HDL-32E': 0.22, 'HDL-64E': 0.2, 'VLP-16': 0.06, 'VLP-32C': 0.1, 'Pandar64': 0.1, 'OS1-64': 0.07, 'OS1-128': 0.06,
    'Waymo-top': 0.09, ANY: 0.1,
}  # fmt: skip
SPARSE_CELLS = 36_000
"""Sweeps are merged of sensors that have no more firings in a turn: ten of others are more than detectors read."""
HEIGHT_M = (1.4, 2.3)
ROAD_INTENSITY, ROAD_REFLECTIVITY = (6.0, 60.0), 0.12
"""Range in which the usual road comes out; medians of real frames: 13 of 255 (nuScenes), 8 (PandaSet), 64 (KITTI)."""
MOST_COLUMNS = 2083


@dataclass(frozen=True)
class Rig:
    """One sensor on one car.

    Args:
        name: key of SENSORS, or ANY.
        sensor: its beams as they came out of the factory, its columns.
        period_s: of a turn.
        height_m: above the ground.
        reach_m: see SensorModel.
        beam_gain: (B,) factor on intensities.
        beam_offset_m: (B,) added to ranges.
        incidence_power: diffuse echoes go with that power of the cosine of incidence.
        compensation: 1 where intensities are freed of range, 0 where they are the raw signal.
        near_m: up to which the raw signal does not rise with nearness.
        gamma: power that turns the echo into an intensity; below 1 it lifts the dark.
        road_intensity: 0-255, of an echo of ROAD_REFLECTIVITY nearby.
        intensity_floor: what is taken off.
        intensity_step: 1, or 2.55 where hundredths are written.
        speckle: standard deviation of the logarithm of an intensity.
        loss: chance that an echo is lost whatever its strength.
        blind_rad: centre and width of a sector without echoes, width 0 for none.
        ego_return: chance that an echo of the own car is kept.
    """

    name: str
    sensor: Sensor
    period_s: float
    height_m: float
    reach_m: float
    beam_gain: np.ndarray
    beam_offset_m: np.ndarray
    incidence_power: float
    compensation: float
    near_m: float
    gamma: float
    road_intensity: float
    intensity_floor: float
    intensity_step: float
    speckle: float
    loss: float
    blind_rad: tuple[float, float]
    ego_return: float


def draw_rig(rng: np.random.Generator, name: str, sparse: bool) -> Rig:
    """Everything about one sensor of a kind; sparse: at the setting with the fewest columns."""
    model = _anything(rng, sparse) if name == ANY else SENSORS[name]
    columns = min(model.columns) if sparse else int(rng.choice(model.columns))
    beams = len(model.elevations_deg)
    elevations = model.elevations_deg * rng.uniform(0.98, 1.02) + rng.normal(0.0, 0.3) + rng.normal(0.0, 0.04, beams)
    noise_m = model.range_noise_m * float(rng.uniform(0.4, 1.2))
    has_floor = rng.random() < model.floor_chance
    scale = float(np.exp(rng.uniform(*np.log(ROAD_INTENSITY))))
    return Rig(
        name=name,
        sensor=Sensor(np.radians(np.sort(elevations)), columns, float(rng.uniform(70.0, 120.0)), noise_m, 255.0),
        period_s=model.period_s,
        height_m=float(rng.uniform(*HEIGHT_M)),
        reach_m=model.reach_m * float(np.exp(rng.normal(0.0, 0.25))),
        beam_gain=np.exp(rng.uniform(0.0, 0.25) * rng.standard_normal(beams)),
        beam_offset_m=rng.uniform(0.0, 0.015) * rng.standard_normal(beams),
        incidence_power=float(rng.uniform(0.15, 0.8)),
        compensation=float(np.clip(rng.normal(0.8, 0.3), 0.0, 1.0)),
        near_m=float(rng.uniform(4.0, 20.0)),
        gamma=float(rng.uniform(0.6, 1.1)),
        road_intensity=scale,
        intensity_floor=float(rng.uniform(0.1, 0.5)) * scale if has_floor else 0.0,
        intensity_step=float(rng.choice([1.0, 2.55])),
        speckle=float(rng.uniform(0.03, 0.22)),
        loss=float(rng.uniform(0.0, 0.04)),
        blind_rad=(float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(0.3, 1.6)) if rng.random() < 0.1 else 0.0),
        ego_return=float(np.clip(rng.uniform(-1.0, 2.0), 0.0, 1.0)),
    )


def draw_name(rng: np.random.Generator, sparse: bool) -> str:
    """Kind of sensor of a scene; sparse: only those of which ten sweeps are not too many points."""
    names = [name for name in CHANCES if not sparse or name == ANY or SENSORS[name].cells <= SPARSE_CELLS]
    chances = np.array([CHANCES[name] for name in names])
    return str(rng.choice(names, p=chances / chances.sum()))


def _anything(rng: np.random.Generator, sparse: bool) -> SensorModel:
    """Beams at drawn angles; the power spreads them away from the horizon."""
    beams = int(rng.choice([16, 20, 32, 40] if sparse else [16, 24, 32, 40, 64, 80, 128]))
    lowest, highest, power = rng.uniform(-32.0, -14.0), rng.uniform(1.5, 22.0), rng.uniform(1.0, 2.0)
    even = np.linspace(-1.0, 1.0, beams) + (highest + lowest) / (highest - lowest)
    spread = np.sign(even) * np.abs(even) ** power
    low, high = spread[0], spread[-1]
    elevations = np.where(spread < 0, spread / low * lowest, spread / high * highest)
    cells = float(rng.uniform(20_000, SPARSE_CELLS if sparse else 140_000))
    columns = int(np.clip(cells / beams, 400, MOST_COLUMNS))
    return SensorModel(elevations, (columns,), float(rng.choice([0.05, 0.1])), float(rng.uniform(45.0, 90.0)))
