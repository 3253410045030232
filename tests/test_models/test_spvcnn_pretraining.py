"""SPVCNN under the contract of loss voxels, and its configs built and stepped."""

from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample, PointData
from mmengine.config import Config
from mmengine.utils import get_installed_path
from torch.testing import assert_close

from dos_mm3d.models.backbones import SPVCNN, SPVCNNAdapter
from tests.helpers.loss_voxels import features_at_cells, in_float64, loss_cells, voxels_in, with_loss_cell
from tests.helpers.spvcnn_nets import TINY, randomise, voxels
from tests.helpers.tiny_runs import losses_of

EXACT = dict(atol=1e-9, rtol=1e-9)
CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
THEIRS = Path(get_installed_path('mmdet3d')) / '.mim/configs/spvcnn/spvcnn_w32_8xb2-amp-15e_semantickitti.py'


def adapter(loss_stride: int = 2) -> SPVCNNAdapter:
    net = SPVCNNAdapter(dict(type='SPVCNN', sparseconv_backend='spconv', **TINY), loss_stride)
    randomise(net)
    return net.eval()


def view_voxels(n_views: int = 2) -> dict[str, torch.Tensor]:
    """The preprocessor's voxel dict: coors [view, z, y, x], far from the origin of the grid."""
    features, coors = voxels(batches=n_views)
    return dict(voxels=features.float(), coors=coors[:, [3, 2, 1, 0]] + torch.tensor([0, 40, 70, 100]).int())


