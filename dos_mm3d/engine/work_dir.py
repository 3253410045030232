"""The folder of one run: who may write there, and which checkpoint a run goes on from.

What lies in the folder decides. `last_checkpoint`, which mmengine writes into the work_dir, names the place where one
lay when it was written, and is not followed: a folder may have been copied or moved since.
"""

import errno
import fcntl
import math
import os
import re
import socket
import sys
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

LOCK = '.training.lock'
LAST = 'last_checkpoint'
"""Where mmengine writes, in the work_dir, the path of the newest checkpoint."""
ELSEWHERE = 'Take another --work-dir (default_hooks.checkpoint.out_dir, if given), or free some space'
"""What to do where nothing can be written."""
TEMPLATES = ('iter_{}.pth', 'epoch_{}.pth')
"""Names of checkpoints; what they count is an entry of their `meta`, too."""
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
            _warn(f'{path}: no locks in this file system ({error.strerror}); start no second run in {path.parent}')
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
        _require_none(there, folder)
    elif given == 'auto':
        start = newest_whole(there, folder)
        if not there:
            _require_none_elsewhere(cfg, folder)
        cfg.resume, cfg.load_from = start is not None, str(start) if start else cfg.get('load_from')
    else:
        start = _named(given)
        _require_none_later(start, there, folder)
        cfg.resume, cfg.load_from = True, str(start)


def checkpoint_folder(cfg: Config) -> Path:
    """Where mmengine's CheckpointHook puts a run's checkpoints: the work_dir, or a folder of its name elsewhere."""
    out_dir = _hook(cfg).get('out_dir')
    return Path(cfg.work_dir) if out_dir in (None, cfg.work_dir) else Path(out_dir) / Path(cfg.work_dir).name


def checkpoints_in(folder: Path, *templates: str) -> list[Path]:
    """The checkpoints of a run in a folder, whole or not, newest first.

    templates: further names, such as 'step_{}.pth' or 'step_{:06d}.pth'; one without a number, which every checkpoint
        replaces, is the newest.
    """
    names = re.compile('|'.join(map(_pattern, (*TEMPLATES, *templates))))
    found = {path: names.fullmatch(path.name) for path in folder.iterdir()} if folder.is_dir() else {}
    steps = {path: [int(step) for step in match.groups() if step] for path, match in found.items() if match}
    return sorted(steps, key=lambda path: steps[path] or [math.inf], reverse=True)


def _pattern(template: str) -> str:
    """A regular expression for the names that a template of Python's format makes of a number."""
    return r'\s*(\d+)'.join(re.escape(part) for part in re.split(r'\{[^{}]*\}', template))


def newest_whole(checkpoints: list[Path], folder: Path) -> Path | None:
    """The newest that a run can go on from; None where there are none at all.

    Args:
        checkpoints: of the folder, newest first. Those that are not whole are named, and passed over.
        folder: for messages.

    InputError where none is whole, or where the newest whole one holds weights but not the run they come from.
    """
    broken = []
    for path in checkpoints:
        try:
            found = read_checkpoint(path)
        except (InputError, MissingFileError) as error:  # missing: a link to nowhere
            broken.append(re.split('; wanted a file of tensors|; give the path', str(error))[0])
            continue
        require_resumable(path, found)
        if broken:
            _warn(f'{"; ".join(broken)}: passed over, the run goes on from {path.name}')
        return path
    if broken:
        raise InputError(
            f'{folder}: none of its checkpoints can be read: {"; ".join(broken)}. To begin anew move them away, or '
            'take another --work-dir'
        )
    return None


def require_resumable(path: str | Path, found: dict[str, Any]) -> None:
    """InputError for a checkpoint that holds weights but not the run they come from, or another step than its name
    says: the newest is known by its name, and a run that goes on replaces by name."""
    if lacking := {'state_dict', 'meta', 'message_hub', 'optimizer'} - set(found):
        raise InputError(
            f'{path}: cannot be resumed, it has no {", ".join(sorted(lacking))} (it holds {sorted(found)}); '
            'to start from its weights use --cfg-options load_from=PATH'
        )
    meta = found['meta'] if isinstance(found['meta'], dict) else {}
    for template in TEMPLATES:
        unit, said = template.partition('_')[0], re.fullmatch(_pattern(template), Path(path).name)
        step = meta.get(unit)
        if said and isinstance(step, int) and step != int(said[1]):
            raise InputError(
                f'{path}: is not what its name says, it holds {unit} {step}: it was renamed, or put in the place of '
                f'another. Give it its own name, {template.format(step)}, or move it away'
            )


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


def _require_none(there: list[Path], folder: Path) -> None:
    if there:
        raise OutputExistsError(
            f'{folder}: holds checkpoints of an earlier run (newest {there[0].name}), which a new one would replace; '
            'add --resume to go on from there, or take another --work-dir'
        )


def _require_none_elsewhere(cfg: Config, folder: Path) -> None:
    """InputError where earlier runs of the work_dir have put their checkpoints into another folder than this one will
    (`default_hooks.checkpoint.out_dir`): going on would begin anew there."""
    named = Path(cfg.work_dir, LAST)
    places = [Path(cfg.work_dir)]
    if named.is_file():
        places.append(Path(named.read_text(errors='replace').strip() or cfg.work_dir).parent)
    for place in places:
        if left := checkpoints_in(place, *_templates(cfg)):
            raise InputError(
                f'{folder}: holds no checkpoint, and earlier ones of {cfg.work_dir} are in {place} (newest '
                f'{left[0].name}): another default_hooks.checkpoint.out_dir was given. Give that one, or go on from '
                f'there with --resume {left[0]}; to begin anew take another --work-dir'
            )


def _require_none_later(start: Path, there: list[Path], folder: Path) -> None:
    """Going on from `start` must not replace what is newer in the folder, or of another run, and whole."""
    same_run = [path for path in there if path.exists() and path.samefile(start)]
    for path in there[: there.index(same_run[0])] if same_run else there:
        if _is_whole(path):
            raise OutputExistsError(
                f'{folder}: holds {path.name}, which a run that goes on from {start} could replace; say --resume '
                'without a value to go on from the newest, or take another --work-dir'
            )


def _is_whole(path: Path) -> bool:
    try:
        return bool(read_checkpoint(path))
    except (InputError, MissingFileError):
        return False


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


def _warn(text: str) -> None:
    if is_first_rank():
        print(f'warning: {text}', file=sys.stderr, flush=True)
