"""Colours: stretched, shifted and jittered, always between 0 and 1."""

import torch
from torch import Generator
from torch.testing import assert_close

from dos_mm3d.functional.augment import jitter_colour, shift_colour, stretch_contrast


def colours(count: int = 500) -> torch.Tensor:
    return torch.rand(count, 3, generator=Generator().manual_seed(0)) * 0.4 + torch.tensor([0.1, 0.2, 0.3])


def test_contrast_is_stretched_to_the_whole_range_by_its_blend():
    colour = colours()
    assert_close(stretch_contrast(colour, 0.0), colour)
    full = stretch_contrast(colour, 1.0)
    assert_close(full.amin(0), torch.zeros(3)) and assert_close(full.amax(0), torch.ones(3))
    assert_close(stretch_contrast(colour, 0.25), 0.75 * colour + 0.25 * full)
    assert torch.equal(full.argsort(0), colour.argsort(0)), 'order of brightness stays'


def test_a_channel_of_one_value_stays():
    flat = torch.tensor([[0.5, 0.1, 0.0], [0.5, 0.3, 0.0]])
    assert_close(stretch_contrast(flat, 1.0)[:, [0, 2]], flat[:, [0, 2]])


def test_a_shift_is_one_number_for_each_channel_within_its_limit():
    colour, generator = colours(), Generator().manual_seed(1)
    moves = torch.stack([(shift_colour(colour, 0.05, generator) - colour)[0] for _ in range(200)])
    assert moves.abs().max() <= 0.05 + 1e-6 and moves.abs().max() > 0.04
    assert torch.corrcoef(moves.T).fill_diagonal_(0).abs().max() < 0.3, 'channels are drawn one by one'
    move = shift_colour(colour, 0.05, generator) - colour
    assert_close(move, move[:1].expand_as(move))
    assert shift_colour(torch.ones(4, 3), 0.9, Generator().manual_seed(2)).max() <= 1


def test_jitter_is_gaussian_and_clipped():
    grey = torch.full((20000, 3), 0.5)
    noise = jitter_colour(grey, 0.05, Generator().manual_seed(0)) - grey
    assert abs(float(noise.std()) - 0.05) < 2e-3 and abs(float(noise.mean())) < 2e-3
    dark = jitter_colour(torch.zeros(100, 3), 0.05, Generator().manual_seed(0))
    assert dark.min() == 0 and dark.max() > 0
