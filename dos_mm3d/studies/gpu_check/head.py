"""The softmap loss on the GPU: torch's passes and Triton's kernels against the form that holds N x K matrices."""

import os
import time
from functools import partial
from statistics import median

import torch
from torch import Tensor
from torch.nn import functional as F

from ...functional import softmap_kl, streaming_softmap_loss, zipf_prior, zipf_sinkhorn
from ...functional.streaming_blocks import Precision
from ...functional.streaming_fused import has_triton
from .check import Check, Found, NotHere, Place
from .ops import relative_error, seeded, within

CHANNELS, PROTOTYPES, ROUNDS = 256, 1024, 3
STUDENT_TEMPERATURE, TEACHER_TEMPERATURE = 0.1, 0.05
GPU_POINTS, CPU_POINTS = (20_000, 90_000, 180_000), 5_000
LIMITS = {'float32': 1e-4, 'tf32': 1e-2, 'bfloat16': 1e-1}
"""Relative L2 error of the gradients: logits are cosines over 0.05, so that a product's rounding is multiplied by 20
before the exponential. On a CPU, 5000 points: 3e-6; 6e-4 with factors rounded to TF32's ten bits; 3e-2 in bfloat16."""
REPEATS = 3
DENSE_MATRICES = 12
"""N x K float32 matrices of the dense form, at most, at a time."""


def checks() -> list[Check]:
    """Every number of points in every precision, and a small one that a CPU computes."""
    slow = 'minutes on a CPU'
    on_gpu = [
        Check(f'head/{points // 1000}k-{precision}', partial(compare, points, precision), needs_gpu=slow)
        for points in GPU_POINTS
        for precision in LIMITS
    ]
    return [Check(f'head/{CPU_POINTS // 1000}k-float32', partial(compare, CPU_POINTS, 'float32')), *on_gpu]


def compare(points: int, precision: str, place: Place) -> Found:
    """Milliseconds, extra peak memory and gradients of every form; the dense one is in float32."""
    require_memory(points, place)
    student, teacher, prototypes = case(points, place.device)
    inputs = (
        student.requires_grad_(),
        teacher,
        prototypes.requires_grad_(),
        zipf_prior(PROTOTYPES, 1.3).to(place.device),
    )
    names = ['dense', 'torch', *(['triton'] if place.on_gpu and has_triton() else [])]
    costs, found, errors = {}, {}, {}
    for name in names:
        choose(name, precision)
        step = partial(gradients, name, precision, inputs)
        found[name] = step()
        costs[name] = {
            'ms': 1000 * median(seconds(step, place) for _ in range(REPEATS)),
            'extra_mib': peak_mib(step, place),
        }
        errors[name] = max(relative_error(*pair) for pair in zip(found[name], found['dense']))
    agreed = within(LIMITS[precision], errors)
    said = ', '.join(f'{name} {cost["ms"]:.1f} ms{memory_of(cost)}' for name, cost in costs.items())
    return Found(f'{said}; gradients within {agreed.said}', {'costs': costs, **agreed.facts})


def require_memory(points: int, place: Place) -> None:
    """NotHere where the dense form's matrices do not fit the GPU."""
    wanted = DENSE_MATRICES * points * PROTOTYPES * 4
    if place.on_gpu and wanted > (free := torch.cuda.mem_get_info()[0]):
        raise NotHere(f'the dense form needs {wanted / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free')


def choose(form: str, precision: str) -> None:
    """What the streaming loss looks at: Triton or not, and whether matrix products may be of ten bits."""
    os.environ['DOS_SOFTMAP'] = '' if form == 'triton' else 'torch'
    torch.backends.cuda.matmul.allow_tf32 = precision == 'tf32' and form != 'dense'


def gradients(form: str, precision: str, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Of the loss, with respect to student and prototypes."""
    loss = dense(*inputs) if form == 'dense' else streaming(precision, *inputs)
    return list(torch.autograd.grad(loss, (inputs[0], inputs[2])))


def case(points: int, device: torch.device) -> list[Tensor]:
    """Unit student and teacher features (N, D), scattered around prototypes (K, D), which come last."""
    normal = partial(torch.randn, generator=seeded(7))
    centres = F.normalize(normal(PROTOTYPES, CHANNELS), dim=1)
    chosen = centres[torch.arange(points) % PROTOTYPES]
    sides = [F.normalize(chosen + 0.05 * normal(points, CHANNELS), dim=1) for _ in range(2)]
    return [tensor.to(device) for tensor in (*sides, centres)]


def dense(student: Tensor, teacher: Tensor, prototypes: Tensor, prior: Tensor) -> Tensor:
    """The loss from matrices of logits."""
    target = zipf_sinkhorn(teacher @ prototypes.detach().T / TEACHER_TEMPERATURE, prior, n_iters=ROUNDS)
    return softmap_kl(student @ prototypes.T / STUDENT_TEMPERATURE, target)


def streaming(precision: str, *tensors: Tensor) -> Tensor:
    """The loss without such matrices."""
    products = torch.bfloat16 if precision == 'bfloat16' else torch.float32
    return streaming_softmap_loss(
        *tensors,
        student_temperature=STUDENT_TEMPERATURE,
        teacher_temperature=TEACHER_TEMPERATURE,
        n_iters=ROUNDS,
        precision=Precision(torch.float32, products),
    )


def seconds(step: partial, place: Place) -> float:
    """Of one call, until the GPU is done."""
    start = time.perf_counter()
    step()
    if place.on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_mib(step: partial, place: Place) -> float | None:
    """How far the call raises the memory of the GPU, MiB; None on a CPU."""
    if not place.on_gpu:
        return None
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    step()
    return (torch.cuda.max_memory_allocated() - held) / 2**20


def memory_of(cost: dict[str, float | None]) -> str:
    return '' if cost['extra_mib'] is None else f' {cost["extra_mib"]:.0f} MiB'
