"""The streaming loss against the plain functions, an independent float64 oracle, and the identities of
docs/method.md, "Softmap and loss" and "Zipf-Sinkhorn".

Blocks hold 16 rows here, so that every case has many and a ragged last one.
"""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional import (
    column_entropy,
    softmap_kl,
    streaming_column_entropies,
    streaming_softmap_loss,
    streaming_softmaps,
    zipf_prior,
    zipf_sinkhorn,
)
from tests.helpers.streaming_cases import (
    TEMPERATURES,
    case,
    oracle_loss,
    oracle_target,
    plain_loss,
    set_block_elements,
    streamed_target,
    unit_rows,
    value_and_gradients,
)

N, K = 300, 24


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    set_block_elements(monkeypatch, 1)


@pytest.fixture
def prior() -> torch.Tensor:
    return zipf_prior(K, 1.3)


@pytest.fixture
def logits() -> torch.Tensor:
    """(N, K) moderate teacher logits."""
    return unit_rows(5, N, 16) @ unit_rows(6, K, 16).T / 0.07


def both(student, teacher, prototypes, prior, *, n_iters=3, teacher_prototypes=None) -> tuple[list, list]:
    """Value and gradients of the streaming and of the plain loss; the plain one's target does not see prototypes."""
    fixed = prototypes.detach() if teacher_prototypes is None else teacher_prototypes

    def streaming(x, q):
        own = dict(teacher_prototypes=teacher_prototypes)
        return streaming_softmap_loss(x, teacher, q, prior, n_iters=n_iters, **own, **TEMPERATURES)

    def plain(x, q):
        return plain_loss(x, teacher, q, prior, n_iters=n_iters, teacher_prototypes=fixed)

    return value_and_gradients(streaming, student, prototypes), value_and_gradients(plain, student, prototypes)


@pytest.mark.parametrize('alpha', [0.0, 1.3, 3.0])
@pytest.mark.parametrize('n_iters', [2, 3, 10])
def test_equals_the_plain_functions(n_iters, alpha):
    streaming, plain = both(*case(N, K), zipf_prior(K, alpha), n_iters=n_iters)
    for one, other in zip(streaming, plain):
        assert_close(one, other, rtol=1e-9, atol=1e-14)


def test_float32_equals_float64_within_1e_4(prior):
    single, _ = both(*case(N, K, dtype=torch.float32), prior)
    double, _ = both(*case(N, K), prior)
    for one, other in zip(single, double):
        assert one.dtype == torch.float32
        assert (one.double() - other).norm() < 1e-4 * other.norm()


def test_equals_an_oracle_in_linear_float64(prior):
    student, teacher, prototypes = (x.numpy() for x in case(N, K))
    target = oracle_target(teacher @ prototypes.T / TEMPERATURES['teacher_temperature'], prior.numpy(), 3)
    wanted = oracle_loss(student @ prototypes.T / TEMPERATURES['student_temperature'], target)
    got = streaming_softmap_loss(*case(N, K), prior, n_iters=3, **TEMPERATURES)
    assert got.item() == pytest.approx(wanted, rel=1e-7)


def test_teacher_prototypes_of_its_own(prior):
    student, teacher, prototypes = case(N, K)
    streaming, plain = both(student, teacher, prototypes, prior, teacher_prototypes=unit_rows(9, K, 8))
    for one, other in zip(streaming, plain):
        assert_close(one, other, rtol=1e-9, atol=1e-14)
    shared, _ = both(student, teacher, prototypes, prior)
    assert not torch.isclose(shared[0], streaming[0], rtol=0.1)


def test_without_sinkhorn_the_target_is_the_teachers_softmax():
    student, teacher, prototypes = case(N, K)
    target = (teacher @ prototypes.T / TEMPERATURES['teacher_temperature']).softmax(0)

    def streaming(x, q):
        return streaming_softmaps(x, teacher, q, None, n_iters=None, **TEMPERATURES).loss

    def plain(x, q):
        return softmap_kl(x @ q.T / TEMPERATURES['student_temperature'], target)

    for one, other in zip(*(value_and_gradients(f, student, prototypes) for f in (streaming, plain))):
        assert_close(one, other, rtol=1e-9, atol=1e-14)


