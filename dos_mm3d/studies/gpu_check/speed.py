"""Full-size pretraining steps: seconds and memory, of as many scans as the GPU holds, at most those of the config."""

import gc
import time
from functools import partial
from pathlib import Path
from statistics import median

import torch
from mmengine.hooks import Hook

from ..config_check.shrink import small_config
from .check import Check, CheckFailed, Found, Place
from .training import train

CONFIGS = {'second': 'dos_second_nuscenes', 'ptv3': 'dos_ptv3_nuscenes'}
STEPS, WARM_UP = 10, 4
SCANS = (3, 2, 1)


def checks() -> list[Check]:
    """All of this stage."""
    wide = 'networks of full size take minutes a step on a CPU'
    return [Check(f'speed/{name}', partial(steps, name), needs_gpu=wide) for name in CONFIGS]


def steps(name: str, place: Place) -> Found:
    """Median seconds of a step and peak memory, as the config has it, loading left out. CheckFailed where not even one
    scan fits."""
    refused = []
    for scans in SCANS:
        try:
            found = time_steps(name, scans, place)
        except torch.cuda.OutOfMemoryError:
            refused.append(scans)
            continue
        said = f'{found["seconds"]:.3f} s a step of {scans} scans, {found["gib"]:.1f} GiB'
        return Found(said + (f'; {refused[-1]} scans do not fit' if refused else ''), {**found, 'scans': scans})
    raise CheckFailed('one scan does not fit into the memory of the GPU')


def time_steps(name: str, scans: int, place: Place) -> dict[str, float]:
    """Of some steps on the embedded data, ten sweeps a scan."""
    path, stopwatch = Path(f'configs/dos/{CONFIGS[name]}.py'), Stopwatch()
    cfg = small_config(path, {'nuscenes': place.world}, place.folder / f'speed_{name}' / str(scans))
    cfg.merge_from_dict({'train_cfg.max_iters': STEPS, 'train_dataloader.batch_size': scans})
    gc.collect()  # what more scans have left, whose error is gone by now
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    train(cfg, [stopwatch])
    peak_gib = torch.cuda.max_memory_allocated() / 2**30
    return {'seconds': median(stopwatch.seconds[WARM_UP:]), 'gib': peak_gib, 'all_seconds': stopwatch.seconds}


class Stopwatch(Hook):
    """Seconds of every step, from the loaded batch until the GPU is done with all that comes of it."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        torch.cuda.synchronize()
        self.start = time.perf_counter()

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - self.start)
