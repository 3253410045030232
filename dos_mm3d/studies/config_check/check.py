"""Configs, proven on their miniatures: built, stepped twice, tested once, each a cell in a forked process.

So what one leaves behind, or kills, is not the next one's."""

import math
import os
import resource
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ...engine.launch import build_runner
from ...errors import InputError, MissingFileError, UserError
from ...files import read_json, write_json
from ..runner import Cell, Study
from .shrink import STEPS, data_sets_of, small_config

PASSES, FAILS = 'passes', 'fails'
SEEN = 'seen.json'
LIMIT_S = 3600.0
"""For one config, which takes a few seconds on a machine that is not busy."""
PARTS = ('build', 'train', 'test', 'cpu')


def check_config(path: Path, worlds: Mapping[str, Path], work_dir: Path, threads: int) -> None:
    """Build, train and test one config; leave what was seen in `work_dir`.

    Seen are seconds of each part (wall clock) and of all (cpu), parameters, losses, number of metrics; of a config
    that fails, whatever it came to.

    Args:
        path: of the config.
        worlds: data set -> root of its miniature.
        work_dir: for logs.
        threads: of torch.

    Raises:
        SystemExit: where the config fails, whatever is wrong with it; the error has been printed.
    """
    torch.set_num_threads(threads)
    (work_dir / SEEN).unlink(missing_ok=True)
    seen: dict[str, Any] = {'seconds': {}}
    start, start_cpu = time.perf_counter(), time.process_time()
    try:
        # the runner lays out the config's text five times, which takes longer than two steps
        with mock.patch.object(Config, 'pretty_text', ''):
            _run(path, worlds, work_dir, seen)
    except Exception as error:  # any error of any config is an outcome here
        if not isinstance(error, UserError):  # those say themselves what is wrong
            traceback.print_exc()
        raise SystemExit(f'error: {_one_line(error)}') from error
    finally:
        seen['seconds']['cpu'] = round(time.process_time() - start_cpu, 2)  # the others depend on what else runs
        seen['seconds']['all'] = round(time.perf_counter() - start, 1)
        seen['peak_memory_mib'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        write_json(work_dir / SEEN, seen)


def _run(path: Path, worlds: Mapping[str, Path], work_dir: Path, seen: dict[str, Any]) -> None:
    """Build, train and test; `seen` is filled on the way, so that it says how far an error let it come."""
    cfg = Config.fromfile(path)
    if 'model' not in cfg:
        seen['rows'] = _check_rows(path, cfg)
        return
    seen['data'] = data_sets_of(cfg)
    runner = _timed(seen, 'build', lambda: build_runner(small_config(path, worlds, work_dir)))
    seen['parameters'] = sum(parameter.numel() for parameter in runner.model.parameters())
    _timed(seen, 'train', lambda: _train(runner, seen))
    if runner.cfg.get('test_dataloader') is not None:
        metrics = _timed(seen, 'test', runner.test)
        seen['metrics'] = len(metrics)
        if not metrics:
            raise InputError(f'{path}: its test gives no metric; wanted one at least from test_evaluator')


def _check_rows(path: Path, cfg: Config) -> int:
    """The number of a ladder's rows and options; FileNotFoundError where one of their configs is missing."""
    rows = [*cfg.get('rows', ()), *cfg.get('options', ())]
    if not rows:
        raise InputError(f'{path}: has neither a model nor rows; a part of other configs is named _base_...')
    root = next(parent.parent for parent in path.resolve().parents if parent.name == 'configs')
    if missing := [row.config for row in rows if not (root / row.config).is_file()]:
        raise MissingFileError(f'{path}: rows name {missing}, which are not there; correct their paths')
    return len(rows)


def _train(runner: Runner, seen: dict[str, Any]) -> None:
    """Two steps; ValueError where a loss is not finite or no weight moves."""
    before = {name: value.detach().clone() for name, value in runner.model.named_parameters() if value.requires_grad}
    runner.train()
    losses = [float(loss) for loss in runner.message_hub.get_scalar('train/loss').data[0]]
    seen['losses'] = losses
    if len(losses) != STEPS or not all(math.isfinite(loss) for loss in losses):
        raise InputError(f'{runner.experiment_name}: losses {losses}; wanted {STEPS} finite ones')
    if all(torch.equal(value, before[name]) for name, value in runner.model.named_parameters() if name in before):
        raise InputError(f'{runner.experiment_name}: no weight moved in {STEPS} steps')


def _timed(seen: dict[str, Any], part: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    try:
        return work()
    finally:
        seen['seconds'][part] = round(time.perf_counter() - start, 2)


def _one_line(error: Exception) -> str:
    text = ' '.join(str(error).split())
    return f'{type(error).__name__}: {text[:400]}'


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
