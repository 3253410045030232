"""Says before training whether a weight file fits a model: mmengine only warns, even when nothing fits."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdet3d.models.layers.spconv.overwrite_spconv import write_spconv2
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from ..errors import InputError
from ..models.methods import DOS
from .config_text import takes_ranks
from .files import read_checkpoint, require_usable

SHOWN = 6


@dataclass(frozen=True)
class FitReport:
    """What loading will do with tensors, by their names.

    Args:
        matched: copied.
        missing: of the model, absent from the file.
        unexpected: of the file, without a place in the model.
        wrong_shape: name -> its shape in the file, and the shape that the loader wants there, in words.
        wrong_layout: kernels among these that would fit in the other of spconv's two layouts, the mark of a wrongly
            written file.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: dict[str, str]
    wrong_layout: tuple[str, ...]

    def summary(self) -> str:
        """One line of counts."""
        return (
            f'{len(self.matched)} tensors fit, {len(self.missing)} of the model are missing in the file, '
            f'{len(self.unexpected)} of the file are unexpected, {len(self.wrong_shape)} have the wrong shape'
        )

    def examples(self) -> str:
        """Names of what is not copied."""
        groups = {
            'missing in the file': self.missing,
            'unexpected in the file': self.unexpected,
            'of the wrong shape': [*self.wrong_shape.values()],
        }
        return '\n'.join(f'  {title}: {_some(names)}' for title, names in groups.items() if names)


def fit_report(model: nn.Module, state_dict: Mapping[str, Tensor]) -> FitReport:
    """What mmengine's loader will do with `state_dict`, by name and shape, without touching the model.

    mmdet3d's loader moves the last axis of a sparse convolution's tensors to the front unless the state dict carries
    version-2 `_metadata` for that module; the comparison takes that into account. In a pretraining model an exported
    backbone has its place on both sides.
    """
    model = _unwrapped(model)
    if isinstance(model, DOS):
        state_dict = model.own_names(state_dict)
    in_model = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    permuted = _permuted_names(model, getattr(state_dict, '_metadata', None) or {})
    wanted = {name: _rolled(shape) if name in permuted else shape for name, shape in in_model.items()}
    in_file = {name.removeprefix('module.'): tuple(value.shape) for name, value in state_dict.items()}
    common = [name for name in in_file if name in wanted]
    wrong = [name for name in common if in_file[name] != wanted[name]]
    return FitReport(
        matched=tuple(name for name in common if in_file[name] == wanted[name]),
        missing=tuple(name for name in wanted if name not in in_file),
        unexpected=tuple(name for name in in_file if name not in wanted),
        wrong_shape={name: f'{name} {in_file[name]} in the file, {wanted[name]} wanted' for name in wrong},
        wrong_layout=tuple(
            name
            for name in wrong
            if len(in_file[name]) == 5 and in_file[name] in (in_model[name], _rolled(in_model[name]))
        ),
    )


