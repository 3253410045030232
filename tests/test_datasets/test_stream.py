"""The stream is a pure function of (seed, position): for any number of workers and ranks, and over a resume."""

import itertools
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import DATASETS, TRANSFORMS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import Tensor

import dos_mm3d.engine  # noqa: F401  (registers the loop)
from dos_mm3d.datasets import stream
from dos_mm3d.datasets.stream import BadSampleError, Draw, StreamSampler, SweepStream, epoch_order, sample_generator

N_FRAMES = 7


@TRANSFORMS.register_module(force=True)
class AddNoise:
    """A random transform: what it adds shows which random numbers a sample got."""

    def __call__(self, results: dict) -> dict:
        results['noise'] = torch.rand(4, generator=results['generator'])
        return results


@DATASETS.register_module(force=True)
class ToyStream(SweepStream):
    """Frame i is one point at x = i; frames in `bad` cannot be read, those in `empty` fail in a transform."""

    def __init__(self, bad: tuple = (), empty: tuple = (), n: int = N_FRAMES, on_bad_file: str = 'error') -> None:
        super().__init__([{'type': 'AddNoise'}, self._refuse_empty], on_bad_file)
        self.bad, self.empty, self.n = bad, empty, n

    def _refuse_empty(self, results: dict) -> dict:
        if int(results['points'][0, 0]) in self.empty:
            raise BadSampleError('found no point in range; wanted one. Widen the range')
        return results

    @property
    def frames(self) -> range:
        return range(self.n)

    def load(self, index: int) -> tuple[Tensor, str]:
        if index in self.bad:
            raise ValueError(f'file{index}.bin: found rubbish; wanted a sweep. Copy it again')
        return torch.tensor([[float(index), 0, 0, 0]]), f'file{index}.bin'


def frame_at(dataset: SweepStream, position: int, seed: int = 3) -> int:
    return int(dataset[Draw(seed, position)]['points'][0, 0])


# --- draws ---


def test_each_pass_holds_every_frame_once_in_another_order():
    dataset = ToyStream()
    passes = [[frame_at(dataset, epoch * N_FRAMES + i) for i in range(N_FRAMES)] for epoch in range(6)]
    assert all(sorted(p) == list(range(N_FRAMES)) for p in passes)
    assert len({tuple(p) for p in passes}) > 3
    assert passes[2] == epoch_order(3, 2, N_FRAMES).tolist()
    assert epoch_order(3, 0, 50).tolist() != epoch_order(4, 0, 50).tolist()


def test_a_draw_always_gives_the_same_and_no_two_draws_the_same():
    dataset = ToyStream()
    noise = {t: dataset[Draw(3, t)]['noise'] for t in range(40)}
    torch.rand(5), np.random.rand(5)  # the global generators play no part
    for t in reversed(range(40)):
        assert torch.equal(dataset[Draw(3, t)]['noise'], noise[t])
    assert len({tuple(v.tolist()) for v in noise.values()}) == 40
    assert not torch.equal(dataset[Draw(4, 0)]['noise'], noise[0])


def test_generators_of_attempts_differ():
    draws = {torch.rand(1, generator=sample_generator(1, t, a)).item() for t in range(10) for a in range(10)}
    assert len(draws) == 100


def test_an_item_does_not_carry_its_generator():
    assert set(ToyStream()[Draw(0, 0)]) == {'points', 'file', 'position', 'skipped', 'noise'}


def test_plain_indices_are_refused():
    with pytest.raises(TypeError, match='StreamSampler'):
        ToyStream()[0]


# --- bad sweeps ---


@pytest.mark.parametrize('broken', ['bad', 'empty'])
def test_a_bad_sweep_stops_with_its_name(broken):
    dataset = ToyStream(**{broken: tuple(range(N_FRAMES))})
    file = f'file{epoch_order(0, 0, N_FRAMES)[0]}.bin'
    with pytest.raises(ValueError, match=f'{file}: found .*; wanted') as error:
        dataset[Draw(0, 0)]
    assert isinstance(error.value, BadSampleError) == (broken == 'empty')


