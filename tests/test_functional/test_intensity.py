"""Every sensor's intensity comes to 0-1, and what cannot is refused; ranks have no scale."""

import math

import pytest
import torch
from scipy.stats import expon, rankdata
from torch.testing import assert_close

from dos_mm3d.errors import InputError
from dos_mm3d.functional.intensity import RANKS_MEAN, check_intensity_scale, rank_intensity, unit_intensity


def test_a_number_becomes_one_and_so_does_what_is_above():
    given = torch.tensor([0.0, 51.0, 255.0, 300.0])
    assert_close(unit_intensity(given, 255), torch.tensor([0.0, 0.2, 1.0, 1.0]))
    assert_close(unit_intensity(given, 1.0), torch.tensor([0.0, 1.0, 1.0, 1.0]))
    assert given[3] == 300, 'the given tensor was changed'


def test_outliers_are_squashed_and_order_is_kept():
    given = torch.tensor([0.0, 0.1, 1.0, 5.0, 1e4])
    squashed = unit_intensity(given, 'tanh')
    assert_close(
        squashed,
        (given.double().exp() - (-given).double().exp())
        .div(given.double().exp() + (-given).double().exp())
        .nan_to_num(1.0)
        .float(),
    )
    assert squashed.max() == 1 and (squashed.diff() > 0).all()


def test_unit_values_stay_bit_for_bit():
    given = torch.rand(100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(unit_intensity(given, 'unit'), given)
    assert len(unit_intensity(torch.zeros(0), 'unit')) == 0


def test_impossible_intensities_are_refused():
    with pytest.raises(ValueError, match=r"from 0 to 1\.5; wanted 0 to 1 for intensity='unit'"):
        unit_intensity(torch.tensor([0.0, 1.5]), 'unit')
    for scale in (255, 'tanh', 'unit'):
        with pytest.raises(ValueError, match='found intensities from -1'):
            unit_intensity(torch.tensor([-1.0, 0.5]), scale)


@pytest.mark.parametrize('scale', ['log', 0, -1, float('inf'), float('nan'), True, None])
def test_other_scales_are_refused(scale):
    with pytest.raises(ValueError, match="'unit', 'tanh' or a positive number"):
        check_intensity_scale(scale)


@pytest.mark.parametrize('scale', [255, 'tanh', 'unit'])
@pytest.mark.parametrize('wild', [-1.0, float('nan'), -1e9, 1e9])
def test_single_impossible_intensities_are_clipped(scale, wild):
    given = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    spoilt = given.clone()
    spoilt[:8] = wild
    found = unit_intensity(spoilt, scale)
    assert torch.equal(found[8:], unit_intensity(given, scale)[8:])
    assert torch.equal(found[:8], torch.full((8,), 1.0 if wild > 0 else 0.0))


def test_many_impossible_intensities_are_refused_with_what_helps():
    spoilt = torch.rand(1000, generator=torch.Generator().manual_seed(0)) - 0.5
    with pytest.raises(ValueError, match=r"missing_intensity='zero'"):
        unit_intensity(spoilt, 255)


def intensities(kind: str, count: int = 1001) -> torch.Tensor:
    """(count,) intensities as sensors give them, on 0-1: `bytes` of 256 values, `zeros` with a fifth without any."""
    generator = torch.Generator().manual_seed(1)
    values = torch.rand(count, generator=generator).square()
    if kind == 'bytes':
        return (values * 255).round() / 255
    return torch.where(torch.rand(count, generator=generator) < 0.2, 0, values) if kind == 'zeros' else values


@pytest.mark.parametrize('kind', ['all different', 'bytes', 'zeros'])
def test_ranks_are_quantiles_of_the_exponential_with_fractional_ranking(kind):
    given = intensities(kind)
    share = (rankdata(given.numpy(), method='average') - 0.5) / len(given)
    wanted = expon(scale=RANKS_MEAN).ppf(share).clip(max=255)
    assert_close(rank_intensity(given), torch.from_numpy(wanted).float())


@pytest.mark.parametrize('kind', ['all different', 'bytes', 'zeros'])
def test_ranks_know_no_unit_gain_or_gamma(kind):
    given = intensities(kind).double()
    ranked = rank_intensity(given)
    for other in (given * 255, given * 0.01 + 3, given.sqrt(), given.square(), (given * 5).tanh(), -1 / (1 + given)):
        assert torch.equal(rank_intensity(other), ranked)


def test_ranks_keep_order_and_ties_and_follow_their_point():
    given = intensities('bytes')
    ranked, order = rank_intensity(given), given.argsort(stable=True)
    steps, ranked_steps = given[order].diff(), ranked[order].diff()
    assert torch.equal(steps > 0, ranked_steps > 0) and (ranked_steps >= 0).all()
    shuffled = torch.randperm(len(given), generator=torch.Generator().manual_seed(2))
    assert torch.equal(rank_intensity(given[shuffled]), ranked[shuffled])


def test_ranks_have_the_reference_distribution():
    ranked = rank_intensity(torch.rand(200_000, generator=torch.Generator().manual_seed(0)))
    assert float(ranked.mean()) == pytest.approx(RANKS_MEAN, rel=1e-3)
    assert float(ranked.median()) == pytest.approx(RANKS_MEAN * math.log(2), rel=1e-3)
    assert ranked.min() >= 0 and ranked.max() == 255
    assert_close(rank_intensity(torch.arange(9.0), mean=3.0), rank_intensity(torch.arange(9.0)) * 3 / RANKS_MEAN)


@pytest.mark.parametrize('given', [torch.zeros(40), torch.full((40,), 77.0), torch.tensor([5.0]), torch.ones(3).byte()])
def test_equal_intensities_become_the_median(given):
    assert_close(rank_intensity(given), torch.full((len(given),), RANKS_MEAN * math.log(2)))


def test_ranks_of_no_points_are_none():
    assert rank_intensity(torch.zeros(0)).shape == (0,)


def test_single_nan_rank_lowest_and_many_are_refused():
    given = intensities('all different')
    spoilt = torch.cat((torch.full((3,), torch.nan), given))
    lowest = torch.cat((torch.full((3,), -1.0), given))
    assert torch.equal(rank_intensity(spoilt), rank_intensity(lowest))
    with pytest.raises(InputError, match=r'found 20 NaN among 1001 .* wanted at most 1%'):
        rank_intensity(torch.where(torch.arange(1001) < 20, torch.nan, given))
    with pytest.raises(ValueError, match='mean must be positive'):
        rank_intensity(given, mean=0.0)
