"""Names of what the data set holds: tokens, time stamps, files; all from the seed and the official scene names."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from .world import SWEEP_PERIOD_S

VERSION = 'v1.0-trainval'
KEY_EVERY = 10
FIRST_TIMESTAMP_US = 1_530_000_000_000_000
SCENE_GAP_US = 60_000_000


def token(seed: int, *names: object) -> str:
    """A 32-digit token that depends on the seed and the names alone."""
    return hashlib.md5('/'.join([str(seed), *map(str, names)]).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class SceneName:
    """Who a scene is: its official name, its number over both splits, and what its tokens are made from."""

    seed: int
    name: str
    number: int

    def token(self, *names: object) -> str:
        """Token of something of this scene."""
        return token(self.seed, self.name, *names)

    def timestamp_us(self, sweep: int) -> int:
        """Time of a sweep; scenes follow each other."""
        return FIRST_TIMESTAMP_US + self.number * SCENE_GAP_US + round(sweep * SWEEP_PERIOD_S * 1e6)

    def lidar_file(self, sweep: int) -> str:
        """Path of a sweep relative to the root of the data set; key frames lie in `samples`."""
        folder = 'samples' if is_key_frame(sweep) else 'sweeps'
        return f'{folder}/LIDAR_TOP/{self.name}__LIDAR_TOP__{self.timestamp_us(sweep)}.pcd.bin'

    def camera_file(self, channel: str, sweep: int) -> str:
        """Path of an image relative to the root of the data set."""
        return f'samples/{channel}/{self.name}__{channel}__{self.timestamp_us(sweep)}.jpg'

    def lidarseg_file(self, sweep: int) -> str:
        """Path of the labels of a key frame relative to the root of the data set."""
        return f'lidarseg/{VERSION}/{self.token("LIDAR_TOP", sweep)}_lidarseg.bin'


def is_key_frame(sweep: int) -> bool:
    """Every tenth sweep, at the END of its ten, so that each key frame has earlier sweeps to be stacked with."""
    return sweep % KEY_EVERY == KEY_EVERY - 1


def key_frames(sweeps: Iterable[int]) -> list[int]:
    """The key frames among some sweeps of a scene."""
    return [sweep for sweep in sweeps if is_key_frame(sweep)]
