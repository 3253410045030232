"""What a run on a GPU gets by default, and that one on the CPU gets nothing of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import spconv.constants
import torch
from mmengine.config import Config
from mmengine.registry import OPTIM_WRAPPERS

from dos_mm3d.engine import gpu
from dos_mm3d.engine.config_overrides import load_with_overrides

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def config(**settings) -> Config:
    return Config(dict(train_dataloader=dict(batch_size=1), model=dict(data_preprocessor={}), **settings))


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The switches of torch and spconv are off, and put back afterwards."""
    monkeypatch.delenv('NVIDIA_TF32_OVERRIDE', raising=False)
    monkeypatch.setattr(spconv.constants, 'SPCONV_ALLOW_TF32', False)
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)  # whose switches monkeypatch cannot put back
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    yield
    for backend, value in zip(backends, before, strict=True):
        backend.allow_tf32 = value


def tf32() -> list[bool]:
    return [
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
        spconv.constants.SPCONV_ALLOW_TF32,
    ]


def test_with_a_gpu_batches_are_pinned_and_float32_may_be_tf32(restored, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = config()
    gpu.settle_for_gpu(cfg)
    assert cfg.train_dataloader.pin_memory and cfg.model.data_preprocessor.non_blocking
    assert tf32() == [True] * 3


def test_what_the_config_or_the_environment_says_counts(restored, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setenv('NVIDIA_TF32_OVERRIDE', '0')
    cfg = config()
    cfg.train_dataloader.pin_memory = False
    gpu.settle_for_gpu(cfg)
    assert cfg.train_dataloader.pin_memory is False
    assert tf32() == [False] * 3


def test_without_a_gpu_nothing_changes(restored, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = config()
    gpu.settle_for_gpu(cfg)
    assert cfg.to_dict() == config().to_dict()
    assert tf32() == [False] * 3


@pytest.mark.parametrize(('deterministic', 'workspace'), [(True, ':4096:8'), (False, None)])
def test_a_deterministic_run_has_cublas_workspace(monkeypatch, deterministic, workspace):
    """torch refuses products of cuBLAS without it: read when its handle is made, so before anything is built."""
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', 'of the test')
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG')
    gpu.settle_for_gpu(config(randomness=dict(seed=0, deterministic=deterministic)))
    assert os.environ.get('CUBLAS_WORKSPACE_CONFIG') == workspace


class Seen(torch.nn.Module):
    """Says in which dtype a product comes out."""

    def forward(self) -> torch.dtype:
        return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype


@pytest.mark.parametrize(('capability', 'dtype'), [((9, 0), torch.bfloat16), ((7, 5), torch.float32)])
def test_forward_passes_are_in_bfloat16_where_a_gpu_has_it(monkeypatch, capability, dtype):
    """On the CPU's autocast, in place of the GPU's."""
    model, made = Seen(), wrapper()
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: capability)
    autocast = torch.autocast
    monkeypatch.setattr(torch, 'autocast', lambda device, *args, **kwargs: autocast('cpu', *args, **kwargs))
    with made.optim_context(model):
        assert model() == dtype


def test_on_the_cpu_it_is_mmengines_wrapper():
    model, made = Seen(), wrapper()
    with made.optim_context(model):
        assert model() == (torch.bfloat16 if torch.cuda.is_available() else torch.float32)
    assert not hasattr(made, 'loss_scaler')


def wrapper() -> gpu.BFloat16OptimWrapper:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return OPTIM_WRAPPERS.build(dict(type='BFloat16OptimWrapper', optimizer=optimizer))


@pytest.mark.parametrize(
    'name',
    ['dos/dos_ptv3_nuscenes', 'asymdsd/asymdsd_small_shapenet', 'segmentation/ptv3_finetune_nuscenes'],
)
def test_it_is_the_wrapper_of_our_own_trainings(name):
    assert load_with_overrides(CONFIGS / f'{name}.py', {}).optim_wrapper.type == 'BFloat16OptimWrapper'
