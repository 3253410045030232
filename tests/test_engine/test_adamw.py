"""The compiled AdamW is torch's, in numbers and state, and leaves to torch what it does not compile."""

from copy import deepcopy

import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn
from torch.testing import assert_close

from dos_mm3d.engine.adamw import CompiledAdamW

STEPS = 10


def trained(kind: type[torch.optim.Optimizer], *, dtype: torch.dtype = torch.float32, **settings):
    """Weights after STEPS, one of them without a gradient throughout, in two groups; and the optimiser."""
    torch.manual_seed(0)
    layer, idle = nn.Linear(300, 70).to(dtype), nn.Parameter(torch.ones(2, dtype=dtype))
    groups = [dict(params=[layer.weight, idle], lr=0.02, weight_decay=0.3), dict(params=layer.bias)]
    optimizer = kind(groups, lr=0.01, **settings)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (layer(torch.randn(4, 300, dtype=dtype)) - torch.randn(4, 70, dtype=dtype)).square().sum().backward()
        optimizer.step()
    return torch.cat([layer.weight.detach().flatten(), layer.bias.detach(), idle.detach()]), optimizer


@pytest.mark.parametrize(
    'settings', [{}, dict(betas=(0.8, 0.9), eps=1e-3), dict(amsgrad=True), dict(foreach=True)], ids=str
)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_it_is_torchs(settings, dtype):
    wanted, of_torch = trained(torch.optim.AdamW, dtype=dtype, **settings)
    found, compiled = trained(CompiledAdamW, dtype=dtype, **settings)
    assert_close(found, wanted, rtol=1e-6, atol=1e-8)  # the same bits where torch's kernels fuse as ours do
    for one, other in zip(compiled.state.values(), of_torch.state.values(), strict=True):
        assert one.keys() == other.keys()
        assert_close(dict(one), dict(other), rtol=1e-6, atol=1e-12)


def test_a_state_of_torchs_is_gone_on_with():
    _, before = trained(torch.optim.AdamW)
    weights = [[parameter.detach().clone() for parameter in group['params']] for group in before.param_groups]
    after = CompiledAdamW([dict(params=[nn.Parameter(weight) for weight in group]) for group in weights])
    after.load_state_dict(deepcopy(before.state_dict()))
    for optimizer in (before, after):
        for group in optimizer.param_groups:
            for weight in group['params']:
                weight.grad = torch.full_like(weight, 0.5)
        optimizer.step()
    for one, other in zip(after.param_groups, before.param_groups, strict=True):
        assert_close(list(one['params']), list(other['params']), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_hooks_of_a_step_are_called_once(dtype):
    """Of what is compiled and of what is torch's own; the latter has hooks, too, once one was built."""
    torch.optim.AdamW([nn.Parameter(torch.zeros(1))])
    weight, calls = nn.Parameter(torch.ones(2, dtype=dtype)), []
    optimizer = CompiledAdamW([weight])
    optimizer.register_step_post_hook(lambda *_: calls.append(0))
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert len(calls) == 1


def test_configs_get_it_by_torchs_name():
    with DefaultScope.overwrite_default_scope('mmdet3d'):
        wrapper: OptimWrapper = build_optim_wrapper(nn.Linear(2, 2), dict(optimizer=dict(type='AdamW', lr=0.1)))
    assert type(wrapper.optimizer) is CompiledAdamW