def test_gradcheck():
    student, teacher, prototypes = case(7, 3, channels=4)
    fixed = prototypes.clone()  # finite differences would also move a shared target

    def loss(x, q):
        settings = dict(n_iters=3, teacher_prototypes=fixed, **TEMPERATURES)
        return streaming_softmap_loss(x, teacher, q, zipf_prior(3, 1.3), **settings)

    assert torch.autograd.gradcheck(loss, (student.requires_grad_(), prototypes.requires_grad_()))


def test_only_the_student_gets_a_gradient(prior):
    student, teacher, prototypes = case(N, K)
    own = unit_rows(9, K, 8).requires_grad_()
    teacher.requires_grad_()
    settings = dict(n_iters=3, teacher_prototypes=own, **TEMPERATURES)
    streaming_softmap_loss(student.requires_grad_(), teacher, prototypes, prior, **settings).backward()
    assert teacher.grad is None and own.grad is None and prototypes.grad is None
    assert student.grad.norm() > 0
    alone = prototypes.clone().requires_grad_()
    streaming_softmap_loss(student.detach(), teacher, alone, prior, **settings).backward()
    assert alone.grad.norm() > 0
    assert not streaming_softmap_loss(student.detach(), teacher, prototypes, prior, **settings).requires_grad


def test_backward_scales_repeats_and_has_no_second_derivative(prior):
    student, teacher, prototypes = case(N, K)
    student.requires_grad_()
    loss = streaming_softmap_loss(student, teacher, prototypes, prior, n_iters=3, **TEMPERATURES)
    first = torch.autograd.grad(loss, student, retain_graph=True)[0]
    assert_close(torch.autograd.grad(-3 * loss, student, retain_graph=True)[0], -3 * first)
    with pytest.raises(RuntimeError, match='does not require grad'):
        torch.autograd.grad(loss, student, create_graph=True)[0].sum().backward()


def test_target_is_zipf_sinkhorn_of_any_logits(logits, prior):
    assert_close(streamed_target(logits, prior, n_iters=3), zipf_sinkhorn(logits, prior, n_iters=3))


def test_target_columns_are_distributions_over_points(logits, prior):
    target = streamed_target(logits, prior, n_iters=3)
    assert (target >= -1e-15).all()
    assert_close(target.sum(0), torch.ones(K, dtype=torch.float64))


@pytest.mark.parametrize('alpha', [0.0, 1.3])
def test_converged_target_spreads_the_prior_evenly_over_points(logits, alpha):
    prior = zipf_prior(K, alpha)
    even = torch.full((N,), 1 / N, dtype=torch.float64)
    assert_close(streamed_target(logits, prior, n_iters=300) @ prior.double(), even, rtol=1e-4, atol=0)
    assert not torch.allclose(streamed_target(logits, prior, n_iters=2) @ prior.double(), even, rtol=0.05)


def test_prior_acts_by_one_factor_per_point(logits, prior):
    ratio = (
        streamed_target(logits, prior, n_iters=3).log() - streamed_target(logits, zipf_prior(K, 0.0), n_iters=3).log()
    )
    residual = ratio - ratio.mean(0) - ratio.mean(1, keepdim=True) + ratio.mean()
    assert ratio.abs().max() > 0.5
    assert residual.abs().max() < 1e-7 * ratio.abs().max()


