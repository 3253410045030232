"""What tools/train.py and tools/test.py share: arguments, the config with its overrides, errors a user can act on."""

import argparse
import linecache
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch import distributed

from ..datasets.file_check import check_files, data_sets_in
from ..export.files import read_checkpoint
from .config_overrides import add_overrides, load_with_overrides

PACKAGE = Path(__file__).resolve().parents[1]


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that OpenMMLab's train.py and test.py have in common."""
    parser.add_argument('config', type=Path, help='config file')
    parser.add_argument('--work-dir', type=Path, help='folder of logs and checkpoints; default work_dirs/<config name>')
    values = 'override values of the config, e.g. train_dataloader.batch_size=2 or key="[a,b]"'
    add_overrides(parser, '--cfg-options', values)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    # torch.distributed.launch passes this one; torchrun sets the environment variable instead
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(args: argparse.Namespace) -> Config:
    """The config of the command line: file, then --cfg-options, launcher and work_dir.

    The work_dir is the first of --work-dir, the config's own, work_dirs/<config name>. Raises FileNotFoundError when
    there is no such file.
    """
    if not args.config.is_file():
        raise FileNotFoundError(
            f'{args.config}: no such config; give the path of a .py file, for example below configs/'
        )
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_with_overrides(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = str(args.work_dir)
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / args.config.stem)
    return cfg


def enable_amp(cfg: Config) -> None:
    """Switch the optimiser wrapper to automatic mixed precision with dynamic loss scaling.

    Raises ValueError where the config has another wrapper than OptimWrapper.
    """
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind == 'AmpOptimWrapper':
        return
    if kind != 'OptimWrapper':
        raise ValueError(f'--amp replaces optim_wrapper type OptimWrapper, this config has {kind}; leave --amp out')
    cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')


def require_gpu_for_amp(cfg: Config) -> None:
    """Raise ValueError when the config asks for mixed precision on a machine without a GPU."""
    if cfg.get('optim_wrapper', {}).get('type') == 'AmpOptimWrapper' and get_device() == 'cpu':
        raise ValueError('mixed precision (--amp, AmpOptimWrapper) needs a GPU, and there is none here; leave it out')


def enable_auto_scale_lr(cfg: Config) -> None:
    """Scale the learning rate with the total batch size; ValueError where the config does not say from which one."""
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise ValueError('--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config; there is none')
    cfg.auto_scale_lr.enable = True


def require_resumable(path: str | Path) -> None:
    """ValueError for a file that holds weights but not the run they come from."""
    found = set(read_checkpoint(path))
    if lacking := {'meta', 'message_hub', 'optimizer'} - found:
        raise ValueError(
            f'{path}: cannot be resumed, it has no {", ".join(sorted(lacking))} (it holds {sorted(found)}); '
            'to start from its weights use --cfg-options load_from=PATH'
        )


def scale_peak_rates(runner: Runner) -> None:
    """Scale the peak of one-cycle schedules as mmengine scales the optimiser's rate, which they overwrite."""
    total = get_world_size() * runner.cfg.train_dataloader.batch_size
    for scheduler in runner.param_schedulers or []:
        if 'eta_max' in scheduler:
            scheduler['eta_max'] *= total / runner.auto_scale_lr['base_batch_size']


def check_data(cfg: Config, *loaders: str) -> None:
    """FileNotFoundError or ValueError, naming the file and the remedy, where the data of a config's loaders are not
    what their infos say; before anything is built, on the first rank only: the launcher ends the others, which may
    have begun to build, with it."""
    if int(os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0'))):
        return
    checked = []
    for loader in loaders:
        for dataset in data_sets_in(cfg[loader].dataset) if cfg.get(loader) else ():
            if dataset not in checked:  # validation and test are often the same
                check_files(dataset)
                checked.append(dataset)


def build_runner(cfg: Config) -> Runner:
    """The config's runner: mmengine's Runner unless `runner_type` names another."""
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool's main(); what a user can act on ends as one message and exit status 1, a bug keeps its traceback.

    The first counts as what a user can act on: a file or folder that is missing or not readable, and whatever this
    package raises on purpose. Their traceback goes to the log file of the work_dir, with DOS_TRACEBACK=1 to the screen.
    """
    try:
        main()
        leave_ranks()
    except Exception as error:
        message = expected_message(error)
        if message is None or os.environ.get('DOS_TRACEBACK') == '1':
            raise
        _log_to_file(traceback.format_exc())
        print(f'error: {message}', file=sys.stderr)
        raise SystemExit(1) from None


def leave_ranks() -> None:
    """End a rank of several once all have come here, without the interpreter's own teardown.

    Symptom (torch 2.13, gloo): rank 0 of a short run now and then aborts while the process is taken down ("terminate
    called without an active exception"), also after destroy_process_group, and torchrun calls a finished job failed.
    """
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return
    distributed.barrier()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _log_to_file(text: str) -> None:
    logger = MMLogger.get_current_instance()
    record = logger.makeRecord(logger.name, logging.ERROR, __file__, 0, text, (), None)
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)


def expected_message(error: BaseException) -> str | None:
    """The message of the outermost error in a chain that is meant for the user; None if there is none: a bug."""
    for link in _chain(error):
        from_worker = _message_from_worker(link)
        if from_worker is not None:
            return from_worker
        if isinstance(link, OSError) or _raised_by_us(link):
            return str(link)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from: mmengine's registry wraps the errors of what it builds."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _raised_by_us(error: BaseException) -> bool:
    """Whether a `raise` statement of this package made the error, and not a failing call in one of its lines."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and _is_our_raise(frames[-1].filename, frames[-1].lineno)


def _is_our_raise(filename: str, line: int | None) -> bool:
    ours = Path(filename).resolve().is_relative_to(PACKAGE)
    return ours and linecache.getline(filename, line or 0).strip().startswith('raise')


def _message_from_worker(error: BaseException) -> str | None:
    """The same for an error of a DataLoader worker, which torch hands over as one text with the traceback in it."""
    text = str(error)
    if not text.startswith('Caught ') or 'Original Traceback' not in text:
        return None
    lines = text.splitlines()
    at = max((i for i, line in enumerate(lines) if line.startswith('  File "')), default=None)
    if at is None:
        return None
    filename, number = lines[at].split('"')[1], int(lines[at].split('line ')[1].split(',')[0])
    name = type(error).__name__
    start = next((i for i in range(at, len(lines)) if not lines[i].startswith(' ') and f'{name}: ' in lines[i]), None)
    if start is None or not (isinstance(error, OSError) or _is_our_raise(filename, number)):
        return None
    return '\n'.join([lines[start].split(f'{name}: ', 1)[1], *lines[start + 1 :]])
