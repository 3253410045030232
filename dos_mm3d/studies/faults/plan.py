"""The cells of a campaign: the world, every job undisturbed, then every case."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ...files import read_json
from ..runner import Cell
from .case import FINDING, REFERENCE, undisturbed
from .disturb import disturbed
from .flips import Target, flipped
from .jobs import Job, all_jobs
from .world import FORMATS, SIZES, STEPS, write_world

LIMIT_S = 3600.0
KILLS = {
    **{f'{work}_{kind}': 2 for work in ('write', 'convert') for kind in ('semantickitti', 'waymo', 'scannet')},
    **{'write_nuscenes': 3, 'convert_nuscenes': 3, 'pretrain': 8, 'export': 4, 'test': 4, 'protocol': 6},
}  # fmt: skip
"""Job -> how often it is killed: 40 times."""
FULL = {'write_nuscenes': 1, 'convert_nuscenes': 1, 'convert_scannet': 1, 'pretrain': 3, 'export': 1, 'test': 1}
FULL |= {'protocol': 1, 'convert_waymo': 1}
NO_OUTPUT = dict.fromkeys(
    ('write_semantickitti', 'convert_nuscenes', 'convert_scannet', 'pretrain', 'export', 'test', 'protocol'), 1
)
NO_WRITING = dict.fromkeys(
    ('convert_nuscenes_elsewhere', 'convert_semantickitti_elsewhere', 'convert_scannet_elsewhere'), 1
) | dict.fromkeys(('pretrain', 'test', 'protocol'), 1)
VANISHED = {'convert_nuscenes': 1, 'convert_semantickitti': 1, 'convert_scannet': 1, 'pretrain': 2, 'test': 1}
VANISHED |= {'protocol': 1}
CASES = {
    'kill': KILLS,
    'full disk': FULL,
    'read-only output': NO_OUTPUT,
    'read-only data': NO_WRITING,
    'vanished file': VANISHED,
}
"""Kind of disturbance -> job -> how often."""
_TRAIN_INFOS, _VAL_INFOS = (f'nuscenes/nuscenes_infos_{split}.pkl' for split in ('train', 'val'))
FLIPS = {
    Target('checkpoint', 'export', f'run/iter_{STEPS}.pth'): 30,
    Target('checkpoint', 'test', 'segmentor.pth'): 20,
    Target('checkpoint', 'resume', 'run/iter_4.pth'): 20,
    Target('checkpoint', 'start', 'segmentor.pth'): 10,
    Target('info', 'pretrain', _TRAIN_INFOS, shared='nuscenes'): 30,
    Target('info', 'test', _VAL_INFOS, shared='nuscenes'): 30,
    **{
        Target('points', f'sweeps_{suffix}', f'sweeps/{suffix}/0.{suffix}', f'sweeps/{suffix}'): 10
        for suffix in FORMATS
    },
}
"""What is damaged -> how many bits, one at a time: 200."""
FLIPS_IN_CELL = 10
SHORT = {
    'kill': dict.fromkeys(('write_semantickitti', 'convert_semantickitti', 'pretrain', 'export'), 1),
    'full disk': {'export': 1},
    'read-only output': {'export': 1},
    'read-only data': {'convert_semantickitti_elsewhere': 1},
    'vanished file': {'convert_semantickitti': 1},
}
SHORT_FLIPS = {target: 1 for target in FLIPS if target.job in ('pretrain', 'sweeps_npz')}
SHORT_FLIPS |= {target: 3 for target in FLIPS if target.job == 'export'}


def campaign(out: Path, *, seed: int, commit: str | None, short: bool) -> list[Cell]:
    """All cells.

    Args:
        out: folder of the study.
        seed: of every moment and place.
        commit: of the code that is disturbed.
        short: a dozen cases of all kinds.
    """
    cases, flips = (SHORT, SHORT_FLIPS) if short else (CASES, FLIPS)
    jobs, used = all_jobs(), {job for of_kind in cases.values() for job in of_kind} | {target.job for target in flips}
    raw = [kind for kind in SIZES if {f'convert_{kind}', f'convert_{kind}_elsewhere'} & used]
    world = Cell(
        name='world',
        depends_on={'commit': commit, 'raw': raw},
        commands=lambda folder: [partial(write_world, folder, raw)],
        place=Path('world'),
        needed=True,
        limit_s=LIMIT_S,
    )
    references = {name: reference_cell(jobs[name], world, out) for name in sorted(used)}
    cells = [world, *references.values()]
    for kind, counts in cases.items():
        for name, count in counts.items():
            cells += [case_cell(kind, jobs[name], references[name], out, str(seed), i) for i in range(count)]
    for target, count in flips.items():
        for first in range(0, count, FLIPS_IN_CELL):
            of_cell = min(FLIPS_IN_CELL, count - first)
            cells.append(flips_cell(target, jobs[target.job], references[target.job], out, f'{seed}/{first}', of_cell))
    return cells


def reference_cell(job: Job, world: Cell, out: Path) -> Cell:
    """A job undisturbed."""
    return Cell(
        name=f'undisturbed_{job.name}',
        depends_on={'job': job.name},
        commands=lambda folder: [partial(undisturbed, job, world.folder(out), folder)],
        collect=lambda folder: {'seconds': read_json(folder / REFERENCE)['seconds']},
        after=(world,),
        limit_s=LIMIT_S,
    )


def case_cell(kind: str, job: Job, reference: Cell, out: Path, seed: str, number: int) -> Cell:
    """A job disturbed once."""
    name = f'{kind} {job.name} {number}'.replace(' ', '_')
    folders = world_and_reference(reference, out)
    return Cell(
        name=name,
        depends_on={'kind': kind, 'seed': seed, 'number': number},
        commands=lambda folder: [partial(disturbed, kind, job, *folders, folder, f'{seed}/{name}')],
        collect=lambda folder: collected([read_json(folder / FINDING)]),
        after=(reference,),
        limit_s=LIMIT_S,
    )


def flips_cell(target: Target, job: Job, reference: Cell, out: Path, seed: str, count: int) -> Cell:
    """A file damaged a few times."""
    number = seed.rpartition('/')[2]
    name = f'flip_{target.kind}_{job.name}_{number}'
    folders = world_and_reference(reference, out)
    return Cell(
        name=name,
        depends_on={'target': asdict(target), 'seed': seed, 'count': count},
        commands=lambda folder: [partial(flipped, target, job, *folders, folder, f'{seed}/{name}', count)],
        collect=lambda folder: collected(read_json(folder / FINDING)),
        after=(reference,),
        limit_s=LIMIT_S,
    )


def world_and_reference(reference: Cell, out: Path) -> tuple[Path, Path]:
    """Folders of the world and of a job undisturbed."""
    return reference.after[0].folder(out), reference.folder(out)


def collected(findings: list[dict[str, Any]]) -> dict[str, Any]:
    """What a cell's record keeps."""
    outcomes = [finding['outcome'] for finding in findings]
    return {'said': ', '.join(f'{outcomes.count(name)} {name}' for name in dict.fromkeys(outcomes)), 'cases': findings}
