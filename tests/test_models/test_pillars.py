"""PillarFeatureNet, scatter and SECOND under the contract of loss voxels: features at pillars."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch.testing import assert_close

from dos_mm3d.models.backbones import PillarBackbone
from tests.helpers.loss_voxels import in_float64, voxels_in
from tests.helpers.tiny_runs import losses_of

EXACT = dict(atol=1e-9, rtol=1e-9)
CONFIGS = Path(__file__).resolve().parents[2] / 'configs/dos'
NAMES = ('dos_pillars_synthetic', 'dos_pillars_nuscenes')
RANGE = [0.0, 0.0, -3.0, 9.6, 6.4, 1.0]
PILLAR_M = [0.4, 0.4, 4.0]
NY, NX = 16, 24
WIDTHS = [6, 8, 10]


def backbone(*, legacy: bool = False) -> PillarBackbone:
    torch.manual_seed(0)
    net = PillarBackbone(
        dict(
            type='PillarFeatureNet',
            in_channels=4,
            feat_channels=[5],
            voxel_size=PILLAR_M,
            point_cloud_range=RANGE,
            legacy=legacy,
        ),
        dict(type='PointPillarsScatter', in_channels=5, output_shape=[NY, NX]),
        dict(type='SECOND', in_channels=5, out_channels=WIDTHS, layer_nums=[1, 1, 1], layer_strides=[2, 2, 2]),
    )
    for module in net.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.1)
            torch.nn.init.normal_(module.bias, std=0.2)
    return net.eval()


def pillars(n_views: int = 2, per_view: int = 60) -> dict[str, torch.Tensor]:
    """mmdet3d's voxel dict of pillars with up to four points, zero-filled."""
    generator = torch.Generator().manual_seed(2)
    places = [torch.randperm(NY * NX, generator=generator)[:per_view] for _ in range(n_views)]
    coors = torch.cat(
        [torch.stack((torch.full_like(p, v), 0 * p, p // NX, p % NX), 1) for v, p in enumerate(places)]
    ).int()
    num_points = torch.randint(1, 5, (len(coors),), generator=generator).int()
    inside = torch.rand(len(coors), 4, 3, generator=generator)
    xyz = torch.tensor(RANGE[:3]) + (coors[:, None, 1:].flip(2) + inside) * torch.tensor(PILLAR_M)
    points = torch.cat((xyz, torch.rand(len(coors), 4, 1, generator=generator)), 2)
    points[torch.arange(4) >= num_points[:, None]] = 0
    return dict(voxels=points, num_points=num_points, coors=coors)


@torch.no_grad()
def test_each_pillar_gets_its_own_feature_and_those_of_the_cells_it_lies_in():
    net, voxel_dict = backbone(), pillars()
    cells = voxel_dict['coors'][torch.randperm(120, generator=torch.Generator().manual_seed(1))]
    out = net(voxel_dict, cells, 2)
    assert out.shape == (120, net.out_channels) == (120, 5 + sum(WIDTHS))
    own = net.voxel_encoder(voxel_dict['voxels'].clone(), voxel_dict['num_points'], voxel_dict['coors'])
    bev = torch.zeros(2, 5, NY, NX)
    for row, (view, _, y, x) in zip(own, voxel_dict['coors'].tolist()):
        bev[view, :, y, x] = row
    maps = [bev, *net.backbone(bev)]
    assert [tuple(stage.shape[2:]) for stage in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    for row, (view, _, y, x) in zip(out, cells.tolist()):
        wanted = torch.cat([stage[view, :, y // 2**i, x // 2**i] for i, stage in enumerate(maps)])
        assert_close(row, wanted)


@torch.no_grad()
@pytest.mark.parametrize(('ny', 'nx'), [(36, 41), (97, 33)])
def test_parents_are_found_on_maps_of_any_size(ny, nx):
    """SECOND rounds up: 36 rows become 18, 9, 5, and 36 / 5 is no stride."""
    net = backbone()
    y, x = torch.meshgrid(torch.arange(ny), torch.arange(nx), indexing='ij')
    cells = torch.stack((torch.ones_like(y), torch.zeros_like(y), y, x), -1).reshape(-1, 4)
    for stage, stride in zip(net.backbone(torch.randn(2, 5, ny, nx)), net.strides, strict=True):
        assert_close(net.at_parents(stage, cells, stride), stage[1, :, cells[:, 2] // stride, cells[:, 3] // stride].T)


@torch.no_grad()
def test_hidden_pillars_do_not_reach_the_student():
    net, voxel_dict = backbone(), pillars()
    visible = voxel_dict['coors'][::3]
    changed = {**voxel_dict, 'voxels': voxel_dict['voxels'].clone()}
    hidden = torch.ones(120, dtype=torch.bool)
    hidden[::3] = False
    changed['voxels'][hidden] += 0.1
    one, other = (net(voxels_in(given, visible, 1), visible, 2) for given in (voxel_dict, changed))
    assert torch.equal(one, other)
    whole, changed_whole = net(voxel_dict, visible, 2), net(changed, visible, 2)
    assert not torch.equal(whole, changed_whole), 'the teacher sees them'


@torch.no_grad()
def test_order_of_the_pillars_and_views_without_any():
    net, voxel_dict = in_float64(backbone(), pillars(3))
    cells = voxel_dict['coors']
    wanted = net(voxel_dict, cells, 3)
    perm = torch.randperm(len(cells), generator=torch.Generator().manual_seed(4))
    shuffled = {name: value[perm] for name, value in voxel_dict.items()}
    assert_close(net(shuffled, cells, 3), wanted, **EXACT)
    without = {name: value[cells[:, 0] != 1] for name, value in voxel_dict.items()}
    last = cells[:, 0] == 2
    assert_close(net(without, cells[last], 3), wanted[last], **EXACT)


@torch.no_grad()
@pytest.mark.parametrize('legacy', [False, True])
def test_the_input_is_left_as_it_was(legacy):
    """The teacher reads it after the student."""
    net, voxel_dict = backbone(legacy=legacy), pillars()
    before = voxel_dict['voxels'].clone()
    net(voxel_dict, voxel_dict['coors'], 2)
    assert torch.equal(voxel_dict['voxels'], before)


def test_every_parameter_is_trained():
    net, voxel_dict = backbone().train(), pillars()
    net(voxel_dict, voxel_dict['coors'], 2).pow(3).sum().backward()
    assert [
        name for name, parameter in net.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ] == []


def test_places_that_do_not_fit_are_refused():
    net, voxel_dict = backbone(), pillars()
    with pytest.raises(ValueError, match=r'1 of 120 loss voxels hold no voxel'):
        cells = voxel_dict['coors'].clone()
        free = set(range(NX)) - set(cells[(cells[:, 0] == 0) & (cells[:, 2] == 0), 3].tolist())
        cells[0] = torch.tensor([0, 0, 0, free.pop()])
        net(voxel_dict, cells, 2)
    with pytest.raises(ValueError, match=r'voxels in 2 layers: make voxel_size\[2\] the height'):
        stacked = voxel_dict['coors'] + torch.tensor([0, 1, 0, 0])
        net({**voxel_dict, 'coors': stacked}, stacked, 2)


@pytest.mark.parametrize('name', NAMES)
def test_loss_voxels_are_the_pillars_everywhere(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    layer = cfg.model.data_preprocessor.voxel_layer
    encoder, scatter = cfg.model.backbone.voxel_encoder, cfg.model.backbone.middle_encoder
    assert layer.voxel_size == cfg.voxel_size == encoder.voxel_size
    assert layer.point_cloud_range == cfg.point_cloud_range == encoder.point_cloud_range
    assert encoder.in_channels == len(cfg.input_channels)
    x0, y0, z0, x1, y1, z1 = cfg.point_cloud_range
    assert (y1 - y0) / scatter.output_shape[0] == pytest.approx(cfg.voxel_size[1])
    assert (x1 - x0) / scatter.output_shape[1] == pytest.approx(cfg.voxel_size[0])
    assert cfg.voxel_size[2] == z1 - z0


@pytest.mark.parametrize('name', NAMES)
def test_two_steps_at_tiny_size(name, synthetic_nuscenes, tiny_pretraining):
    options = {}
    if name == 'dos_pillars_nuscenes':  # its wiring, on a map and at widths that a CPU can step
        options = {
            'point_cloud_range': [-12.8, -12.8, -5.0, 12.8, 12.8, 3.0],
            'model.backbone.middle_encoder.output_shape': [128, 128],
            'model.backbone.backbone.out_channels': [16, 16, 32],
            'model.data_preprocessor.voxel_layer.point_cloud_range': [-12.8, -12.8, -5.0, 12.8, 12.8, 3.0],
            'train_dataloader.dataset.pipeline.0.crop_share': [1.0, 1.0],  # a small crop may lie outside that map
            'train_dataloader.dataset.pipeline.0.max_points': 40000,
            'num_sweeps': 1,
        }
    runner = tiny_pretraining(CONFIGS / f'{name}.py', synthetic_nuscenes, options=options)
    teacher = runner.model.teacher.backbone
    assert isinstance(teacher, PillarBackbone)
    before = [teacher.voxel_encoder.pfn_layers[0].linear.weight.clone(), teacher.backbone.blocks[2][-3].weight.clone()]
    runner.train()
    assert len(losses_of(runner)) == 2
    after = [teacher.voxel_encoder.pfn_layers[0].linear.weight, teacher.backbone.blocks[2][-3].weight]
    assert not any(torch.equal(a, b) for a, b in zip(before, after)), 'the teacher did not move'