@pytest.mark.parametrize('broken', ['bad', 'empty'])
def test_skipped_sweeps_are_replaced_counted_and_named_the_same_way_each_time(broken):
    dataset = ToyStream(**{broken: (1, 4)}, on_bad_file='skip')
    n_skipped = 0
    for t in range(5 * N_FRAMES):
        item, again = dataset[Draw(0, t)], dataset[Draw(0, t)]
        drawn = int(epoch_order(0, t // N_FRAMES, N_FRAMES)[t % N_FRAMES])
        used = int(item['points'][0, 0])
        assert used not in (1, 4)
        assert bool(item['skipped']) == (drawn in (1, 4))
        assert all(message.startswith('file') and 'wanted' in message for message in item['skipped'])
        assert item['skipped'] == again['skipped']
        assert torch.equal(item['noise'], again['noise'])
        n_skipped += len(item['skipped'])
    assert n_skipped >= 10


def test_replacements_are_not_always_the_same_frame():
    dataset = ToyStream(bad=(1,), on_bad_file='skip', n=30)
    used = {frame_at(dataset, t) for t in range(600) if dataset[Draw(3, t)]['skipped']}
    assert len(used) > 5


def test_too_many_bad_sweeps_in_a_row_are_an_error():
    dataset = ToyStream(bad=tuple(range(N_FRAMES)), on_bad_file='skip')
    with pytest.raises(BadSampleError, match=r'16 sweeps in a row.*\n.*file\d\.bin: found rubbish'):
        dataset[Draw(0, 0)]


def test_a_bug_in_a_transform_is_not_a_bad_sweep():
    dataset = ToyStream(on_bad_file='skip')
    dataset.transforms.append(lambda results: results['absent'])
    with pytest.raises(KeyError):
        dataset[Draw(0, 0)]


def test_on_bad_file_has_two_values():
    with pytest.raises(ValueError, match="'error' or 'skip', got 'ignore'"):
        ToyStream(on_bad_file='ignore')


# --- ranks ---


def positions(monkeypatch, rank: int, world_size: int, n: int, iteration: int = 0, batch_size: int = 1) -> list[int]:
    monkeypatch.setattr(stream, 'get_dist_info', lambda: (rank, world_size))
    sampler = StreamSampler(ToyStream(), seed=5)
    sampler.skip_to(iteration, batch_size)
    return [draw.position for draw in itertools.islice(sampler, n)]


@pytest.mark.parametrize('world_size', [1, 2, 4])
@pytest.mark.parametrize('start', [0, 3])
def test_a_global_batch_holds_the_same_positions_for_any_number_of_ranks(monkeypatch, world_size, start):
    batch = 8 // world_size
    ranks = [positions(monkeypatch, r, world_size, 5 * batch, start, batch) for r in range(world_size)]
    for i in range(5):
        together = sorted(p for rank in ranks for p in rank[i * batch : (i + 1) * batch])
        assert together == list(range((start + i) * 8, (start + i + 1) * 8))


def test_draws_carry_the_seed_and_an_empty_data_set_is_refused():
    assert next(iter(StreamSampler(ToyStream(), seed=5))) == Draw(5, 0)
    with pytest.raises(ValueError, match='empty'):
        StreamSampler(ToyStream(n=0), seed=5)


# --- resume ---


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    """One weight, trained on the noise of each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(4))

    def forward(self, points: list[Tensor], noise: list[Tensor], mode: str = 'loss', **kwargs) -> dict:
        return {'loss': (self.weight - torch.stack(noise)).square().sum()}


class Recorder(Hook):
    """Keeps which sweeps each iteration has seen, and how many were loaded at all."""

    def __init__(self) -> None:
        self.seen: list = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.seen.append((runner.iter, [f'{f} {n.sum():.6f}' for f, n in zip(data_batch['file'], data_batch['noise'])]))


def train(work_dir: Path, max_iters: int, workers: dict, seed: int | None, resume: bool = False) -> tuple[list, Tensor]:
    """Train up to max_iters and stop as if killed right after the checkpoint; what was seen, and the weight."""
    config = Config(
        {
            'default_scope': 'mmdet3d',
            'work_dir': str(work_dir),
            'experiment_name': f'run_{max_iters}_{resume}',
            'model': {'type': 'ToyModel'},
            'train_dataloader': {
                'dataset': {'type': 'ToyStream'},
                'sampler': {'type': 'StreamSampler'},
                'batch_size': 3,
                **workers,
            },
            'train_cfg': {'type': 'StreamTrainLoop', 'max_iters': max_iters},
            'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}},
            'default_hooks': {'checkpoint': {'type': 'CheckpointHook', 'interval': 2, 'by_epoch': False}},
            'randomness': {'seed': seed},
            'resume': resume,
            'log_level': 'ERROR',
        }
    )
    runner = Runner.from_cfg(config)
    recorder = Recorder()
    runner.register_hook(recorder)
    runner.train()
    return recorder.seen, runner.model.weight.detach().clone()


WORKERS = [
    {'num_workers': 0},
    {'num_workers': 2, 'persistent_workers': False},
    {'num_workers': 2, 'persistent_workers': True, 'prefetch_factor': 3},
]


@pytest.mark.parametrize('workers', WORKERS, ids=['0', '2', '2 persistent'])
def test_train_4_is_train_2_stop_resume_2(tmp_path, workers):
    whole, weight = train(tmp_path / 'whole', 4, {'num_workers': 0}, seed=11)
    first, _ = train(tmp_path / 'parts', 2, workers, seed=11)
    second, resumed_weight = train(tmp_path / 'parts', 4, workers, seed=11, resume=True)
    assert [i for i, _ in second] == [2, 3]
    assert first + second == whole
    assert torch.equal(weight, resumed_weight)
    assert not multiprocessing.active_children()


def test_a_resumed_run_without_a_seed_goes_on_with_the_one_it_had_drawn(tmp_path):
    first, _ = train(tmp_path, 2, WORKERS[2], seed=None)
    second, _ = train(tmp_path, 4, WORKERS[2], seed=None, resume=True)
    seed = torch.load(tmp_path / 'iter_2.pth', weights_only=True)['meta']['seed']
    dataset = ToyStream()
    items = [dataset[Draw(seed, t)] for t in range(12)]
    labels = [f'{item["file"]} {item["noise"].sum():.6f}' for item in items]
    assert [files for _, files in first + second] == [labels[i : i + 3] for i in range(0, 12, 3)]


def test_nothing_is_loaded_again_on_resume(tmp_path, monkeypatch):
    loaded = []
    load = ToyStream.load
    monkeypatch.setattr(ToyStream, 'load', lambda self, index: loaded.append(index) or load(self, index))
    train(tmp_path, 4, {'num_workers': 0}, seed=1)
    assert len(loaded) == 12
    train(tmp_path, 6, {'num_workers': 0}, seed=1, resume=True)
    assert len(loaded) == 18


def test_another_sampler_is_refused(tmp_path):
    workers = {'num_workers': 0, 'sampler': {'type': 'InfiniteSampler'}}
    with pytest.raises(TypeError, match=r"sampler=dict\(type='StreamSampler'\), got InfiniteSampler"):
        train(tmp_path, 2, workers, seed=0)
