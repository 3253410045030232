"""MinkUNet under the contract of loss voxels, its voxels, and its pretraining configs built and stepped."""

from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from spconv.pytorch import SparseConvTensor
from torch.testing import assert_close

from dos_mm3d.models.backbones import MinkUNetAdapter
from dos_mm3d.models.backbones.minkunet import mean_of_cells
from dos_mm3d.models.methods.student_input import MaskTokens
from dos_mm3d.structures import SparseTokens, SparseViews
from tests.helpers import two_rank_worker as tiny
from tests.helpers.loss_voxels import features_at_cells, in_float64, loss_cells, voxels_in, with_loss_cell
from tests.helpers.tiny_runs import losses_of

EXACT = dict(atol=1e-9, rtol=1e-9)
CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAMES = ('dos_minkunet_synthetic', 'dos_minkunet_nuscenes', 'dos_minkunet_semantickitti')
SMALL = dict(
    type='MinkUNetBackbone',
    in_channels=4,
    base_channels=8,
    encoder_channels=[8, 12, 16, 20],
    encoder_blocks=[1, 1, 1, 1],
    decoder_channels=[16, 14, 12, 10],
    decoder_blocks=[1, 1, 1, 1],
    sparseconv_backend='spconv',
)
EXTENT = torch.tensor([16, 32, 48])  # z, y, x: multiples of the deepest stride, where mmdet3d loses nothing


def adapter(loss_stride: int = 2) -> MinkUNetAdapter:
    torch.manual_seed(0)
    net = MinkUNetAdapter(SMALL, loss_stride)
    for name, parameter in net.named_parameters():
        torch.nn.init.normal_(parameter, mean=float('norm' in name or parameter.ndim == 1), std=0.2)
    return net.eval()


