"""The config of one training of a protocol: a downstream config with another data root, length, seed, start, labels."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...datasets.label_shares import cut_to_sequences, leaf
from ...engine.config_overrides import load_with_overrides
from ...errors import InputError
from ..runner.config_file import with_texts

SET_BY_PROTOCOL = ('load_from', 'resume', 'work_dir', 'randomness.seed')
SPLIT_KEYS = ('train_dataloader', 'test_dataloader', 'test_evaluator')
# a tenth of the training is lost at an interruption, at most; with a learning curve what lies between its points
CHECKPOINTS = 10
# of schedulers, in epochs or steps
LENGTHS = ('begin', 'end', 'T_max', 'total_steps', 'step_size', 'milestones')


def read_downstream(path: Path, data_root: str | Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The resolved downstream config at another data root, without validation while it trains, and without the probed
    head that configs of the zoo begin with: from scratch has none, and recipes say what is done to pretrained weights.

    The official validation scans are the test split: they are read by tools/test.py alone. ValueError where an override
    is the protocol's business, or where the config has nothing to train or test.
    """
    if taken := sorted(set(overrides) & set(SET_BY_PROTOCOL)):
        raise InputError(f'--cfg-options {", ".join(taken)}: the protocol sets it; use --seeds, --out, --checkpoint')
    config = load_with_overrides(path, overrides).to_dict()
    if lacking := [key for key in (*SPLIT_KEYS, 'train_cfg') if not config.get(key)]:
        raise InputError(f'{path}: has no {", ".join(lacking)}; wanted a config that tools/train.py and test.py take')
    old, new = leaf(config['train_dataloader']['dataset'])['data_root'].rstrip('/'), str(data_root).rstrip('/')
    config |= {key: moved(config[key], old, new) for key in SPLIT_KEYS}
    config |= dict(val_dataloader=None, val_evaluator=None, val_cfg=None)
    config['train_cfg'] = {key: value for key, value in config['train_cfg'].items() if not key.startswith('val_')}
    if any(key.startswith('custom_hooks') for key in overrides):
        return config  # whoever names hooks has these, from scratch too
    if kept := [hook for hook in config.pop('custom_hooks', None) or [] if hook['type'] != 'ProbeHeadHook']:
        config['custom_hooks'] = kept
    return config


