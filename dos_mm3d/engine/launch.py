"""What the tools share: arguments, the config with its overrides, and how errors end."""

import argparse
import contextlib
import errno
import logging
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS, init_default_scope
from mmengine.runner import Runner
from torch.distributed import DistNetworkError

from ..datasets.file_check import check_files, data_sets_in
from ..datasets.nuscenes.scoring import check_scoring
from ..errors import InputError, MissingFileError, UserError
from ..files import home_path
from ..progress import is_quiet
from .arguments import add_quiet
from .class_names import check_classes
from .config_errors import fault_of_config, fault_of_frame, fault_of_step
from .config_overrides import add_overrides, load_with_overrides
from .detector_grid import check_grid
from .gpu import settle_for_gpu
from .hooks import NoScoreHook, ReadyHook
from .metric_tasks import check_metrics, metrics_of
from .ranks import check_launcher, is_first_rank, leave_ranks, let_the_first_speak, meet_here, require_alone
from .result_files import check_result_files

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CUT_OFF = re.compile(r'\d+ requested and \d+ written')
"""What numpy's tofile says of all that ends it."""


def add_common_arguments(parser: argparse.ArgumentParser, find_config: Callable[[str], Path] = home_path) -> None:
    """The arguments that OpenMMLab's train.py and test.py have in common.

    find_config: what is typed -> the file.
    """
    parser.add_argument('config', type=find_config, help='config file')
    parser.add_argument(
        '--work-dir', type=home_path, help='folder of logs and checkpoints; default work_dirs/<config name>'
    )
    values = 'override values of the config, e.g. train_dataloader.batch_size=2 or key="[a,b]"'
    add_overrides(parser, '--cfg-options', values)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    # torch.distributed.launch passes this one; torchrun sets the environment variable instead
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    add_quiet(parser)


def load_config(args: argparse.Namespace) -> Config:
    """The config of the command line: file, then --cfg-options, launcher and work_dir.

    The work_dir is the first of --work-dir, the config's own, work_dirs/<config name>. Raises FileNotFoundError when
    there is no such file.
    """
    if not args.config.is_file():
        raise MissingFileError(
            f'{args.config}: no such config; give the path of a .py file, for example below configs/'
        )
    if 'launcher' in args.cfg_options:
        value = args.cfg_options['launcher']
        raise InputError(f'--cfg-options launcher={value} would change nothing: say --launcher {value}')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    meet_here(args.launcher)
    check_launcher(args.launcher)
    cfg = load_with_overrides(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = str(args.work_dir)
    elif cfg.get('work_dir') == '':
        raise InputError('work_dir is empty: name a folder, or say work_dir=None for work_dirs/<config name>')
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / args.config.stem)
    return cfg


def require_parts(cfg: Config, path: Path, work: str) -> None:
    """InputError where a config lacks, or has None in place of, what a work is done with.

    path: of the config.  work: 'train' or 'test'.
    """
    beside = {'train': 'optim_wrapper', 'test': 'test_evaluator'}[work]
    loader = f'{work}_dataloader'
    if missing := [name for name in ('model', loader, f'{work}_cfg', beside) if cfg.get(name) is None]:
        raise InputError(f'{path}: nothing to {work}, it has no {", ".join(missing)}')
    for name in (loader, 'val_dataloader'):
        found = cfg.get(name)
        if found and not (isinstance(found.get('dataset'), dict) and found.dataset.get('type')):
            raise InputError(f'{path}: {name} has no data set, {name}.dataset is {found.get("dataset")}')
        if found and not (found.get('sampler') or found.get('batch_sampler')):
            raise InputError(f'{path}: {name} has no sampler, which says which frame comes next')


def enable_amp(cfg: Config) -> None:
    """Switch the optimiser wrapper to mmengine's automatic mixed precision, float16 with dynamic loss scaling.

    Raises ValueError where the config has another wrapper than OptimWrapper or BFloat16OptimWrapper.
    """
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind == 'AmpOptimWrapper':
        return
    if kind not in ('OptimWrapper', 'BFloat16OptimWrapper'):
        raise InputError(
            f'--amp replaces optim_wrapper type OptimWrapper or BFloat16OptimWrapper, this config has {kind}; leave '
            '--amp out'
        )
    cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')


def require_gpu_for_amp(cfg: Config) -> None:
    """Raise ValueError when the config asks for mixed precision on a machine without a GPU."""
    if cfg.get('optim_wrapper', {}).get('type') == 'AmpOptimWrapper' and get_device() == 'cpu':
        raise InputError('mixed precision (--amp, AmpOptimWrapper) needs a GPU, and there is none here; leave it out')