def require_fit(model: nn.Module, path: str | Path, *, complete: bool = False) -> FitReport:
    """Check a weight file against a model before it is loaded; log how much of it fits.

    Call it before `runner.train()` when `cfg.load_from` is set, and before testing a checkpoint.
    complete: every parameter and statistic of the model must be in the file, as for a test.
    Raises ValueError that lists both sides if no parameter fits (or not all, with ``complete``), or if kernels are in
    the layout that mmdet3d's loader cannot use (they would stay random, with a warning only), or if tensors are not
    finite or variances negative.
    """
    state_dict = read_weights(path)
    model = _unwrapped(model)
    report = fit_report(model, state_dict)
    parameters = {name for name, _ in model.named_parameters()}
    lost = parameters - set(report.matched)
    if lost == parameters:
        in_file, in_model = (
            _some([f'{name} {tuple(value.shape)}' for name, value in tensors.items()])
            for tensors in (state_dict, model.state_dict())
        )
        raise InputError(
            f'{path}: nothing in it fits the model {type(model).__name__} ({report.summary()}).\n'
            f'  in the file:  {in_file}\n  in the model: {in_model}\n'
            'A pretraining checkpoint must be exported first: python tools/export_backbone.py CKPT OUT'
        )
    if report.wrong_layout:
        raise InputError(
            f'{path}: {len(report.wrong_layout)} convolution kernels are in the layout that the loader does not take '
            'from this file; they would stay random.\n'
            f'  {_some([report.wrong_shape[name] for name in report.wrong_layout])}\n'
            'A plain dict must hold spconv-1 kernels (kD, kH, kW, C_in, C_out): write it with tools/export_backbone.py.'
        )
    copied = set(report.matched)
    require_usable({name: value for name, value in state_dict.items() if name.removeprefix('module.') in copied}, path)
    # what BatchNorm has seen decides a test as much as its weights; how many batches that were does not
    lost |= {name for name in model.state_dict() if not name.endswith('num_batches_tracked')} - set(report.matched)
    if complete and lost:
        raise InputError(
            f'{path}: holds only a part of the model {type(model).__name__} ({report.summary()}); '
            f'{len(lost)} parameters and statistics would stay as they are initialised:\n{report.examples()}\n'
            'Give a checkpoint that tools/train.py wrote with this config.'
        )
    for text in filter(None, (f'{path}: {report.summary()}', report.examples())):
        print_log(text, logger='current', level=logging.INFO)
    return report


def warn_of_other_input(config: Mapping[str, Any], path: str | Path) -> None:
    """Log where an exported file was fed other columns, voxels or intensities than a config states: such weights load
    without a word and are worth little. What either does not state is not compared."""
    meta = {} if '://' in str(path) else read_checkpoint(path).get('meta') or {}
    for text in other_input(meta, config):
        print_log(f'{path}: {text}', logger='current', level=logging.WARNING)


def other_input(meta: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """A clause for each difference. meta: of an exported file; config: of what its weights go into."""
    found = [
        f'pretrained with {name} {list(meta[name])}, the config has {list(config[name])}'
        for name in ('input_channels', 'voxel_size')
        if meta.get(name) and config.get(name) and list(meta[name]) != list(config[name])
    ]
    ranks = takes_ranks(config.get('train_dataloader')) or 'IntensityRanks' in str(config.get('train_dataloader'))
    if 'intensity_ranks' in meta and meta['intensity_ranks'] != ranks:
        found.append(
            f'pretrained with intensity_ranks={meta["intensity_ranks"]}; the config has '
            f'{"the step IntensityRanks" if ranks else "no step IntensityRanks"}'
        )
    return found


def read_weights(path: str | Path) -> Mapping[str, Tensor]:
    """The state dict in a weight file or at a URL; ValueError if it holds no tensor."""
    remote = '://' in str(path)
    checkpoint = CheckpointLoader.load_checkpoint(str(path), 'cpu') if remote else read_checkpoint(path)
    state_dict = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state_dict, Mapping) or not state_dict:
        raise InputError(f'{path}: no weights in it; its entries are {sorted(map(str, checkpoint))[:8]}')
    if strange := [name for name, value in state_dict.items() if not isinstance(value, Tensor)]:
        within = [name for name in strange if isinstance(state_dict[name], Mapping)]
        hint = f'; if its weights are those at {within[0]!r}, save these alone as state_dict' if within else ''
        raise InputError(
            f"{path}: wanted a 'state_dict' of tensors, which the loader takes; found entries "
            f'{sorted(map(str, state_dict))[:8]}{hint}'
        )
    return state_dict


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model that a checkpoint is of, out of its wrappers for several ranks and for test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def _permuted_names(model: nn.Module, metadata: Mapping[str, Any]) -> set[str]:
    """The tensors of sparse convolutions whose last axis the loader moves to the front."""
    return {
        f'{prefix}.{leaf}'.removeprefix('.')
        for prefix, module in model.named_modules(remove_duplicate=False)
        if type(module)._load_from_state_dict is write_spconv2._load_from_state_dict
        and metadata.get(prefix, {}).get('version') != 2
        for leaf in (*module._parameters, *module._buffers)
    }


def _rolled(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[1:] + shape[:1]


def _some(names: Sequence[str]) -> str:
    rest = f', … ({len(names) - SHOWN} more)' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + rest
