"""The fixes of mmengine, each shown on a toy Runner or at the call that fails without it."""

import multiprocessing
import os
import pickle
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.fileio import LocalBackend
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import OneCycleLR, OptimWrapper
from mmengine.runner import Runner, find_latest_checkpoint, load_checkpoint
from threadpoolctl import threadpool_info, threadpool_limits
from torch import Tensor, nn
from torch.utils.data import Dataset

from dos_mm3d.files import NEW_S

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason='the fix is for machines without a GPU')


class ToyModel(BaseModel):
    """One linear layer, squared error; notes numpy scalars in the message hub as real hooks do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(2, 1)

    def forward(self, inputs: Tensor, mode: str = 'tensor') -> dict[str, Tensor]:
        hub = MessageHub.get_current_instance()
        hub.update_scalar('train/numpy', np.float32(inputs.sum()))
        hub.update_info('best', np.float64(0.5))
        hub.update_info('count', np.int64(3))
        return {'loss': self.layer(inputs).square().mean()}


def toy_runner(work_dir: Path, *, max_iters: int, resume: bool = False) -> Runner:
    data = [torch.tensor([i / 4, 1.0]) for i in range(8)]
    return Runner(
        model=ToyModel(),
        work_dir=str(work_dir),
        train_dataloader={'dataset': data, 'sampler': {'type': 'DefaultSampler', 'shuffle': False}, 'batch_size': 1},
        train_cfg={'by_epoch': False, 'max_iters': max_iters},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}},
        param_scheduler={'type': 'CosineAnnealingLR', 'by_epoch': False, 'T_max': 8},
        default_hooks={'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 1, 'max_keep_ckpts': 1}},
        default_scope='mmengine',
        experiment_name=f'toy_{work_dir.name}_{max_iters}_{resume}',
        log_level='ERROR',
        resume=resume,
        cfg=Config(),
    )


def weights(work_dir: Path) -> dict[str, Tensor]:
    return torch.load(find_latest_checkpoint(str(work_dir)), weights_only=True)['state_dict']


def train_until_killed(work_dir: Path, kill_at_fsync: int) -> int:
    """Train 4 steps in a forked process, which dies by SIGKILL at its n-th fsync; its exit code."""

    def run() -> None:
        calls = 0
        real = os.fsync

        def fsync(handle: int) -> None:
            nonlocal calls
            calls += 1
            if calls == kill_at_fsync:
                os.kill(os.getpid(), signal.SIGKILL)
            real(handle)

        os.fsync = fsync
        toy_runner(work_dir, max_iters=4).train()

    child = multiprocessing.get_context('fork').Process(target=run)
    child.start()
    child.join()
    return child.exitcode


# a save makes four fsyncs: checkpoint, its folder, last_checkpoint, its folder; 9 to 12 belong to step 3
@pytest.mark.parametrize('kill_at_fsync', [9, 10, 11, 12])
def test_killed_while_saving_then_resumed_ends_as_if_never_killed(tmp_path: Path, kill_at_fsync: int) -> None:
    toy_runner(tmp_path / 'whole', max_iters=4).train()
    assert train_until_killed(tmp_path / 'killed', kill_at_fsync) == -signal.SIGKILL
    latest = Path(find_latest_checkpoint(str(tmp_path / 'killed')))
    assert latest.name == ('iter_2.pth' if kill_at_fsync < 12 else 'iter_3.pth')
    assert torch.load(latest, weights_only=True)['meta']['iter'] == int(latest.stem[-1])
    time.sleep(NEW_S)
    resumed = toy_runner(tmp_path / 'killed', max_iters=4, resume=True)
    resumed.train()
    assert resumed.iter == 4
    expected = weights(tmp_path / 'whole')
    for name, value in weights(tmp_path / 'killed').items():
        assert torch.equal(value, expected[name]), name
    assert not list((tmp_path / 'killed').glob('.*.tmp')), 'the leftover of the killed save stayed'


def test_only_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    toy_runner(tmp_path, max_iters=3).train()
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_3.pth']


def test_message_hub_survives_weights_only(tmp_path: Path) -> None:
    toy_runner(tmp_path, max_iters=2).train()
    hub = torch.load(tmp_path / 'iter_2.pth', weights_only=True)['message_hub']
    history, counts = hub['log_scalars']['train/numpy'].data
    assert isinstance(hub['log_scalars']['train/numpy'], HistoryBuffer)
    np.testing.assert_allclose(history, [1.0, 1.25])
    np.testing.assert_allclose(counts, [1, 1])
    assert (hub['runtime_info']['best'], hub['runtime_info']['count']) == (0.5, 3)


def test_a_one_cycle_schedule_may_rise_for_one_step() -> None:
    wrapper = OptimWrapper(torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0))
    schedule = OneCycleLR(wrapper, eta_max=1.0, total_steps=20, pct_start=0.05, div_factor=10, by_epoch=False)
    rates = [schedule.get_last_value()[0]]
    for _ in range(19):
        schedule.step()
        rates += schedule.get_last_value()
    assert rates[0] == pytest.approx(0.1) and rates[1:] == sorted(rates[1:], reverse=True) and 0.98 < rates[1] < 1


class Foreign:
    """A class that no checkpoint of ours holds."""


class LookUp:
    """Pickled as getattr(owner, name)."""

    def __init__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __reduce__(self) -> tuple:
        return getattr, (self.owner, self.name)


@pytest.mark.parametrize(
    'content',
    [Foreign(), LookUp(HistoryBuffer, '__init__'), LookUp(np.ndarray, 'mean')],
    ids=['class', 'dunder', 'owner'],
)
def test_foreign_objects_are_refused(tmp_path: Path, content: object) -> None:
    torch.save({'state_dict': {}, 'x': content}, tmp_path / 'foreign.pth')
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        load_checkpoint(nn.Linear(1, 1), str(tmp_path / 'foreign.pth'))


def test_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth'):
        load_checkpoint(nn.Linear(1, 1), str(tmp_path / 'nowhere.pth'))


def test_a_failing_write_keeps_the_former_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = LocalBackend()
    backend.put(b'former', tmp_path / 'new_folder' / 'file')

    def disk_full(handle: int) -> None:
        raise OSError('no space left on device')

    monkeypatch.setattr(os, 'fsync', disk_full)
    with pytest.raises(OSError, match='no space'):
        backend.put(b'latter', tmp_path / 'new_folder' / 'file')
    assert [path.name for path in (tmp_path / 'new_folder').iterdir()] == ['file']
    assert (tmp_path / 'new_folder' / 'file').read_bytes() == b'former'


@pytest.fixture
def one_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {'RANK': '0', 'LOCAL_RANK': '0', 'WORLD_SIZE': '1'}.items():
        monkeypatch.setenv(name, value)
    init_dist('pytorch', backend='nccl', init_method=f'file://{tmp_path}/rendezvous', rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@needs_no_gpu
def test_nccl_becomes_gloo_without_a_gpu(one_rank: None) -> None:
    assert torch.distributed.get_backend() == 'gloo'
    assert torch.cuda.set_device.__module__ == 'torch.cuda'  # skipped for the launcher's call only


@needs_no_gpu
def test_cpu_model_is_wrapped_although_device_ids_are_given(one_rank: None) -> None:
    model = MMDistributedDataParallel(ToyModel(), device_ids=[0])
    model(torch.ones(1, 2), mode='loss')['loss'].backward()
    assert model.module.layer.weight.grad.abs().sum() > 0


class BlasThreads(Dataset):
    """Item i: the most threads that a BLAS would take where the item is fetched, and those of torch."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> list[int]:
        np.ones((2, 2)) @ np.ones((2, 2))
        blas = [library['num_threads'] for library in threadpool_info() if library['user_api'] == 'blas']
        return [max(blas), torch.get_num_threads()]


def test_a_worker_of_a_loader_has_one_thread() -> None:
    loader = dict(batch_size=None, num_workers=1, sampler=dict(type='DefaultSampler', shuffle=False))
    with threadpool_limits(2, user_api='blas'):
        found = [list(map(int, item)) for item in Runner.build_dataloader(loader | dict(dataset=BlasThreads()), seed=0)]
        assert BlasThreads()[0][0] == 2, 'this process keeps its own'
    assert found == [[1, 1], [1, 1]]
