"""Where and with what a run was made."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import torch

import dos_mm3d

PACKAGES = (
    'torch',
    'numpy',
    'mmengine',
    'mmcv',
    'mmdet',
    'mmdet3d',
    'spconv',
    'spconv-cu120',
    'numba',
    'nuscenes-devkit',
)


def versions() -> dict[str, str]:
    """Versions of Python, this package and what its numbers depend on; packages that are not installed are left out."""
    found = {'python': platform.python_version(), 'dos_mm3d': dos_mm3d.__version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | int]:
    """Device, CPUs that this process may use, threads of torch."""
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else 'cpu'
    return {'device': device, 'cpus': len(os.sched_getaffinity(0)), 'torch_threads': torch.get_num_threads()}


def commit(folder: Path) -> str | None:
    """Hash of the git commit of a folder, '+ changes' where the working tree differs; None outside a checkout."""
    try:
        head = _git(folder, 'rev-parse', 'HEAD')
        return f'{head} + changes' if _git(folder, 'status', '--porcelain') else head
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(['git', *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
