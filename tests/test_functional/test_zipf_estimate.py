"""Planted exponents come back, from exact masses, from counts with sampling noise, and from features."""

import pytest
import torch
import torch.nn.functional as F

from dos_mm3d.functional import estimate_zipf_exponent, zipf_prior
from dos_mm3d.functional.zipf import exponent_of_mean_log_rank, mean_log_rank

ALPHAS = (0.0, 0.5, 1.0, 1.3, 1.6, 2.0, 3.0)


def draw(num_prototypes: int, alpha: float, num_points: int, seed: int = 0) -> torch.Tensor:
    """(N,) prototypes of points, Zipf-distributed; which prototype has which rank is shuffled."""
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(num_prototypes, generator=generator)
    weights = zipf_prior(num_prototypes, alpha)
    return shuffled[torch.multinomial(weights, num_points, replacement=True, generator=generator)]


def counts(prototypes: torch.Tensor, num_prototypes: int) -> torch.Tensor:
    return torch.bincount(prototypes, minlength=num_prototypes)


@pytest.mark.parametrize('alpha', ALPHAS)
@pytest.mark.parametrize('num_prototypes', [2, 128, 1024])
def test_exact_masses_return_their_exponent_in_any_order_and_scale(num_prototypes, alpha):
    mass = zipf_prior(num_prototypes, alpha)
    shuffled = mass[torch.randperm(num_prototypes, generator=torch.Generator().manual_seed(1))] * 7
    assert estimate_zipf_exponent(shuffled) == pytest.approx(alpha, abs=1e-3)


@pytest.mark.parametrize('alpha', ALPHAS)
@pytest.mark.parametrize(('num_prototypes', 'num_points'), [(128, 20_000), (1024, 60_000)])
def test_counts_return_the_planted_exponent(num_prototypes, num_points, alpha):
    mass = counts(draw(num_prototypes, alpha, num_points), num_prototypes)
    assert estimate_zipf_exponent(mass) == pytest.approx(alpha, abs=0.15)


@pytest.mark.parametrize('alpha', ALPHAS)
def test_ranks_of_an_independent_half_find_no_slope_in_noise(alpha):
    """20 points a prototype, unequal by chance alone: their own ranks make 0.18 of a planted 0."""
    points = draw(1024, alpha, 20_000)
    one, other = (counts(points[start::2], 1024) for start in (0, 1))
    assert estimate_zipf_exponent(one, order_by=other) == pytest.approx(alpha, abs=0.15)
    if alpha == 0:
        assert estimate_zipf_exponent(one, order_by=other) < 0.05
        assert estimate_zipf_exponent(one + other) > 0.15


@pytest.mark.parametrize('alpha', ALPHAS)
@pytest.mark.parametrize('num_prototypes', [128, 1024])
def test_features_around_prototypes_return_the_planted_exponent(num_prototypes, alpha):
    """The nearest prototype does, at a noise as large as the signal; softmaps at tau 0.1 are too flat."""
    generator = torch.Generator().manual_seed(2)
    prototypes = F.normalize(torch.randn(num_prototypes, 64, generator=generator), dim=1)
    noise = F.normalize(torch.randn(40_000, 64, generator=generator), dim=1)
    features = F.normalize(prototypes[draw(num_prototypes, alpha, 40_000)] + noise, dim=1)
    cosines = features @ prototypes.T
    assert estimate_zipf_exponent(counts(cosines.argmax(1), num_prototypes)) == pytest.approx(alpha, abs=0.15)
    if alpha >= 1.3:
        assert estimate_zipf_exponent((cosines / 0.1).softmax(1).mean(0)) < alpha - 0.15


def test_it_is_the_maximum_of_the_likelihood():
    mass = counts(draw(50, 1.2, 3000), 50).double().sort(descending=True).values
    found = estimate_zipf_exponent(mass)

    def likelihood(alpha: float) -> float:
        return float(mass @ zipf_prior(50, alpha).double().log())

    assert likelihood(found) > max(likelihood(found - 0.02), likelihood(found + 0.02))


def test_mean_log_rank_is_linear_in_the_mass():
    order, one, other = torch.rand(3, 30, generator=torch.Generator().manual_seed(3)).double()
    mixed = 0.25 * one / one.sum() + 0.75 * other / other.sum()
    wanted = 0.25 * mean_log_rank(one, order_by=order) + 0.75 * mean_log_rank(other, order_by=order)
    assert mean_log_rank(mixed, order_by=order) == pytest.approx(wanted)


def test_ends_of_the_range():
    assert exponent_of_mean_log_rank(100.0, 64) == pytest.approx(0, abs=1e-9)
    assert estimate_zipf_exponent(torch.tensor([0.0, 1.0, 0.0])) == pytest.approx(16)


@pytest.mark.parametrize(
    'mass', [torch.zeros(4), torch.tensor([1.0, -1.0, 2.0]), torch.tensor([1.0, torch.nan]), torch.ones(2, 2)]
)
def test_a_mass_that_is_none_is_refused(mass):
    with pytest.raises(ValueError, match='mass'):
        estimate_zipf_exponent(mass)
