"""PTv3 between voxel encoder and 2D backbone: the cloud is that of pretraining, the map a maximum over columns."""

import pytest
import torch
from mmdet3d.registry import MODELS
from torch.testing import assert_close

from dos_mm3d.models.backbones.ptv3 import Cloud, PTv3Backbone, PTv3MiddleEncoder

RANGE = [-3.2, -1.6, -1.0, 3.2, 1.6, 1.0]
VOXEL_M = [0.2, 0.2, 0.2]
SHAPE = (10, 16, 32)  # z, y, x
ENCODER = dict(channels=[8, 12, 16], depths=[1, 1, 1], heads=[1, 2, 2], patch_sizes=32)
DECODER = dict(channels=[10, 12], depths=[0, 1], heads=[1, 2])
PTV3 = dict(type='PTv3', in_channels=4, encoder=ENCODER, input_scale=[0.5, 0.5, 1.0, 0.1])
VFE = dict(type='HardSimpleVFE', num_features=4)


def middle_encoder(map_stride: int = 4, *, ptv3: dict | None = None, **settings) -> PTv3MiddleEncoder:
    torch.manual_seed(0)
    net = PTv3MiddleEncoder(ptv3 or {**PTV3, 'decoder': DECODER}, RANGE, VOXEL_M, map_stride, **settings)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return net.eval()


