"""PTv3 under the contract of loss voxels, and its pretraining configs built and stepped."""

from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from torch.testing import assert_close

from dos_mm3d.models.backbones.ptv3 import PTv3, PTv3Backbone
from tests.helpers.loss_voxels import in_float64, loss_cells, voxels_in
from tests.helpers.tiny_runs import losses_of

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAMES = ('dos_ptv3_synthetic', 'dos_ptv3_nuscenes', 'dos_ptv3_semantickitti')
ENCODER = dict(channels=[8, 12, 16], depths=[1, 1, 1], heads=[1, 2, 2], patch_sizes=32)


def backbone(loss_stride: int = 2, **settings) -> PTv3Backbone:
    torch.manual_seed(0)
    ptv3 = dict(type='PTv3', in_channels=4, encoder=ENCODER, **settings)
    net = PTv3Backbone(dict(type='HardSimpleVFE', num_features=4), ptv3, loss_stride)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return net.eval()


def voxels(n_views: int = 2, per_view: int = 150) -> dict[str, torch.Tensor]:
    """mmdet3d's voxel dict with up to three points a voxel, zero-filled."""
    generator = torch.Generator().manual_seed(2)
    places = [torch.randperm(20 * 20 * 8, generator=generator)[:per_view] for _ in range(n_views)]
    coors = torch.cat(
        [torch.stack((torch.full_like(p, v), p // 400, p // 20 % 20, p % 20), 1) for v, p in enumerate(places)]
    ).int()
    num_points = torch.randint(1, 4, (len(coors),), generator=generator).int()
    points = torch.randn(len(coors), 3, 4, generator=generator)
    points[torch.arange(3) >= num_points[:, None]] = 0
    return dict(voxels=points, num_points=num_points, coors=coors)


@torch.no_grad()
@pytest.mark.parametrize(('stride', 'widths'), [(1, [8, 12, 16]), (2, [12, 16]), (4, [16])])
def test_each_loss_voxel_gets_the_features_of_the_cells_it_lies_in(stride, widths):
    net, voxel_dict = backbone(stride), voxels()
    cells = loss_cells(voxel_dict, stride)
    cells = cells[torch.randperm(len(cells), generator=torch.Generator().manual_seed(1))]
    out = net(voxel_dict, cells, 2)
    assert out.shape == (len(cells), net.out_channels) == (len(cells), sum(widths))
    level = net.ptv3(net.cloud_of(voxel_dict, 2))
    stages = [level, level.finer, level.finer.finer][: len(widths)][::-1]
    for row in (0, 7, len(cells) - 1):
        view, z, y, x = cells[row].tolist()
        start = 0
        for stage, stage_stride in zip(stages, [1, 2, 4][-len(widths) :]):
            ratio = stage_stride // stride
            place = torch.tensor([x // ratio, y // ratio, z // ratio])
            same = (stage.batch == view) & (stage.grid_coord == place).all(1)
            width = stage.feat.shape[1]
            assert_close(out[row, start : start + width], stage.feat[same][0], atol=0, rtol=0)
            start += width


@torch.no_grad()
def test_order_of_the_voxels_is_irrelevant():
    """Mask tokens come after the visible voxels of all views."""
    net, voxel_dict = in_float64(backbone(), voxels())
    cells, perm = loss_cells(voxel_dict, 2), torch.randperm(300, generator=torch.Generator().manual_seed(4))
    shuffled = {name: value[perm] for name, value in voxel_dict.items()}
    assert_close(net(shuffled, cells, 2), net(voxel_dict, cells, 2), atol=1e-9, rtol=1e-9)


@torch.no_grad()
def test_hidden_voxels_do_not_reach_the_student():
    net, voxel_dict = backbone(), voxels()
    visible = loss_cells(voxel_dict, 2)[::3]
    student = voxels_in(voxel_dict, visible, 2)
    hidden = ~(voxel_dict['voxels'][:, None] == student['voxels'][None]).flatten(2).all(2).any(1)
    changed = {**voxel_dict, 'voxels': voxel_dict['voxels'] + 5 * hidden[:, None, None]}
    assert_close(net(voxels_in(changed, visible, 2), visible, 2), net(student, visible, 2), atol=0, rtol=0)


@torch.no_grad()
def test_a_view_without_voxels_keeps_its_number():
    net, voxel_dict = in_float64(backbone(), voxels(3))
    without = {name: value[voxel_dict['coors'][:, 0] != 1] for name, value in voxel_dict.items()}
    cells = loss_cells(voxel_dict, 2)
    last = cells[cells[:, 0] == 2]
    assert_close(net(without, last, 3), net(voxel_dict, last, 3), atol=1e-9, rtol=1e-9)


def test_every_parameter_is_trained():
    net = backbone().train()
    cells = loss_cells(voxels(), 2)
    net(voxels(), cells, 2).square().sum().backward()
    idle = [name for name, parameter in net.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    # a convolution ends in a norm that removes nothing, so all are moved
    assert idle == []


def test_channels_are_scaled_inside_the_model():
    scaled, plain, voxel_dict = backbone(input_scale=[2, 1, 1, 0.5]), backbone(), voxels()
    cells = loss_cells(voxel_dict, 2)
    by_hand = {**voxel_dict, 'voxels': voxel_dict['voxels'] * torch.tensor([2, 1, 1, 0.5])}
    with torch.no_grad():
        assert_close(scaled(voxel_dict, cells, 2), plain(by_hand, cells, 2))
    assert not any('input_scale' in name for name in scaled.state_dict())


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r'wanted the stride of a stage of ptv3: \[1, 2, 4\]'):
        backbone(8)
    with pytest.raises(ValueError, match='remove decoder'):
        backbone(decoder=dict(channels=[8, 12], depths=[1, 1], heads=[1, 2]))
    with pytest.raises(ValueError, match='input_scale has 2 factors for 4'):
        backbone(input_scale=[1.0, 1.0])
    cells = loss_cells(voxels(), 2)
    cells[0, 1:] = 60
    with pytest.raises(ValueError, match=r'1 of .* loss voxels hold no voxel'):
        backbone()(voxels(), cells, 2)


def test_pretrained_weights_are_loaded_by_init_cfg(tmp_path):
    source = backbone()
    torch.save({'state_dict': spconv1(source.ptv3)}, tmp_path / 'ptv3.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'ptv3.pth'))
    net = PTv3Backbone(
        dict(type='HardSimpleVFE', num_features=4),
        dict(type='PTv3', in_channels=4, encoder=ENCODER, init_cfg=init_cfg),
        2,
    )
    net.init_weights()
    for name, value in source.state_dict().items():
        assert torch.equal(net.state_dict()[name], value), name


def spconv1(net: PTv3) -> dict[str, torch.Tensor]:
    """Plain weights in the layout that mmdet3d's loader wants."""
    return {k: v.permute(1, 2, 3, 4, 0).contiguous() if v.ndim == 5 else v for k, v in net.state_dict().items()}


@pytest.mark.parametrize('size', ['tiny', 'small', 'base', 'large', 'm1_base', 'm3_small', 'm3_base'])
def test_every_size_of_the_table_is_built(size):
    table = Config.fromfile(CONFIGS / 'ptv3/_base_sizes.py')
    config = {**table.ptv3[size], 'in_channels': 6}
    if size in table.ptv3_decoders:
        config['decoder'] = table.ptv3_decoders[size]
    with torch.device('meta'):
        net = MODELS.build(config)
    millions = sum(parameter.numel() for parameter in net.enc.parameters()) / 1e6
    public = dict(small=39, base=108.46, m3_base=137.25, m1_base=39)
    assert abs(millions - public.get(size, millions)) < 1
    if size == 'm1_base':
        assert len(net.state_dict()) == 486
        assert sum(parameter.numel() for parameter in net.parameters()) == 46_166_272


def test_sonata_has_the_public_number_of_tensors_and_parameters():
    base = Config.fromfile(CONFIGS / 'ptv3/_base_sizes.py').ptv3.base
    with torch.device('meta'):
        net = MODELS.build({**base, 'in_channels': 9, 'mask_token': True})
    assert len(net.state_dict()) == 453
    assert sum(parameter.numel() for parameter in net.parameters()) == 108_461_376


@pytest.mark.parametrize('name', NAMES)
def test_loss_voxels_and_grid_agree_everywhere(name):
    cfg = Config.fromfile(CONFIGS / f'dos/{name}.py')
    layer = cfg.model.data_preprocessor.voxel_layer
    assert layer.voxel_size == cfg.voxel_size
    assert layer.point_cloud_range == cfg.point_cloud_range
    assert cfg.model.backbone.ptv3.in_channels == len(cfg.input_channels) == len(cfg.model.backbone.ptv3.input_scale)


@pytest.mark.parametrize('name', NAMES)
def test_two_steps_at_tiny_size(name, synthetic_nuscenes, synthetic_semantickitti, tiny_pretraining):
    options, root = {}, synthetic_nuscenes
    if name != 'dos_ptv3_synthetic':  # their levels and wiring, at a width that a CPU can step
        options['model.backbone.ptv3.encoder.channels'] = [16, 16, 32, 32, 64]
        options['model.backbone.ptv3.encoder.heads'] = [1, 1, 2, 2, 4]
    if name == 'dos_ptv3_semantickitti':  # 2^31 cells are what spconv's CPU code can count
        options['point_cloud_range'] = [-25.6, -25.6, -5.0, 25.6, 25.6, 3.0]
        options['sequences'], root = [0, 1], synthetic_semantickitti
    runner = tiny_pretraining(CONFIGS / f'dos/{name}.py', root, options=options)
    teacher = runner.model.teacher.backbone.ptv3
    assert isinstance(teacher, PTv3)
    before = teacher.enc[-1].block0.mlp[0].fc1.weight.clone()
    runner.train()
    assert len(losses_of(runner)) == 2
    assert not before.equal(teacher.enc[-1].block0.mlp[0].fc1.weight), 'the teacher did not move'
