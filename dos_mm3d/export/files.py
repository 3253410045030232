"""Checkpoint files: read without executing anything, and told apart by their tensors."""

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, MissingFileError


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint's dict on the CPU, loaded with `weights_only`.

    Raises FileNotFoundError if there is no such file, ValueError if it is truncated, needs code to be run to be
    loaded, or does not hold a dict.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise MissingFileError(f'{path}: no such checkpoint file; give the path of a .pth file')
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise InputError(
            f'{path}: not readable as a checkpoint of tensors ({_cause(error)}). It is truncated, or it holds '
            'pickled objects, which are not loaded; use a file of tensors, such as tools/train.py and '
            'tools/export_backbone.py write and the PTv3 family publishes.'
        ) from error
    if not isinstance(checkpoint, dict):
        raise InputError(f'{path}: holds a {type(checkpoint).__name__}, wanted a checkpoint dict')
    return checkpoint


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over name, dtype, shape and row-major bytes of every tensor, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _cause(error: Exception) -> str:
    """One line: what torch refused to run, where it says so, else the first line of the message."""
    lines = str(error).strip().splitlines() or ['no message']
    refused = [line for line in lines if 'Unsupported' in line]
    return f'{type(error).__name__}: {(refused or lines)[0].strip()[:200]}'
