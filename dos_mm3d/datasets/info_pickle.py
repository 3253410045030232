"""mmdet3d's info files: written together, and read without running what else a pickle may contain."""

import io
import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from ..errors import InputError, MissingFileError
from ..files import check_seal, sealed, write_together

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
    write_together({folder / f'{tag}_infos_{split}.pkl': content for split, content in contents.items()})


def with_trainval(data_lists: Mapping[str, list]) -> dict[str, list]:
    """The entries of 'train', 'val', ... and of 'trainval', which is without any where one of the two is missing."""
    train, val = data_lists['train'], data_lists['val']
    return {**data_lists, 'trainval': train + val if train and val else []}


class _InfoUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f'it refers to {module}.{name}')
        return super().find_class(module, name)


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
    content = Path(path).read_bytes()
    check_seal(path, content, f'Copy it again, or create it with `python tools/create_data.py {data_set}`.')
    try:
        infos = _InfoUnpickler(io.BytesIO(content)).load()
    except Exception as error:  # a corrupt pickle raises nearly anything
        raise InputError(
            f'{path}: found content that is not loaded ({type(error).__name__}: {error}); wanted a pickle of dicts, '
            f'lists, numbers, text and NumPy arrays. Create it again with `python tools/create_data.py {data_set}`.'
        ) from error
    if not isinstance(infos, dict) or not isinstance(infos.get('data_list'), list):
        found = sorted(infos) if isinstance(infos, dict) else type(infos).__name__
        raise InputError(
            f"{path}: found {found}; wanted a dict with 'metainfo' and 'data_list' (mmdet3d 1.1 infos). "
            'Infos of mmdet3d before 1.1 are brought up to date by its update_infos_to_v2.py, or created again with '
            f'`python tools/create_data.py {data_set}`.'
        )
    return infos


def file_of_sweep(sweep: Mapping[str, Any], prefix: Mapping[str, str]) -> str:
    """Where an earlier sweep's file is: infos name it by the path at conversion; `prefix` has 'pts' and 'sweeps'."""
    path = PurePath(sweep['lidar_points']['lidar_path'])
    kind = 'pts' if 'samples' in path.parts[-3:] or 'sweeps' not in prefix else 'sweeps'
    return os.path.join(prefix[kind], path.name)
