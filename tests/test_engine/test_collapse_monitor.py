"""Planted failures in a real Runner: named within 50 iterations, stopped or warned about, drawn and logged."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

import dos_mm3d  # noqa: F401  (registers)
from dos_mm3d.engine.hooks import CollapseError, CollapseMonitorHook, collapse_monitor
from dos_mm3d.functional import collapse
from dos_mm3d.visualization.curves import draw_monitors

N, D, K = 400, 16, 64
CONFIG = Config(
    dict(
        model=dict(head=dict(teacher_temperature=(0.05, 0.05), alpha=1.3)),
        optim_wrapper=dict(optimizer=dict(lr=0.003), clip_grad=dict(max_norm=3)),
    )
)


class Small(BaseModel):
    """Unit features of random points and K prototypes; the statistics are the real ones. ``plant`` spoils it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(D, D)
        self.norm = torch.nn.BatchNorm1d(D)
        self.prototypes = F.normalize(torch.randn(K, D), dim=1)
        self.plant = lambda features: features
        self.factor = 1.0

    def forward(self, inputs, mode='loss'):
        self.features = self.plant(F.normalize(self.norm(self.layer(torch.cat(inputs))), dim=1))
        return dict(loss=self.factor * self.layer.weight.square().sum())

    def collapse_statistics(self):
        cosines = self.features.detach() @ self.prototypes.T
        usage = collapse.prototype_usage(cosines)
        statistics = dict(
            column_entropy=collapse.column_entropy((cosines / 0.05).softmax(0)),
            feature_spread=collapse.feature_spread(self.features.detach()),
            effective_rank=collapse.effective_rank(self.features.detach()),
            cosine_std=cosines.std(),
            prototypes_used=collapse.used_share(usage),
            largest_usage=usage.max(),
        )
        return {name: float(value) for name, value in statistics.items()}


class Points(Dataset):
    def __len__(self):
        return 1000

    def __getitem__(self, index):
        return dict(inputs=torch.randn(N, D, generator=torch.Generator().manual_seed(index)))


def constant(model: Small) -> None:
    model.plant = lambda x: F.normalize(torch.ones_like(x) + 1e-2 * x, dim=1)


def dominated(model: Small) -> None:
    model.plant = lambda x: F.normalize(x + 2 * model.prototypes[0], dim=1)


def plane(model: Small) -> None:
    model.plant = lambda x: F.normalize(F.pad(x[:, :2], (0, D - 2)), dim=1)


def nan_loss(model: Small) -> None:
    model.factor = float('nan')


def nan_parameter(model: Small) -> None:
    with torch.no_grad():
        model.norm.weight[3] = float('nan')  # the loss does not depend on it


def infinite_buffer(model: Small) -> None:
    model.norm.running_mean[1] = float('inf')


def nan_features(model: Small) -> None:
    model.plant = lambda x: x.index_fill(0, torch.tensor([7]), float('nan'))


PLANTS = {
    constant: ('constant features', 'feature_spread', 'model.head.teacher_temperature = (0.05, 0.05)'),
    dominated: ('one dominating prototype', 'largest_usage', 'model.head.alpha = 1.3'),
    plane: ('rank collapse', 'effective_rank', 'optim_wrapper.optimizer.lr = 0.003'),
    nan_loss: ('not finite', 'the loss (nan)', 'optim_wrapper.optimizer.lr = 0.003'),
    nan_parameter: ('not finite', 'norm.weight', 'optim_wrapper.clip_grad.max_norm = 3'),
    infinite_buffer: ('not finite', 'norm.running_mean', 'optim_wrapper.optimizer.lr = 0.003'),
    nan_features: (
        'not finite',
        'the features (column_entropy, feature_spread, effective_rank, cosine_std)',
        'optim_wrapper.optimizer.lr = 0.003',
    ),
}


class PlantAt(Hook):
    """Spoils the model before iteration ``at``, counted from 0."""

    def __init__(self, plant, at: int) -> None:
        self.plant, self.at = plant, at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.at:
            self.plant(runner.model)


