"""Bugs of mmengine: checkpoints, logs, and distributed training without a GPU."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from mmengine.config import ConfigDict
from mmengine.dataset import worker_init_fn
from mmengine.device import get_device
from mmengine.dist import utils as mmengine_dist
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook, checkpoint_hook
from mmengine.logging import HistoryBuffer
from mmengine.model import MMDistributedDataParallel
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler, _ParamScheduler
from mmengine.runner import Runner
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner import runner as mmengine_runner
from mmengine.utils import ProgressBar, Timer
from threadpoolctl import threadpool_limits
from torch import nn

from ..checkpoint_file import allow_arrays, load_checkpoint_file
from ..errors import InputError
from ..files import open_whole, write_bytes
from ..progress import LINE_S, is_quiet
from ..units import duration


def store_one_cycle_as_numbers() -> None:
    """Keep the function out of the state of one-cycle schedules, so that their checkpoints hold plain data only.

    Symptom: mmengine 0.10.7's OneCycleParamScheduler stores its annealing function in its state, and a checkpoint with
    it does not load with weights_only ("Unsupported global: OneCycleParamScheduler"), hence neither resumes nor
    exports. The function follows from the config; a loaded state leaves the scheduler's own in place.
    Test: tests/test_compat/test_mmengine_checkpoint_content.py.
    Can go when mmengine stores the strategy's name.
    """

    def state_dict(self: OneCycleParamScheduler) -> dict[str, Any]:
        return {name: value for name, value in _ParamScheduler.state_dict(self).items() if name != 'anneal_func'}

    OneCycleParamScheduler.state_dict = state_dict


def warm_up_for_one_step() -> None:
    """Let a one-cycle schedule rise for exactly one step.

    Symptom: mmengine 0.10.7 divides by the length of the rise minus one ("float division by zero") where pct_start
    times the number of steps is 1, as in 20 steps with a warm-up of 5 %.
    Test: tests/test_compat/test_mmengine.py, a schedule of 20 steps.
    Can go when mmengine asks for the length first.
    """
    get_value = OneCycleParamScheduler._get_value

    @wraps(get_value)
    def get_value_of_any_length(self: OneCycleParamScheduler) -> list[float]:
        for phase in self._schedule_phases:
            phase['end_step'] = phase['end_step'] or 1e-9  # the step itself is at the phase's beginning
        return get_value(self)

    OneCycleParamScheduler._get_value = get_value_of_any_length


def allow_checkpoint_classes() -> None:
    """Let mmengine's checkpoints load with weights_only.

    Symptom: since torch 2.6, resuming raises "Unsupported global: HistoryBuffer" (mmengine 0.10.7, which never passes
    weights_only). The message hub holds HistoryBuffers, which are numpy arrays beside their own methods, and numpy
    scalars, the metainfo of a segmentation data set ConfigDicts; these classes are allowed by name and weights_only
    stays on. torch < 2.4 has no list of allowed classes: there, mmengine's loading is left as it is.
    Test: tests/test_compat/test_mmengine.py, resume of a toy Runner.
    Can go when mmengine allows its own classes.
    """
    if not hasattr(torch.serialization, 'add_safe_globals'):
        return
    allow_arrays()
    torch.serialization.add_safe_globals([HistoryBuffer, ConfigDict, _statistics_method()])
    mmengine_checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=_load_from_local, force=True)


def _statistics_method() -> Callable[[type, str], Any]:
    """What stands for builtins.getattr in a checkpoint: gives the statistics methods of HistoryBuffer, nothing else."""

    def statistics_method(owner: type, name: str) -> Any:
        if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
            raise InputError(f'refused to look up {name!r} of {owner!r} while loading a checkpoint: it is not ours')
        return getattr(owner, name)

    # torch finds what is allowed by this name
    statistics_method.__module__, statistics_method.__name__ = 'builtins', 'getattr'
    statistics_method.__qualname__ = 'getattr'
    return statistics_method


def _load_from_local(filename: str, map_location: Any) -> Any:
    """mmengine's loader of local files; torch 2.4 and 2.5 would run what is in them."""
    return load_checkpoint_file(filename, map_location)


def write_files_atomically() -> None:
    """Write checkpoints whole or not at all, and remove an old one only when its successor is there.

    Symptom: mmengine 0.10.7 writes checkpoints and `last_checkpoint` in place, and CheckpointHook removes the oldest
    checkpoint (max_keep_ckpts) or the former best one before it writes the next: a kill in between leaves a run with
    nothing to resume from. Files now go through a temporary file of the same folder, fsync and rename.
    Test: tests/test_compat/test_mmengine.py, crash while saving.
    Can go when mmengine does the same.
    """
    LocalBackend.put = _put
    checkpoint_hook.open = open_whole  # found before the builtin; the hook opens one file, last_checkpoint
    for name in ('_save_checkpoint_with_step', '_save_best_checkpoint'):
        setattr(CheckpointHook, name, _removing_afterwards(getattr(CheckpointHook, name)))


def _put(self: LocalBackend, obj: bytes, filepath: str | Path) -> None:
    write_bytes(filepath, obj)


