"""Balanced assignments end on rows, tend to equal columns; the loss is a cross-entropy with its textbook gradient."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional import balanced_assignment, clustering_loss, zipf_prior, zipf_sinkhorn

N, K = 200, 12


@pytest.fixture
def logits() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    features, prototypes = (torch.randn(n, 8, generator=generator) for n in (N, K))
    cosines = torch.nn.functional.normalize(features, dim=1) @ torch.nn.functional.normalize(prototypes, dim=1).T
    return cosines / 0.1


def oracle(logits: np.ndarray, rounds: int) -> np.ndarray:
    """SwAV's listing in linear float64 arithmetic, transposed to (N, K), its constants kept."""
    q = np.exp(logits.astype(np.float64))
    q /= q.sum()
    for _ in range(rounds):
        q = q / q.sum(0, keepdims=True) / q.shape[1]
        q = q / q.sum(1, keepdims=True) / q.shape[0]
    return q * q.shape[0]


@pytest.mark.parametrize('rounds', [1, 3, 10])
def test_equals_the_listing_of_swav(logits, rounds):
    wanted = torch.from_numpy(oracle(logits.numpy(), rounds)).float()
    assert_close(balanced_assignment(logits, n_iters=rounds), wanted, rtol=1e-4, atol=1e-7)


def test_rows_are_distributions_and_columns_become_equal(logits):
    assert_close(balanced_assignment(logits, n_iters=1).sum(1), torch.ones(N))
    converged = balanced_assignment(logits, n_iters=300)
    assert_close(converged.sum(1), torch.ones(N))
    assert_close(converged.sum(0), torch.full((K,), N / K), rtol=1e-3, atol=0)
    assert not torch.allclose(logits.softmax(1).sum(0), torch.full((K,), N / K), rtol=0.1)


def test_constants_of_a_point_or_of_a_prototype_cancel(logits):
    rows, columns = torch.randn(N, 1), torch.randn(K)
    wanted = balanced_assignment(logits, n_iters=3)
    assert_close(balanced_assignment(logits + columns, n_iters=3), wanted, rtol=1e-4, atol=1e-6)
    far = balanced_assignment(logits + rows, n_iters=500)
    assert_close(far, balanced_assignment(logits, n_iters=500), rtol=1e-3, atol=1e-5)


def test_converged_it_is_uniform_zipf_sinkhorn_read_the_other_way(logits):
    """Both are the one matrix with equal rows and equal columns, scaled to rows here and to columns there."""
    rows = balanced_assignment(logits, n_iters=500)
    columns = zipf_sinkhorn(logits, zipf_prior(K, 0.0), n_iters=500)
    assert_close(rows * K / N, columns, rtol=1e-3, atol=1e-6)


def test_closed_forms():
    assert_close(balanced_assignment(torch.zeros(N, K), n_iters=3), torch.full((N, K), 1 / K))
    # two points, two prototypes, symmetric: already balanced, so nothing but the rows' softmax is left
    symmetric = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    assert_close(balanced_assignment(symmetric, n_iters=3), symmetric.softmax(1))
    # one point has to share itself out evenly, whatever it prefers
    assert_close(balanced_assignment(torch.tensor([[5.0, 1.0, -3.0]]), n_iters=1), torch.full((1, 3), 1 / 3))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_and_extreme_logits(logits, dtype):
    half = logits.to(dtype)
    assert_close(balanced_assignment(half, n_iters=3), balanced_assignment(half.float(), n_iters=3))
    extreme = torch.where(logits > 0, 1.0, -1.0) / 0.02
    assert_close(balanced_assignment(extreme, n_iters=3).sum(1), torch.ones(N))


def test_loss_is_the_mean_cross_entropy_and_smallest_at_the_target(logits):
    target = logits.softmax(1)
    entropy = -(target * target.log()).sum(1).mean()
    assert_close(clustering_loss(logits, target), entropy)
    assert clustering_loss(logits + torch.randn_like(logits), target) > entropy
    assert_close(clustering_loss(torch.zeros(N, K), target), torch.tensor(math.log(K)))
    hard = torch.tensor([[0.0, 1.0]])
    assert_close(clustering_loss(torch.tensor([[1.0, 3.0]]), hard), torch.tensor(math.log1p(math.exp(-2))))


def test_gradient_is_softmax_minus_target_and_reaches_the_student_only(logits):
    student = torch.randn(N, K, requires_grad=True)
    target = balanced_assignment(logits, n_iters=3).requires_grad_()
    clustering_loss(student, target).backward()
    assert_close(student.grad, (student.softmax(1) - target).detach() / N)
    assert_close(student.grad.sum(1), torch.zeros(N), rtol=0, atol=1e-6)
    assert target.grad is None


def test_a_constant_of_a_point_changes_nothing_but_one_of_a_prototype_does(logits):
    target = balanced_assignment(logits, n_iters=3)
    wanted = clustering_loss(logits, target)
    assert_close(clustering_loss(logits + torch.randn(N, 1), target), wanted)
    assert not torch.allclose(clustering_loss(logits + 5 * torch.randn(K), target), wanted)


def test_bad_input_is_named(logits):
    with pytest.raises(ValueError, match='no point'):
        balanced_assignment(torch.zeros(0, K), n_iters=3)
    with pytest.raises(ValueError, match='n_iters must be >= 1'):
        balanced_assignment(logits, n_iters=0)
    with pytest.raises(ValueError, match='no point'):
        clustering_loss(torch.zeros(0, K), torch.zeros(0, K))
    with pytest.raises(ValueError, match=r'\(200, 12\) and \(200, 11\)'):
        clustering_loss(logits, logits[:, 1:])