def make_runner(work_dir: Path, *hooks: Hook, iterations: int = 300, **options) -> Runner:
    torch.manual_seed(0)
    return Runner(
        model=Small(),
        work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=1, num_workers=0, dataset=Points(), sampler=dict(type='DefaultSampler', shuffle=False)
        ),
        train_cfg=dict(by_epoch=False, max_iters=iterations),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0)),
        custom_hooks=list(hooks),
        default_scope='mmdet3d',
        log_processor=dict(by_epoch=False),
        experiment_name=f'{work_dir.name}_{iterations}',
        cfg=CONFIG,
        **options,
    )


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second each, which only some tests look at."""
    monkeypatch.setattr(CollapseMonitorHook, 'draw', lambda self, runner: None)


@pytest.mark.usefixtures('no_pictures')
@pytest.mark.parametrize('at', [0, 137])
@pytest.mark.parametrize('plant', PLANTS)
def test_a_planted_failure_is_named_within_fifty_iterations_and_stops_the_run(tmp_path, plant, at):
    runner = make_runner(tmp_path, PlantAt(plant, at), CollapseMonitorHook())
    name, number, setting = PLANTS[plant]
    with pytest.raises(CollapseError) as stop:
        runner.train()
    assert at <= runner.iter <= at + 50
    message = str(stop.value)
    assert f'at iteration {runner.iter + 1}: {name}' in message
    assert number in message and setting in message, message
    assert str(tmp_path) in message
    if name == 'not finite':
        next_look = at + 9 - at % 10
        assert runner.iter == (at if plant is nan_loss else next_look), 'no reason to wait'


@pytest.mark.usefixtures('no_pictures')
def test_tensors_are_looked_at_at_the_interval_and_at_the_end_only(tmp_path, monkeypatch):
    runner, looks = make_runner(tmp_path, CollapseMonitorHook(interval=10), iterations=25), []
    monkeypatch.setattr(collapse_monitor, 'names_not_finite', lambda model: looks.append(runner.iter + 1) or [])
    runner.train()
    assert looks == [10, 20, 25]


@pytest.mark.usefixtures('no_pictures')
@pytest.mark.parametrize('plant', PLANTS)
def test_warn_mode_names_it_too_and_goes_on(tmp_path, plant, monkeypatch):
    runner = make_runner(tmp_path, PlantAt(plant, 25), CollapseMonitorHook(on_collapse='warn'), iterations=120)
    warnings = []
    monkeypatch.setattr(runner.logger, 'warning', warnings.append)
    runner.train()
    assert runner.iter == 120
    found = [line for line in warnings if f': {PLANTS[plant][0]}' in line]
    assert 2 <= len(found) <= 3, 'repeated, but not at every look'


@pytest.mark.usefixtures('no_pictures')
def test_no_warmup_hides_nan_or_exactly_constant_features(tmp_path):
    def dead(model: Small) -> None:
        model.plant = torch.ones_like

    for number, plant in enumerate((nan_loss, dead)):
        hook = CollapseMonitorHook(warmup_iters=250)
        runner = make_runner(tmp_path / str(number), PlantAt(plant, 0), hook)
        with pytest.raises(CollapseError):
            runner.train()
        assert runner.iter < 50


@pytest.mark.usefixtures('no_pictures')
def test_what_is_there_at_the_start_is_named_at_the_end_of_the_warmup(tmp_path):
    runner = make_runner(tmp_path, PlantAt(plane, 0), CollapseMonitorHook(warmup_iters=100))
    with pytest.raises(CollapseError, match='rank collapse'):
        runner.train()
    assert 100 <= runner.iter <= 110


def test_a_healthy_run_of_300_steps_is_not_stopped_and_its_curves_are_drawn(tmp_path):
    hook = CollapseMonitorHook()
    runner = make_runner(tmp_path, hook)
    runner.train()
    assert hook.history['effective_rank']['step'] == list(range(10, 301, 10))
    picture = Path(runner.log_dir) / 'collapse.png'
    assert picture.read_bytes().startswith(b'\x89PNG')
    assert list(picture.parent.glob('*.log')), 'beside the log'


def test_the_picture_is_redrawn_on_the_way_and_on_a_stop(tmp_path, monkeypatch):
    hook = CollapseMonitorHook(draw_interval=50)
    drawn = []
    monkeypatch.setattr(hook, 'draw', lambda runner: drawn.append(runner.iter + 1))
    with pytest.raises(CollapseError):
        make_runner(tmp_path, PlantAt(plane, 120), hook).train()
    assert drawn == [50, 100, 150, 160][: len(drawn)] and drawn[-1] == 160


def test_curves_show_the_limit_and_pass_over_what_is_not_finite():
    series = dict(step=[10, 20, 30], value=[5.0, float('nan'), 4.0])
    axis = draw_monitors(dict(effective_rank=series), dict(effective_rank=2.5)).axes[0]
    levels = [line.get_ydata()[0] for line in axis.get_lines()[1:]]
    assert levels == [8.0, 2.5]
    assert 'limit: 2.5' in [text.get_text() for text in axis.texts]
    assert np.isfinite(axis.get_ylim()).all()
    assert draw_monitors(dict(effective_rank=dict(step=[1], value=[float('nan')]))).axes[0].get_ylim()[0] == 0


def test_a_resumed_run_draws_its_first_part_too(tmp_path):
    checkpoint = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=20))
    make_runner(tmp_path, CollapseMonitorHook(), iterations=20, default_hooks=checkpoint).train()
    hook = CollapseMonitorHook()
    make_runner(tmp_path, hook, iterations=50, default_hooks=checkpoint, resume=True).train()
    assert hook.history['largest_usage']['step'] == [10, 20, 30, 40, 50]


def test_a_resumed_run_names_a_failure_as_early_as_without_the_interruption(tmp_path):
    checkpoint = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=20))
    make_runner(tmp_path, PlantAt(plane, 0), CollapseMonitorHook(), iterations=20, default_hooks=checkpoint).train()
    hooks = PlantAt(plane, 20), CollapseMonitorHook()
    with pytest.raises(CollapseError, match='collapsed at iteration 40: rank collapse'):
        make_runner(tmp_path, *hooks, iterations=60, default_hooks=checkpoint, resume=True).train()


def test_numbers_of_the_look_that_stops_reach_the_log(tmp_path):
    runner = make_runner(tmp_path, PlantAt(plane, 0), CollapseMonitorHook())
    with pytest.raises(CollapseError):
        runner.train()
    lines = (Path(runner.log_dir) / 'vis_data' / 'scalars.json').read_text().splitlines()
    logged = {entry['step']: entry['effective_rank'] for entry in map(json.loads, lines) if 'effective_rank' in entry}
    assert sorted(logged) == [10, 20, 30, 40]
    assert logged[40] < 2.5


@pytest.mark.parametrize('plant', [None, plane])
def test_tensorboard_gets_the_curves(tmp_path, plant):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    hook = CollapseMonitorHook()
    backends = dict(type='Visualizer', vis_backends=[dict(type='TensorboardVisBackend')], name=tmp_path.name)
    runner = make_runner(tmp_path, PlantAt(plant or (lambda model: None), 0), hook, iterations=40, visualizer=backends)
    if plant:
        with pytest.raises(CollapseError):
            runner.train()
    else:
        runner.train()
    events = EventAccumulator(str(Path(runner.log_dir) / 'vis_data')).Reload()
    for name, series in hook.history.items():
        written = [(event.step, event.value) for event in events.Scalars(name)]
        assert written == [(step, pytest.approx(value)) for step, value in zip(series['step'], series['value'])]
        assert [step for step, _ in written] == [10, 20, 30, 40]


def test_a_model_without_statistics_and_wrong_settings_are_refused(tmp_path):
    runner = make_runner(tmp_path, CollapseMonitorHook(), iterations=1)
    runner.model = torch.nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r'collapse_statistics\(\), which Linear does not have; take the hook out'):
        CollapseMonitorHook().before_train(runner)
    with pytest.raises(ValueError, match="'stop' or 'warn', got 'ignore'"):
        CollapseMonitorHook(on_collapse='ignore')
    with pytest.raises(ValueError, match='interval=0'):
        CollapseMonitorHook(interval=0)
