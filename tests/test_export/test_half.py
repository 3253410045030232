"""Half precision: what is stored, how its effect on features is measured, and that too much of it is refused."""

import pytest
import torch

from dos_mm3d.errors import InputError
from dos_mm3d.export.half import LEAST_VALUES, LIMIT, in_half, put, relative_difference, require_small


def test_large_tensors_alone_are_halved_and_keep_eleven_bits():
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(3, 3, 3, 32, 32, generator=generator)
    weights = dict(kernel=kernel, norm=torch.ones(64), count=torch.tensor(7))
    found = in_half(weights)
    assert kernel.numel() >= LEAST_VALUES and found['kernel'].dtype == torch.float16
    assert found['norm'] is weights['norm'] and found['count'] is weights['count']
    error = (found['kernel'].float() - kernel).abs() / kernel.abs().clamp_min(2**-14)
    assert 0 < error.max() <= 2**-11


def test_relative_difference_has_no_unit_and_is_0_of_the_same():
    generator = torch.Generator().manual_seed(0)
    wanted, step = torch.randn(2, 50, 8, generator=generator)
    assert relative_difference(wanted, wanted) == 0
    assert relative_difference(2 * wanted, wanted) == pytest.approx(1)
    one = relative_difference(wanted + 1e-3 * step, wanted)
    assert one == pytest.approx(1e-3 * float(step.norm() / wanted.norm()), rel=1e-3)
    assert relative_difference(100 * (wanted + 1e-3 * step), 100 * wanted) == pytest.approx(one, rel=1e-3)
    assert relative_difference(torch.zeros(3, 2), torch.zeros(3, 2)) == 0
    assert relative_difference(torch.ones(3, 2), torch.zeros(3, 2)) == 1
    with pytest.raises(ValueError, match='cannot be compared'):
        relative_difference(wanted, wanted[:3])


@pytest.mark.parametrize('difference', [1.01 * LIMIT, float('nan'), float('inf')])
def test_more_than_the_limit_is_refused(difference):
    require_small(LIMIT, 'a.pth')
    with pytest.raises(InputError, match=r'a\.pth: in half precision its features differ.*without --half'):
        require_small(difference, 'a.pth')


def test_tensors_of_other_names_are_refused_and_half_ones_leave_parameters_in_float32():
    layer = torch.nn.Linear(2, 3)
    state = {name: torch.full_like(value, 0.1).half() for name, value in layer.state_dict().items()}
    put(state, layer)
    assert layer.weight.dtype == torch.float32 and float(layer.weight[0, 0]) == float(torch.tensor(0.1).half())
    with pytest.raises(InputError, match='bias'):
        put({'weight': state['weight']}, layer)