def with_leaf(dataset: Mapping[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The same data set with its innermost one changed."""
    if 'dataset' in dataset:
        return {**dataset, 'dataset': with_leaf(dataset['dataset'], change)}
    return change(dict(dataset))


def moved(value: Any, old: str, new: str) -> Any:
    """Nested containers in which every path below the folder `old` is below `new`."""

    def place(path: str) -> str:
        return new + path.removeprefix(old) if path == old or path.startswith(f'{old}/') else path

    return with_texts(value, place)


def own_steps(config: Mapping[str, Any], n_frames: int, processes: int) -> int:
    """Steps that a config trains for on `n_frames` frames with that many processes."""
    loop = config['train_cfg']
    if 'max_iters' in loop:
        return loop['max_iters']
    return loop['max_epochs'] * math.ceil(n_frames / (config['train_dataloader']['batch_size'] * processes))


def in_steps(config: Mapping[str, Any], steps: int, own_total: Callable[[], int]) -> dict[str, Any]:
    """The config with `steps` steps, whatever it counted in before; schedules keep their shape.

    own_total: () -> steps that it trains for (:func:`own_steps`), asked for where both units occur: in a config that
    counts in epochs, a warm-up may count in steps. Frames come in a new random order when all have been seen
    (InfiniteSampler), so that the number of frames is free.
    """
    config = copy.deepcopy(dict(config))
    loop = config['train_cfg']
    own, by_epoch = (loop['max_iters'], False) if 'max_iters' in loop else (loop['max_epochs'], True)
    config['train_cfg'] = dict(type='IterBasedTrainLoop', max_iters=steps)
    config['train_dataloader'] |= dict(sampler=dict(type='InfiniteSampler', shuffle=True))
    config['log_processor'] = {**config.get('log_processor', {}), 'by_epoch': False}
    config['param_scheduler'] = [
        stretched(scheduler, own if scheduler.get('by_epoch', True) == by_epoch else own_total(), steps)
        for scheduler in config.get('param_scheduler') or []
    ]
    return config


def stretched(scheduler: Mapping[str, Any], own: int, steps: int) -> dict[str, Any]:
    """A scheduler whose lengths were made for `own` epochs or steps, in steps, for `steps` of them."""

    def scaled(value: Any) -> Any:
        return [scaled(item) for item in value] if isinstance(value, list | tuple) else round(value * steps / own)

    kept = {key: value for key, value in scheduler.items() if key != 'convert_to_iter_based'}
    lengths = {key: scaled(kept[key]) for key in LENGTHS if kept.get(key) is not None}
    if 'end' in lengths:  # a short warm-up keeps a step, which mmengine wants
        lengths['end'] = max(lengths['end'], lengths.get('begin', 0) + 1)
    return {**kept, **lengths, 'by_epoch': False}


def layer_decay(config: Mapping[str, Any]) -> float:
    """Factor by which learning rates fall from layer to layer towards the input, 1 where they do not."""
    return (config['optim_wrapper'].get('paramwise_cfg') or {}).get('layer_decay', 1)


def with_even_rates(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with one learning rate for all layers."""
    if layer_decay(config) == 1:
        return dict(config)
    wrapper = config['optim_wrapper']
    return {**config, 'optim_wrapper': {**wrapper, 'paramwise_cfg': {**wrapper['paramwise_cfg'], 'layer_decay': 1}}}


def cell_config(
    config: Mapping[str, Any],
    *,
    seed: int,
    weights: Path | None,
    train_sequences: Sequence[str] | None,
    test_sequences: Sequence[str] | None,
    train_ann_file: str,
    paste: bool,
    encoder_prefixes: Sequence[str],
    devkit_prefix: Path,
    curve: int = 0,
) -> dict[str, Any]:
    """What tools/train.py and tools/test.py get: resumable, with a record of the start.

    weights: what `load_from` names, None from scratch.  train_sequences: None for the labels of the config itself.
    test_sequences: of the training split's info file, for choosing settings; None for the config's test set.
    paste: whether objects may be pasted (ObjectSample): they come from all frames, labelled or not.
    encoder_prefixes: of the names of weights that pretraining gives.
    devkit_prefix: where nuScenes' evaluator keeps the devkit's files: they hold what --metrics does not.
    curve: points of the learning curve, whose checkpoints are kept; 0 for none.
    """
    config = copy.deepcopy(dict(config))
    config['randomness'] = {**config.get('randomness', {}), 'seed': seed}
    config |= dict(load_from=None if weights is None else str(weights), resume=False)
    imports = config.get('custom_imports', {}).get('imports', [])
    config['custom_imports'] = dict(
        imports=[*dict.fromkeys([*imports, 'dos_mm3d', 'dos_mm3d.studies.runner.start_record'])],
        allow_failed_imports=False,
    )
    config['custom_hooks'] = [
        *(config.get('custom_hooks') or []),
        dict(type='StartRecordHook', encoder_prefixes=list(encoder_prefixes)),
    ]
    config['default_hooks'] = {**config['default_hooks'], **hooks_for(config['train_cfg'], curve)}
    train = config['train_dataloader']
    if not paste:
        train['dataset'] = with_leaf(train['dataset'], without_pasting)
    if train_sequences is not None:
        train['dataset'] = cut_to_sequences(train['dataset'], list(train_sequences))
    if test_sequences is not None:
        scored = with_leaf(config['test_dataloader']['dataset'], lambda found: {**found, 'ann_file': train_ann_file})
        config['test_dataloader']['dataset'] = cut_to_sequences(scored, list(test_sequences))
    evaluators = config['test_evaluator']
    for evaluator in evaluators if isinstance(evaluators, list | tuple) else [evaluators]:
        if evaluator.get('type') == 'NuScenesMetric':
            evaluator['jsonfile_prefix'] = str(devkit_prefix)
        if test_sequences is not None and 'ann_file' in evaluator:  # Waymo's reads the labels itself
            evaluator['ann_file'] = str(Path(evaluator['ann_file']).parent / train_ann_file)
    return config


def without_pasting(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """A data set whose pipeline pastes no objects."""
    return {**dataset, 'pipeline': [step for step in dataset['pipeline'] if step['type'] != 'ObjectSample']}


def length_of(loop: Mapping[str, Any]) -> tuple[int, str]:
    """How long a train_cfg trains, and in what it counts."""
    return (loop['max_epochs'], 'epochs') if 'max_epochs' in loop else (loop['max_iters'], 'steps')


def curve_places(loop: Mapping[str, Any], points: int) -> list[int]:
    """Evenly spaced epochs or steps of a training, the last at its end; InputError where they cannot be spaced so."""
    length, unit = length_of(loop)
    if points < 1 or length % points:
        raise InputError(
            f'--curve {points}: a training has {length} {unit}; wanted a number that divides them, or other --steps'
        )
    return list(range(length // points, length + 1, length // points))


def hooks_for(loop: Mapping[str, Any], curve: int) -> dict[str, Any]:
    """Log and checkpoints that an interrupted training goes on from; those of a learning curve are kept."""
    length, unit = length_of(loop)
    by_epoch = unit == 'epochs'
    interval = curve_places(loop, curve)[0] if curve else max(1, length // CHECKPOINTS)
    checkpoint = dict(type='CheckpointHook', by_epoch=by_epoch, interval=interval, max_keep_ckpts=-1 if curve else 1)
    interval = 50 if by_epoch else math.gcd(10, length)
    return dict(checkpoint=checkpoint, logger=dict(type='LoggerHook', interval=interval))


def last_checkpoint(config: Mapping[str, Any], work_dir: Path) -> Path:
    """What a finished training leaves."""
    return checkpoint_at(config, work_dir, length_of(config['train_cfg'])[0])


def checkpoint_at(config: Mapping[str, Any], work_dir: Path, place: int) -> Path:
    """What a training leaves after so many epochs or steps."""
    name = 'epoch' if length_of(config['train_cfg'])[1] == 'epochs' else 'iter'
    return work_dir / f'{name}_{place}.pth'
