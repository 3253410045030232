"""Squared distance on the sphere: closed forms, scale, gradient of the student alone."""

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional import cosine_regression


@pytest.fixture
def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(50, 8, generator=generator) for _ in range(2))


def test_zero_at_equality_two_at_right_angles_four_at_the_opposite(vectors):
    a, _ = vectors
    assert_close(cosine_regression(a, a), torch.tensor(0.0), rtol=0, atol=1e-6)
    assert_close(cosine_regression(a, -a), torch.tensor(4.0))
    assert_close(cosine_regression(torch.eye(3), torch.eye(3).roll(1, 0)), torch.tensor(2.0))


def test_is_the_mean_squared_distance_of_the_unit_vectors(vectors):
    a, b = (v / v.norm(dim=1, keepdim=True) for v in vectors)
    assert_close(cosine_regression(*vectors), (a - b).square().sum(1).mean())
    assert_close(cosine_regression(3 * vectors[0], 0.1 * vectors[1]), cosine_regression(*vectors))


def test_gradient_reaches_the_prediction_only_and_is_tangential(vectors):
    a, b = (v.clone().requires_grad_() for v in vectors)
    cosine_regression(a, b).backward()
    assert b.grad is None
    # d/da of -2/N <a/|a|, b/|b|>: no component along a
    assert_close((a.grad * a.detach()).sum(1), torch.zeros(50), rtol=0, atol=1e-6)
    unit_a, unit_b = (v.detach() / v.detach().norm(dim=1, keepdim=True) for v in (a, b))
    cosine = (unit_a * unit_b).sum(1, keepdim=True)
    assert_close(a.grad, -2 / 50 * (unit_b - cosine * unit_a) / a.detach().norm(dim=1, keepdim=True))


def test_half_precision_is_computed_in_float32(vectors):
    half = [v.bfloat16() for v in vectors]
    loss = cosine_regression(*half)
    assert loss.dtype == torch.float32
    assert_close(loss, cosine_regression(*(v.float() for v in half)))


def test_bad_input_is_named(vectors):
    with pytest.raises(ValueError, match='no point'):
        cosine_regression(torch.zeros(0, 8), torch.zeros(0, 8))
    with pytest.raises(ValueError, match=r'\(50, 8\) and \(49, 8\)'):
        cosine_regression(vectors[0], vectors[1][1:])
