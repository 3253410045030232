"""Whether two results are the same: what a file holds as one hash, without what differs between any two runs."""

import json
import pickle
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from ...export.files import tensors_sha256
from ..runner import content_hash, file_sha256

CLOCK_AND_PLACE = {
    *('time', 'data_time', 'train/time', 'train/data_time', 'train/memory', 'seconds', 'cfg', 'experiment_name'),
    *('command', 'commit', 'commits', 'machine', 'versions', 'root', 'checkpoint', 'config', 'source', 'runtime_info'),
    *('eval_time', 'mmengine_version', 'log', 'key', 'data_wait', 'train/data_wait'),
}  # fmt: skip
"""Entries that tell when, how fast and in which folder something was made."""


def results_of(folder: Path, patterns: Iterable[str], roots: Sequence[Path]) -> dict[str, str]:
    """Path relative to the folder -> hash of the content, of all files that fit; roots: see :func:`content_of`."""
    found = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    return {str(path.relative_to(folder)): content_of(path, roots) for path in found}


def content_of(path: Path, roots: Sequence[Path] = ()) -> str:
    """sha256 of what a file holds: of tensors, numbers and text in checkpoints, infos and JSON, else of its bytes.

    roots: folders that paths in it, which nuScenes' infos name, are taken as relative to.
    """
    if path.suffix == '.pth':
        return content_hash(plain(torch.load(path, weights_only=True)))
    if path.suffix == '.json':
        return content_hash(plain(json.loads(path.read_text())))
    if path.suffix == '.pkl':  # the campaign's own, written by the converters
        return content_hash(plain(pickle.loads(path.read_bytes()), roots))
    return file_sha256(path)


def plain(value: Any, roots: Sequence[Path] = ()) -> Any:
    """Nested containers of JSON's types in which equal means: the same bits. roots: beginnings of paths, left out."""
    if isinstance(value, Mapping):
        return {str(key): plain(item, roots) for key, item in value.items() if key not in CLOCK_AND_PLACE}
    if isinstance(value, list | tuple):
        return [plain(item, roots) for item in value]
    if isinstance(value, torch.Tensor):
        return tensors_sha256({'': value})
    if isinstance(value, np.ndarray | np.generic):
        return [str(value.dtype), np.asarray(value).tobytes().hex()]
    if isinstance(value, HistoryBuffer):
        return plain(list(value.data))
    if isinstance(value, str):
        return next((value.removeprefix(f'{root}/') for root in roots if value.startswith(f'{root}/')), value)
    if isinstance(value, int | float | None):
        return repr(value)
    return pickle.dumps(value).hex()
