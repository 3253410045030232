"""mmdet3d's info files: written together, and read without running what else a pickle may contain."""

import io
import os
import pickle
import re
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ..errors import InputError, MissingFileError
from ..files import check_seal, sealed, write_together

NUMPY_CORE = np.zeros(0).__reduce__()[0].__module__.removesuffix('.multiarray')
"""numpy.core of numpy 1, numpy._core of numpy 2."""
# What arrays, scalars and plain containers need, under the module names of numpy 1 and 2.
ALLOWED = {
    ('numpy', 'ndarray'),
    ('numpy', 'dtype'),
    ('_codecs', 'encode'),
    ('collections', 'OrderedDict'),
    ('builtins', 'set'),
    ('builtins', 'frozenset'),
    ('builtins', 'slice'),
    ('builtins', 'complex'),
    ('builtins', 'bytearray'),
    *((f'numpy.{core}.multiarray', name) for core in ('core', '_core') for name in ('_reconstruct', 'scalar')),
    *((f'numpy.{core}.numeric', '_frombuffer') for core in ('core', '_core')),
}


MEMORY_PER_BYTE, SPARE_BYTES = 32, 32 << 20
"""Memory that a pickle may take: bytes for each of its own, of which infos need some 5 to 10, and for the smallest."""


def write_infos(
    folder: Path, tag: str, metainfo: Mapping[str, Any], data_lists: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    """Write `<tag>_infos_<split>.pkl` into a folder for every split; none gets its name before all are complete.

    Behind each pickle stands its sha256, which :func:`load_info_pickle` compares and mmdet3d does not see. A split
    without entries gets no file, and its older one is removed.
    """
    contents = {
        split: sealed(pickle.dumps({'metainfo': dict(metainfo), 'data_list': list(entries)})) if entries else None
        for split, entries in data_lists.items()
    }
    write_together({folder / name: content for name, content in zip(info_files(tag, *contents), contents.values())})


def info_files(tag: str, *splits: str) -> list[str]:
    """Names of the info files of splits."""
    return [f'{tag}_infos_{split}.pkl' for split in splits]


def with_trainval(data_lists: Mapping[str, list]) -> dict[str, list]:
    """The entries of 'train', 'val', ... and of 'trainval', which is without any where one of the two is missing."""
    train, val = data_lists['train'], data_lists['val']
    return {**data_lists, 'trainval': train + val if train and val else []}


class _InfoUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f'it refers to {module}.{name}')
        return super().find_class(re.sub(r'^numpy\._?core\b', NUMPY_CORE, module), name)


def load_info_pickle(path: str | os.PathLike, *, data_set: str = '...') -> dict:
    """dict(metainfo=..., data_list=[...]) of an mmdet3d info file, version 1.1.

    data_set: as tools/create_data.py calls it, for the errors' remedy. FileNotFoundError where there is none;
    ValueError where it holds anything but numbers, text, arrays and containers of them, is of another format, or is no
    longer what tools/create_data.py wrote."""
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise MissingFileError(
            f'{path}: no such info file; wanted the infos that mmdet3d makes of a data set. '
            f'Check data_root and ann_file, or create it with `python tools/create_data.py {data_set}`.'
        )
    infos = load_plain_pickle(path, data_set=data_set)
    metainfo, entries = (infos.get('metainfo', {}), infos.get('data_list')) if isinstance(infos, dict) else (None, None)
    if not isinstance(entries, list) or not isinstance(metainfo, dict):
        found = sorted(map(str, infos))[:8] if isinstance(infos, dict) else type(infos).__name__
        raise InputError(
            f"{path}: found {found}; wanted a dict with 'metainfo' and 'data_list' (mmdet3d 1.1 infos). "
            'Infos of mmdet3d before 1.1 are brought up to date by its update_infos_to_v2.py, or created again with '
            f'`python tools/create_data.py {data_set}`.'
        )
    if not isinstance(metainfo.get('version', ''), str):
        raise InputError(f'{path}: its version is {str(metainfo["version"])[:40]}, wanted a text as v1.0-trainval')
    for number, entry in enumerate(entries):
        if problem := _problem_of(entry):
            raise InputError(
                f'{path}: entry {number} of data_list {problem}: no frame as mmdet3d 1.1 and later write it. '
                f'Create it again with `python tools/create_data.py {data_set}`.'
            )
    return {**infos, 'metainfo': metainfo}


