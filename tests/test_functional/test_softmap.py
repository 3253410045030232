"""The loss of docs/method.md, "Softmap and loss": value, gradient, limits."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional import softmap_kl, zipf_prior, zipf_sinkhorn

N, K = 200, 12


@pytest.fixture
def student() -> torch.Tensor:
    return torch.randn(N, K, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 3


@pytest.fixture
def target() -> torch.Tensor:
    logits = torch.randn(N, K, generator=torch.Generator().manual_seed(4), dtype=torch.float64) * 4
    return zipf_sinkhorn(logits, zipf_prior(K, 1.3), n_iters=3)


def test_equals_a_written_out_float64_sum(student, target):
    a, t = student.numpy(), target.numpy()
    total = 0.0
    for k in range(K):
        probability = np.exp(a[:, k]) / np.exp(a[:, k]).sum()
        total += float((t[:, k] * np.log(t[:, k] / probability)).sum()) / K
    assert softmap_kl(student, target).item() == pytest.approx(total, rel=1e-10)


def test_gradient_is_student_minus_target_over_k(student, target):
    student.requires_grad_()
    softmap_kl(student, target).backward()
    assert_close(student.grad, (student.softmax(0) - target).detach() / K)
    assert_close(student.grad.sum(0), torch.zeros(K, dtype=torch.float64), atol=1e-12, rtol=0)


def test_zero_iff_the_softmaps_agree(student, target):
    assert softmap_kl(target.log(), target).item() == pytest.approx(0, abs=1e-12)
    assert softmap_kl(student, target) > 0.1


def test_constant_features_are_also_a_zero():
    collapsed = torch.full((N, K), 7.0)
    uniform = zipf_sinkhorn(torch.full((N, K), -2.0), zipf_prior(K, 1.3), n_iters=3)
    assert softmap_kl(collapsed, uniform).item() == pytest.approx(0, abs=1e-5)


def test_constants_per_prototype_and_point_order_change_nothing(student, target):
    shift = torch.randn(K, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    perm = torch.randperm(N, generator=torch.Generator().manual_seed(6))
    assert_close(softmap_kl(student + shift, target), softmap_kl(student, target))
    assert_close(softmap_kl(student[perm], target[perm]), softmap_kl(student, target))


def test_target_gets_no_gradient_and_may_hold_zeros(student):
    onehot = torch.zeros(N, K, dtype=torch.float64)
    onehot[0] = 1
    onehot.requires_grad_()
    student.requires_grad_()
    loss = softmap_kl(student, onehot)
    loss.backward()
    assert onehot.grad is None
    assert_close(loss, -student.log_softmax(0)[0].mean())


@pytest.mark.parametrize(('num_points', 'num_prototypes'), [(2, 1), (60_000, 2), (5, 4096)])
def test_sizes_from_smallest_to_a_full_scan(num_points, num_prototypes):
    generator = torch.Generator().manual_seed(7)
    logits, other = (torch.randn(num_points, num_prototypes, generator=generator) * 5 for _ in range(2))
    probability, onto = logits.double().log_softmax(0), other.double().log_softmax(0)
    wanted = (onto.exp() * (onto - probability)).sum(0).mean().item()
    # float32 sums over 60 000 points: 8e-5 off on one processor
    assert softmap_kl(logits, other.softmax(0)).item() == pytest.approx(wanted, rel=1e-3)


def test_one_point_is_no_choice():
    logits = torch.randn(1, K, generator=torch.Generator().manual_seed(8), requires_grad=True)
    loss = softmap_kl(logits, torch.ones(1, K))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_extreme_logits_stay_finite():
    signs = torch.where(torch.rand(N, K, generator=torch.Generator().manual_seed(9)) > 0.5, 1.0, -1.0)
    logits = (signs / 0.02).requires_grad_()
    loss = softmap_kl(logits, (signs.flip(0) / 0.02).softmax(0))
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()
    # a column of n+ points at 50 and the others at -50 is uniform over the n+; the flip misses a share of them by 100
    positive = signs.flip(0) > 0
    missed = (positive & (signs < 0)).double().sum(0) / positive.sum(0)
    assert loss.item() == pytest.approx(float(100 * missed.mean()), rel=1e-5)


def test_half_precision_input_gives_a_float32_loss(student, target):
    loss = softmap_kl(student.half(), target.float())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(softmap_kl(student.half().double(), target).item(), rel=1e-4)


def test_gradient_descent_reaches_the_target(target):
    logits = torch.zeros(N, K, dtype=torch.float64, requires_grad=True)
    first = softmap_kl(logits, target).item()
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        softmap_kl(logits, target).backward()
        optimizer.step()
    assert softmap_kl(logits, target).item() < 0.05 * first


def test_bad_input_is_named(target):
    with pytest.raises(ValueError, match=r'one shape'):
        softmap_kl(torch.zeros(N, K + 1), target)
    with pytest.raises(ValueError, match='no point'):
        softmap_kl(torch.zeros(0, K), torch.zeros(0, K))