class _DeferredRemoval:
    """A LocalBackend whose removals wait for `flush`, which spares a file that has been written anew since."""

    def __init__(self, backend: LocalBackend) -> None:
        self.backend = backend
        self.waiting: list[tuple[Path, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, filepath: str | Path) -> None:
        self.waiting.append((Path(filepath), os.stat(filepath).st_ino))

    def flush(self) -> None:
        for path, inode in self.waiting:
            if path.is_file() and path.stat().st_ino == inode:
                self.backend.remove(path)


def _removing_afterwards(save: Callable[..., None]) -> Callable[..., None]:
    @wraps(save)
    def save_then_remove(self: CheckpointHook, *args: Any, **kwargs: Any) -> None:
        backend = self.file_backend
        if not isinstance(backend, LocalBackend):
            return save(self, *args, **kwargs)
        self.file_backend = _DeferredRemoval(backend)
        try:
            save(self, *args, **kwargs)
            self.file_backend.flush()
        finally:
            self.file_backend = backend

    return save_then_remove


def keep_the_config_file() -> None:
    """Leave the config file of a run as it is, also where it lies in the work_dir.

    Symptom: mmengine 0.10.7 writes the evaluated config into the work_dir under the name of the file that it comes
    from; with `--work-dir .` over that file, whose bases, variables and comments are lost. It goes into the folder of
    the run's log then.
    Test: tests/test_tools/test_train_tools.py, a run in the config's folder.
    Can go when mmengine compares the two.
    """
    dump_config = Runner.dump_config

    @wraps(dump_config)
    def dump_config_elsewhere(self: Runner) -> None:
        name = os.path.basename(self.cfg.filename or '')
        written = Path(self.work_dir, name)
        if name and written.is_file() and written.samefile(self.cfg.filename):
            self.cfg.dump(os.path.join(self.log_dir, name))
        else:
            dump_config(self)

    Runner.dump_config = dump_config_elsewhere


def compute_with_one_thread_in_loader_workers() -> None:
    """Let a worker of a loader do linear algebra in one thread, as torch has it for its own.

    Symptom: mmengine 0.10.7 gives workers a seed only. torch sets itself to one thread there, OpenBLAS under numpy does
    not: each `@` of a sweep wakes a thread per CPU in every worker, and they spin, for as much system time again as
    the work takes.
    Test: tests/test_compat/test_mmengine.py.
    Can go when mmengine, or torch, limits them.
    """
    mmengine_runner.default_worker_init_fn = start_worker_with_one_thread


def start_worker_with_one_thread(*args: Any, **settings: Any) -> None:
    """mmengine's `worker_init_fn`, which takes the arguments, and one thread for linear algebra."""
    threadpool_limits(1, user_api='blas')
    worker_init_fn(*args, **settings)


def draw_bars_on_terminals_only() -> None:
    """Let mmengine's ProgressBar leave a line now and then in a log, and nothing with --quiet.

    Symptom: mmengine 0.10.7 draws the bar anew for every task, also into a file: converting nuScenes leaves one line of
    several megabytes in a log.
    Test: tests/test_compat/test_mmengine_progress_bar.py.
    Can go when mmengine asks whether its file is a terminal.
    """
    start, update = ProgressBar.start, ProgressBar.update

    @wraps(start)
    def start_anywhere(self: ProgressBar) -> None:
        self.drawn = self.file.isatty() and not is_quiet()
        if self.drawn:
            return start(self)
        self.timer, self.told_s = Timer(), 0.0

    @wraps(update)
    def update_anywhere(self: ProgressBar, num_tasks: int = 1) -> None:
        if self.drawn:
            return update(self, num_tasks)
        self.completed += num_tasks
        now_s = self.timer.since_start()
        if not is_quiet() and (self.completed == self.task_num or now_s >= self.told_s + LINE_S):
            self.told_s = now_s
            self.file.write(f'{self.completed}/{self.task_num} [{duration(now_s)}]\n')

    ProgressBar.start, ProgressBar.update = start_anywhere, update_anywhere


def launch_ranks_without_gpu() -> None:
    """Start torch.distributed on machines without a GPU, over gloo.

    Symptom: mmengine 0.10.7's launchers call `torch.cuda.set_device`, which raises without a GPU, and every config of
    OpenMMLab names the nccl backend, which has no CPU tensors.
    Test: tests/test_tools/test_train_tools.py, two ranks through dist_train.sh.
    Can go when mmengine asks for a GPU first.
    """
    for name in ('_init_dist_pytorch', '_init_dist_slurm', '_init_dist_mpi'):
        setattr(mmengine_dist, name, _over_gloo_without_gpu(getattr(mmengine_dist, name)))


def _over_gloo_without_gpu(launch: Callable[..., None]) -> Callable[..., None]:
    @wraps(launch)
    def launch_anywhere(backend: str, **kwargs: Any) -> None:
        if get_device() != 'cpu':
            return launch(backend, **kwargs)
        with patch.object(torch.cuda, 'set_device', lambda device: None):
            launch('gloo' if backend == 'nccl' else backend, **kwargs)

    return launch_anywhere


def wrap_cpu_models_without_device_ids() -> None:
    """Let a model on the CPU be wrapped for distributed training.

    Symptom: mmengine 0.10.7 always passes `device_ids=[LOCAL_RANK]`, which DistributedDataParallel refuses for CPU
    modules.
    Test: tests/test_compat/test_mmengine.py, and two ranks in tests/test_tools/test_train_tools.py.
    Can go when mmengine looks at the module's device.
    """
    init = MMDistributedDataParallel.__init__

    @wraps(init)
    def init_on_any_device(self: MMDistributedDataParallel, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        if all(parameter.device.type == 'cpu' for parameter in module.parameters()):
            kwargs['device_ids'] = None
        init(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = init_on_any_device
