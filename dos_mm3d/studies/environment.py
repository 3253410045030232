"""What a report of a problem has to say of a machine: versions, wheels, architectures, the CPU's path, conflicts."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from mmengine.utils.dl_utils import collect_env

from ..compat.spconv_triton import stands_in
from ..functional.streaming_fused import has_triton
from .runner.record import commit_of_package, distributions, machine, versions

SHARED_MODULES = ('spconv', 'cumm', 'mmcv', 'cv2')
"""Modules that several packages bring, each over the files of the others."""
THREAD_VARIABLES = (
    'OMP_NUM_THREADS',
    'OMP_WAIT_POLICY',
    'GOMP_SPINCOUNT',
    'MKL_NUM_THREADS',
    'OPENBLAS_NUM_THREADS',
)


@dataclass(frozen=True)
class Gpus:
    """What torch sees.

    Args:
        capabilities: (major, minor) of each GPU.
        architectures: for which torch was compiled, as 'sm_90' or 'compute_90', of which the latter serve newer GPUs.
    """

    capabilities: Sequence[tuple[int, int]]
    architectures: Sequence[str]

    @classmethod
    def here(cls) -> 'Gpus':
        """Those of this machine; none on a CPU machine."""
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return cls([torch.cuda.get_device_capability(i) for i in range(count)], torch.cuda.get_arch_list())

    def unserved(self) -> list[tuple[int, int]]:
        """Capabilities that torch has no code for: code serves later minors of its major, 'compute_' all later ones."""
        kinds = [name.split('_') for name in self.architectures]
        served = [(kind, (int(digits[:-1]), int(digits[-1]))) for kind, digits in kinds if digits.isdigit()]

        def is_served(gpu: tuple[int, int]) -> bool:
            return any(it <= gpu and (kind == 'compute' or it[0] == gpu[0]) for kind, it in served)

        return [gpu for gpu in self.capabilities if not is_served(gpu)]


def describe_environment() -> dict[str, Any]:
    """mmengine's facts of the machine, then ours; the last, 'conflicts', is a list of sentences."""
    facts = {name: value for name, value in collect_env().items() if name != 'numpy_random_seed'}
    gpus, mmcv, spconv = Gpus.here(), mmcv_operators(), spconv_build()
    return facts | {
        'packages': versions(),
        'commit': commit_of_package(),
        'compute capabilities': [f'{major}.{minor}' for major, minor in gpus.capabilities],
        'architectures of torch': list(gpus.architectures),
        'operators of mmcv': mmcv,
        'build of spconv': spconv,
        'sparse convolutions on the CPU': 'those of dos_mm3d, from the index pairs of spconv',
        'softmap loss on CUDA': "Triton's kernels" if has_triton() else 'torch, block by block: no Triton 3 or newer',
        'threads': machine() | {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        'conflicts': conflicts(distributions(), gpus, mmcv, spconv),
    }


def mmcv_operators() -> str:
    """'CUDA VERSION', 'CPU', or why they do not load."""
    try:
        found = import_module('mmcv.ops').get_compiling_cuda_version()
    except (ImportError, OSError) as error:
        return f'do not load: {error}'
    return 'CPU' if found == 'not available' else f'CUDA {found}'


def spconv_build() -> str:
    """'CUDA', 'CPU', 'Triton' where spconv-triton stands in for it, or why it does not load."""
    try:
        if stands_in():
            return 'Triton'
        return 'CPU' if import_module('spconv.cppconstants').CPU_ONLY_BUILD else 'CUDA'
    except (ImportError, OSError) as error:
        return f'does not load: {error}'


def conflicts(packages: Mapping[str, Sequence[str]], gpus: Gpus, mmcv: str, spconv: str) -> list[str]:
    """What is known not to work together, a sentence each with its remedy.

    Args:
        packages: module -> the packages that bring it.
        gpus: what torch sees.
        mmcv: :func:`mmcv_operators`.
        spconv: :func:`spconv_build`.
    """
    found = []
    for module in SHARED_MODULES:
        if len(names := packages.get(module, ())) > 1:
            found.append(f'{" and ".join(names)} overwrite each other ({module}): uninstall all, then install one')
    for what, state, remedy in (
        (
            'the operators of mmcv',
            mmcv,
            'detection and Cylinder3D need them: build mmcv against this torch (pip install --no-binary mmcv mmcv), on '
            'a GPU with nvcc, or install a wheel of it',
        ),
        ('spconv', spconv, 'install spconv for the CPU; for a GPU spconv-cu126, or spconv-triton beside it'),
    ):
        if 'not load' in state:
            found.append(f'{what} {state}; {remedy}')
        elif gpus.capabilities and state == 'CPU':
            found.append(f'there is a GPU, and {what} can use the CPU only; {remedy}')
    for major, minor in gpus.unserved():
        known = ', '.join(gpus.architectures)
        found.append(f'torch was not compiled for compute capability {major}.{minor} ({known}): install a newer torch')
    return found
