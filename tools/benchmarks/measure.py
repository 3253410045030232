"""Seconds and extra peak memory of one call."""

import ctypes
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

MIB = 2**20


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
    if sys.platform != 'linux':
        return None
    ctypes.CDLL(None).malloc_trim(0)  # pages that the allocator kept would hide new ones
    Path('/proc/self/clear_refs').write_text('5')  # VmHWM starts again from VmRSS
    held = resident_mib('VmHWM')
    step()
    return resident_mib('VmHWM') - held


def resident_mib(field: str) -> float:
    """A field of /proc/self/status that counts kB."""
    return int(re.search(rf'^{field}:\s+(\d+) kB', Path('/proc/self/status').read_text(), re.MULTILINE)[1]) / 1024


def synchronize(device: torch.device) -> None:
    """Wait for the GPU, where there is one."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
