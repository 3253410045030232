"""Writing a synthetic data set whole or not at all, its scenes in parallel; what it was made from lies beside it."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..errors import OutputExistsError

MANIFEST = 'synthetic.json'


def must_write(out: Path, wanted: dict, force: bool) -> bool:
    """False where the data set of the very same manifest is there; FileExistsError where something else is in the
    way. `force` lets an older synthetic data set be replaced, never other data."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return True
    manifest = out / MANIFEST
    if not manifest.is_file():
        raise OutputExistsError(f'{out} exists and has no {MANIFEST}: not a synthetic data set. Choose another folder.')
    found = json.loads(manifest.read_text())
    if found == wanted:
        print(f'{out}: already there with the same seed and sizes, reused')
        return False
    if not force:
        raise OutputExistsError(
            f'{out} holds another synthetic data set: found {found}, wanted {wanted}. '
            'Choose another folder, or replace this one with --force.'
        )
    return True


def fresh_partial(out: Path) -> Path:
    """`<out>.partial`, where everything is written first; what an interrupted run left there is removed."""
    partial = out.with_name(out.name + '.partial')
    if partial.exists():
        print(f'{partial}: left by an interrupted run, removed')
        shutil.rmtree(partial)
    return partial


def publish(partial: Path, out: Path, manifest: dict) -> Path:
    """Add the manifest and give the finished folder its name."""
    (partial / MANIFEST).write_text(json.dumps(manifest, indent=1))
    if out.exists():
        shutil.rmtree(out)
    os.rename(partial, out)
    return out


def in_parallel(
    work: Callable[[Any], Any],
    jobs: Sequence[Any],
    per_job: int,
    workers: int | None,
    warm_up: Callable[[], None],
    unit: str = 'sweep',
) -> list[Any]:
    """Results of `work` in the order of the jobs, whatever finished first; each renders `per_job` times a `unit`.

    workers: processes, default one for each CPU. `warm_up` compiles the kernels once before processes are forked,
    instead of once in each."""
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    with tqdm(total=len(jobs) * per_job, unit=unit, desc='rendering') as bar:
        if workers == 1:
            return list(_counted(map(work, jobs), bar, per_job))
        warm_up()
        with multiprocessing.get_context('fork').Pool(workers) as pool:
            return list(_counted(pool.imap(work, jobs), bar, per_job))


def _counted(results: Iterator[Any], bar: tqdm, per_job: int) -> Iterator[Any]:
    for result in results:
        bar.update(per_job)
        yield result
