"""Re-estimated BatchNorm statistics are those of the data."""

import pytest
import torch
from torch import nn

from dos_mm3d.functional.batch_norm import reestimate_batch_norm


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 6), nn.ReLU(), nn.BatchNorm1d(6), nn.Dropout(0.5)).eval()


def batches() -> list[torch.Tensor]:
    """Batches of unequal size and different distributions, so that a mean of batch means is wrong."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, 4, generator=generator) * (k + 1) + 10 * k for k, n in enumerate((5, 50, 300))]


def test_first_layer_gets_exact_mean_and_variance_of_all_data(model: nn.Sequential) -> None:
    reestimate_batch_norm(model, model, batches())
    everything = torch.cat(batches())
    torch.testing.assert_close(model[0].running_mean, everything.mean(0))
    torch.testing.assert_close(model[0].running_var, everything.var(0))


def test_every_layer_is_exact_where_one_batch_holds_everything(model: nn.Sequential) -> None:
    everything = torch.cat(batches())
    reestimate_batch_norm(model, model, [everything])
    with torch.no_grad():
        normalised = (everything - everything.mean(0)) / (everything.var(0, correction=0) + model[0].eps).sqrt()
        hidden = model[2](model[1](normalised))
    torch.testing.assert_close(model[3].running_mean, hidden.mean(0))
    torch.testing.assert_close(model[3].running_var, hidden.var(0))


def test_modes_are_restored_and_weights_untouched(model: nn.Sequential) -> None:
    before = {name: value.clone() for name, value in model.named_parameters()}
    model[3].train()
    reestimate_batch_norm(model, model, batches())
    assert [module.training for module in model] == [False, False, False, True, False]
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())
    assert not model[0]._forward_pre_hooks


def test_nothing_to_estimate_from_is_an_error(model: nn.Sequential) -> None:
    with pytest.raises(ValueError, match='saw no data'):
        reestimate_batch_norm(model, model, [])
