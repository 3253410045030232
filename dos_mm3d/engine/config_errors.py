"""Which errors of mmengine, and of what it builds, are about the config: upstream they are tracebacks."""

import re
import sysconfig
import traceback
from pathlib import Path
from types import FrameType

from mmengine.model import is_model_wrapper
from torch.distributed import DistError

_OF_VALUES = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError),
    *(NotImplementedError, RuntimeError, TypeError, ValueError),
)
"""What code raises that is given another value than it can use."""
OURS, UPSTREAM = 'dos_mm3d', ('mmengine', 'mmcv', 'mmdet', 'mmdet3d')
"""Folders of code."""
_BUILDERS = (
    *('__init__', '_check_scheduler_cfg', 'register_default_hooks', 'register_custom_hooks'),
    *('set_randomness', 'setup_env'),
)
"""Methods of mmengine's Runner, beside those called build_..., that make something of the config and run nothing."""


def fault_of_config(error: Exception) -> str | None:
    """A sentence about an error that came while something was made of the config; None for one of what was run.

    What makes parts of a run is mmengine's registry and Runner, before the first step; a constructor gets nothing but
    values of the config, and where it fails in a library, that was given one of them.
    """
    if not isinstance(error, _OF_VALUES) or isinstance(error, DistError):
        return None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    within = _module(frames[-1]) if frames else ''
    said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if within.startswith('mmengine.registry.') and isinstance(error, KeyError | TypeError):
        return f'the config does not fit: {said}'  # before the code of any class was entered
    if not any(map(_makes, frames)) or not _is_library(frames[-1]):  # code of ours that fails itself is a bug
        return None
    kinds = [frame.f_locals['obj_type'] for frame in frames if 'obj_type' in frame.f_locals and _makes(frame)]
    what = f'{getattr(kinds[-1], "__name__", kinds[-1])} cannot be made of it: ' if kinds else ''
    return (
        f'the config does not fit: {what}{type(error).__name__}: {said or "no message"} (DOS_TRACEBACK=1 shows where)'
    )


def fault_of_frame(error: Exception) -> str | None:
    """A sentence about an error of upstream's steps while a frame was loaded; None for others, also those of ours."""
    if not isinstance(error, _OF_VALUES):
        return None
    text = str(error)
    if text.startswith('Caught ') and ' in DataLoader worker process ' in text:
        files = re.findall(r'^ *File "(.+?)", line \d+, in (\w+)$', text, re.MULTILINE)
        *_, said = text.strip().splitlines()
    else:
        found = traceback.extract_tb(error.__traceback__)
        files = [(one.filename, one.name) for one in found]
        said = f'{type(error).__name__}: {text}'
    steps = [set(Path(file).parts) for file, _ in files]
    whose = next((OURS in parts for parts in reversed(steps) if parts & {OURS, *UPSTREAM}), True)
    if whose or 'prepare_data' not in (name for _, name in files):
        return None
    within = next((Path(file).stem for file, name in reversed(files) if name in ('transform', '__call__')), 'a step')
    return (
        f'a frame cannot be loaded ({said}, in {within}): the infos, or a file that they name, have not what the steps '
        'of the pipeline read (DOS_TRACEBACK=1 shows where)'
    )


def fault_of_step(error: Exception) -> str | None:
    """A sentence about an error of libraries while a model of theirs took a batch, as where sizes of the config do not
    fit one another; None for others, and for those of our own models."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    steps = [frame for frame in frames if frame.f_code.co_name in ('train_step', 'val_step', 'test_step')]
    if not isinstance(error, _OF_VALUES) or not steps or not _is_library(frames[-1]):
        return None
    model = steps[-1].f_locals.get('self')
    name = type(model.module if is_model_wrapper(model) else model).__name__
    # the nearest code of a model; what repairs a library stands between it and the library
    *_, (package, _, within) = [
        _module(frame).partition('.')
        for frame in frames
        if _module(frame).startswith((*UPSTREAM, OURS)) and not _module(frame).startswith(f'{OURS}.compat')
    ]
    if package == OURS:
        return None
    return (
        f'{name} cannot take a batch ({type(error).__name__}: {error}, in {within.rpartition(".")[2]}): '
        'numbers of its config do not fit one another, or the data (DOS_TRACEBACK=1 shows where)'
    )


def _makes(frame: FrameType) -> bool:
    """Whether a frame is of a function that makes something of a config."""
    name, module = frame.f_code.co_name, _module(frame)
    if module == 'mmengine.registry.build_functions':
        return name.startswith('build_')
    if name in ('turn_on_activation_checkpointing', 'turn_on_efficient_conv_bn_eval'):
        return module.startswith('mmengine.')
    if module != 'mmengine.runner.runner':
        return False
    return name.startswith('build_') or name in _BUILDERS


def _is_library(frame: FrameType) -> bool:
    """Whether a frame is of installed or of Python's own code, not of this package or a user's."""
    path = frame.f_code.co_filename
    return 'site-packages' in path or not path.endswith('.py') or path.startswith(sysconfig.get_path('stdlib'))


def _module(frame: FrameType) -> str:
    return frame.f_globals.get('__name__', '')
