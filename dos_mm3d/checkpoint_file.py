"""A file of tensors, read without running anything that is in it; what is wrong with it is named."""

import argparse
import datetime
import os
import pathlib
import struct
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .errors import InputError, MissingFileError

OURS = (
    'wanted a file of tensors, such as tools/train.py and tools/export_backbone.py write and the PTv3 family publishes'
)
AGAIN = 'Copy or download it again, or take another one'
BEGINNINGS = {
    b'version https://git-lfs': 'a pointer of Git LFS instead of the file. Fetch it: `git lfs pull`',
    b'<': 'a web page instead of the file. Download the file itself',
    b'\x1f\x8b': 'a gzip archive. Unpack it',
    b'\x89HDF': 'an HDF5 file, which is not read',
    b'ustar': 'a tar archive. Unpack it',
}
"""First bytes of what is taken for a checkpoint -> what to say of it."""


PLAIN = (
    *(list, dict, set, frozenset, complex, slice, argparse.Namespace),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone),
    *(pathlib.PosixPath, pathlib.PurePosixPath, pathlib.PureWindowsPath),
)
"""What trainings leave beside their weights, such as the arguments of the command line: data that run nothing."""


def allow_arrays() -> None:
    """Let numpy's arrays and scalars, under the module names of numpy 1 and 2 alike, and PLAIN load with
    `weights_only`.

    Both write into one checkpoint format, and either reads what the other wrote. torch < 2.4 has no list of what is
    allowed.
    """
    rebuild, scalar = np.zeros(0).__reduce__()[0], np.float64(0).__reduce__()[0]
    parts = [
        _named(part, f'numpy.{core}.multiarray', name)
        for core in ('core', '_core')
        for name, part in (('_reconstruct', rebuild), ('scalar', scalar))
    ]
    # torch fills plain dicts only
    parts.append(_named(lambda *factory: {}, 'collections', 'defaultdict'))
    dtypes = {type(np.dtype(code)) for code in '?bBhHiIlLqQefdgFDUS'}
    torch.serialization.add_safe_globals([np.ndarray, np.dtype, *dtypes, *parts, *PLAIN])


def _named(function: Any, module: str, name: str) -> Any:
    """A function that torch finds among what is allowed as `module.name`."""

    def call(*args: Any) -> Any:
        return function(*args)

    call.__module__, call.__name__, call.__qualname__ = module, name, name
    return call


def require_checkpoint_file(path: Path) -> None:
    """MissingFileError where there is no file, but maybe a folder."""
    if not path.is_file():
        found = 'is a folder' if path.is_dir() else 'no such checkpoint file'
        raise MissingFileError(f'{path}: {found}; give the path of a .pth file')


def load_checkpoint_file(path: str | Path, map_location: Any = 'cpu') -> Any:
    """What torch.save has written, loaded with `weights_only`; its weights without the `module.` of several GPUs.

    torch itself reads damaged numbers without a word (2.13: no checksum is looked at), so these are compared first;
    files in torch's form before 1.6 have none. MissingFileError where there is no such file; InputError, with the
    reason, where it is empty, cut off, damaged, something else, or needs code to be run.
    """
    path = Path(os.path.expanduser(path))
    require_checkpoint_file(path)
    if (problem := _problem(path)) is not None:
        raise InputError(f'{path}: {problem}; {OURS}.')
    try:
        return _off_ranks(torch.load(path, map_location=map_location, weights_only=True))
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # content that is none raises nearly anything
        lines = str(error).strip().splitlines() or ['no message']
        refused = [line for line in lines if 'Unsupported' in line]
        if refused and not hasattr(torch.serialization, 'add_safe_globals'):
            raise InputError(
                f'{path}: torch {torch.__version__} loads plain tensors only, and cannot be told which other content '
                f'is harmless ({refused[0].strip()[:200]}): a checkpoint of a training also holds its log and random '
                'numbers. Take torch 2.4 or newer, or export the weights there (tools/export_backbone.py).'
            ) from error
        if refused:
            raise InputError(
                f'{path}: not readable as a checkpoint of tensors ({refused[0].strip()[:200]}). It holds pickled '
                f'objects, which are not loaded; {OURS}.'
            ) from error
        raise InputError(
            f'{path}: not readable as a checkpoint of tensors ({type(error).__name__}: {lines[0].strip()[:200]}). It '
            f'is truncated, or another kind of file; {OURS}. {AGAIN}.'
        ) from error


def _off_ranks(content: Any) -> Any:
    """A checkpoint whose weights were saved within their wrapper for several ranks, as if out of it.

    mmengine drops `module.` from the names of the tensors and leaves it in `_metadata`, where spconv's layers then miss
    the version of their layout.
    """
    weights = content.get('state_dict', content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights or not all(str(name).startswith('module.') for name in weights):
        return content
    plain = OrderedDict((name.removeprefix('module.'), value) for name, value in weights.items())
    metadata = getattr(weights, '_metadata', {})
    plain._metadata = OrderedDict(
        (name.removeprefix('module').removeprefix('.'), value) for name, value in metadata.items()
    )
    return plain if weights is content else {**content, 'state_dict': plain}


def _problem(path: Path) -> str | None:
    """What can be seen to be wrong before torch looks at a file; None for nothing."""
    size = path.stat().st_size
    with open(path, 'rb') as file:
        head = file.read(1 << 9)
    if not head:
        return f'is empty. {AGAIN}'
    if head[:2] == b'PK':
        return _problem_of_archive(path)
    if len(head) > 9 and struct.unpack('<Q', head[:8])[0] < size and head[8:9] == b'{':
        return 'a safetensors file. Turn it into one of torch: torch.save(dict(state_dict=load_file(IN)), OUT)'
    at = {b'ustar': 257}
    named = [what for beginning, what in BEGINNINGS.items() if head[at.get(beginning, 0) :].startswith(beginning)]
    return named[0] if named else None


def _problem_of_archive(path: Path) -> str | None:
    """What is wrong with torch's usual form, a zip archive that is not compressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if not any(entry.filename.endswith('/data.pkl') for entry in entries):
                return f'an archive of {", ".join(entry.filename for entry in entries[:4])}, which is no checkpoint'
            if any(entry.filename.endswith('/constants.pkl') for entry in entries):
                return 'a TorchScript archive, which is code'
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                return 'an archive that was packed anew. Take the file as torch wrote it'
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        return f'is truncated or damaged ({type(error).__name__}: {error}). {AGAIN}'
    return f'is damaged: the bytes of {damaged} do not fit their checksum. {AGAIN}' if damaged else None
