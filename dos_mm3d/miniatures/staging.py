"""What the writers share: plans of synthetic data sets, and writing them whole or not at all, in parallel.

What a data set was made from lies beside it, so that it is known again and not written twice."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..errors import InputError, OutputExistsError
from ..files import check_writable
from ..parallel import parallel_map

MANIFEST = 'synthetic.json'


@dataclass(frozen=True)
class SyntheticPlan:
    """What is asked for: the data set is a pure function of these fields and of `KIND`.

    KIND: its format, and the number of its generator, raised with every change that alters a byte of what is written:
    folders of another number are not reused."""

    KIND: ClassVar[dict[str, Any]]

    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InputError(f'seed must be 0 or more, got {self.seed}')

    def check(self, name: str, least: float, most: float, why: str = '') -> None:
        """InputError where a field is not in the range."""
        if not least <= getattr(self, name) <= most:
            note = f' ({why})' if why else ''
            raise InputError(f'{name} must be {least} to {most}{note}, got {getattr(self, name)}')

    def manifest(self) -> dict[str, Any]:
        """What is written into the folder, to know it again."""
        return {**self.KIND, **asdict(self)}


def write_data_set(out: str | Path, plan: SyntheticPlan, fill: Callable[[Path], None], *, force: bool) -> Path:
    """Let `fill(folder)` write the data set of a plan, or reuse it where it already stands there, whole.

    Everything goes to `<out>.partial`, which is renamed at the very end: a killed run leaves no folder that looks
    whole. OutputExistsError for a folder of anything else; `force` replaces an older synthetic data set, never other
    data."""
    out = Path(out).resolve()  # a link stays one, and what it points to is written
    if not _must_write(out, plan.manifest(), force):
        return out
    partial = out.with_name(out.name + '.partial')
    marker = partial / f'.{MANIFEST}.unfinished'
    if partial.exists() and any(partial.iterdir()) and not marker.is_file():
        raise OutputExistsError(
            f'{partial}: is there and not of an interrupted run; it is needed for {out}. Move it away.'
        )
    check_writable(partial.parent)
    if partial.exists():
        print(f'{partial}: left by an interrupted run, removed')
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    marker.touch()
    fill(partial)
    marker.unlink()
    (partial / MANIFEST).write_text(json.dumps(plan.manifest(), indent=1))
    if out.exists():
        shutil.rmtree(out)
    os.rename(partial, out)
    return out


def _must_write(out: Path, wanted: dict[str, Any], force: bool) -> bool:
    """False where the data set of the very same manifest is there; OutputExistsError where something else is."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return True
    manifest = out / MANIFEST
    if not manifest.is_file():
        raise OutputExistsError(f'{out} exists and has no {MANIFEST}: not a synthetic data set. Choose another folder.')
    try:
        found = json.loads(manifest.read_text())
    except ValueError as error:
        raise OutputExistsError(
            f'{manifest}: no whole JSON ({error}), so whose folder it is is unknown. Move it away.'
        ) from error
    if not isinstance(found, dict) or 'generator' not in found:
        raise OutputExistsError(
            f'{manifest}: not of a synthetic data set, so whose folder it is is unknown. Move it away.'
        )
    if found == wanted:
        print(f'{out}: already there with the same seed and sizes, reused')
        return False
    if not force:
        raise OutputExistsError(
            f'{out} holds another synthetic data set: found {found}, wanted {wanted}. '
            'Choose another folder, or replace this one with --force.'
        )
    return True


def render_all(
    work: Callable[[Any], Any],
    jobs: Sequence[Any],
    *,
    unit: str,
    units_per_job: int,
    workers: int | None,
    warm_up: Callable[[], None],
) -> list[Any]:
    """Results of `work` in the order of the jobs; `warm_up` compiles the kernels before processes are forked, instead
    of once in each."""
    if workers != 1 and len(jobs) > 1:
        warm_up()
    sizes = [units_per_job] * len(jobs)
    return parallel_map(work, jobs, what='rendering', unit=unit, sizes=sizes, workers=workers)