@torch.no_grad()
@pytest.mark.parametrize(('stride', 'widths'), [(1, [7, 8, 9, 10]), (4, [7, 9, 10]), (8, [7, 10])])
def test_each_loss_voxel_gets_the_decoder_around_it(stride, widths):
    net, voxel_dict = in_float64(adapter(stride), view_voxels())
    cells = loss_cells(voxel_dict, stride)
    out = features_at_cells(net, voxel_dict, cells, 2)
    assert out.shape == (len(cells), sum(widths)) and net.out_channels == sum(widths)
    low = voxel_dict['coors'][:, 1:].amin(0) // 16 * 16
    sites = torch.cat((voxel_dict['coors'][:, :1], (voxel_dict['coors'][:, 1:] - low).flip(1)), dim=1)
    stages = {16 // 2**i: stage for i, stage in enumerate(net.backbone.stages(voxel_dict['voxels'], sites, 2))}
    assert_close(stages[1].features, net.backbone(voxel_dict['voxels'], sites[:, [1, 2, 3, 0]]), **EXACT)
    for row in (0, 11, len(cells) - 1):
        view, corner = cells[row, 0], ((cells[row, 1:] * stride) - low).flip(0)
        inside = (sites[:, 0] == view) & (sites[:, 1:] // stride == corner // stride).all(1)
        wanted = [stages[1].features[inside].mean(0)]
        for edge in [edge for edge in (1, 2, 4, 8) if edge >= stride and edge > 1]:
            place = stages[edge].indices
            wanted.append(stages[edge].features[(place[:, 0] == view) & (place[:, 1:] == corner // edge).all(1)][0])
        assert_close(out[row], torch.cat(wanted), **EXACT)


@torch.no_grad()
def test_hidden_voxels_and_other_views_do_not_reach_the_student():
    net, voxel_dict = in_float64(adapter(), view_voxels(3))
    visible = loss_cells(voxel_dict, 2)[::3]
    student = voxels_in(voxel_dict, visible, 2)
    without = {name: value[student['coors'][:, 0] != 1] for name, value in student.items()}
    last = visible[visible[:, 0] == 2]
    alone, wanted = (features_at_cells(net, given, last, 3) for given in (without, student))
    assert_close(alone, wanted, **EXACT)
    hidden = ~(voxel_dict['coors'][:, None] == student['coors'][None]).all(2).any(1)
    assert 0 < hidden.sum() < len(hidden)
    changed = {**voxel_dict, 'voxels': voxel_dict['voxels'] + 5 * hidden[:, None]}
    assert torch.equal(net(voxels_in(changed, visible, 2), visible, 3), net(student, visible, 3))
    with pytest.raises(ValueError, match='loss voxels hold no voxel'):
        net(student, loss_cells(voxel_dict, 2), 3)


def test_every_parameter_is_trained():
    net, voxel_dict = adapter().train(), view_voxels()
    features_at_cells(net, voxel_dict, loss_cells(voxel_dict, 2), 2).square().sum().backward()
    # a convolution ends in a norm, which removes no gradient but that of the scale
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_same_bits_again_on_several_threads():
    """One thread may differ from three in the last bits: torch's own BatchNorm and matrix products do."""

    def step(n_threads: int, *, exact: bool = False) -> list[torch.Tensor]:
        torch.set_num_threads(n_threads)
        net, voxel_dict = adapter().train(), view_voxels()
        if exact:
            net, voxel_dict = in_float64(net, voxel_dict)
        out = features_at_cells(net, voxel_dict, loss_cells(voxel_dict, 2), 2)
        out.square().mean().backward()
        return [out.detach(), *(parameter.grad for parameter in net.parameters())]

    threads = torch.get_num_threads()
    try:
        for a, b in zip(step(1, exact=True), step(3, exact=True)):
            assert_close(a, b, **EXACT)
        together = step(3)
        assert all(torch.equal(a, b) for _ in range(5) for a, b in zip(together, step(3)))
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def test_full_precision_under_autocast():
    net, voxel_dict = adapter(), view_voxels()
    cells = loss_cells(voxel_dict, 2)
    voxel_dict = with_loss_cell(voxel_dict, cells, 2)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = net(voxel_dict, cells, 2)
    assert torch.equal(found, net(voxel_dict, cells, 2))


@pytest.mark.parametrize('name', ['dos_spvcnn_synthetic', 'dos_spvcnn_semantickitti'])
def test_two_pretraining_steps(name, synthetic_nuscenes, synthetic_semantickitti, tiny_pretraining):
    root, options = synthetic_nuscenes, {}
    if name == 'dos_spvcnn_semantickitti':  # its wiring, at a width that a CPU can step
        root = synthetic_semantickitti
        options = {
            'sequences': [0, 1],
            'model.backbone.backbone': {'type': 'SPVCNN', 'sparseconv_backend': 'spconv', **TINY},
        }
    runner = tiny_pretraining(CONFIGS / f'dos/{name}.py', root, options=options)
    teacher = runner.model.teacher.backbone.backbone
    assert isinstance(teacher, SPVCNN) and teacher.dropout.p == 0
    before = teacher.conv_input[0].net[0].kernel.clone()
    runner.train()
    assert len(losses_of(runner)) == 2
    assert not before.equal(teacher.conv_input[0].net[0].kernel), 'the teacher did not move'


def test_the_pretrained_backbone_is_that_of_mmdet3ds_config():
    theirs = Config.fromfile(THEIRS).model
    pretraining = Config.fromfile(CONFIGS / 'dos/dos_spvcnn_semantickitti.py')
    same = {'type': 'SPVCNNBackbone', 'sparseconv_backend': 'torchsparse', 'drop_ratio': 0.3}
    assert {**pretraining.model.backbone.backbone, **same} == theirs.backbone
    for key in ('voxel_size', 'point_cloud_range'):
        assert pretraining.model.data_preprocessor.voxel_layer[key] == theirs.data_preprocessor.voxel_layer[key]
    assert pretraining.model.data_preprocessor.voxel_type == theirs.data_preprocessor.voxel_type


def unmarked(config: Config | dict | list) -> dict | list:
    """Plain content, without the `_scope_` by which mmengine marks a base in another package."""
    if isinstance(config, Config):
        config = config.to_dict()
    if isinstance(config, dict):
        return {name: unmarked(value) for name, value in config.items() if name != '_scope_'}
    return [unmarked(value) for value in config] if isinstance(config, list | tuple) else config


def test_mmdet3ds_segmentation_config_trains_and_predicts_on_ours():
    config, theirs = Config.fromfile(CONFIGS / 'segmentation/spvcnn_semantickitti.py'), Config.fromfile(THEIRS)
    changed = dict(type='SPVCNNBackbone', sparseconv_backend='torchsparse')
    ours, theirs = unmarked(config), unmarked(theirs)
    ours['model']['backbone'] |= changed
    assert ours.pop('custom_imports')['imports'] == ['dos_mm3d']
    assert ours == theirs

    config.model.backbone.update({name: value for name, value in TINY.items() if name != 'drop_ratio'})
    config.model.decode_head.channels = TINY['decoder_channels'][-1]
    model = MODELS.build(config.model)
    generator = torch.Generator().manual_seed(0)
    clouds = [torch.randn(n, 4, generator=generator) * torch.tensor([4, 4, 0.5, 0.3]) for n in (900, 700)]
    samples = [Det3DDataSample() for _ in clouds]
    for sample, cloud in zip(samples, clouds):
        sample.gt_pts_seg = PointData(pts_semantic_mask=torch.randint(0, 20, (len(cloud),), generator=generator))
    batch = model.data_preprocessor(dict(inputs=dict(points=clouds), data_samples=samples), training=True)
    loss = model(**batch, mode='loss')['loss_sem_seg']
    loss.backward()
    assert torch.isfinite(loss) and all(p.grad is not None for p in model.parameters())
    model.eval()
    with torch.no_grad():
        predicted = model(**batch, mode='predict')
    assert [len(sample.pred_pts_seg.pts_semantic_mask) for sample in predicted] == [900, 700]
