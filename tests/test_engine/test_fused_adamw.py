"""The fused AdamW computes AdamW, and is left out where torch lacks it or something else was asked for."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from dos_mm3d.engine import fused_adamw
from dos_mm3d.engine.fused_adamw import FusedAdamW


def trained(kind: type[torch.optim.Optimizer], *, groups: bool, **settings) -> tuple[torch.Tensor, dict]:
    """Weights after ten steps, and the first group of the optimiser."""
    torch.manual_seed(0)
    layer, target = nn.Linear(8, 8), torch.randn(8)
    params = [dict(params=[layer.weight], lr=0.02), dict(params=layer.bias)] if groups else layer.parameters()
    optimizer = kind(params, lr=0.01, weight_decay=0.1, **settings)
    for _ in range(10):
        optimizer.zero_grad()
        (layer(torch.ones(8)) - target).square().sum().backward()
        optimizer.step()
    return torch.cat([layer.weight.detach().flatten(), layer.bias.detach()]), optimizer.param_groups[0]


@pytest.mark.parametrize('groups', [False, True])
def test_it_is_adamw(groups):
    plain, _ = trained(torch.optim.AdamW, groups=groups)
    fused, group = trained(FusedAdamW, groups=groups)
    assert group['fused'] is fused_adamw.can_fuse(torch.device('cpu'))
    assert_close(fused, plain, rtol=1e-5, atol=1e-6)


def test_another_way_that_is_asked_for_is_taken():
    _, group = trained(FusedAdamW, groups=False, foreach=True)
    assert group['foreach'] and not group['fused']


def test_where_torch_lacks_it_the_plain_one_is_taken(monkeypatch):
    def of_an_older_torch(params, *, fused):
        raise RuntimeError('`fused=True` requires all the params to be CUDA')

    monkeypatch.setattr(fused_adamw, 'AdamW', of_an_older_torch)
    found, group = trained(FusedAdamW, groups=False)
    assert not group['fused']
    assert torch.equal(found, trained(torch.optim.AdamW, groups=False)[0])
