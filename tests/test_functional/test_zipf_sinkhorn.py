"""Identities of docs/method.md, "Zipf-Sinkhorn", and an independent float64 oracle."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional import zipf_prior, zipf_sinkhorn
from tests.helpers.streaming_cases import oracle_target

N, K = 300, 24


@pytest.fixture
def logits() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    features = torch.nn.functional.normalize(torch.randn(N, 16, generator=generator), dim=1)
    prototypes = torch.nn.functional.normalize(torch.randn(K, 16, generator=generator), dim=1)
    return features @ prototypes.T / 0.07


@pytest.fixture
def prior() -> torch.Tensor:
    return zipf_prior(K, 1.3)


@pytest.mark.parametrize('rounds', [2, 3, 10])
@pytest.mark.parametrize('alpha', [0.0, 1.3, 3.0])
def test_equals_the_papers_listing_in_float64(logits, rounds, alpha):
    prior = zipf_prior(K, alpha)
    wanted = torch.from_numpy(oracle_target(logits.numpy(), prior.numpy(), rounds)).float()
    assert_close(zipf_sinkhorn(logits, prior, n_iters=rounds), wanted, rtol=1e-4, atol=1e-8)


def test_prior_is_a_normalised_power_law():
    prior = zipf_prior(1024, 1.3)
    assert_close(prior.sum(), torch.tensor(1.0))
    assert_close(prior[0] / prior[7], torch.tensor(8.0**1.3))
    assert prior[0] == pytest.approx(0.28, abs=0.01)  # docs/method.md, "Zipf-Sinkhorn"
    assert_close(zipf_prior(7, 0.0), torch.full((7,), 1 / 7))


@pytest.mark.parametrize(('k', 'alpha'), [(0, 1.0), (4, -0.1)])
def test_prior_refuses_nonsense(k, alpha):
    with pytest.raises(ValueError, match=r'must be'):
        zipf_prior(k, alpha)


def test_columns_are_distributions_over_points(logits, prior):
    target = zipf_sinkhorn(logits, prior, n_iters=3)
    assert (target >= 0).all()
    assert_close(target.sum(0), torch.ones(K))


def test_converged_map_spreads_the_prior_evenly_over_points(logits, prior):
    assert_close(zipf_sinkhorn(logits, prior, n_iters=300) @ prior, torch.full((N,), 1 / N), rtol=1e-3, atol=1e-7)
    assert not torch.allclose(zipf_sinkhorn(logits, prior, n_iters=2) @ prior, torch.full((N,), 1 / N), rtol=0.05)


def test_acts_on_the_softmax_by_one_factor_per_point(logits, prior):
    ratio = zipf_sinkhorn(logits, prior, n_iters=3).double().log() - logits.double().log_softmax(0)
    residual = ratio - ratio.mean(0) - ratio.mean(1, keepdim=True) + ratio.mean()
    assert residual.abs().max() < 1e-4 * ratio.abs().max()


def test_one_round_would_make_the_prior_inert_and_is_refused(logits, prior):
    uniform = np.full(K, 1 / K)
    assert np.allclose(oracle_target(logits.numpy(), prior.numpy(), 1), oracle_target(logits.numpy(), uniform, 1))
    with pytest.raises(ValueError, match='n_iters must be >= 2'):
        zipf_sinkhorn(logits, prior, n_iters=1)
    two = zipf_sinkhorn(logits, prior, n_iters=2) / zipf_sinkhorn(logits, zipf_prior(K, 0.0), n_iters=2)
    assert two.max() > 1.5


def test_head_prototypes_get_broader_maps_than_tail_prototypes(logits, prior):
    target = zipf_sinkhorn(logits, prior, n_iters=3)
    entropy = -torch.xlogy(target, target).sum(0) / math.log(N)
    assert entropy[0] > entropy[-8:].mean() + 0.1


def test_uninformative_logits_give_uniform_maps(prior):
    assert_close(zipf_sinkhorn(torch.zeros(N, K), prior, n_iters=3), torch.full((N, K), 1 / N))


def test_point_order_is_irrelevant_and_column_constants_cancel(logits, prior):
    perm = torch.randperm(N, generator=torch.Generator().manual_seed(1))
    assert_close(zipf_sinkhorn(logits[perm], prior, n_iters=3), zipf_sinkhorn(logits, prior, n_iters=3)[perm])
    shifted = logits + 5.0  # one constant for all; a constant per column changes the rows
    assert_close(
        zipf_sinkhorn(shifted, prior, n_iters=3), zipf_sinkhorn(logits, prior, n_iters=3), rtol=1e-4, atol=1e-7
    )


def test_column_constants_leave_the_converged_map_alone(logits, prior):
    shift = torch.randn(K, generator=torch.Generator().manual_seed(7), dtype=torch.float64) * 3
    one, other = (zipf_sinkhorn(x, prior, n_iters=300) for x in (logits.double(), logits + shift))
    assert_close(one, other, rtol=1e-4, atol=0)
    three = (zipf_sinkhorn(x, prior, n_iters=3) for x in (logits.double(), logits + shift))
    assert not torch.allclose(*three, rtol=0.05)


def test_row_constants_never_matter(logits, prior):
    shift = torch.randn(N, 1, generator=torch.Generator().manual_seed(8), dtype=torch.float64) * 3
    one, other = (zipf_sinkhorn(x, prior, n_iters=3) for x in (logits.double(), logits + shift))
    assert_close(one, other)


@pytest.mark.parametrize(('num_points', 'num_prototypes'), [(2, 5), (60_000, 16), (60_000, 1), (50, 4096), (1, 1)])
def test_sizes_from_smallest_to_a_full_scan(num_points, num_prototypes):
    generator = torch.Generator().manual_seed(9)
    cosines = torch.rand(num_points, num_prototypes, generator=generator, dtype=torch.float64) * 2 - 1
    prior = zipf_prior(num_prototypes, 1.3)
    target = zipf_sinkhorn((cosines / 0.05).float(), prior, n_iters=3)
    assert_close(target.sum(0), torch.ones(num_prototypes), rtol=1e-4, atol=1e-4)
    wanted = torch.from_numpy(oracle_target((cosines / 0.05).float().numpy(), prior.numpy(), 3)).float()
    assert_close(target, wanted, rtol=2e-4, atol=1e-8)


def test_closed_form_for_two_points_and_one_prototype():
    # with K = 1 the row step makes every point equal, so the map is uniform whatever the logits are
    assert_close(zipf_sinkhorn(torch.tensor([[3.0], [-1.0]]), zipf_prior(1, 1.3), n_iters=2), torch.full((2, 1), 0.5))


def test_extreme_logits_stay_finite(prior):
    generator = torch.Generator().manual_seed(2)
    extreme = torch.where(torch.rand(N, K, generator=generator) > 0.5, 1.0, -1.0) / 0.02
    extreme[:, 3] = -1 / 0.02  # a prototype that no point is near: exp(-100) of a row is below float32
    target = zipf_sinkhorn(extreme, prior, n_iters=3)
    assert target.isfinite().all()
    assert_close(target.sum(0), torch.ones(K))
    wanted = torch.from_numpy(oracle_target(extreme.numpy(), prior.numpy(), 3)).float()
    assert_close(target, wanted, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_computed_in_float32(logits, prior, dtype):
    half = logits.to(dtype)
    target = zipf_sinkhorn(half, prior, n_iters=3)
    assert target.dtype == torch.float32
    assert_close(target, zipf_sinkhorn(half.float(), prior, n_iters=3))


def test_one_point_takes_everything(prior):
    assert_close(zipf_sinkhorn(torch.randn(1, K), prior, n_iters=3), torch.ones(1, K))


def test_bad_input_is_named(prior):
    with pytest.raises(ValueError, match='no point'):
        zipf_sinkhorn(torch.zeros(0, K), prior, n_iters=3)
    with pytest.raises(ValueError, match=r'\(5, 3\)'):
        zipf_sinkhorn(torch.zeros(5, 3), prior, n_iters=3)
