"""The softmap loss: streaming against the functions that hold N x K matrices, forward and backward."""

import argparse
from collections.abc import Callable
from functools import partial
from itertools import product
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from dos_mm3d.functional import softmap_kl, streaming_softmap_loss, zipf_prior, zipf_sinkhorn
from dos_mm3d.studies.runner.markdown import markdown_table

from .measure import Place, extra_peak_mib, gpu_status, places, seconds

STUDENT_TEMPERATURE, TEACHER_TEMPERATURE = 0.1, 0.05
ALPHA = 1.3
TITLE = (
    'where',
    'N',
    'K',
    'time, plain',
    'streaming',
    'plain / streaming',
    'in CPU seconds',
    'memory, plain',
    'streaming',
    'gradients',
)


def plain(student: Tensor, teacher: Tensor, prototypes: Tensor, prior: Tensor, rounds: int) -> Tensor:
    """The loss from zipf_sinkhorn and softmap_kl."""
    target = zipf_sinkhorn(teacher @ prototypes.detach().T / TEACHER_TEMPERATURE, prior, n_iters=rounds)
    return softmap_kl(student @ prototypes.T / STUDENT_TEMPERATURE, target)


def streaming(student: Tensor, teacher: Tensor, prototypes: Tensor, prior: Tensor, rounds: int) -> Tensor:
    """The same loss without an N x K matrix."""
    temperatures = dict(student_temperature=STUDENT_TEMPERATURE, teacher_temperature=TEACHER_TEMPERATURE)
    return streaming_softmap_loss(student, teacher, prototypes, prior, **temperatures, n_iters=rounds)


FORMS = {'plain': plain, 'streaming': streaming}


def features(points: int, prototypes: int, channels: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Unit student and teacher features (N, D) scattered around prototypes (K, D), as in a run that has learnt."""
    generator = torch.Generator().manual_seed(0)
    unit = partial(torch.randn, generator=generator)
    centres = F.normalize(unit(prototypes, channels), dim=1)
    chosen = centres[torch.randint(prototypes, (points,), generator=generator)]
    sides = [F.normalize(chosen + 0.7 * F.normalize(unit(points, channels), dim=1), dim=1) for _ in range(2)]
    return tuple(x.to(device) for x in (*sides, centres))


class Steps:
    """Forward and backward of both forms on the same features."""

    def __init__(self, points: int, prototypes: int, place: Place, arguments: argparse.Namespace) -> None:
        self.student, self.teacher, self.prototypes = features(points, prototypes, arguments.channels, place.device)
        self.prior = zipf_prior(prototypes, ALPHA).to(place.device)
        self.rounds, self.place = arguments.rounds, place
        self.student.requires_grad_(), self.prototypes.requires_grad_()

    def of(self, form: str) -> Callable[[], None]:
        """One step of a form; the gradients of the last one are dropped now, its own stay."""
        self.student.grad = self.prototypes.grad = None
        return partial(self._run, FORMS[form])

    def _run(self, function: Callable[..., Tensor]) -> None:
        with torch.autocast(self.place.device.type, torch.bfloat16, enabled=bool(self.place.half)):
            loss = function(self.student, self.teacher, self.prototypes, self.prior, self.rounds)
        loss.backward()


def measure(points: int, prototypes: int, place: Place, arguments: argparse.Namespace) -> dict:
    """Memory and gradients of one run of each form, then seconds of `repeats` pairs of runs by turns."""
    if place.threads:
        torch.set_num_threads(place.threads)
    small = Steps(100, 16, place, arguments)
    for form in FORMS:  # loads libraries and starts threads
        small.of(form)()
    steps = Steps(points, prototypes, place, arguments)
    facts, gradients = {}, {}
    for form in FORMS:
        memory = extra_peak_mib(steps.of(form), place.device)
        gradients[form] = [steps.student.grad, steps.prototypes.grad]
        facts[form] = dict(extra_peak_mib=memory, seconds=[], cpu_seconds=[])
    difference = max(((s - p).norm() / p.norm()).item() for p, s in zip(gradients['plain'], gradients['streaming']))
    gradients.clear()
    for repeat in range(arguments.repeats):
        for form in FORMS if repeat % 2 else reversed(FORMS):
            wall, cpu = seconds(steps.of(form), place.device)
            facts[form]['seconds'].append(wall)
            facts[form]['cpu_seconds'].append(cpu)
    return dict(
        place=str(place),
        points=points,
        prototypes=prototypes,
        gradient_difference=difference,
        speedup=speedup(facts, 'seconds'),
        cpu_speedup=speedup(facts, 'cpu_seconds'),
        **facts,
    )


def speedup(facts: dict, kind: str) -> float:
    """Median of the paired ratios plain / streaming."""
    return median(plain / streaming for plain, streaming in zip(*(facts[form][kind] for form in FORMS)))


def cells(row: dict) -> list[str]:
    """What stands under TITLE: medians of times, medians of paired ratios."""
    forms = [row[form] for form in FORMS]
    times = [f'{median(form["seconds"]):.2f} s' for form in forms]
    memory = ['not run' if form['extra_peak_mib'] is None else f'{form["extra_peak_mib"]:.0f} MiB' for form in forms]
    ratios = [f'{row["speedup"]:.2f}', f'{row["cpu_speedup"]:.2f}']
    sizes = row['place'], str(row['points']), str(row['prototypes'])
    return [*sizes, *times, *ratios, *memory, f'{row["gradient_difference"]:.0e}']


def run(arguments: argparse.Namespace) -> dict:
    """Print the table; the record."""
    where = places(arguments.threads, halves=(False, True))
    todo = list(product(where, arguments.points, arguments.prototypes))
    rows = [measure(points, prototypes, place, arguments) for place, points, prototypes in tqdm(todo, unit='row')]
    print(f'Forward + backward, D={arguments.channels}, T={arguments.rounds}, {arguments.repeats} paired runs.')
    print('Memory: extra peak of one step, gradients (N + K) D included. Gradients: relative L2 difference.')
    print(markdown_table(TITLE, list(map(cells, rows))))
    if not torch.cuda.is_available():
        print('GPU: not run (no CUDA device)')
    settings = dict(channels=arguments.channels, rounds=arguments.rounds, repeats=arguments.repeats)
    return dict(rows=rows, gpu=gpu_status(), **settings)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py head`."""
    parser.add_argument('--points', type=int, nargs='+', default=[15_000, 60_000], help='N (default: 15000 60000)')
    parser.add_argument('--prototypes', type=int, nargs='+', default=[256, 1024], help='K (default: 256 1024)')
    parser.add_argument('--channels', type=int, default=256, help='D (default: 256)')
    parser.add_argument('--rounds', type=int, default=3, help='Sinkhorn rounds T (default: 3)')
    parser.add_argument('--repeats', type=int, default=5, help='paired runs (default: 5)')
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2], help='of the CPU (default: 1 2)')
