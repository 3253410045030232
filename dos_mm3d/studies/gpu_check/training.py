"""Short trainings on the embedded data: losses against recorded ones, resume, frozen features, a detector."""

import copy
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope

from ...engine.hooks import GoOnHook
from ...engine.launch import build_runner
from ...files import read_json
from ...miniatures.worlds import nuscenes_world
from ...probe.features import EncoderFeatures
from ...probe.scans import ProbeScan
from ..config_check.shrink import small_config
from .check import Check, CheckFailed, Found, Place
from .ops import ROUNDING, forbid_tf32, relative_error, within
from .syncs import SyncCounter

BACKBONES = ('second', 'minkunet', 'ptv3', 'pillars')
DETECTOR, CENTERPOINT = 'centerpoint', Path('configs/centerpoint/centerpoint_small_synthetic.py')
EXPECTED = Path(__file__).with_name('expected_losses.json')
TOLERANCES = {'float32': 0.01, 'default': 0.1}
"""Of a loss, relative; 'default': the precision that the config has on a GPU, bfloat16. On a CPU, of the ten losses of
MinkUNet and SECOND, weights that begin 1e-6 off (relatively) move none by more than 5e-4, 4e-3 off by 2e-3, libraries
that compute as on a processor without AVX-512 by 7e-5; the last ones are 0.2 and 0.5 off without any optimiser step."""
STEPS = 10
MAX_POINTS = 4000
"""Of a view."""
PLAIN_POINTS = 20000
"""Of a sweep."""
MOST_WAITS = 60
"""For the GPU, in a step that does little else with more of them. Tests hold a simulated GPU to far fewer."""


def checks() -> list[Check]:
    """All of this stage, the data first."""
    compared, half = 'they are compared with those of the CPU', 'a CPU computes in float32 by default'
    return [
        Check('data', write_world),
        *(Check(f'training/{name}', partial(ten_steps, name, 'float32')) for name in BACKBONES),
        *(Check(f'training/{name}-default', partial(ten_steps, name, 'default'), needs_gpu=half) for name in BACKBONES),
        Check('training/resume', resume),
        Check('training/features', features, needs_gpu=compared),
        Check('training/detector', detector_steps),
    ]


def write_world(place: Place) -> Found:
    """The embedded nuScenes of four scenes, converted by mmdet3d, with plain sweeps."""
    return Found(f'{plain_sweeps(nuscenes_world(place.world))} sweeps')


def plain_sweeps(root: Path) -> int:
    """Exchange all sweeps of a nuScenes folder for points of a plane and above it; gives how many.

    A ray that just misses something on one processor hits it on another, whose libraries round otherwise. A scan with
    one point more is cropped elsewhere, and losses cannot be compared. These points are sums and products of exact
    numbers, the same bits on every machine.
    """
    files = sorted(root.rglob('*.pcd.bin'))
    for seed, file in enumerate(files):
        across, ahead, up, bright = np.random.default_rng(seed).random((4, PLAIN_POINTS))
        height_m = np.where(up < 0.5, -1.8, 6 * up - 4.8)  # half of them on the ground, the others up to 1.2 m
        ring = np.arange(PLAIN_POINTS) % 32
        columns = (80 * across - 40, 80 * ahead - 40, height_m, np.floor(256 * bright), ring)
        np.stack(columns, 1).astype(np.float32).tofile(file)
    return len(files)


def ten_steps(name: str, precision: str, place: Place) -> Found:
    """Losses of a backbone's first steps, against those recorded in float32 on a CPU."""
    cfg, counter = pretraining(name, place, f'training_{name}_{precision}'), SyncCounter()
    if precision == 'float32':
        in_float32(cfg)
    losses = train(cfg, [counter] if place.on_gpu else [])
    found = near(losses, read_json(EXPECTED)['losses'][name], TOLERANCES[precision])
    if not place.on_gpu:
        return found
    facts, waits = {**found.facts, 'waits': counter.counts}, median(counter.counts)
    if waits > MOST_WAITS:
        raise CheckFailed(f'{waits:.0f} waits for the GPU in a step, at most {MOST_WAITS}', facts)
    return Found(f'{found.said}; {waits:.0f} waits for the GPU in a step', facts)


