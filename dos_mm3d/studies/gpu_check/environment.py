"""Whether the packages fit each other and the GPU that is there."""

import shutil
import subprocess

import torch

from ..environment import describe_environment
from .check import CheckFailed, Found, Place


def environment(place: Place) -> Found:
    """Versions and devices; CheckFailed for every conflict that is known, and for a GPU that torch cannot use."""
    facts = describe_environment()
    if problems := [*facts['conflicts'], *unused_gpu(place)]:
        raise CheckFailed('; '.join(problems), facts)
    return Found(f'torch {torch.__version__}, {device_of(place)}', facts)


def unused_gpu(place: Place) -> list[str]:
    """A sentence where the driver knows a GPU and torch does not."""
    if place.on_gpu or not (seen := driver_says()):
        return []
    built = torch.version.cuda or torch.version.hip
    reason = f'was built for {built}: is the driver older than that?' if built else 'was built for the CPU'
    return [f'the driver lists {seen}, but torch {torch.__version__} finds no GPU; it {reason}']


def driver_says() -> str:
    """The first line of `nvidia-smi -L`; '' without a driver, or where it knows no GPU."""
    if shutil.which('nvidia-smi') is None:
        return ''
    done = subprocess.run(['nvidia-smi', '-L'], capture_output=True, text=True, timeout=60)
    return done.stdout.strip().partition('\n')[0] if done.returncode == 0 else ''


def device_of(place: Place) -> str:
    """`NVIDIA X, 80 GiB, compute capability 9.0, 2 of them`, or `cpu`."""
    if not place.on_gpu:
        return 'cpu'
    found = torch.cuda.get_device_properties(place.device)
    size = f'{found.total_memory / 2**30:.0f} GiB, compute capability {found.major}.{found.minor}'
    return f'{found.name}, {size}, {torch.cuda.device_count()} of them'
