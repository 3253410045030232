"""The fit of one linear layer against written-out answers and torch's own gradient."""

import pytest
import torch

from dos_mm3d.functional.logistic_regression import ProbeRecipe, balance, choose_points, fit_linear, weighted_moments

RECIPE = ProbeRecipe(class_balance=0.5, weight_decay=1e-5, max_iter=60)
IGNORED = 0


def test_standardisation_uses_the_training_points_and_their_weights() -> None:
    features = torch.tensor([[0.0, 5.0], [1.0, 5.0], [4.0, 5.0]])
    mean, sd = weighted_moments(features, torch.tensor([1.0, 1.0, 2.0]))
    expanded = torch.tensor([0.0, 1.0, 4.0, 4.0])
    assert mean[0] == pytest.approx(float(expanded.mean()))
    assert sd[0] == pytest.approx(float(expanded.std(correction=0)))
    assert sd[1] == 1  # a constant channel is not blown up


def test_moments_of_many_channels_are_those_of_each_alone() -> None:
    features = torch.randn(50, 130, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 131)
    weights = torch.arange(1, 51).float()
    alone = [weighted_moments(features[:, [channel]], weights) for channel in range(130)]
    for found, wanted in zip(weighted_moments(features, weights), zip(*alone)):
        torch.testing.assert_close(found, torch.cat(wanted))


def test_channel_scale_and_offset_change_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (600,), generator=generator)
    features = torch.randn(600, 4, generator=generator) + torch.nn.functional.one_hot(labels, 4).float()
    weights = torch.ones(600)
    scale, offset = torch.tensor([1e-3, 1, 1e3, 20.0]), torch.tensor([0, 5, -3e3, 0.0])
    plain = fit_linear(features, labels, weights, n_classes=3, recipe=RECIPE)
    scaled = fit_linear(features * scale + offset, labels, weights, n_classes=3, recipe=RECIPE)
    torch.testing.assert_close(scaled.weight * scale[:, None], plain.weight, rtol=2e-2, atol=2e-3)
    logits = (features * scale + offset).double() @ scaled.weight.double() + scaled.bias
    torch.testing.assert_close(logits.float(), features @ plain.weight + plain.bias, rtol=2e-2, atol=2e-2)


def test_fit_is_at_the_optimum_of_autograd() -> None:
    """The gradient that is written out vanishes where torch's own gradient of the same loss vanishes."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 3, (300,), generator=generator)
    features = torch.randn(300, 4, generator=generator)
    recipe = ProbeRecipe(class_balance=0.0, weight_decay=1e-2, max_iter=200)
    layer = fit_linear(features, labels, torch.ones(300), n_classes=3, recipe=recipe)
    mean, sd = weighted_moments(features, torch.ones(300))
    weight = (layer.weight * sd[:, None]).requires_grad_()
    logits = (features - mean) / sd @ weight + layer.bias + mean @ layer.weight
    loss = torch.nn.functional.cross_entropy(logits, labels) + 1e-2 * weight.square().sum()
    loss.backward()
    assert weight.grad.abs().max() < 1e-4
    assert weight.abs().max() > 0.01


def test_balance_raises_the_share_of_a_class_to_the_rest_of_the_exponent() -> None:
    labels, weights = torch.tensor([0, 0, 1, 1]), torch.tensor([40.0, 50.0, 4.0, 6.0])
    for exponent, expected in ((0.0, [0.9, 0.1]), (1.0, [0.5, 0.5]), (0.5, [0.75, 0.25])):
        balanced = balance(labels, weights, n_classes=3, exponent=exponent)
        torch.testing.assert_close(torch.stack((balanced[:2].sum(), balanced[2:].sum())), torch.tensor(expected))
        torch.testing.assert_close(balanced[0] / balanced[1], weights[0] / weights[1])


def test_chosen_points_stand_for_all_points_of_their_class() -> None:
    labels = torch.cat((torch.full((1000,), 11), torch.full((7,), 8), torch.full((50,), IGNORED)))
    chosen, weights = choose_points(labels, per_class=100, ignored=IGNORED, generator=torch.Generator().manual_seed(0))
    assert (labels[chosen] == 11).sum() == 100
    assert (labels[chosen] == 8).sum() == 7
    assert not (labels[chosen] == IGNORED).any()
    assert float(weights[labels[chosen] == 11].sum()) == pytest.approx(1000)
    assert float(weights[labels[chosen] == 8].sum()) == pytest.approx(7)