def resume(place: Place) -> Found:
    """Four steps against two, a checkpoint and two more."""
    straight = pretraining('minkunet', place, 'training_whole', steps=4, checkpoint_every=2)
    parts = pretraining('minkunet', place, 'training_parts', steps=4)
    for cfg in (straight, parts):
        in_float32(cfg)
    whole = train(straight)
    parts.resume, parts.load_from = True, str(place.folder / 'training_whole' / 'iter_2.pth')
    resumed = train(parts, [GoOnHook(parts.load_from)])
    return near(resumed, whole, TOLERANCES['float32'] if place.on_gpu else 0.0)


def near(losses: Sequence[float], expected: Sequence[float], limit: float) -> Found:
    """CheckFailed where a loss is off by more than the limit, relatively."""
    error = largest_difference(losses, expected)
    facts = {'losses': losses, 'expected': expected, 'limit': limit}
    if not error <= limit:
        raise CheckFailed(f'a loss is off by {error:.1e}, at most {limit:.0e}', facts)
    return Found(f'losses off by {error:.1e}, at most {limit:.0e}', facts)


def largest_difference(losses: Sequence[float], wanted: Sequence[float]) -> float:
    """Relative to what is wanted, of the step that is farthest off; infinite for another number of steps."""
    if len(losses) != len(wanted):
        return float('inf')
    return max(abs(one - other) / abs(other) for one, other in zip(losses, wanted))


def features(place: Place) -> Found:
    """Frozen features of a scan, as a probe reads them, of an untrained SparseEncoder."""
    init_default_scope('mmdet3d')
    forbid_tf32()
    torch.manual_seed(0)
    cfg = pretraining('second', place, 'training_features')
    model = MODELS.build(cfg.model)
    highest = torch.tensor([20.0, 20.0, 1.0, 255.0, 0.5])
    lowest, rows = torch.tensor([-20.0, -20.0, -3.0, 0.0, 0.0]), torch.arange(MAX_POINTS)
    points = lowest + (highest - lowest) * torch.rand(MAX_POINTS, 5)
    scan, blocks = ProbeScan(points, rows, torch.zeros_like(rows)), []
    for device in ('cpu', place.device):
        model.to(device)
        (block,) = EncoderFeatures(model, {'teacher': copy.deepcopy(model.teacher.backbone)})(scan).values()
        blocks.append(block.values)
    return within(10 * ROUNDING, {'features': relative_error(blocks[1], blocks[0])})


def detector_steps(place: Place) -> Found:
    """Losses of two steps of a small CenterPoint, against those recorded."""
    cfg = detection(place, 'training_detector')
    in_float32(cfg)
    return near(train(cfg), read_json(EXPECTED)['losses'][DETECTOR], TOLERANCES['float32'])


def detection(place: Place, folder: str) -> Config:
    """A small CenterPoint on the embedded data, without its test."""
    cfg = small_config(CENTERPOINT, {'nuscenes': place.world}, place.folder / folder)
    cfg.update(test_cfg=None, test_dataloader=None, test_evaluator=None)
    return cfg


def pretraining(
    name: str, place: Place, folder: str, *, steps: int = STEPS, checkpoint_every: int | None = None
) -> Config:
    """The embedded pretraining config of a backbone, one scan a step, without what draws random numbers on a device."""
    path = Path(f'configs/dos/dos_{name}_synthetic.py')
    cfg = small_config(path, {'nuscenes': place.world}, place.folder / folder)
    cfg.merge_from_dict({'train_cfg.max_iters': steps, 'train_dataloader.batch_size': 1})
    cfg.train_dataloader.dataset.pipeline[0].max_points = MAX_POINTS
    if 'ptv3' in cfg.model.backbone:
        cfg.model.backbone.ptv3.block.drop_path = 0.0
    if checkpoint_every is not None:
        cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=checkpoint_every)
    return cfg


def in_float32(cfg: Config) -> None:
    """Neither autocast nor products of ten bits."""
    cfg.optim_wrapper.type = 'OptimWrapper'
    forbid_tf32()


def train(cfg: Config, hooks: Sequence[Hook] = ()) -> list[float]:
    """Loss of every step, those before a resume included."""
    with mock.patch.object(Config, 'pretty_text', ''):  # laid out five times, which takes longer than a step
        runner = build_runner(cfg)
        for hook in hooks:
            runner.register_hook(hook, priority='LOWEST')
        runner.train()
    return [float(loss) for loss in runner.message_hub.get_scalar('train/loss').data[0]]
