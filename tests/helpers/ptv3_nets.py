"""Small networks and clouds for the tests of Point Transformer V3."""

import torch

from dos_mm3d.models.backbones.ptv3 import Cloud, PTv3

HEADS = [1, 2, 4]
CHANNELS = dict(m1=(8, 16, 32), m2=(8, 16, 32), m3=(6, 24, 24))
SIZES = (170, 9, 90)


def cloud(sizes=SIZES, channels=5, *, seed=0, dtype=torch.float32, extent=12, **settings) -> Cloud:
    generator = torch.Generator().manual_seed(seed)
    places = [torch.randperm(extent**3, generator=generator)[:n] for n in sizes]
    cells = torch.cat(places)
    grid = torch.stack((cells // extent**2, cells // extent % extent, cells % extent), 1)
    batch = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    coord = (grid + torch.rand(len(grid), 3, generator=generator)).to(dtype) * 0.1
    feat = torch.randn(len(grid), channels, generator=generator).to(dtype)
    return Cloud.from_points(feat, coord, batch, grid_coord=grid, batch_size=len(sizes), **settings)


def model(variant='m2', *, decoder=False, patch=32, seed=0, block=None, **settings) -> PTv3:
    torch.manual_seed(seed)
    widths = CHANNELS[variant]
    net = PTv3(
        5,
        dict(channels=widths, depths=(2, 2, 1), heads=HEADS, patch_sizes=patch),
        dict(channels=widths[:2], depths=(2, 1), heads=HEADS[:2]) if decoder else None,
        block=block,
        variant=variant,
        **settings,
    )
    for name, parameter in net.named_parameters():  # far from the symmetric start, so that a slip shows
        if 'inv_freq' not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    for name, buffer in net.named_buffers():
        if 'running' in name:
            torch.nn.init.uniform_(buffer, 0.5, 1.5)
    return net.eval()
