"""The softmap loss: streaming against the functions that hold N x K matrices, forward and backward."""

import argparse
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor

from dos_mm3d.files import write_json
from dos_mm3d.functional import softmap_kl, streaming_softmap_loss, zipf_prior, zipf_sinkhorn
from dos_mm3d.studies.runner.facts import commit, machine, versions

from .measure import extra_peak_mib, seconds

ROOT = Path(__file__).resolve().parents[2]
STUDENT_TEMPERATURE, TEACHER_TEMPERATURE = 0.1, 0.05
ALPHA = 1.3
FORMS = ('plain', 'streaming')
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


@dataclass(frozen=True)
class Place:
    """Where and how the loss is computed; ``half``: autocast to bfloat16."""

    device: torch.device
    threads: int | None = None
    half: bool = False

    @property
    def name(self) -> str:
        if self.device.type == 'cpu':
            return f'CPU, {self.threads} thread{"s" * (self.threads > 1)}'
        return f'GPU, {"bfloat16 products" if self.half else "float32"}'


def places(threads: list[int]) -> list[Place]:
    """The CPU with each number of threads, and the GPU in both precisions where there is one."""
    found = [Place(torch.device('cpu'), count) for count in threads]
    if torch.cuda.is_available():
        found += [Place(torch.device('cuda'), half=half) for half in (False, True)]
    return found