def enable_auto_scale_lr(cfg: Config) -> None:
    """Scale the learning rate with the total batch size; ValueError where the config does not say from which one."""
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise InputError('--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config; there is none')
    if not (isinstance(base := cfg.auto_scale_lr.base_batch_size, int) and base > 0):
        raise InputError(f'auto_scale_lr.base_batch_size={base!r}: wanted the total batch that the rate was chosen for')
    cfg.auto_scale_lr.enable = True


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
    if not is_first_rank():
        return
    check_classes(cfg, loaders)
    checked = []
    for loader in loaders:
        for dataset in data_sets_in(cfg[loader].dataset) if cfg.get(loader) else ():
            if dataset not in checked:  # validation and test are often the same
                check_files(dataset)
                checked.append(dataset)
        if cfg.get(loader) and (metrics := metrics_of(cfg.get(loader.replace('dataloader', 'evaluator')))):
            check_metrics(cfg, loader)
            check_scoring(cfg[loader].dataset, metrics)
            check_result_files(loader.partition('_')[0], metrics)


def build_runner(cfg: Config) -> Runner:
    """The config's runner: mmengine's Runner unless `runner_type` names another. InputError where the parts of its
    model are made for different grids."""
    settle_for_gpu(cfg)
    with quiet_screen():
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    check_grid(getattr(runner, 'model', None))
    runner.register_hook(ReadyHook())
    runner.register_hook(NoScoreHook())
    return runner


@contextlib.contextmanager
def quiet_screen() -> Iterator[None]:
    """With --quiet the runner that is built within logs to its file; the screen gets warnings and errors alone."""
    if not is_quiet():
        yield
        return
    nowhere = open(os.devnull, 'w')  # noqa: SIM115  the runner's logger, made here, keeps it in place of the screen
    with contextlib.redirect_stdout(nowhere):
        yield
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    MMLogger.get_current_instance().addHandler(screen)


def run_tool(main: Callable[[], int | None], *, in_ranks: bool = False) -> None:
    """Run a tool's main(), which may return the exit status. What a user can act on ends as one message and status 1,
    Ctrl-C as one word and status 130.

    in_ranks: whether the tool looks at its launcher itself; others are refused in several processes.

    The log file of the work_dir gets its traceback, with DOS_TRACEBACK=1 the screen. Every other error keeps its own.
    """
    # a log that cannot be written, on a full disk, would be a traceback for each of its lines
    logging.raiseExceptions = False
    silence_libraries()
    init_default_scope('mmdet3d')  # of data sets that are built without a runner, which would set it
    try:
        if not in_ranks:
            require_alone()
        status = main()
        leave_ranks()
    except KeyboardInterrupt:
        print('\ninterrupted', file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        message = message_for_user(error)
        if message is None or os.environ.get('DOS_TRACEBACK') == '1':
            raise
        _log_to_file(traceback.format_exc())
        let_the_first_speak()
        print(f'error: {message}', file=sys.stderr)
        raise SystemExit(1) from None
    if status:
        raise SystemExit(status)


def silence_libraries() -> None:
    """Leave out what libraries tell each other's authors: a user can do nothing about it."""
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated')  # mmengine: at every base `mmdet3d::`
    logging.getLogger('torch.fx._symbolic_trace').setLevel(logging.ERROR)  # torch: at every convolution of spconv


def message_for_user(error: Exception) -> str | None:
    """What a user is told about an error; None for a bug.

    Users can act on a :class:`UserError`; on an OSError, which is the system's answer about a file, a folder or a disk;
    on what came while something was made of the config, and on what upstream cannot load of a frame.
    """
    text = str(error)
    if isinstance(error, DistNetworkError) and 'EADDRINUSE' in text:
        return (
            f'port {os.environ.get("MASTER_PORT", "of MASTER_PORT")} is in use on this machine, so the processes '
            'cannot meet there: another run may have it; set PORT (of tools/dist_train.sh) or MASTER_PORT to a free one'
        )
    if isinstance(error, DistNetworkError) and 'EACCES' in text:
        return (
            f'port {os.environ.get("MASTER_PORT", "of MASTER_PORT")} is not free to take on this machine (permission '
            'denied): those below 1024 belong to the system; set PORT (of tools/dist_train.sh) or MASTER_PORT higher'
        )
    if not isinstance(error, (UserError, OSError)) or isinstance(error, ConnectionError):
        return fault_of_config(error) or fault_of_frame(error) or fault_of_step(error)
    if text.startswith('Caught ') and 'Original Traceback' in text:
        # of a DataLoader worker: torch makes one text of its traceback, which ends with the message
        *_, start = re.finditer(rf'^(?:\w+\.)*{type(error).__name__}: ', text, re.MULTILINE)
        text = text[start.end() :].rstrip()
    if isinstance(error, OSError) and error.filename is None and (error.errno in NO_ROOM or _CUT_OFF.fullmatch(text)):
        return f'{text}: no room is left where the results are written; free some, then give the same command again'
    return text


def _log_to_file(text: str) -> None:
    if not MMLogger._instance_dict:  # asking for the current one would make one, which reads the environment
        return
    logger = MMLogger.get_current_instance()
    record = logger.makeRecord(logger.name, logging.ERROR, __file__, 0, text, (), None)
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)
