"""Many configs, each in a forked process of its own: what one leaves behind, or kills, is not the next one's."""

import contextlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ...files import write_json
from .check import FAILS, PASSES, check_config

PATIENCE_S = 3600.0
"""For one config, which takes a few seconds on a machine that is not busy."""


def check_all(
    configs: Mapping[str, Path],
    worlds: Mapping[str, Path],
    work_dir: Path,
    *,
    jobs: int,
    commit: str | None = None,
    resume: bool = False,
) -> dict[str, dict[str, Any]]:
    """Name -> outcome of every config, in the order given; `jobs` at a time, a log file of each below `work_dir`.

    commit: of the code, None or with changes where it is not certain; resume: what passed there with that very commit
    is not run again."""
    found = passed_before(configs, work_dir, commit) if resume else {}
    left = {name: path for name, path in configs.items() if name not in found}
    with tqdm(total=len(configs), initial=len(found), desc='configs', unit='config') as bar:
        for name, outcome in _as_they_end(left, worlds, work_dir, jobs, commit):
            found[name] = outcome
            if outcome['outcome'] == FAILS:
                bar.write(f'FAILS {name}: {outcome["error"]}')
            bar.update()
    return {name: found[name] for name in configs}


def passed_before(configs: Iterable[str], work_dir: Path, commit: str | None) -> dict[str, dict[str, Any]]:
    """Name -> outcome of the configs that passed with this commit; none where the code has changes beyond it."""
    if commit is None or '+' in commit:
        return {}
    paths = {name: folder_of(name, work_dir) / 'outcome.json' for name in configs}
    found = {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}
    return {name: one for name, one in found.items() if one['outcome'] == PASSES and one.get('commit') == commit}


def folder_of(name: str, work_dir: Path) -> Path:
    """Where a config's log and outcome lie."""
    return work_dir / name.removesuffix('.py').replace('/', '__')


def _as_they_end(
    configs: Mapping[str, Path], worlds: Mapping[str, Path], work_dir: Path, jobs: int, commit: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    waiting, running = list(configs.items()), {}
    context = multiprocessing.get_context('fork')  # the children need not import anything again
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                name, path = waiting.pop(0)
                folder = folder_of(name, work_dir)
                process = context.Process(target=_child, args=(path, worlds, folder, jobs, commit))
                process.start()
                running[process.sentinel] = (name, folder, process, time.monotonic())
            wait(list(running), timeout=5)
            for sentinel, (name, folder, process, start) in list(running.items()):
                late = time.monotonic() - start > PATIENCE_S
                if late:
                    process.kill()
                if late or not process.is_alive():
                    process.join()
                    del running[sentinel]
                    yield name, _outcome(folder, process.exitcode, late)
    finally:  # an interrupt ends what it started
        for _, _, process, _ in running.values():
            process.kill()


def _child(path: Path, worlds: Mapping[str, Path], folder: Path, jobs: int, commit: str | None) -> None:
    """Check one config and leave the outcome in `folder`; what it prints goes to the log file there."""
    start = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'outcome.json').unlink(missing_ok=True)
    with (
        (folder / 'log.txt').open('w', buffering=1) as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        os.dup2(log.fileno(), 1)  # what compiled code prints
        os.dup2(log.fileno(), 2)
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // jobs))
        outcome = check_config(path, worlds, folder)
        print(outcome.pop('traceback', ''))
        outcome['seconds']['all'] = round(time.monotonic() - start, 1)
        write_json(folder / 'outcome.json', {**outcome, 'commit': commit})


def _outcome(folder: Path, status: int | None, late: bool) -> dict[str, Any]:
    path = folder / 'outcome.json'
    if path.is_file():
        return json.loads(path.read_text())
    why = f'took longer than {PATIENCE_S:.0f} s' if late else f'its process ended with status {status}'
    hint = ' (-9: killed, most often for want of memory)' if status == -9 and not late else ''
    return {'outcome': FAILS, 'error': f'{why}{hint}; see {folder / "log.txt"}', 'seconds': {}}


PARTS = ('build', 'train', 'test', 'cpu')


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
