"""One config, proven on its miniature: built, stepped twice, tested once."""

import math
import resource
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ...engine.launch import build_runner
from ...errors import InputError, MissingFileError
from ...files import write_json
from .shrink import STEPS, data_sets_of, small_config

PASSES, FAILS = 'passes', 'fails'
SEEN = 'seen.json'


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
