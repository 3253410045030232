"""Each stage of the check of a GPU machine as far as a CPU goes: right passes, wrong fails."""

import shutil
import subprocess
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from dos_mm3d.files import read_json
from dos_mm3d.studies.gpu_check import amp, environment, expected, head, ops, ranks, speed, syncs, training
from dos_mm3d.studies.gpu_check.check import CheckFailed, NotHere, Place

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures('same_threads_afterwards')
ON_BOTH = {check.name: check.work for check in ops.checks() if isinstance(check.work, ops.SameAsOnCpu)}


@pytest.fixture(scope='module')
def plain_world(synthetic_nuscenes, tmp_path_factory) -> Path:
    """The data, whose sweeps are exchanged as the check exchanges them."""
    world = shutil.copytree(synthetic_nuscenes, tmp_path_factory.mktemp('plain') / 'world')
    training.plain_sweeps(world)
    return world


@pytest.fixture
def place(tmp_path, plain_world, monkeypatch) -> Place:
    """On the CPU, in the repository, with the data there; variables that checks set are as before afterwards."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv('NVIDIA_TF32_OVERRIDE', '0')
    monkeypatch.setenv('DOS_SOFTMAP', 'torch')
    (tmp_path / 'world').symlink_to(plain_world)
    return Place(torch.device('cpu'), tmp_path)


@pytest.fixture
def gpu(place) -> Place:
    """A place that says that it is a GPU; nothing is computed there."""
    return Place(torch.device('cuda'), place.folder)


@pytest.mark.parametrize('name', ON_BOTH)
def test_operations_are_compared_name_by_name(name, place):
    work = ON_BOTH[name]
    assert work(place).facts['errors'] == dict.fromkeys(work.run(ops.CPU), 0.0)
    calls = []

    def run(device: torch.device) -> dict[str, torch.Tensor]:
        found = work.run(device)
        calls.append(device)
        changed = list(found)[-1]
        return found if len(calls) == 1 else found | {changed: found[changed] * 1.01 + 1}

    with pytest.raises(CheckFailed, match=f'{list(work.run(ops.CPU))[-1]} is off by'):
        ops.SameAsOnCpu(run, work.limit)(place)


def test_a_relative_error_is_infinite_for_another_shape_and_a_nan_never_within():
    assert ops.relative_error(torch.ones(3), torch.ones(2)) == float('inf')
    assert ops.relative_error(torch.tensor([3.0, 4.1]), torch.tensor([3.0, 4.0])) == pytest.approx(0.02, rel=1e-5)
    with pytest.raises(CheckFailed):
        ops.within(1.0, {'one': float('nan')})


def test_convolutions_of_cpu_tensors_are_compared_with_dense_ones(place, monkeypatch):
    assert max(ops.cpu_tensors(place).facts['errors'].values()) < 1e-5
    dense = ops.dense
    monkeypatch.setattr(ops, 'dense', lambda layer, x: dense(layer, x.replace_feature(x.features.roll(1, 0))))
    with pytest.raises(CheckFailed, match='values is off by'):
        ops.cpu_tensors(place)


def test_ten_steps_have_the_losses_that_were_recorded(place):
    found = training.ten_steps('minkunet', 'float32', place)
    assert len(found.facts['losses']) == 10
    assert training.largest_difference(found.facts['losses'], found.facts['expected']) < 1e-3


def test_other_losses_fail_and_so_does_a_step_that_waits(place, gpu, monkeypatch):
    recorded = read_json(training.EXPECTED)['losses']
    assert recorded.keys() == {*training.BACKBONES, training.DETECTOR}
    assert {name: len(losses) for name, losses in recorded.items()} == {
        name: 2 if name == training.DETECTOR else 10 for name in recorded
    }
    monkeypatch.setattr(
        training, 'train', lambda cfg, hooks=(): [*recorded['second'][:-1], 1.02 * recorded['second'][-1]]
    )
    with pytest.raises(CheckFailed, match=r'a loss is off by 2\.0e-02'):
        training.ten_steps('second', 'float32', place)

    def train(cfg, hooks=()) -> list[float]:
        hooks[0].counts += [12, 500, 500]
        return recorded['second']

    monkeypatch.setattr(training, 'train', train)
    with pytest.raises(CheckFailed, match='500 waits for the GPU in a step, at most 60'):
        training.ten_steps('second', 'default', gpu)
    assert training.largest_difference([1.0], [1.0, 2.0]) == float('inf')


def test_losses_are_recorded_with_where_they_come_from_and_on_a_cpu_only(place, gpu, monkeypatch):
    monkeypatch.setattr(expected, 'train', lambda cfg: [1.0])
    monkeypatch.setattr(expected, 'write_world', lambda place: None)
    expected.record_losses(place.folder / 'losses.json', place)
    record = read_json(place.folder / 'losses.json')
    assert record['losses'] == {name: [1.0] for name in (*training.BACKBONES, training.DETECTOR)}
    assert {'commit', 'versions', 'machine', 'command'} <= record.keys()
    with pytest.raises(ValueError, match='torch sees a GPU here'):
        expected.record_losses(place.folder / 'losses.json', gpu)


def test_waits_are_counted_in_every_step_but_the_first_ones(monkeypatch):
    modes = []
    monkeypatch.setattr(syncs, 'set_debug_mode', modes.append)
    counter, runner = syncs.SyncCounter(first=1), SimpleNamespace(iter=0)
    for runner.iter in range(3):
        counter.before_train_iter(runner, 0)
        for text in ['of something else', *[syncs.SYNCHRONIZING] * runner.iter]:
            warnings.warn(text, stacklevel=1)
        counter.after_train_iter(runner, 0)
    assert counter.counts == [1, 2]
    assert modes == ['default', 'default', 'warn', 'default', 'warn', 'default']


def test_frozen_features_are_those_of_the_cpu(place):
    assert training.features(place).facts['errors'] == {'features': 0.0}


@pytest.fixture
def small_head(monkeypatch) -> None:
    for name, value in dict(CHANNELS=16, PROTOTYPES=32, REPEATS=1).items():
        monkeypatch.setattr(head, name, value)


@pytest.mark.usefixtures('small_head')
def test_forms_of_the_loss_are_compared_with_the_dense_one(place, monkeypatch):
    found = head.compare(300, 'float32', place)
    assert 0 < found.facts['errors']['torch'] < 1e-4 and found.facts['errors']['dense'] == 0
    assert found.facts['costs']['torch']['ms'] > 0
    streaming = head.streaming
    monkeypatch.setattr(head, 'streaming', lambda *arguments: 1.01 * streaming(*arguments))
    with pytest.raises(CheckFailed, match=r'torch is off by 1\.0e-02'):
        head.compare(300, 'float32', place)


def test_a_gpu_too_small_for_the_dense_form_is_none_that_fails(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'mem_get_info', lambda: (8 * 2**30, 9 * 2**30))
    head.require_memory(90_000, gpu)
    with pytest.raises(NotHere, match=r'the dense form needs 8\.2 GiB, and 8\.0 GiB are free'):
        head.require_memory(180_000, gpu)


@pytest.mark.parametrize(('moved', 'fails'), [([0, 9, 9, 9], False), ([9, 9, 9, 9], True), ([0, 9, 0, 9], True)])
def test_a_step_that_overflows_must_move_nothing_and_the_next_ones_must(moved, fails, gpu, monkeypatch):
    def train(cfg, hooks) -> list[float]:
        assert cfg.optim_wrapper.type == 'AmpOptimWrapper' and cfg.optim_wrapper.loss_scale['init_scale'] == 2.0**60
        hooks[0].moved += moved
        return [1.0] * 4

    monkeypatch.setattr(amp, 'train', train)
    if fails:
        with pytest.raises(CheckFailed, match='wanted all but the first'):
            amp.overflow(gpu)
    else:
        assert 'left out' in amp.overflow(gpu).said


def test_what_moves_in_a_step_is_counted():
    watch, runner = amp.MovedTensors(), SimpleNamespace(model=torch.nn.Linear(2, 2))
    for change in (0, 1):
        watch.before_train_iter(runner, 0)
        runner.model.weight.data += change
        watch.after_train_iter(runner, 0)
    assert watch.moved == [0, 1]


@pytest.mark.parametrize(
    ('status', 'losses', 'said'), [(0, [2.0, 1.0], None), (1, [], 'status 1: last'), (0, [2.0], 'wanted 2')]
)
def test_a_rank_is_started_as_a_user_would_and_must_leave_its_losses(status, losses, said, place, monkeypatch):
    def run(command: list[str], **settings) -> subprocess.CompletedProcess[str]:
        assert command[1:4] == ['tools/dist_train.sh', ranks.CONFIG, '1']
        assert 'env_cfg.dist_cfg.backend=gloo' in command
        folder = place.folder / 'ranks_one/run/20260101/vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text('\n'.join(f'{{"loss": {loss}}}' for loss in losses))
        return subprocess.CompletedProcess(command, status, '', 'first\nlast')

    monkeypatch.setattr(subprocess, 'run', run)
    if said is None:
        assert ranks.one_rank(place).facts['losses'] == losses
    else:
        with pytest.raises(CheckFailed, match=said):
            ranks.one_rank(place)


@pytest.mark.parametrize(
    ('fitting', 'said'), [(3, 'of 3 scans, 9.0 GiB'), (2, '2 scans, 9.0 GiB; 3 scans do not fit'), (0, None)]
)
def test_a_full_size_step_is_of_as_many_scans_as_fit(fitting, said, gpu, monkeypatch):
    def time_steps(name: str, scans: int, place: Place) -> dict[str, float]:
        if scans > fitting:
            raise torch.cuda.OutOfMemoryError
        return {'seconds': 0.5, 'gib': 9.0}

    monkeypatch.setattr(speed, 'time_steps', time_steps)
    if said is None:
        with pytest.raises(CheckFailed, match='one scan does not fit'):
            speed.steps('ptv3', gpu)
    else:
        assert said in speed.steps('ptv3', gpu).said


def test_a_gpu_that_torch_cannot_use_is_named(place, tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    assert environment.unused_gpu(place) == []
    fake = tmp_path / 'nvidia-smi'
    fake.write_text('#!/bin/sh\necho "GPU 0: Some GPU (UUID: x)"\n')
    fake.chmod(0o755)
    monkeypatch.setattr(environment, 'describe_environment', lambda: {'conflicts': ['this and that']})
    with pytest.raises(CheckFailed, match=r'this and that; the driver lists GPU 0: Some GPU .* finds no GPU'):
        environment.environment(place)
    monkeypatch.setattr(environment, 'describe_environment', lambda: {'conflicts': []})
    fake.write_text('#!/bin/sh\nexit 9\n')
    assert environment.environment(place).said.endswith(', cpu')
