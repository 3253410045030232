"""Many configs, each a cell in a forked process: what one leaves behind, or kills, is not the next one's."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...files import read_json
from ..runner import Cell, Study
from .check import FAILS, PASSES, SEEN, check_config

LIMIT_S = 3600.0
"""For one config, which takes a few seconds on a machine that is not busy."""
PARTS = ('build', 'train', 'test', 'cpu')


def check_all(
    configs: Mapping[str, Path],
    worlds: Mapping[str, Path],
    work_dir: Path,
    *,
    jobs: int,
    commit: str | None = None,
    resume: bool = False,
) -> dict[str, dict[str, Any]]:
    """Check every config on the miniature of its data set.

    Args:
        configs: name -> file.
        worlds: data set -> root of its miniature.
        work_dir: below it, a folder for each config with its log.
        jobs: configs at a time.
        commit: of the code, None or with changes where it is not certain.
        resume: leave out what passed there with that very commit.

    Returns:
        Name -> outcome, in the order given.
    """
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    cells = {name: config_cell(name, path, worlds, commit, threads) for name, path in configs.items()}
    study = Study(list(cells.values()), work_dir, title='config check', retry_failed=True)
    with study.locked() as children:
        if not resume or commit is None or '+' in commit:
            study.forget()
        study.run(children, workers=jobs)
    return {name: outcome_of(study, cell) for name, cell in cells.items()}


def config_cell(name: str, path: Path, worlds: Mapping[str, Path], commit: str | None, threads: int) -> Cell:
    """The check of one config; its folder holds the latest one alone."""
    folder_name = name.removesuffix('.py').replace('/', '__')
    return Cell(
        name=folder_name,
        depends_on={'config': name, 'commit': commit},
        commands=lambda folder: [partial(check_config, path, worlds, folder, threads)],
        collect=lambda folder: {'said': PASSES},
        place=Path(folder_name),
        limit_s=LIMIT_S,
    )


def outcome_of(study: Study, cell: Cell) -> dict[str, Any]:
    """What is recorded of a config: outcome, commit, what was seen, and the error's text where it fails."""
    result, seen = study.result(cell.name), cell.folder(study.out) / SEEN
    found = read_json(seen) if seen.is_file() else {'seconds': {}}
    if result['status'] == 'finished':
        return {'outcome': PASSES, **found, 'commit': cell.depends_on['commit']}
    return {'outcome': FAILS, **found, 'error': result['message'], 'commit': cell.depends_on['commit']}


def table(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each config, then the errors' texts and the sum."""
    width = max(map(len, outcomes))
    lines = [f'{"config":{width}}  outcome  build s  train s   test s    cpu s  M param  GiB  data']
    for name, one in outcomes.items():
        parts = ''.join(f' {one["seconds"][part]:8.1f}' if part in one['seconds'] else ' ' * 9 for part in PARTS)
        size = f'{one["parameters"] / 1e6:8.1f}' if 'parameters' in one else ' ' * 8
        memory = f'{one["peak_memory_mib"] / 1024:5.1f}' if 'peak_memory_mib' in one else ' ' * 5
        data = f'{one["rows"]} rows' if 'rows' in one else ', '.join(one.get('data', ()))
        lines.append(f'{name:{width}}  {one["outcome"]:7}{parts} {size}{memory}  {data}')
    failed = failures(outcomes)
    lines += [f'FAILS {name}: {outcomes[name]["error"]}' for name in failed]
    return '\n'.join([*lines, f'{len(outcomes) - len(failed)} of {len(outcomes)} configs pass'])


def failures(outcomes: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    """Names of the configs that do not pass."""
    return [name for name, one in outcomes.items() if one['outcome'] != PASSES]
