"""Files of weights: read without executing anything, written whole with where they come from, told apart by content."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import save_checkpoint
from torch import Tensor

from .. import __version__
from ..checkpoint_file import load_checkpoint_file
from ..errors import InputError
from ..files import check_output, home_path


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint's dict on the CPU, loaded with `weights_only`.

    Raises FileNotFoundError if there is no such file, ValueError, with the reason, if it is truncated or damaged, needs
    code to be run to be loaded, or does not hold a dict.
    """
    checkpoint = load_checkpoint_file(path)
    if not isinstance(checkpoint, dict):
        raise InputError(f'{path}: holds a {type(checkpoint).__name__}, wanted a checkpoint dict')
    return checkpoint


def tensors_in(checkpoint: Mapping[str, Any], source: str, wanted: str, *, bare: bool = False) -> dict[str, Tensor]:
    """The state dict of a checkpoint, with `bare` also one that is nothing else.

    InputError, which says what was wanted, if it holds anything but tensors, or nothing.
    """
    tensors = checkpoint.get('state_dict', checkpoint if bare else None)
    if not isinstance(tensors, Mapping) or not tensors or not all(map(_is_named_tensor, tensors.items())):
        raise InputError(
            f"{source}: no 'state_dict' of tensors in it, its entries are {sorted(map(str, checkpoint))[:8]}; {wanted}"
        )
    claimed = sum(value.numel() * value.element_size() for value in tensors.values())
    stored = sum({(s := value.untyped_storage()).data_ptr(): s.nbytes() for value in tensors.values()}.values())
    if claimed > 4 * stored + (1 << 20):
        raise InputError(f'{source}: its tensors claim {claimed} bytes and have {stored}; the file is damaged')
    return dict(tensors)


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    """Whether an entry is a name and an ordinary tensor of real numbers, which are in the file."""
    name, value = item
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    if value.is_meta or value.is_quantized or value.is_complex() or value.layout is not torch.strided:
        return False
    return not value.is_floating_point() or value.element_size() > 1  # float8 has a scale elsewhere


def groups_of(tensors: Mapping[str, Tensor], depth: int) -> str:
    """The names in a few words: by their first `depth` parts, with how many there are of each."""
    groups = Counter('.'.join(name.split('.')[:depth]) for name in tensors)
    return ', '.join(f'{group}.* ({count})' for group, count in groups.most_common(8)) or 'no tensor'


def write_weights(
    weights: dict[str, Tensor], out_path: str | Path, facts: dict[str, Any], *, source: str | Path
) -> dict[str, Any]:
    """Write `{'state_dict': plain dict of tensors, 'meta': dict}`, whole or not at all; return its meta.

    Args:
        weights: name -> tensor.
        out_path: what `load_from` and `init_cfg` take.
        facts: of the meta, plain strings, numbers and lists; the version, the name of the source and the sha256 of
            the tensors are added.
        source: the file that the weights come from.

    Raises:
        InputError: a tensor is not finite, or a variance is negative.
        OutputExistsError: something is there that no export or conversion has written.
    """
    out_path = home_path(out_path)
    check_output(out_path, source, ours=is_ours)
    require_usable(weights, source)
    meta = {'dos_mm3d_version': __version__, 'source': Path(source).name, **facts}
    meta['sha256'] = tensors_sha256(weights)
    save_checkpoint({'state_dict': weights, 'meta': meta}, str(out_path))  # atomic, by dos_mm3d.compat
    return meta


def require_usable(weights: Mapping[str, Tensor], source: str | Path) -> None:
    """InputError for tensors with which a model gives NaN: some hold it, or infinity, or a variance is negative."""
    if bad := [name for name, value in weights.items() if not torch.isfinite(value).all()]:
        raise InputError(
            f'{source}: {len(bad)} of {len(weights)} tensors hold NaN or infinity, first {bad[0]}; the training '
            'diverged, take an earlier checkpoint'
        )
    variances = [name for name in weights if name.endswith('running_var')]
    if negative := [name for name in variances if (weights[name] < 0).any()]:
        raise InputError(
            f'{source}: {len(negative)} of {len(variances)} running variances are negative somewhere, first '
            f'{negative[0]}, which no BatchNorm can have; the file is damaged, take an earlier checkpoint'
        )


def is_ours(path: Path) -> bool:
    """Whether a file is one that :func:`write_weights` has written; a checkpoint of a training is not."""
    try:
        meta = read_checkpoint(path).get('meta')
    except InputError:
        return False
    return isinstance(meta, dict) and {'dos_mm3d_version', 'format', 'sha256'} <= meta.keys()


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over name, dtype, shape and row-major bytes of every tensor, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def is_kernel(tensor: Tensor) -> bool:
    """Whether a tensor of a sparse encoder is a 3D convolution kernel: the encoders hold no other 5-D tensor."""
    return tensor.ndim == 5


def to_spconv1(kernel: Tensor) -> Tensor:
    """Kernel (C_out, kD, kH, kW, C_in) of spconv 2 -> (kD, kH, kW, C_in, C_out) of spconv 1, contiguous.

    mmdet3d's loader applies the inverse permutation to every kernel whose state dict does not carry version-2
    `_metadata`, which a plain dict never does (mmdet3d/models/layers/spconv/overwrite_spconv/write_spconv2.py).
    """
    return kernel.permute(1, 2, 3, 4, 0).contiguous()


def to_spconv2(kernel: Tensor) -> Tensor:
    """The inverse of :func:`to_spconv1`, contiguous."""
    return kernel.permute(4, 0, 1, 2, 3).contiguous()
