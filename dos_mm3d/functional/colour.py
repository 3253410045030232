"""Augmentations of colours (n, 3), red, green, blue from 0 to 1; all randomness comes from the generator."""

import torch
from torch import Generator, Tensor

from .augment import uniform


def stretch_contrast(colour: Tensor, blend: float) -> Tensor:
    """Each channel stretched to 0 .. 1 over its own range, mixed in by ``blend``: 0 changes nothing, 1 is all of it.

    A channel of one value stays as it is."""
    low, high = colour.amin(0), colour.amax(0)
    span = high - low
    stretched = torch.where(span > 0, (colour - low) / torch.where(span > 0, span, 1), colour)
    return torch.lerp(colour, stretched, blend)


def shift_colour(colour: Tensor, limit: float, generator: Generator) -> Tensor:
    """Each channel shifted by one number from U(-limit, limit), clipped to 0 .. 1."""
    shift = torch.tensor([uniform(-limit, limit, generator) for _ in range(3)], dtype=colour.dtype)
    return (colour + shift).clamp_(0, 1)


def jitter_colour(colour: Tensor, std: float, generator: Generator) -> Tensor:
    """Gaussian noise on every value, clipped to 0 .. 1."""
    noise = torch.randn(colour.shape, generator=generator, dtype=colour.dtype)
    return (colour + noise * std).clamp_(0, 1)
