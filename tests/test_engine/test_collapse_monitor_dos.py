"""The monitor on the real DOS model in a tiny world: planted failures are named, a healthy run is left alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.utils.data import Dataset

from dos_mm3d.datasets.transforms import BlockMask, PackViews, TwoViews
from dos_mm3d.engine.hooks import CollapseError, CollapseMonitorHook, DOSHook
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
        generator = torch.Generator().manual_seed(index)
        results = dict(points=scan(index % 20), generator=generator, file=f'{index}', skipped=[], position=index)
        results['grid'] = Grid([-6.4, -6.4, -5, 6.4, 6.4, 3], [0.2, 0.2, 0.2], 2)
        for step in self.steps:
            results = step(results)
        return results


def make_runner(work_dir: Path, iterations: int) -> Runner:
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
        custom_hooks=[DOSHook(momentum=(0.99, 0.999)), CollapseMonitorHook()],
        default_scope='mmdet3d',
        log_processor=dict(by_epoch=False),
        experiment_name=f'{work_dir.name}_{iterations}',
        cfg=CONFIG,
    )


def last_layers(model) -> list[torch.nn.Linear]:
    return [branch.projector[2] for branch in (model.student, model.teacher)]


def constant(model) -> None:
    """All features are the bias."""
    for layer in last_layers(model):
        layer.weight.data.mul_(1e-4)
        layer.weight.requires_grad_(False)
        layer.bias.data.fill_(1.0)


def rank_two(model) -> None:
    """Features lie in a plane."""
    for layer in last_layers(model):
        layer.weight.data[2:] = 0
        layer.bias.data.zero_()
        layer.requires_grad_(False)


def dominated(model) -> None:
    """One prototype lies in the middle of the features, all others point away from it."""
    model(**model.data_preprocessor(pseudo_collate([Scans()[0]])))
    middle = F.normalize(model.visible_teacher.mean(0), dim=0)
    prototypes = model.head.prototypes
    prototypes.data.mul_(0.3).sub_(middle)
    prototypes.data[0] = middle
    prototypes.requires_grad_(False)


def nan(model) -> None:
    last_layers(model)[0].bias.data[0] = float('nan')


PLANTS = {
    constant: 'constant features.*model.head.teacher_temperature',
    rank_two: 'rank collapse.*optim_wrapper.optimizer.lr',
    dominated: r'one dominating prototype.*model.head.alpha = 1\.3',
    nan: 'not finite: the loss .*optim_wrapper.optimizer.lr',
}


@pytest.mark.parametrize('plant', PLANTS)
def test_a_failure_planted_in_dos_is_named_within_fifty_iterations(tmp_path, plant):
    runner = make_runner(tmp_path, 60)
    plant(runner.model)
    with pytest.raises(CollapseError, match=rf'iteration \d+: {PLANTS[plant]}'):
        runner.train()
    assert runner.iter < 50
    assert (Path(runner.log_dir) / 'collapse.png').is_file() == (plant is not nan), 'nothing to draw after one step'


def test_healthy_steps_of_dos_are_not_stopped(tmp_path):
    runner = make_runner(tmp_path, 150)
    runner.train()
    assert runner.iter == 150
    hook = next(hook for hook in runner.hooks if isinstance(hook, CollapseMonitorHook))
    measured = [failure for failure in hook.judge.failures if failure.statistic in hook.history]
    assert len(measured) >= 4, 'the others are of other methods'
    for failure in measured:
        assert not any(map(failure.shown_by, hook.history[failure.statistic]['value'])), failure.name
