"""Every sensor's intensity comes to 0-1, and what cannot is refused."""

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional.intensity import check_intensity_scale, unit_intensity


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
