"""A tiny SPVCNN and its input, for several test modules."""

import torch

TINY = dict(
    in_channels=4,
    base_channels=6,
    encoder_channels=[6, 8, 10, 12],
    encoder_blocks=[1, 2, 1, 1],
    decoder_channels=[10, 9, 8, 7],
    decoder_blocks=[1, 1, 2, 1],
    drop_ratio=0.0,
)


def randomise(net: torch.nn.Module) -> None:
    torch.manual_seed(3)
    for name, tensor in net.state_dict().items():
        if name.endswith('running_var'):
            tensor.uniform_(0.5, 2.0)
        elif tensor.is_floating_point():
            tensor.normal_(0, 0.3).add_(1.0 if tensor.ndim == 1 and name.endswith('weight') else 0.0)


def voxels(n: int = 300, batches: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, 4) float64 features, (N, 4) int32 [x, y, z, batch], unique, in no order, on axes of odd lengths."""
    generator = torch.Generator().manual_seed(1)
    coors = torch.stack([torch.randint(0, size, (n,), generator=generator) for size in (37, 23, 19, batches)], dim=1)
    coors = coors.unique(dim=0)
    coors = coors[torch.randperm(len(coors), generator=generator)]
    return torch.randn(len(coors), 4, generator=generator, dtype=torch.float64), coors.int()