def voxel_dict(n_samples: int = 2, per_sample: int = 120) -> dict[str, torch.Tensor]:
    """mmdet3d's voxels with points inside them, up to three a voxel, zero-filled."""
    generator = torch.Generator().manual_seed(2)
    places = [
        torch.randperm(SHAPE[0] * SHAPE[1] * SHAPE[2], generator=generator)[:per_sample] for _ in range(n_samples)
    ]
    coors = torch.cat(
        [torch.stack((torch.full_like(p, b), p // 512, p // 32 % 16, p % 32), 1) for b, p in enumerate(places)]
    ).int()
    num_points = torch.randint(1, 4, (len(coors),), generator=generator).int()
    inside = torch.rand(len(coors), 3, 3, generator=generator)
    xyz = torch.tensor(RANGE[:3]) + (coors[:, None, 1:].flip(2) + inside) * torch.tensor(VOXEL_M)
    points = torch.cat((xyz, 255 * torch.rand(len(coors), 3, 1, generator=generator)), 2)
    points[torch.arange(3) >= num_points[:, None]] = 0
    return dict(voxels=points, num_points=num_points, coors=coors)


def inputs(n_samples: int = 2, per_sample: int = 120) -> tuple[torch.Tensor, torch.Tensor]:
    """What CenterPoint hands over: HardSimpleVFE's features, and coors."""
    voxels = voxel_dict(n_samples, per_sample)
    return MODELS.build(VFE)(**{'features': voxels.pop('voxels'), **voxels}), voxels['coors']


def cloud_of(feat: torch.Tensor, coors: torch.Tensor, n_samples: int) -> Cloud:
    return Cloud.from_points(feat, feat[:, :3], coors[:, 0], grid_coord=coors[:, 1:].flip(1), batch_size=n_samples)


@pytest.mark.parametrize('map_stride', [1, 4])
def test_map_is_the_maximum_over_each_column_and_zero_elsewhere(map_stride):
    net, (_, coors) = middle_encoder(map_stride), inputs()
    feat = torch.randn(len(coors), 5, generator=torch.Generator().manual_seed(1)) - 2  # most maxima are negative
    found = net.column_maximum(cloud_of(feat, coors, 3))
    wanted = torch.zeros(3, 5, 16 // map_stride, 32 // map_stride)
    columns: dict[tuple, list] = {}
    for row, (sample, _, y, x) in zip(feat, coors.tolist()):
        columns.setdefault((sample, y // map_stride, x // map_stride), []).append(row)
    for (sample, y, x), rows in columns.items():
        wanted[sample, :, y, x] = torch.stack(rows).amax(0)
    assert (wanted < 0).sum() > 50
    assert_close(found, wanted, atol=0, rtol=0)
    assert not found[2].any(), 'a sample without voxels'


def test_gradient_goes_to_the_maximum_of_each_column_and_channel():
    net, (_, coors) = middle_encoder(), inputs()
    feat = torch.randn(len(coors), 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    bev = net.column_maximum(cloud_of(feat, coors, 2))
    weights = torch.rand(bev.shape, generator=torch.Generator().manual_seed(3)) + 0.5
    (bev * weights).sum().backward()
    chosen = feat.grad != 0
    sample, _, y, x = coors.long().unbind(1)
    at_place = weights[sample, :, y // 4, x // 4]
    is_maximum = feat.detach() == bev.detach()[sample, :, y // 4, x // 4]
    assert torch.equal(chosen, is_maximum)
    assert chosen.sum() == 5 * len(torch.unique(torch.stack((sample, y // 4, x // 4)), dim=1).T)
    assert_close(feat.grad[chosen], at_place[chosen])


@torch.no_grad()
def test_encoder_sees_the_cloud_that_pretraining_showed_it():
    """Same weights, same scan: every stage of the encoder gives the very same numbers."""
    net, voxels = middle_encoder(), voxel_dict()
    backbone = PTv3Backbone(VFE, PTV3, 2).eval()
    backbone.ptv3.embedding, backbone.ptv3.enc = net.ptv3.embedding, net.ptv3.enc
    outputs = []
    net.ptv3.enc.register_forward_hook(lambda module, given, output: outputs.append(output))
    net(MODELS.build(VFE)(voxels['voxels'], voxels['num_points'], voxels['coors']), voxels['coors'], 2)
    backbone.ptv3(backbone.cloud_of(voxels, 2))
    level, wanted = outputs
    for _ in range(3):
        for name in ('feat', 'coord', 'grid_coord', 'batch'):
            assert torch.equal(getattr(level, name), getattr(wanted, name)), name
        level, wanted = level.finer, wanted.finer
    assert level is wanted is None


@torch.no_grad()
def test_order_of_the_voxels_and_type_of_the_batch_size_are_irrelevant():
    net, (feat, coors) = middle_encoder(), inputs()
    wanted = net(feat, coors, 2)
    assert wanted.shape == (2, 10, 4, 8) and net.out_channels == 10
    assert wanted.is_contiguous()
    assert torch.equal(net(feat, coors, coors[-1, 0] + 1), wanted)  # as CenterPoint calls it
    assert not net(feat, coors, 3)[2].any(), 'a sample without voxels has a map of zeros'
    perm = torch.randperm(len(feat), generator=torch.Generator().manual_seed(4))
    net, feat = net.double(), feat.double()  # where another order of a sum changes next to nothing
    assert_close(net(feat[perm], coors[perm], 2), net(feat, coors, 2), atol=1e-9, rtol=1e-9)


@torch.no_grad()
def test_samples_do_not_see_each_other():
    net, (feat, coors) = middle_encoder().double(), inputs()
    feat = feat.double()
    first = coors[:, 0] == 0
    assert_close(net(feat[first], coors[first], 1), net(feat, coors, 2)[:1], atol=1e-9, rtol=1e-9)


def test_two_runs_give_the_same_bits():
    feat, coors = inputs()
    gradients = []
    for _ in range(2):
        net = middle_encoder()
        net(feat, coors, 2).square().sum().backward()
        gradients.append([parameter.grad for parameter in net.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_every_parameter_is_trained():
    net, (feat, coors) = middle_encoder().train(), inputs()
    net(feat, coors, 2).square().sum().backward()
    assert [
        name for name, parameter in net.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ] == []


def test_features_that_are_not_the_mean_of_the_voxel_are_refused():
    net, (feat, coors) = middle_encoder(), inputs()
    with pytest.raises(ValueError, match=r'240 of 240 voxels are not the mean .* Use HardSimpleVFE'):
        net(feat + torch.tensor([0, 0, 0.3, 0]), coors, 2)
    with pytest.raises(ValueError, match=r'1 of 240 voxels'):
        net(feat + torch.eye(240)[:, 3:4], coors, 2)
    shifted = PTv3MiddleEncoder({**PTV3, 'decoder': DECODER}, [-3.2, -3.2, -1.0, 3.2, 0.0, 1.0], VOXEL_M, 4)
    with pytest.raises(ValueError, match='the point_cloud_range and voxel_size of the voxel layer'):
        shifted(feat, coors, 2)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='give ptv3 a decoder'):
        middle_encoder(ptv3=PTV3)
    with pytest.raises(ValueError, match=r'map_stride 3 does not divide the grid of 32 x 16 voxels'):
        middle_encoder(3)


def test_pretrained_weights_are_loaded_by_init_cfg_with_prefix(tmp_path):
    source = middle_encoder()
    plain = {k: v.permute(1, 2, 3, 4, 0).contiguous() if v.ndim == 5 else v for k, v in source.state_dict().items()}
    torch.save({'state_dict': {f'pts_middle_encoder.{k}': v for k, v in plain.items()}}, tmp_path / 'x.pth')
    net = PTv3MiddleEncoder(
        {**PTV3, 'decoder': DECODER},
        RANGE,
        VOXEL_M,
        4,
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'), prefix='pts_middle_encoder.'),
    )
    net.init_weights()
    assert all(torch.equal(value, source.state_dict()[name]) for name, value in net.state_dict().items())