_TEXTS = ('pts_semantic_mask_path', 'no_label_zone_path', 'token', 'context_name')


def _problem_of(entry: Any) -> str | None:
    """What is wrong with the form of a frame's entry; whatever it need not have is looked at where it is there."""
    if not isinstance(entry, dict):
        return f'is a {type(entry).__name__}'
    if texts := [name for name in _TEXTS if not isinstance(entry.get(name, ''), str)]:
        return f'has {texts[0]}={str(entry[texts[0]])[:40]}, which is no text'
    for name in ('lidar_sweeps', 'instances'):
        if not isinstance(items := entry.get(name, []), list) or not all(isinstance(item, dict) for item in items):
            return f'has {name} that are no list of dicts'
    frame = [entry] if 'lidar_points' in entry else []
    for one in (*frame, *entry.get('lidar_sweeps', ())):
        points = one.get('lidar_points')
        if not isinstance(points, dict) or not isinstance(points.get('lidar_path'), str):
            return f'has {sorted(map(str, one))[:8]}; wanted lidar_points.lidar_path'
        columns = points.get('num_pts_feats')
        if columns is not None and not (isinstance(columns, int | np.integer) and 0 < columns < 1 << 10):
            return f'has num_pts_feats={str(columns)[:40]}'
    return None


def frames_of(infos: Mapping[str, Any], path: str | os.PathLike, *, data_set: str) -> list[dict]:
    """The entries of infos, each with a point file; InputError, naming the info file, where one has none."""
    for number, entry in enumerate(infos['data_list']):
        if 'lidar_points' not in entry:
            raise InputError(
                f'{os.fspath(path)}: found entries of {sorted(map(str, entry))[:8]} (number {number}); wanted '
                'lidar_points.lidar_path, as mmdet3d 1.1 and later write them. Create it again with '
                f'`python tools/create_data.py {data_set}`.'
            )
    return infos['data_list']


def load_plain_pickle(path: str | os.PathLike, *, data_set: str) -> Any:
    """What a pickle of containers, numbers, text and arrays holds. InputError where there is anything else in it."""
    path = os.fspath(path)
    content = Path(path).read_bytes()
    pickled = check_seal(path, content, f'Copy it again, or create it with `python tools/create_data.py {data_set}`.')
    try:
        stream = io.BytesIO(pickled)
        with _limited_memory(MEMORY_PER_BYTE * len(pickled) + SPARE_BYTES):
            found = _InfoUnpickler(stream).load()
        if stream.read(1):
            raise pickle.UnpicklingError('bytes follow its end')
        return found
    except Exception as error:  # a corrupt pickle raises nearly anything
        raise InputError(
            f'{path}: found content that is not loaded ({type(error).__name__}: {str(error)[:200]}); wanted a pickle '
            f'of dicts, lists, numbers, text and NumPy arrays. Create it again with `python tools/create_data.py '
            f'{data_set}`.'
        ) from error


@contextmanager
def _limited_memory(n_bytes: int) -> Iterator[None]:
    """Within it this process can take so much more memory, and gets a MemoryError for more.

    Pickles number what they refer to again, and CPython 3.11 makes a table up to the highest number: five damaged bytes
    are 32 GB of it, and the system ends the process.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    limits = [limit for limit in (now + n_bytes, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def file_of_sweep(sweep: Mapping[str, Any], prefix: Mapping[str, str]) -> str:
    """Where an earlier sweep's file is: infos name it by the path at conversion; `prefix` has 'pts' and 'sweeps'."""
    path = PurePath(sweep['lidar_points']['lidar_path'])
    kind = 'pts' if 'samples' in path.parts[-3:] or 'sweeps' not in prefix else 'sweeps'
    return os.path.join(prefix[kind], path.name)