def voxels(n_views: int = 2, per_view: int = 300, extent: torch.Tensor = EXTENT) -> dict[str, torch.Tensor]:
    """MinkUNet's voxel dict in random places; both ends of the grid are voxels of every view."""
    generator = torch.Generator().manual_seed(2)
    views = []
    for view in range(n_views):
        number = torch.randperm(int(extent.prod()) - 2, generator=generator)[:per_view] + 1
        number = torch.cat((torch.tensor([0, int(extent.prod()) - 1]), number))
        width, height = int(extent[2]), int(extent[1])
        place = torch.stack((number // (width * height), number // width % height, number % width), dim=1)
        views.append(torch.nn.functional.pad(place, (1, 0), value=view))
    coors = torch.cat(views).int()
    return dict(voxels=torch.randn(len(coors), 4, generator=generator), coors=coors)


def own_stages(net: MinkUNetAdapter, voxel_dict) -> tuple[torch.Tensor, list[SparseConvTensor]]:
    """What mmdet3d's own forward returns, and its decoder stages, coarsest first."""
    stages = []
    hooks = [blocks.register_forward_hook(lambda *args: stages.append(args[2])) for _, blocks in net.backbone.decoder]
    returned = net.backbone(voxel_dict['voxels'], voxel_dict['coors'][:, [0, 3, 2, 1]].contiguous())
    for hook in hooks:
        hook.remove()
    return returned, stages


@torch.no_grad()
@pytest.mark.parametrize(('stride', 'widths'), [(1, [10, 12, 14, 16]), (2, [10, 12, 14, 16]), (4, [10, 14, 16])])
def test_each_loss_voxel_gets_the_mean_inside_it_and_the_stages_it_lies_in(stride, widths):
    """Against mmdet3d's own forward, gathered from dense grids."""
    net, voxel_dict = in_float64(adapter(stride), voxels())
    cells = loss_cells(voxel_dict, stride)
    cells = cells[torch.randperm(len(cells), generator=torch.Generator().manual_seed(1))]
    out = features_at_cells(net, voxel_dict, cells, 2)
    assert out.shape == (len(cells), net.out_channels) == (len(cells), sum(widths))
    returned, (*coarse, finest) = own_stages(net, voxel_dict)
    assert torch.equal(returned, net.decode(voxel_dict, torch.zeros(3, dtype=torch.int32), 2)[-1].features)
    dense = finest.dense()
    occupied = SparseConvTensor(
        torch.ones(len(finest.indices), 1).double(), finest.indices, finest.spatial_shape, 2
    ).dense()
    sums = torch.nn.functional.avg_pool3d(dense, stride, divisor_override=1)
    counts = torch.nn.functional.avg_pool3d(occupied, stride, divisor_override=1)
    view, z, y, x = cells.long().unbind(1)
    wanted = [(sums / counts)[view, :, x, y, z]]
    for level, stage in reversed(list(enumerate(coarse))):
        ratio = 2 ** (3 - level) // stride
        if ratio:
            wanted.append(stage.dense()[view, :, x // ratio, y // ratio, z // ratio])
    assert_close(out, torch.cat(wanted, dim=1), **EXACT)


@torch.no_grad()
def test_order_of_the_voxels_is_irrelevant():
    net, voxel_dict = in_float64(adapter(), voxels())
    cells, perm = loss_cells(voxel_dict, 2), torch.randperm(604, generator=torch.Generator().manual_seed(4))
    shuffled = {name: value[perm] for name, value in voxel_dict.items()}
    assert_close(features_at_cells(net, shuffled, cells, 2), features_at_cells(net, voxel_dict, cells, 2), **EXACT)


@torch.no_grad()
def test_whole_cells_of_the_deepest_stage_may_lie_between_the_range_minimum_and_the_cloud():
    net, voxel_dict = adapter(), voxels()
    cells = loss_cells(voxel_dict, 2)
    far = {**voxel_dict, 'coors': voxel_dict['coors'] + torch.tensor([0, 16, 160, 1600], dtype=torch.int32)}
    assert torch.equal(
        features_at_cells(net, far, cells + torch.tensor([0, 8, 80, 800]), 2),
        features_at_cells(net, voxel_dict, cells, 2),
    )


@torch.no_grad()
def test_a_cloud_may_begin_and_end_anywhere():
    """mmdet3d's grid ends at the last voxel, and down-sampling skips the last one of an odd number. It begins at the
    first one, which would move the stages against the loss voxels."""
    net, voxel_dict = in_float64(adapter(), voxels(1, extent=torch.tensor([11, 23, 37])))
    voxel_dict['coors'] += torch.tensor([0, 1, 6, 11], dtype=torch.int32)
    cells = loss_cells(voxel_dict, 2)
    alone = features_at_cells(net, voxel_dict, cells, 1)
    larger = {**voxels(2, extent=torch.tensor([40, 50, 60]))}
    other = larger['coors'][:, 0] == 1
    both = {name: torch.cat((value, larger[name][other])) for name, value in voxel_dict.items()}
    assert_close(features_at_cells(net, both, cells, 2), alone, **EXACT)


@torch.no_grad()
def test_hidden_voxels_do_not_reach_the_student():
    net, voxel_dict = adapter(), voxels()
    visible = loss_cells(voxel_dict, 2)[::3]
    student = voxels_in(voxel_dict, visible, 2)
    assert 0 < len(student['coors']) < 0.5 * len(voxel_dict['coors'])
    hidden = ~(voxel_dict['voxels'][:, None] == student['voxels'][None]).all(2).any(1)
    changed = {**voxel_dict, 'voxels': voxel_dict['voxels'] + 5 * hidden[:, None]}
    assert torch.equal(net(voxels_in(changed, visible, 2), visible, 2), net(student, visible, 2))


@torch.no_grad()
def test_a_view_without_voxels_keeps_its_number():
    net, voxel_dict = adapter(), voxels(3)
    without = {name: value[voxel_dict['coors'][:, 0] != 1] for name, value in voxel_dict.items()}
    last = (cells := loss_cells(voxel_dict, 2))[cells[:, 0] == 2]
    assert_close(features_at_cells(net, without, last, 3), features_at_cells(net, voxel_dict, last, 3), **EXACT)
    assert features_at_cells(net, voxel_dict, cells[:0], 3).shape == (0, net.out_channels)


def test_every_parameter_is_trained():
    net, voxel_dict = adapter().train(), voxels()
    out = features_at_cells(net, voxel_dict, loss_cells(voxel_dict, 2), 2)
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    idle = [name for name, parameter in net.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert idle == []


def test_gradient_of_the_mean():
    loss_cell = torch.tensor([2, 2, 1, -1, 0])
    features = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)

    def mean(values):
        return mean_of_cells(values, loss_cell, 3)[0]

    assert_close(mean(features), torch.stack((features[4], features[2], features[:2].mean(0))))
    assert torch.autograd.gradcheck(mean, (features,))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r'loss_stride is 16, wanted the stride of a decoder stage: \[8, 4, 2, 1\]'):
        adapter(16)
    with pytest.raises(ValueError, match="sparseconv_backend is 'torchsparse', wanted 'spconv'"):
        MinkUNetAdapter({**SMALL, 'sparseconv_backend': 'torchsparse'})
    cells = loss_cells(voxels(), 2)
    for stray in ([0, 1, 1, 1], [0, 0, 0, 24], [0, 0, 0, -1]):  # the second would be the first cell of the next view
        cells[0] = torch.tensor(stray)
        with pytest.raises(ValueError, match=r'1 of .* loss voxels hold no voxel'):
            features_at_cells(adapter(), voxels(), cells, 2)
    nothing = {name: value[:0] for name, value in voxels().items()}
    with pytest.raises(ValueError, match=r'(\d+) of \1 loss voxels hold no voxel'):
        features_at_cells(adapter(), nothing, cells, 2)


def tiny_minkunet() -> torch.nn.Module:
    """DOS over a small MinkUNet, for the views of two_rank_worker."""
    layer = dict(max_num_points=-1, voxel_size=tiny.SIZE, point_cloud_range=tiny.SPAN, max_voxels=(-1, -1))
    return tiny.tiny_model(
        backbone=dict(type='MinkUNetAdapter', backbone={**SMALL, 'in_channels': 5}, loss_stride=2),
        data_preprocessor=dict(type='ViewPreprocessor', voxel=True, voxel_type='minkunet', voxel_layer=layer),
    )


def test_student_is_given_exactly_the_visible_points():
    model, pairs = tiny_minkunet(), tiny.tiny_views()
    views = model.data_preprocessor(dict(views=pairs))['views']
    seen = model.student_input(views).voxels
    hidden = [~view.visible[view.cell_of_point] for view in [pair.a for pair in pairs] + [pair.b for pair in pairs]]
    kept = [points[~mask] for points, mask in zip(views.points, hidden, strict=True)]
    wanted = model.data_preprocessor.voxelize_points(kept)
    assert set(seen) == {'voxels', 'coors', 'loss_cell'} and len(wanted['coors']) < 0.7 * len(views.voxels['coors'])
    for name in ('voxels', 'coors'):
        assert torch.equal(seen[name], wanted[name])


def test_gradient_reaches_the_student_only():
    model = tiny_minkunet()
    sum(model(**model.data_preprocessor(dict(views=tiny.tiny_views()))).values()).backward()
    assert all(p.grad is None and not p.requires_grad for p in model.teacher.parameters())
    without = [name for name, p in model.student.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without, 'every weight that is exported is trained'


def test_mask_tokens_are_voxels_of_this_kind_too():
    voxel_dict = voxels()
    cells = loss_cells(voxel_dict, 2)
    visible = torch.arange(len(cells)) % 3 == 0
    hidden = cells[~visible][:5]
    sites = hidden * torch.tensor([1, 2, 2, 2], dtype=torch.int32)
    nowhere = torch.full((5,), -1)
    views = SparseViews(
        points=[torch.zeros(0, 4)] * 2,
        cell_of_point=torch.zeros(0),
        cells=cells,
        visible=visible,
        visible_rows=visible.nonzero().squeeze(1),
        num_visible_a=int(visible[cells[:, 0] == 0].sum()),
        match=torch.zeros(len(cells)),
        tokens=SparseTokens(sites, torch.arange(5), hidden, nowhere, nowhere),
        voxels=with_loss_cell(voxel_dict, cells, 2),
    )
    tokens = MaskTokens(4)
    torch.nn.init.normal_(tokens.token)
    given = tokens(views)
    assert torch.equal(given.voxels['coors'][-5:], sites)
    assert torch.equal(given.voxels['voxels'][-5:], tokens.token.expand(5, 4))
    adapter()(given.voxels, given.cells, 2)[-5:].sum().backward()
    assert tokens.token.grad.abs().sum() > 0


@pytest.mark.parametrize('name', NAMES)
def test_loss_voxels_and_grid_agree_everywhere(name):
    cfg = Config.fromfile(CONFIGS / f'dos/{name}.py')
    layer, mask = cfg.model.data_preprocessor.voxel_layer, cfg.train_dataloader.dataset.pipeline[1]
    assert layer.voxel_size == cfg.voxel_size
    assert layer.point_cloud_range == cfg.point_cloud_range
    assert cfg.model.backbone.backbone.in_channels == len(cfg.input_channels)
    assert mask.mask_ratio == 0.7
    assert cfg.param_scheduler[0].total_steps == cfg.train_cfg.max_iters == cfg.max_iters
    assert MODELS.build(cfg.model.data_preprocessor).voxel_type == 'minkunet'


@pytest.mark.parametrize('name', NAMES)
def test_two_steps_at_tiny_size(name, synthetic_nuscenes, synthetic_semantickitti, tiny_pretraining):
    options = {}
    if name != 'dos_minkunet_synthetic':  # their levels and wiring, at a width that a CPU can step
        table = Config.fromfile(CONFIGS / 'minkunet/_base_sizes.py').minkunet.tiny
        columns = 4 if name == 'dos_minkunet_semantickitti' else 5
        options['model.backbone.backbone'] = {**table, 'in_channels': columns}
    if name == 'dos_minkunet_semantickitti':  # 2^31 cells are what spconv's CPU code can count
        options['point_cloud_range'] = [-25.6, -25.6, -5.0, 25.6, 25.6, 3.0]
        options['sequences'] = [0, 1]
    root = synthetic_semantickitti if name == 'dos_minkunet_semantickitti' else synthetic_nuscenes
    runner = tiny_pretraining(CONFIGS / f'dos/{name}.py', root, options=options)
    teacher = runner.model.teacher.backbone.backbone
    before = teacher.decoder[3][1][0].conv2.weight.clone()
    runner.train()
    assert len(losses_of(runner)) == 2
    assert not before.equal(teacher.decoder[3][1][0].conv2.weight), 'the teacher did not move'
