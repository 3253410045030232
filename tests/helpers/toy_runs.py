"""A model and a data set so small that whole runs take a second; both draw from the global random numbers."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import DATASETS, METRICS, MODELS
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner

from dos_mm3d.engine.hooks import GoOnHook


@MODELS.register_module()
class ToyNet(BaseModel):
    """A linear layer of some width, with dropout."""

    def __init__(self, width: int = 4, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.layer = torch.nn.Linear(2, width)

    def forward(self, inputs: torch.Tensor, mode: str = 'loss') -> dict[str, torch.Tensor]:
        if mode == 'predict':
            return [self.layer(inputs)]
        hidden = torch.nn.functional.dropout(self.layer(inputs), 0.5)
        return {'loss': self.scale * (hidden - 1).square().mean()}


@DATASETS.register_module()
class ToyPoints(torch.utils.data.Dataset):
    """Eight samples, each moved at random."""

    metainfo = {}
    number = 8

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {'inputs': torch.tensor([index / 8, np.random.rand()], dtype=torch.float32)}


@METRICS.register_module()
class FallingMetric(BaseMetric):
    """A score that is lower at every validation."""

    score = 0.0

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        FallingMetric.score -= 1
        return {'score': FallingMetric.score}


def toy_config(work_dir: Path, **changed: Any) -> Config:
    """Steps of a run, by max_iters=4; `changed` as dotted keys with `__` for the dots."""
    steps = changed.pop('max_iters', 4)
    cfg = Config(
        dict(
            default_scope='mmdet3d',
            max_iters=steps,
            learning_rate=changed.get('learning_rate', 0.1),
            model=dict(type='ToyNet'),
            train_dataloader=dict(
                dataset=dict(type='ToyPoints'),
                batch_size=2,
                num_workers=0,
                sampler=dict(type='InfiniteSampler', shuffle=True),
                collate_fn=dict(type='default_collate'),
            ),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=steps),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=changed.pop('learning_rate', 0.1), weight_decay=0.1)),
            param_scheduler=[dict(type='OneCycleLR', eta_max=0.1, total_steps=steps, pct_start=0.4, by_epoch=False)],
            default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1),
                logger=dict(type='LoggerHook', interval=1),
            ),
            log_processor=dict(by_epoch=False),
            randomness=dict(seed=3),
            work_dir=str(work_dir),
            experiment_name=f'{work_dir.parent.name}_{work_dir.name}_{steps}',
        )
    )
    cfg.merge_from_dict(copy.deepcopy({key.replace('__', '.'): value for key, value in changed.items()}))
    return cfg


def toy_run(work_dir: Path, *, resume: Path | None = None, **changed: Any) -> Runner:
    """A run to its end, from a checkpoint or from the beginning."""
    cfg = toy_config(work_dir, **changed)
    cfg.resume, cfg.load_from = resume is not None, None if resume is None else str(resume)
    cfg.experiment_name += f'_{resume is not None}_{len(list(work_dir.glob("*")))}'
    runner = Runner.from_cfg(cfg)
    if resume is not None:
        runner.register_hook(GoOnHook(str(resume)))
    runner.train()
    return runner
