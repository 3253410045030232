"""The tiny DOS model on scans of a floor, a wall and boxes, in mmengine's runner."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.utils.data import Dataset

from dos_mm3d.datasets.stream import Draw
from dos_mm3d.datasets.transforms import BlockMask, PackViews, TwoViews
from dos_mm3d.engine.hooks import DOSHook
from dos_mm3d.structures import Grid
from tests.helpers import two_rank_worker as tiny

CONFIG = Config(
    dict(
        model=dict(head=dict(teacher_temperature=(0.04, 0.07), alpha=1.3)),
        optim_wrapper=dict(optimizer=dict(lr=3e-3), clip_grad=dict(max_norm=3)),
    )
)


def scan(seed: int) -> torch.Tensor:
    """(n, 5): a floor, a wall and three boxes, each with an intensity of its own."""
    random = np.random.default_rng(seed)
    floor = np.c_[random.uniform(-6, 6, (700, 2)), random.normal(-1.7, 0.02, 700)]
    wall = np.c_[random.uniform(-6, 6, 300), np.full(300, random.uniform(2, 5)), random.uniform(-1.7, 1.5, 300)]
    centres = np.c_[random.uniform(-4, 4, 3), random.uniform(-5, 0, 3), np.full(3, -1.0)]
    parts = [floor, wall, *(random.uniform(-0.6, 0.6, (100, 3)) + centre for centre in centres)]
    intensity = [random.normal(50 * i, 10, len(part)) for i, part in enumerate(parts)]
    xyz = np.concatenate(parts)
    return torch.from_numpy(np.c_[xyz, np.concatenate(intensity), np.zeros(len(xyz))]).float()


class Scans(Dataset):
    """Views of 20 scans, drawn anew for each item."""

    steps = (TwoViews(drop_share=(0, 0.3)), BlockMask(), PackViews())

    def __len__(self):
        return 600

    def __getitem__(self, index):
        index = index.position if isinstance(index, Draw) else index
        generator = torch.Generator().manual_seed(index)
        results = dict(points=scan(index % 20), generator=generator, file=f'{index}', skipped=[], position=index)
        results['grid'] = Grid([-6.4, -6.4, -5, 6.4, 6.4, 3], [0.2, 0.2, 0.2], 2)
        for step in self.steps:
            results = step(results)
        return results


def make_runner(work_dir: Path, iterations: int, hooks: Sequence[Hook], **settings: Any) -> Runner:
    """The tiny DOS model on the scans."""
    with DefaultScope.overwrite_default_scope('mmdet3d'):  # whatever runner this process had before
        model = tiny.tiny_model()
    return Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=1,
            num_workers=0,
            dataset=Scans(),
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=pseudo_collate,
        ),
        train_cfg=dict(by_epoch=False, max_iters=iterations),
        optim_wrapper=dict(
            type='OptimWrapper', optimizer=dict(type='AdamW', lr=3e-3, weight_decay=0.02), clip_grad=dict(max_norm=3)
        ),
        custom_hooks=[DOSHook(momentum=(0.99, 0.999)), *hooks],
        default_scope='mmdet3d',
        log_processor=dict(by_epoch=False),
        experiment_name=f'{work_dir.name}_{iterations}',
        cfg=CONFIG,
        **settings,
    )
