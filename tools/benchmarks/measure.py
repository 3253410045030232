"""What the parts share: the sweep and the device that they run on, seconds and extra peak memory of one call."""

import argparse
import ctypes
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from dos_mm3d.datasets.readers import BIN_COLUMNS, suffix_of
from dos_mm3d.datasets.readers.raw import read_float_table
from dos_mm3d.files import home_path

MIB = 2**20
CLEAR_REFS = Path('/proc/self/clear_refs')  # of Linux, where the system is not sealed off


@dataclass(frozen=True)
class Place:
    """Where something is computed: so many threads of the CPU, or the GPU, with `half` in bfloat16."""

    device: torch.device
    threads: int | None = None
    half: bool | None = None

    def __str__(self) -> str:
        if self.threads is None:
            return 'GPU' + {None: '', False: ', float32', True: ', bfloat16 products'}[self.half]
        return f'CPU, {self.threads} thread{"s" * (self.threads > 1)}'


def compute_with(threads: int) -> None:
    """So many threads for torch, and one for the linear algebra of numpy, as in a loader's worker: each `@` of a scan
    leaves threads behind that spin for a while, which would be charged to whatever comes next."""
    torch.set_num_threads(threads)
    threadpool_limits(1, user_api='blas')


def places(threads: Iterable[int], halves: Iterable[bool | None] = (None,)) -> list[Place]:
    """The CPU with each number of threads, and the GPU in each precision where there is one."""
    gpu = [Place(torch.device('cuda'), half=half) for half in halves] if torch.cuda.is_available() else []
    return [Place(torch.device('cpu'), count) for count in threads] + gpu


def gpu_status() -> str:
    """What a record says of the GPU."""
    return 'run' if torch.cuda.is_available() else 'not run'


def add_sweep_arguments(parser: argparse.ArgumentParser) -> None:
    """Which sweep is measured."""
    parser.add_argument('--sweep', type=home_path, help='headerless float32 file of points; default: a synthetic sweep')
    parser.add_argument('--columns', type=int, help='float32 columns of --sweep (default: 5 in .pcd.bin, else 4)')


def chosen_sweep(arguments: argparse.Namespace) -> tuple[np.ndarray, str]:
    """The points (n, columns) that the arguments name, and what to call them. ValueError where the size does not fit.

    The default number of columns is the readers' of sweeps.
    """
    if arguments.sweep is None:
        return synthetic_sweep(), 'a synthetic 32-beam sweep'
    columns = arguments.columns or BIN_COLUMNS.get(suffix_of(arguments.sweep), BIN_COLUMNS['.bin'])
    return read_float_table(arguments.sweep, columns), arguments.sweep.name


def with_columns(points: np.ndarray, columns: int) -> np.ndarray:
    """The first columns of points (n, C); those that they do not have, such as a time lag, are 0."""
    return np.pad(points, ((0, 0), (0, max(0, columns - points.shape[1]))))[:, :columns]


def synthetic_sweep() -> np.ndarray:
    """A 32-beam sweep (n, 5) float32 of flat ground between walls: x, y, z in metres, intensity, ring."""
    generator = np.random.default_rng(0)
    ring, azimuth = np.meshgrid(np.arange(32), np.linspace(0, 2 * np.pi, 1080, endpoint=False), indexing='ij')
    elevation = np.deg2rad(np.linspace(-30.7, 10.7, 32))[ring]
    wall_m = np.repeat(generator.uniform(5, 60, 54), 20)[None] + generator.normal(0, 0.05, ring.shape)
    ground_m = np.where(elevation < 0, 1.8 / np.tan(np.maximum(-elevation, 1e-6)), np.inf)
    flat_m = np.minimum(wall_m, ground_m)
    xyz_m = flat_m * np.cos(azimuth), flat_m * np.sin(azimuth), flat_m * np.tan(elevation)
    return np.stack([*xyz_m, 255 * generator.random(ring.shape), ring], axis=-1).reshape(-1, 5).astype(np.float32)


def seconds(step: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds on the wall, and of all threads of this process on the CPU."""
    synchronize(device)
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    synchronize(device)
    return time.perf_counter() - wall, time.process_time() - cpu


def extra_peak_mib(step: Callable[[], object], device: torch.device) -> float | None:
    """How far memory rises during the call above what is held before it, MiB; None where it cannot be asked for.

    On the CPU that is the kernel's own high-water mark of resident pages, on CUDA the allocator's.
    """
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
        step()
        return (torch.cuda.max_memory_allocated(device) - held) / MIB
    if not os.access(CLEAR_REFS, os.W_OK):
        return None
    held = held_mib()
    step()
    return resident_peak_mib() - held


def held_mib() -> float:
    """Resident memory in use; the high-water mark starts again from it."""
    ctypes.CDLL(None).malloc_trim(0)  # pages that the allocator kept would hide new ones
    forget_peak()
    return resident_peak_mib()


def forget_peak() -> None:
    """Let the high-water mark start again from what is resident."""
    CLEAR_REFS.write_text('5')


def resident_peak_mib() -> float:
    """The kernel's high-water mark of resident pages."""
    return int(re.search(r'^VmHWM:\s+(\d+) kB', Path('/proc/self/status').read_text(), re.MULTILINE)[1]) / 1024


def synchronize(device: torch.device) -> None:
    """Wait for the GPU, where there is one."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
