"""Targets, losses, centres and KoLeo: identities, closed forms, gradients, limits, slow oracles in float64."""

import math

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional.collapse import marginal_entropy, posterior_entropy
from dos_mm3d.functional.self_distillation import (
    category_logits,
    distillation_loss,
    distillation_loss_of_pairs,
    koleo_loss,
    moved_centre,
    target_distribution,
)


@pytest.fixture
def normal():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_a_target_is_a_distribution_sharpened_by_its_temperature(normal):
    logits, centre = normal(6, 5, 9), normal(9)
    target = target_distribution(logits, centre, temperature=0.05)
    assert_close(target.sum(-1), torch.ones(6, 5, dtype=torch.float64))
    assert torch.equal(target.argmax(-1), (logits - centre).argmax(-1))
    assert_close(target_distribution(logits, logits[0, 0], temperature=0.05)[0, 0], torch.full((9,), 1 / 9).double())
    assert posterior_entropy(target) < posterior_entropy(target_distribution(logits, centre, temperature=0.5))
    assert not target_distribution(logits.requires_grad_(), centre, temperature=0.05).requires_grad


def test_half_precision_is_taken_to_float32(normal):
    logits = normal(4, 9)
    target = target_distribution(logits.half(), torch.zeros(9), temperature=0.04)
    assert target.dtype == torch.float32
    assert distillation_loss(logits.half(), target, temperature=0.1).dtype == torch.float32


def test_the_loss_is_the_cross_entropy_and_its_gradient_the_difference(normal):
    logits, target = normal(7, 9).requires_grad_(), normal(7, 9).softmax(-1)
    loss = distillation_loss(logits, target, temperature=0.1)
    student = (logits.detach() / 0.1).softmax(-1)
    assert_close(loss, -sum(target[i] @ student[i].log() for i in range(7)) / 7)
    loss.backward()
    assert_close(logits.grad, (student - target) / (0.1 * 7))


def test_at_its_optimum_the_loss_is_the_entropy_of_the_targets(normal):
    target = normal(7, 9).softmax(-1)
    loss = distillation_loss((0.1 * target.log()).requires_grad_(), target, temperature=0.1)
    assert_close(loss, -(target * target.log()).sum(-1).mean())
    uniform = torch.full((7, 9), 1 / 9).double()
    assert_close(
        distillation_loss(torch.zeros(7, 9).double(), uniform, temperature=0.1), torch.tensor(math.log(9)).double()
    )


def test_all_pairs_of_a_cloud_are_averaged(normal):
    student, target = normal(3, 4, 9), normal(3, 2, 9).softmax(-1)
    pairs = [distillation_loss(student[:, s], target[:, t], temperature=0.1) for s in range(4) for t in range(2)]
    assert_close(distillation_loss_of_pairs(student, target, temperature=0.1), torch.stack(pairs).mean())


def test_shapes_that_do_not_belong_together_are_refused(normal):
    with pytest.raises(ValueError, match='differ'):
        distillation_loss(normal(3, 9), normal(4, 9), temperature=0.1)
    with pytest.raises(ValueError, match='do not pair'):
        distillation_loss_of_pairs(normal(3, 1, 9), normal(4, 1, 9), temperature=0.1)


def test_a_centre_moves_towards_the_mean_of_all_rows(normal):
    logits, centre = normal(5, 6, 9), normal(9)
    assert_close(moved_centre(centre, logits, momentum=0.9), 0.9 * centre + 0.1 * logits.flatten(0, 1).mean(0))
    assert_close(moved_centre(centre, logits, momentum=1.0), centre)
    for _ in range(400):
        centre = moved_centre(centre, logits, momentum=0.9)
    assert_close((logits - centre).mean((0, 1)), torch.zeros(9).double(), atol=1e-12, rtol=0)


def test_categories_are_weight_normalised(normal):
    features, direction, gain, bias = normal(4, 6), normal(9, 6), normal(9, 1).abs(), normal(9)
    ours = category_logits(features, direction, gain, bias)
    oracle = torch.stack([gain[z] * (features @ direction[z]) / direction[z].norm() + bias[z] for z in range(9)], 1)
    assert_close(ours, oracle)
    assert_close(category_logits(features, 5 * direction, gain, bias), ours)
    assert_close(category_logits(features, direction, 2 * gain, bias) - bias, 2 * (ours - bias))


def test_koleo_is_the_log_distance_to_the_neighbour_of_the_slot(normal):
    embeddings = normal(5, 3, 4).requires_grad_()
    loss = koleo_loss(embeddings)
    unit = torch.nn.functional.normalize(embeddings, dim=-1)
    expected = []
    for slot in range(3):
        for i in range(5):
            others = [j for j in range(5) if j != i]
            nearest = max(others, key=lambda j, i=i, slot=slot: float(unit[i, slot] @ unit[j, slot]))
            distance = (unit[i, slot] - unit[nearest, slot] + 1e-6).norm()
            expected.append(-(distance + 1e-6).log())
    assert_close(loss, torch.stack(expected).mean())
    (gradient,) = torch.autograd.grad(loss, embeddings)
    assert (gradient.flatten(1).norm(dim=1) > 0).all()
    assert_close(koleo_loss(3 * embeddings), loss)


def test_koleo_reaches_both_ends():
    embeddings = torch.tensor([[[1.0, 0.0]], [[0.8, 0.6]], [[-1.0, 0.1]]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(koleo_loss(embeddings), embeddings)
    step = embeddings - 1e-3 * gradient
    assert koleo_loss(step) < koleo_loss(embeddings)
    # rows 0 and 1 are each other's neighbour: both get the pull of the two terms
    (of_first,) = torch.autograd.grad(koleo_loss(embeddings[:2]), embeddings)
    assert of_first[1].abs().sum() > 0 and of_first[0].abs().sum() > 0


def test_equal_rows_and_a_row_alone_have_a_finite_loss():
    """Only the two eps keep it: -log(1e-6 sqrt(D) + 1e-6)."""
    expected = torch.tensor(-math.log(1e-6 * math.sqrt(8) + 1e-6), dtype=torch.float64)
    assert_close(koleo_loss(torch.ones(2, 1, 8, dtype=torch.float64)), expected)
    assert_close(koleo_loss(torch.ones(1, 4, 8, dtype=torch.float64)), expected)


def test_entropies_at_their_extremes():
    sharp = torch.eye(8, dtype=torch.float64)
    assert_close(posterior_entropy(sharp), torch.zeros(()).double(), atol=2e-5, rtol=0)
    assert_close(marginal_entropy(sharp), torch.tensor(math.log(8)).double(), atol=2e-5, rtol=0)
    one = sharp[:1].expand(5, 8)
    assert_close(marginal_entropy(one), posterior_entropy(one))
    uniform = torch.full((3, 4, 8), 1 / 8, dtype=torch.float64)
    assert_close(posterior_entropy(uniform), torch.tensor(math.log(8)).double(), atol=2e-5, rtol=0)
    mixed = torch.rand(6, 8, generator=torch.Generator().manual_seed(0)).double().softmax(-1)
    assert marginal_entropy(mixed) >= posterior_entropy(mixed)