def test_constants_per_student_column_and_point_order_change_nothing(logits, prior):
    generator = torch.Generator().manual_seed(1)
    student = torch.randn(N, K, generator=generator, dtype=torch.float64)
    shift = torch.randn(K, generator=generator, dtype=torch.float64) * 3
    perm = torch.randperm(N, generator=generator)
    eye = torch.eye(K, dtype=torch.float64)

    def loss(student, teacher):
        settings = dict(student_temperature=1.0, teacher_temperature=1.0, n_iters=3)
        return streaming_softmap_loss(student, teacher, eye, prior, **settings)

    assert_close(loss(student + shift, logits), loss(student, logits))
    assert_close(loss(student[perm], logits[perm]), loss(student, logits))
    assert_close(streamed_target(logits[perm], prior, n_iters=3), streamed_target(logits, prior, n_iters=3)[perm])


def test_gradient_is_the_difference_of_softmaps_over_k_and_sums_to_zero(logits, prior):
    student = torch.randn(N, K, generator=torch.Generator().manual_seed(2), dtype=torch.float64, requires_grad=True)
    eye = torch.eye(K, dtype=torch.float64)
    settings = dict(student_temperature=1.0, teacher_temperature=1.0, n_iters=3)
    streaming_softmap_loss(student, logits, eye, prior, **settings).backward()
    wanted = (student.softmax(0) - torch.from_numpy(oracle_target(logits.numpy(), prior.numpy(), 3))).detach() / K
    assert_close(student.grad, wanted, rtol=1e-6, atol=1e-12)
    assert_close(student.grad.sum(0), torch.zeros(K, dtype=torch.float64), atol=1e-14, rtol=0)


def test_closed_forms(prior):
    settings = dict(n_iters=3, **TEMPERATURES)
    # collapsed features are a zero of the loss, whatever the temperatures, and both maps are uniform
    same = unit_rows(0, 1, 8).expand(N, 8)
    collapsed = streaming_softmaps(same, same, unit_rows(1, K, 8), prior, **settings)
    assert collapsed.loss.item() == pytest.approx(0, abs=1e-12)
    assert collapsed.student_entropy.item() == pytest.approx(1, abs=1e-12)
    assert collapsed.target_entropy.item() == pytest.approx(1, abs=1e-12)
    # with one prototype the row step makes all points equal: KL(uniform || softmax)
    student, teacher, prototype = case(N, 1)
    log_map = (student @ prototype.T / TEMPERATURES['student_temperature']).log_softmax(0)
    got = streaming_softmap_loss(student, teacher, prototype, zipf_prior(1, 1.3), **settings)
    assert got.item() == pytest.approx(-log_map.mean().item() - np.log(N), rel=1e-9)


def test_entropies_are_those_of_the_plain_maps(prior):
    student, teacher, prototypes = case(N, K)
    target = zipf_sinkhorn(teacher @ prototypes.T / TEMPERATURES['teacher_temperature'], prior, n_iters=3)
    of_student = column_entropy((student @ prototypes.T / TEMPERATURES['student_temperature']).softmax(0))
    got = streaming_column_entropies(student, teacher, prototypes, prior, n_iters=3, **TEMPERATURES)
    assert_close(torch.stack(got), torch.stack([of_student, column_entropy(target)]))
    together = streaming_softmaps(student.requires_grad_(), teacher, prototypes, prior, n_iters=3, **TEMPERATURES)
    assert_close(torch.stack(together[1:]), torch.stack(got))
    assert together.loss.requires_grad and not together.student_entropy.requires_grad


def test_gradient_descent_reaches_the_teacher(prior):
    student, teacher, prototypes = case(N, K)
    losses = []
    student.requires_grad_()
    optimizer = torch.optim.Adam([student], lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(streaming_softmap_loss(student, teacher, prototypes, prior, n_iters=3, **TEMPERATURES))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.05 * losses[0]


def test_fitting_blocks_and_small_blocks_agree(prior, monkeypatch):
    small, _ = both(*case(N, K), prior)
    set_block_elements(monkeypatch, 10**9)
    for one, other in zip(small, both(*case(N, K), prior)[0]):
        assert_close(one, other, rtol=1e-10, atol=1e-15)
