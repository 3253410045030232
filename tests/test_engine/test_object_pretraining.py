"""Pretraining on objects by its config: the schedules of the public code, and a run that goes on bit for bit."""

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import Runner
from torch.testing import assert_close

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.engine.hooks import GoOnHook
from dos_mm3d.engine.work_dir import choose_start
from tests.helpers.object_sets import write_shapes

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/asymdsd'
FORMS = {
    'dual': 'asymdsd_tiny_synthetic.py',
    'mpm': 'asymdsd_tiny_mpm_synthetic.py',
    'cls': 'asymdsd_tiny_cls_synthetic.py',
}
SMALLEST = {
    'batch_size': 3,
    'model.encoder.channels': 12,
    'model.encoder.depth': 2,
    'model.encoder.embedding.hidden_channels': [8, 8, 8],
    'model.encoder.drop_path': 0.4,  # so that the order of random numbers counts
    'default_hooks.checkpoint.interval': 1,
    'default_hooks.logger.interval': 1,
}


@pytest.fixture(scope='module')
def objects(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('objects')
    write_shapes(folder / 'pb_t50_rs', objects=7)
    return folder


@pytest.fixture
def run(objects, tmp_path) -> Callable[..., Runner]:
    """Train a form in a folder of that name, from the newest checkpoint there, to a step or until it is stopped."""

    def train(form: str, name: str, *, stop_at: int | None = None, workers: int = 0) -> Runner:
        options = {
            **SMALLEST,
            'data_root': str(objects),
            'max_iters': 4,
            'work_dir': str(tmp_path / name),
            'train_dataloader.num_workers': workers,
            'experiment_name': f'{tmp_path.name}_{form}_{name}_{stop_at}',
        }
        cfg = load_with_overrides(CONFIGS / FORMS[form], options)
        choose_start(cfg, 'auto')
        # the runner lays out the config's text five times, which takes longer than all steps
        with mock.patch.object(Config, 'pretty_text', ''):
            runner = Runner.from_cfg(cfg)
        if cfg.resume:
            runner.register_hook(GoOnHook(cfg.load_from))
        if stop_at is not None:
            kill_in_step(runner, stop_at)
        runner.train()
        return runner

    return train


def kill_in_step(runner: Runner, step: int) -> None:
    """Raise KeyboardInterrupt in the middle of a step: the student has moved, the teacher has not."""
    move = runner.model.update_teacher

    def interrupted(momentum: float) -> None:
        if runner.iter == step:
            raise KeyboardInterrupt
        move(momentum)

    runner.model.update_teacher = interrupted


@pytest.mark.parametrize('form', ['dual', *(pytest.param(form, marks=pytest.mark.slow) for form in ('mpm', 'cls'))])
def test_a_killed_run_goes_on_bit_for_bit(run, tmp_path, form):
    whole = run(form, 'whole')
    with pytest.raises(KeyboardInterrupt):
        run(form, 'parts', stop_at=2)
    assert sorted(path.name for path in (tmp_path / 'parts').glob('*.pth')) == ['iter_1.pth', 'iter_2.pth']
    run(form, 'parts', workers=int(form == 'dual'))  # a loader in a process of its own draws the same
    wanted, found = (torch.load(tmp_path / name / 'iter_4.pth', weights_only=True) for name in ('whole', 'parts'))
    assert wanted['state_dict'].keys() == found['state_dict'].keys()
    assert all(torch.equal(value, found['state_dict'][name]) for name, value in wanted['state_dict'].items())
    moments = [one['optimizer']['state'] for one in (wanted, found)]
    assert moments[0] and all(torch.equal(moments[0][key]['exp_avg'], moments[1][key]['exp_avg']) for key in moments[0])
    assert not any(torch.equal(*pair) for name, pair in whole.model.twins().items() if name.endswith('in_proj_weight'))
    assert torch.isfinite(torch.tensor(whole.message_hub.get_scalar('train/loss').data[0])).all()


def test_learning_rates_are_those_of_the_public_code(objects, tmp_path):
    """lr = 1e-7 + (5e-4 - 1e-7) s / W up to step W, then half a cosine to 1e-6 (dossier of the method, golden file)."""
    steps, warmup = 120, 24  # the tiny ones warm up for a fifth
    cfg = load_with_overrides(CONFIGS / FORMS['cls'], {'data_root': str(objects), 'max_iters': steps})
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=cfg.learning_rate)
    schedulers = [PARAM_SCHEDULERS.build({**one, 'optimizer': optimizer}) for one in cfg.param_scheduler]
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]['lr'])
        for scheduler in schedulers:
            scheduler.step()
    step = torch.arange(steps, dtype=torch.float64)
    rising = 1e-7 + (5e-4 - 1e-7) * step / warmup
    share = (step - warmup) / (steps - warmup)
    falling = 1e-6 + (5e-4 - 1e-6) * 0.5 * (1 + torch.cos(torch.pi * share))
    assert_close(torch.tensor(found, dtype=torch.float64), torch.where(step <= warmup, rising, falling))
