"""The folder of one run: who may write there, and which checkpoint a run goes on from.

What lies in the folder decides. `last_checkpoint`, which mmengine writes into the work_dir, names the place where one
lay when it was written, and is not followed: a folder may have been copied or moved since.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import all_gather_object

from ..errors import InputError, MissingFileError, OutputExistsError, UserError
from ..export.files import read_checkpoint
from ..files import check_writable
from .ranks import is_first_rank
from .run_checkpoints import (
    TEMPLATES,
    checkpoints_in,
    is_resumable,
    is_whole,
    newest_whole,
    require_resumable,
    warn,
)

LOCK = '.training.lock'
LAST = 'last_checkpoint'
"""Where mmengine writes, in the work_dir, the path of the newest checkpoint."""
ELSEWHERE = 'Take another --work-dir (default_hooks.checkpoint.out_dir, if given), or free some space'
"""What to do where nothing can be written."""
NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


class WorkDirInUseError(UserError, BlockingIOError):
    """Another training works in the folder."""


@contextmanager
def held(work_dir: str | Path) -> Iterator[None]:
    """The right to train in a folder, for as long as the block or this process lives.

    Of the processes of one run the first alone takes it. The lock is one of records (POSIX): no loader worker inherits
    it and so keeps it after a kill, and a shared file system passes it on to other machines. Where a file system has no
    locks, that is said, and the run goes on. WorkDirInUseError, naming the process, where another one has it.
    """
    if not is_first_rank():
        yield
        return
    path = Path(work_dir) / LOCK
    if any(one.exists() and not one.is_dir() for one in (path.parent, *path.parent.parents)):
        raise InputError(f'{work_dir}: is no folder, or lies below a file; take another --work-dir')
    check_writable(work_dir, ELSEWHERE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'a+') as file:
        _lock(file, path)
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}')
        file.flush()
        yield


def _lock(file: Any, path: Path) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS_HERE:
            warn(f'{path}: no locks in this file system ({error.strerror}); start no second run in {path.parent}')
            return
        file.seek(0)
        raise WorkDirInUseError(
            f'{path.parent}: another training works there ({file.read() or "unknown process"}); wait for it, end it, '
            'or take another --work-dir'
        ) from None


def choose_start(cfg: Config, given: str | None) -> None:
    """Write into a config (`resume`, `load_from`) what its run starts from, and refuse to replace checkpoints.

    Args:
        cfg: with its work_dir; `resume` of the config itself means the same as the argument.
        given: a checkpoint; 'auto': the newest whole one of the work_dir, or none in an empty folder, where `load_from`
            stays; None: begin anew.

    Raises:
        OutputExistsError: the run would replace checkpoints that are there.
        InputError, MissingFileError: there is none that a run can go on from, or none could be written.
    """
    _require_readable(cfg)
    if given is None and cfg.get('resume'):
        given = cfg.get('load_from') or 'auto'
    folder = checkpoint_folder(cfg)
    if is_first_rank():
        check_writable(folder, ELSEWHERE)
    if Path(cfg.work_dir, LAST).is_dir():
        raise InputError(
            f'{Path(cfg.work_dir, LAST)}: is a folder, and mmengine writes a file of that name; move it away'
        )
    there = checkpoints_in(folder, *_templates(cfg))
    if named := next((path for path in there if path.is_dir()), None):
        raise InputError(f'{named}: is a folder, and the run would write a checkpoint of that name; move it away')
    if given is None:
        _require_none(there, cfg, folder)
    elif given == 'auto':
        start = newest_whole(there, folder)
        if not there:
            _require_first_start(cfg, folder)
        cfg.resume, cfg.load_from = start is not None, str(start) if start else cfg.get('load_from')
    else:
        start = _named(given)
        _require_none_later(start, there, folder)
        cfg.resume, cfg.load_from = True, str(start)


def checkpoint_folder(cfg: Config) -> Path:
    """Where mmengine's CheckpointHook puts a run's checkpoints: the work_dir, or a folder of its name elsewhere."""
    out_dir = _hook(cfg).get('out_dir')
    return Path(cfg.work_dir) if out_dir in (None, cfg.work_dir) else Path(out_dir) / Path(cfg.work_dir).name


def require_same_start(cfg: Config) -> None:
    """InputError where the ranks of a run, which must be connected, do not all start from the same checkpoint."""
    names = [Path(start).name if start else 'none' for start in all_gather_object(cfg.get('load_from'))]
    if len(set(names)) > 1:
        raise InputError(
            f'the processes of this run start from different checkpoints ({", ".join(sorted(set(names)))}): '
            f'{cfg.work_dir} must be a folder that all machines share, or have the same content on each'
        )


def _named(given: str) -> Path:
    path = Path(os.path.expanduser(given))
    if path.name == LAST:
        raise InputError(
            f'{path}: only names the place where a checkpoint lay when it was written; give the .pth file itself, or '
            'say --resume without a value'
        )
    if not given or path.is_dir():
        what = f'{path} is a folder' if given else 'it is empty'
        raise InputError(
            f"--resume takes a checkpoint, a .pth file, and {what}; without a value it takes the work_dir's newest"
        )
    if not path.is_file():
        raise MissingFileError(
            f'{given}: no such checkpoint; give the path of a .pth file, or --resume without a value'
        )
    require_resumable(path, read_checkpoint(path))
    return path


def _require_readable(cfg: Config) -> None:
    """InputError for a `resume` or `load_from` that mmengine misreads: every text is true, an empty one is none."""
    if cfg.get('resume') not in (None, True, False):
        raise InputError(
            f'resume={cfg.resume}: wanted True or False; to go on from a checkpoint of that name say --resume '
            f'{cfg.resume}'
        )
    if cfg.get('load_from') == '':
        raise InputError('load_from is empty: name a file of weights, or say load_from=None')


def _require_none(there: list[Path], cfg: Config, folder: Path) -> None:
    if there:
        raise OutputExistsError(
            f'{folder}: holds checkpoints of an earlier run (newest {there[0].name}), which a new one would replace; '
            'add --resume to go on from there, or take another --work-dir'
        )
    if best := sorted(folder.glob('best_*.pth')) if _hook(cfg).get('save_best') else []:
        raise OutputExistsError(
            f'{folder}: holds the best checkpoint of an earlier run ({best[0].name}), which a new one would replace; '
            'move it away, or take another --work-dir'
        )


def _require_first_start(cfg: Config, folder: Path) -> None:
    """InputError where a run that asks to go on, and finds no checkpoint, would begin anew beside what an earlier one
    has left: checkpoints in another folder (`default_hooks.checkpoint.out_dir`) or of another name, or the note of one
    that is gone."""
    named = Path(cfg.work_dir, LAST)
    noted = named.read_text(errors='replace').strip().partition('\n')[0].strip() if named.is_file() else ''
    places = [Path(cfg.work_dir), *([Path(noted).parent] if noted else [])]
    for place in places:
        if '\0' not in noted and (left := checkpoints_in(place, *_templates(cfg))):
            raise InputError(
                f'{folder}: holds no checkpoint, and earlier ones of {cfg.work_dir} are in {place} (newest '
                f'{left[0].name}): another default_hooks.checkpoint.out_dir was given, or the folder was copied '
                f'without them. Give that one, or go on from there with --resume {left[0]}; to begin anew take another '
                '--work-dir'
            )
    if renamed := [path for path in sorted(folder.glob('*.pth')) if is_resumable(path)]:
        raise InputError(
            f'{folder}: holds no checkpoint called {" or ".join(TEMPLATES).format("N", "N")}, and {renamed[0].name} is '
            f'one. Go on from it with --resume {renamed[0]}, or give it its own name again; to '
            'begin anew take another --work-dir'
        )
    if noted:
        raise InputError(
            f'{folder}: holds no checkpoint, and {LAST} says that an earlier run has written {_short(noted)}. Put it '
            f'back, or go on from where it is now with --resume PATH; to begin anew remove {named}'
        )


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else f'{text[:200]}...')


def _require_none_later(start: Path, there: list[Path], folder: Path) -> None:
    """Going on from `start` must not replace what is newer in the folder, or of another run, and whole."""
    same_run = [path for path in there if path.exists() and path.samefile(start)]
    for path in there[: there.index(same_run[0])] if same_run else there:
        if is_whole(path):
            raise OutputExistsError(
                f'{folder}: holds {path.name}, which a run that goes on from {start} could replace; say --resume '
                'without a value to go on from the newest, or take another --work-dir'
            )


def _templates(cfg: Config) -> list[str]:
    name = _hook(cfg).get('filename_tmpl')
    if name and Path(name).name != name:
        raise InputError(
            f'default_hooks.checkpoint.filename_tmpl={name}: names a folder, where no checkpoint would be found again; '
            'say default_hooks.checkpoint.out_dir=FOLDER'
        )
    try:
        (name or '').format(1)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f'default_hooks.checkpoint.filename_tmpl={name}: makes no name of a step ({error}); wanted one {{}}, as in '
            'step_{}.pth'
        ) from error
    return [name] if name else []


def _hook(cfg: Config) -> dict[str, Any]:
    return (cfg.get('default_hooks') or {}).get('checkpoint') or {}
