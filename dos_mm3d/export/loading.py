"""Says before training whether a weight file fits a model: mmengine only warns, even when nothing fits."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdet3d.models.layers.spconv.overwrite_spconv import write_spconv2
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from ..errors import InputError
from .files import read_checkpoint

SHOWN = 6


@dataclass(frozen=True)
class WrongShape:
    """One tensor that the loader will not copy: its shape in the file, and the shape the loader wants there."""

    key: str
    in_file: tuple[int, ...]
    wanted_in_file: tuple[int, ...]
    wrong_layout: bool

    def __str__(self) -> str:
        return f'{self.key} {self.in_file} in the file, {self.wanted_in_file} wanted'


@dataclass(frozen=True)
class FitReport:
    """Names by what loading will do with them: copied, absent from the file, without a place, or of another shape."""

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[WrongShape, ...]

    @property
    def wrong_layout(self) -> tuple[WrongShape, ...]:
        """Kernels that would fit in the other of spconv's two layouts: the mark of a wrongly written file."""
        return tuple(wrong for wrong in self.wrong_shape if wrong.wrong_layout)

    def summary(self) -> str:
        """One line of counts."""
        return (
            f'{len(self.matched)} tensors fit, {len(self.missing)} of the model are missing in the file, '
            f'{len(self.unexpected)} of the file are unexpected, {len(self.wrong_shape)} have the wrong shape'
        )


def fit_report(model: nn.Module, state_dict: Mapping[str, Tensor]) -> FitReport:
    """What mmengine's loader will do with `state_dict`, by name and shape, without touching the model.

    mmdet3d's loader moves the last axis of a sparse convolution's tensors to the front unless the state dict carries
    version-2 `_metadata` for that module; the comparison takes that into account.
    """
    model = _unwrapped(model)
    in_model = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    wanted = _shapes_wanted_in_file(model, in_model, getattr(state_dict, '_metadata', None) or {})
    in_file = {name.removeprefix('module.'): tuple(value.shape) for name, value in state_dict.items()}
    common = [name for name in in_file if name in wanted]
    wrong = [
        WrongShape(name, in_file[name], wanted[name], in_file[name] == _other_layout(wanted[name], in_model[name]))
        for name in common
        if in_file[name] != wanted[name]
    ]
    return FitReport(
        matched=tuple(name for name in common if in_file[name] == wanted[name]),
        missing=tuple(name for name in wanted if name not in in_file),
        unexpected=tuple(name for name in in_file if name not in wanted),
        wrong_shape=tuple(wrong),
    )


def require_fit(model: nn.Module, path: str | Path, *, complete: bool = False) -> FitReport:
    """Check a weight file against a model before it is loaded; log how much of it fits.

    Call it before `runner.train()` when `cfg.load_from` is set, and before testing a checkpoint.
    complete: every parameter of the model must be in the file, as for a test.
    Raises ValueError that lists both sides if no parameter fits (or not all, with ``complete``), or if kernels are in
    the layout that mmdet3d's loader cannot use (they would stay random, with a warning only).
    """
    state_dict = read_weights(path)
    model = _unwrapped(model)
    report = fit_report(model, state_dict)
    if not {name for name, _ in model.named_parameters()} & set(report.matched):
        raise InputError(_nothing_fits(model, state_dict, report, path))
    if report.wrong_layout:
        raise InputError(_wrong_layout(report, path))
    lost = {name for name, _ in model.named_parameters()} - set(report.matched)
    if complete and lost:
        raise InputError(
            f'{path}: holds only a part of the model {type(model).__name__} ({report.summary()}); '
            f'{len(lost)} parameters would stay random:\n{_examples(report)}\n'
            'Give a checkpoint that tools/train.py wrote with this config.'
        )
    partial = bool(report.missing or report.unexpected or report.wrong_shape)
    print_log(f'{path}: {report.summary()}', logger='current', level=logging.INFO)
    if partial:
        print_log(_examples(report), logger='current', level=logging.INFO)
    return report


def read_weights(path: str | Path) -> Mapping[str, Tensor]:
    """The state dict in a weight file or at a URL; ValueError if it holds no tensor."""
    checkpoint = _read(path)
    state_dict = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state_dict, Mapping) or not any(isinstance(value, Tensor) for value in state_dict.values()):
        raise InputError(f'{path}: no weights in it; its entries are {sorted(map(str, checkpoint))[:8]}')
    return state_dict


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model that a checkpoint is of, out of its wrappers for several ranks and for test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def _read(path: str | Path) -> dict[str, Any]:
    remote = '://' in str(path)
    return CheckpointLoader.load_checkpoint(str(path), map_location='cpu') if remote else read_checkpoint(path)


def _shapes_wanted_in_file(
    model: nn.Module, in_model: Mapping[str, tuple[int, ...]], metadata: Mapping[str, Any]
) -> dict[str, tuple[int, ...]]:
    """Shape that each tensor must have in the file for the loader to copy it."""
    wanted = dict(in_model)
    for prefix, module in model.named_modules(remove_duplicate=False):
        permutes = type(module)._load_from_state_dict is write_spconv2._load_from_state_dict
        if not permutes or metadata.get(prefix, {}).get('version') == 2:
            continue
        own = [*module._parameters, *module._buffers]
        for name in (f'{prefix}.{leaf}' if prefix else leaf for leaf in own):
            if name in wanted:
                wanted[name] = wanted[name][1:] + wanted[name][:1]
    return wanted


def _other_layout(wanted: tuple[int, ...], in_model: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the same kernel in the layout that the loader does not want here (equal to `wanted` if no kernel)."""
    if len(wanted) != 5:
        return wanted
    return in_model if wanted != in_model else wanted[1:] + wanted[:1]


def _nothing_fits(model: nn.Module, state_dict: Mapping[str, Tensor], report: FitReport, path: str | Path) -> str:
    in_file = [f'{name} {tuple(value.shape)}' for name, value in state_dict.items()]
    in_model = [f'{name} {tuple(value.shape)}' for name, value in model.state_dict().items()]
    return (
        f'{path}: nothing in it fits the model {type(model).__name__} ({report.summary()}).\n'
        f'  in the file:  {_some(in_file)}\n  in the model: {_some(in_model)}\n'
        'A pretraining checkpoint must be exported first: python tools/export_backbone.py CKPT OUT'
    )


def _wrong_layout(report: FitReport, path: str | Path) -> str:
    return (
        f'{path}: {len(report.wrong_layout)} convolution kernels are in the layout that the loader does not take '
        'from this file; they would stay random.\n'
        f'  {_some([str(wrong) for wrong in report.wrong_layout])}\n'
        'A plain dict must hold spconv-1 kernels (kD, kH, kW, C_in, C_out): write it with tools/export_backbone.py.'
    )


def _examples(report: FitReport) -> str:
    groups = {
        'missing in the file': list(report.missing),
        'unexpected in the file': list(report.unexpected),
        'of the wrong shape': [str(wrong) for wrong in report.wrong_shape],
    }
    return '\n'.join(f'  {title}: {_some(names)}' for title, names in groups.items() if names)


def _some(names: list[str]) -> str:
    rest = f', … ({len(names) - SHOWN} more)' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + rest if names else 'nothing'
