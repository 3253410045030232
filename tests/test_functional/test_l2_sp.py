"""The pull towards the start against torch's own gradient of the penalty."""

import pytest
import torch

from dos_mm3d.functional.l2_sp import pull_back_


def tensors(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3, 2), (4,))]


def test_with_plain_descent_it_is_a_step_on_loss_and_penalty() -> None:
    rate, strength = 0.1, 0.7
    start, ours, data = tensors(0), tensors(1), tensors(2)

    def loss(weights: list[torch.Tensor]) -> torch.Tensor:
        return sum((weight * value).sin().sum() for weight, value in zip(weights, data))

    theirs = [weight.clone().requires_grad_() for weight in ours]
    penalty = sum((weight - begin).square().sum() for weight, begin in zip(theirs, start)) / 2
    (loss(theirs) + strength * penalty).backward()
    expected = [weight.detach() - rate * weight.grad for weight in theirs]

    leaves = [weight.clone().requires_grad_() for weight in ours]
    loss(leaves).backward()
    pull_back_(ours, start, share=rate * strength)
    found = [weight - rate * leaf.grad for weight, leaf in zip(ours, leaves)]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_limits() -> None:
    start, weights = tensors(0), tensors(1)
    pull_back_(weights, start, share=0.0)
    assert all(map(torch.equal, weights, tensors(1)))
    pull_back_(weights, start, share=1.0)
    assert all(map(torch.equal, weights, tensors(0)))
    pull_back_(weights, start, share=0.3)
    assert all(map(torch.equal, weights, start)), 'what is at the start stays, bit by bit'
    assert all(map(torch.equal, start, tensors(0)))


@pytest.mark.parametrize('share', [-0.1, 1.1])
def test_a_pull_past_the_start_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match='overshoot'):
        pull_back_(tensors(1), tensors(0), share=share)
