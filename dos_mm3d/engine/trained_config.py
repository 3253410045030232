"""Whether a config makes of weights what they were trained as: shapes alone do not show it."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from ..errors import InputError
from ..export.config_text import read_values
from ..export.files import read_checkpoint
from .config_changes import Change, changes_between, described, leaves_of

OF_TRAINING = {'init_cfg', 'train_cfg', 'test_cfg', 'attention'}
"""Entries of a model's config that change nothing of what its weights compute; `attention` names an implementation."""


def changes_since_training(
    path: str | Path, config: Mapping[str, Any] | Config, places: Collection[str]
) -> list[Change]:
    """Settings at some places of a config that are others than those with which a checkpoint was trained.

    Empty where the file does not say with which, as exported detectors and files of others do not.

    Args:
        path: checkpoint of tools/train.py, or export of tools/export_backbone.py.
        config: that is to be used with it.
        places: dotted ones, such as 'model.backbone'.
    """
    before = _settings_in(path)
    if before is None:
        return []
    now = read_values(Config(dict(config)).pretty_text, str(path))
    changes = changes_between(_chosen(before, places), _chosen(now, places))
    return [one for one in changes if not _of_training(one.key.split('.'))]


def warn_of_other_settings(path: str | Path, config: Config) -> None:
    """Log in what a model differs from the one that a checkpoint was trained as: it loads all the same."""
    if '://' not in str(path) and (changes := changes_since_training(path, config, ('input_channels', 'model'))):
        text = f'{path}: was trained with other settings, which its weights do not show: {described(changes)}'
        print_log(text, logger='current', level=logging.WARNING)


def warn_of_other_heads(path: str | Path, config: Mapping[str, Any] | Config) -> None:
    """Log where a transformer of a config has other attention heads than that of the weights which it begins from: all
    shapes fit, and it computes something else. Whatever holds the transformers is not compared."""
    try:
        before = None if '://' in str(path) else _settings_in(path)
    except InputError:
        before = None  # somebody else's file, whose config is no Python text
    now, learnt = (_heads_of(values.get('model')) for values in (config, before or {}))
    for name in sorted(now.keys() & learnt.keys()):
        if now[name] != learnt[name]:
            text = f'its weights were learnt with {name}={learnt[name]}, the config has {now[name]}'
            print_log(f'{path}: {text}: they fit, and compute something else', logger='current', level=logging.WARNING)


def _settings_in(path: str | Path) -> dict[str, Any] | None:
    """The config in a file of weights, or of it the model alone; None where it has neither."""
    meta = read_checkpoint(path).get('meta')
    meta = meta if isinstance(meta, Mapping) else {}
    text = next((meta[key] for key in ('cfg', 'config') if isinstance(meta.get(key), str)), None)
    if text is not None:
        return read_values(text, str(path))
    return {'model': meta['model']} if isinstance(meta.get('model'), Mapping) else None


def _heads_of(model: Any) -> dict[str, Any]:
    """`encoder.heads`, and `decoder.heads`, of whatever part of a model has them."""
    names = (('.'.join(key.split('.')[-2:]), value) for key, value in leaves_of(model))
    return {name: value for name, value in names if name in ('encoder.heads', 'decoder.heads')}


def _of_training(parts: list[str]) -> bool:
    return bool(OF_TRAINING & set(parts)) or any(part.startswith('loss_') for part in parts)


def _chosen(values: Mapping[str, Any], places: Collection[str]) -> dict[str, Any]:
    """The entries at some dotted places, by these; without what is not there."""
    found = {}
    for place in places:
        entry: Any = values
        for name in place.split('.'):
            entry = entry.get(name) if isinstance(entry, Mapping) else None
        if entry is not None:
            found[place] = entry
    return found