def features(points: int, prototypes: int, channels: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Unit student and teacher features (N, D) scattered around prototypes (K, D), as in a run that has learnt."""
    generator = torch.Generator().manual_seed(0)
    unit = partial(torch.randn, generator=generator)
    centres = F.normalize(unit(prototypes, channels), dim=1)
    chosen = centres[torch.randint(prototypes, (points,), generator=generator)]
    sides = [F.normalize(chosen + 0.7 * F.normalize(unit(points, channels), dim=1), dim=1) for _ in range(2)]
    return tuple(x.to(device) for x in (*sides, centres))


def plain(student: Tensor, teacher: Tensor, prototypes: Tensor, prior: Tensor, rounds: int) -> Tensor:
    """The loss from zipf_sinkhorn and softmap_kl."""
    target = zipf_sinkhorn(teacher @ prototypes.detach().T / TEACHER_TEMPERATURE, prior, n_iters=rounds)
    return softmap_kl(student @ prototypes.T / STUDENT_TEMPERATURE, target)


def streaming(student: Tensor, teacher: Tensor, prototypes: Tensor, prior: Tensor, rounds: int) -> Tensor:
    """The same loss without an N x K matrix."""
    return streaming_softmap_loss(
        student,
        teacher,
        prototypes,
        prior,
        student_temperature=STUDENT_TEMPERATURE,
        teacher_temperature=TEACHER_TEMPERATURE,
        n_iters=rounds,
    )


class Steps:
    """Forward and backward of both forms on the same features; gradients of the last call stay until the next one."""

    def __init__(self, points: int, prototypes: int, channels: int, rounds: int, place: Place) -> None:
        self.student, self.teacher, self.prototypes = features(points, prototypes, channels, place.device)
        self.prior = zipf_prior(prototypes, ALPHA).to(place.device)
        self.rounds, self.place = rounds, place
        self.student.requires_grad_(), self.prototypes.requires_grad_()

    def __call__(self, form: str) -> None:
        """One step of 'plain' or 'streaming'."""
        function = {'plain': plain, 'streaming': streaming}[form]
        with torch.autocast(self.place.device.type, torch.bfloat16, enabled=self.place.half):
            loss = function(self.student, self.teacher, self.prototypes, self.prior, self.rounds)
        loss.backward()

    def forget(self) -> None:
        """Drop the gradients."""
        self.student.grad = self.prototypes.grad = None

    def timed(self, form: str) -> tuple[float, float]:
        """Seconds of one step, on the wall and on the CPU."""
        self.forget()
        return seconds(partial(self, form), self.place.device)

    def observed(self, form: str) -> tuple[float | None, list[Tensor]]:
        """Extra peak memory of one step, and the gradients that it leaves."""
        self.forget()
        memory = extra_peak_mib(partial(self, form), self.place.device)
        return memory, [self.student.grad, self.prototypes.grad]


def measure(points: int, prototypes: int, place: Place, arguments: argparse.Namespace) -> dict:
    """Memory and gradients of one run of each form, then seconds of `repeats` pairs of runs by turns."""
    if place.threads:
        torch.set_num_threads(place.threads)
    small = Steps(100, 16, arguments.channels, arguments.rounds, place)
    for form in FORMS:  # loads libraries and starts threads
        small(form)
    steps = Steps(points, prototypes, arguments.channels, arguments.rounds, place)
    facts, gradients = {}, {}
    for form in FORMS:
        memory, gradients[form] = steps.observed(form)
        facts[form] = dict(extra_peak_mib=memory, seconds=[], cpu_seconds=[])
    difference = max(((s - p).norm() / p.norm()).item() for p, s in zip(gradients['plain'], gradients['streaming']))
    gradients.clear()
    for repeat in range(arguments.repeats):
        for form in FORMS if repeat % 2 else reversed(FORMS):
            wall, cpu = steps.timed(form)
            facts[form]['seconds'].append(wall)
            facts[form]['cpu_seconds'].append(cpu)
    return dict(
        place=place.name,
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


def line(row: dict) -> str:
    """A row under TITLE: medians of times, medians of paired ratios."""
    forms = [row[form] for form in FORMS]
    times = [f'{median(form["seconds"]):.2f} s' for form in forms]
    memory = ['not run' if form['extra_peak_mib'] is None else f'{form["extra_peak_mib"]:.0f} MiB' for form in forms]
    ratios = [f'{row["speedup"]:.2f}', f'{row["cpu_speedup"]:.2f}']
    cells = [row['place'], row['points'], row['prototypes'], *times, *ratios, *memory]
    return '| ' + ' | '.join(map(str, [*cells, f'{row["gradient_difference"]:.0e}'])) + ' |'


def run(arguments: argparse.Namespace) -> None:
    """Print the table row by row, and write the record where one was asked for."""
    print(f'Forward + backward, D={arguments.channels}, T={arguments.rounds}, {arguments.repeats} paired runs.')
    print('Memory: extra peak of one step, gradients (N + K) D included. Gradients: relative L2 difference.')
    print('| ' + ' | '.join(TITLE) + ' |\n' + '|---' * len(TITLE) + '|')
    rows = []
    for place, points, prototypes in product(places(arguments.threads), arguments.points, arguments.prototypes):
        rows.append(measure(points, prototypes, place, arguments))
        print(line(rows[-1]), flush=True)
    if not torch.cuda.is_available():
        print('GPU: not run (no CUDA device)')
    if arguments.json:
        write_json(arguments.json, record(rows, arguments))


def record(rows: list[dict], arguments: argparse.Namespace) -> dict:
    """What was measured, where, and of which code."""
    return dict(
        rows=rows,
        gpu='run' if torch.cuda.is_available() else 'not run',
        channels=arguments.channels,
        rounds=arguments.rounds,
        repeats=arguments.repeats,
        versions=versions(),
        machine=machine(),
        commit=commit(ROOT),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py head`."""
    parser.add_argument('--points', type=int, nargs='+', default=[15_000, 60_000], help='N (default: 15000 60000)')
    parser.add_argument('--prototypes', type=int, nargs='+', default=[256, 1024], help='K (default: 256 1024)')
    parser.add_argument('--channels', type=int, default=256, help='D (default: 256)')
    parser.add_argument('--rounds', type=int, default=3, help='Sinkhorn rounds T (default: 3)')
    parser.add_argument('--repeats', type=int, default=5, help='paired runs (default: 5)')
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2], help='of the CPU (default: 1 2)')
    parser.add_argument('--json', type=Path, help='write the record to this file')
    parser.set_defaults(run=run)
