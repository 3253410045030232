"""The checkpoints of a run in a folder: which is the newest, and whether a run can go on from it."""

import math
import re
import sys
from pathlib import Path
from typing import Any

from ..errors import InputError, MissingFileError
from ..export.files import read_checkpoint
from .ranks import is_first_rank

TEMPLATES = ('iter_{}.pth', 'epoch_{}.pth')
"""Names of checkpoints; what they count is an entry of their `meta`, too."""


def checkpoints_in(folder: Path, *templates: str) -> list[Path]:
    """The checkpoints of a run in a folder, whole or not, newest first.

    templates: further names, such as 'step_{}.pth' or 'step_{:06d}.pth'; one without a number, which every checkpoint
        replaces, is the newest.
    """
    names = re.compile('|'.join(map(_pattern, (*TEMPLATES, *templates))))
    found = {path: names.fullmatch(path.name) for path in folder.iterdir()} if folder.is_dir() else {}
    steps = {path: [int(step) for step in match.groups() if step] for path, match in found.items() if match}
    if len({one for one in TEMPLATES for path in steps if re.fullmatch(_pattern(one), path.name)}) > 1:
        steps = {path: [_trained_steps(path)] for path in steps}  # of both kinds: 4 steps are fewer than 2 epochs
    return sorted(steps, key=lambda path: steps[path] or [math.inf], reverse=True)


def _trained_steps(path: Path) -> int:
    """What a checkpoint counts itself; -1 where it cannot be read."""
    try:
        meta = read_checkpoint(path).get('meta')
    except (InputError, OSError):
        return -1
    step = meta.get('iter') if isinstance(meta, dict) else None
    return step if isinstance(step, int) else -1


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
            warn(f'{"; ".join(broken)}: passed over, the run goes on from {path.name}')
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


def is_whole(path: Path) -> bool:
    """Whether it can be read to its end."""
    try:
        return bool(read_checkpoint(path))
    except (InputError, MissingFileError):
        return False


def is_resumable(path: Path) -> bool:
    """Whether it is whole, and of a run, whose name it has."""
    try:
        require_resumable(path, read_checkpoint(path))
    except (InputError, MissingFileError):
        return False
    return True


def warn(text: str) -> None:
    """Say so on the first rank's screen."""
    if is_first_rank():
        print(f'warning: {text}', file=sys.stderr, flush=True)
