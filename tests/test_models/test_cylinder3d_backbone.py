"""Cylinder3D's adapter: where features are taken and of what; and mmdet3d's whole segmentor on the CPU."""

import copy
import dataclasses

import pytest
import torch
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample, PointData
from torch.testing import assert_close

from dos_mm3d.datasets.transforms import BlockMask, LocalViews, MaskTokenSites, PackViews
from dos_mm3d.datasets.transforms.views import TwoViews
from dos_mm3d.models.backbones import Cylinder3DAdapter
from dos_mm3d.models.preprocessors.views import select_voxels
from dos_mm3d.structures import Grid
from tests.helpers import two_rank_worker as tiny

SHAPE = [40, 48, 12]
CYLINDER = [0, -3.14159265359, -5, 9, 3.14159265359, 3]
CELL = [0.4, 0.4, 0.4]
LAYER = dict(grid_shape=SHAPE, point_cloud_range=CYLINDER, max_num_points=-1, max_voxels=-1)
VOXEL_ENCODER = dict(
    type='SegVFE',
    in_channels=7,
    feat_channels=[8, 8],
    with_voxel_center=True,
    grid_shape=SHAPE,
    point_cloud_range=CYLINDER,
    feat_compression=4,
)
BACKBONE = dict(
    type='Asymm3DSpconv',
    grid_size=SHAPE,
    input_channels=4,
    base_channels=4,
    backbone_depth=3,
    height_pooing=[True, False, True],
    norm_cfg=dict(type='BN1d', eps=1e-5, momentum=0.1),
)
WIDTHS = dict(coarsest=32, middle=16, output=16)


def cylinder_model(**parts) -> torch.nn.Module:
    """DOS over a small Cylinder3D."""
    return tiny.tiny_model(
        backbone=dict(type='Cylinder3DAdapter', voxel_encoder=VOXEL_ENCODER, backbone=BACKBONE),
        data_preprocessor=dict(
            type='ViewPreprocessor',
            voxel=True,
            voxel_type='cylindrical',
            voxel_layer=LAYER,
            loss_grid=dict(point_cloud_range=tiny.SPAN, voxel_size=CELL),
        ),
        **parts,
    )


def view_pairs(*extra, n_scans: int = 2) -> list:
    """Scans of a dense little world; ``extra`` transforms come before the packing."""
    pairs = []
    for seed in range(n_scans):
        generator = torch.Generator().manual_seed(seed)
        xyz = torch.rand(1500, 3, generator=generator) * torch.tensor([9.0, 9, 2]) - torch.tensor([4.5, 4.5, 1])
        columns = torch.rand(1500, 2, generator=generator) * torch.tensor([255.0, 0.1])
        results = dict(
            points=torch.cat((xyz, columns), 1),
            file='scan',
            generator=generator,
            skipped=[],
            position=0,
            grid=Grid(tiny.SPAN, CELL, 1),
        )
        for step in (TwoViews(), BlockMask(), *extra, PackViews()):
            results = step(results)
        pairs.append(results['views'])
    return pairs


@pytest.fixture(scope='module')
def pairs() -> list:
    return view_pairs()


@pytest.fixture
def model() -> torch.nn.Module:
    return cylinder_model()


def pack(model, pairs):
    return model.data_preprocessor(dict(views=pairs))['views']


def test_features_are_means_over_the_points_of_a_loss_voxel(model, pairs):
    views = pack(model, pairs)
    backbone: Cylinder3DAdapter = model.teacher.backbone.eval()
    voxel_dict = views.voxels
    with torch.no_grad():
        found = backbone(voxel_dict, views.cells, 4)
        voxels, sites = backbone.voxel_encoder(voxel_dict['voxels'], voxel_dict['coors'])
        output = backbone.backbone(voxels, sites, 4)
        coarsest, middle, last = backbone.stages(voxels, sites, 4)
    assert torch.equal(last.features, output.features) and torch.equal(last.indices, output.indices)
    assert found.shape == (len(views.cells), backbone.out_channels)
    assert backbone.out_channels == sum(WIDTHS.values())

    view, rho, phi, z = voxel_dict['coors'].long().unbind(1)
    # pools are (2, 2, 2) and (2, 2, 1)
    assert [list(stage.spatial_shape) for stage in (coarsest, middle, last)] == [[10, 12, 6], [20, 24, 6], SHAPE]
    parents = {coarsest: (4, 4, 2), middle: (2, 2, 2), last: (1, 1, 1)}
    of_points = torch.cat(
        [stage.dense()[view, :, rho // a, phi // b, z // c] for stage, (a, b, c) in parents.items()], dim=1
    )
    low = torch.tensor(tiny.SPAN[:3])
    numbers = torch.arange(4).repeat_interleave(torch.tensor([len(cloud) for cloud in views.points]))
    boxes = ((torch.cat(views.points)[:, :3] - low) / torch.tensor(CELL)).floor().int().flip(1)
    boxes = torch.cat((numbers[:, None].int(), boxes), dim=1)
    for row in range(0, len(views.cells), 97):
        inside = (boxes == views.cells[row]).all(1)
        assert inside.any()
        assert_close(found[row], of_points[inside].mean(0))


def hidden_points(pairs) -> list[torch.Tensor]:
    """Mask of the points of each packed view that lie in hidden loss voxels."""
    return [~view.visible[view.cell_of_point] for view in [pair.a for pair in pairs] + [pair.b for pair in pairs]]


def test_the_students_sectors_are_made_of_visible_points_alone(model, pairs):
    views = pack(model, pairs)
    given = model.student_input(views)
    seen, voxel_dict = given.voxels, views.voxels
    kept = [points[~mask] for points, mask in zip(views.points, hidden_points(pairs), strict=True)]
    wanted = model.data_preprocessor.voxelize_points(kept)
    assert all(torch.equal(seen[name], wanted[name]) for name in ('voxels', 'coors'))
    hidden = torch.cat(hidden_points(pairs))
    shared = {tuple(row) for row in voxel_dict['coors'][hidden].tolist()}
    shared &= {tuple(row) for row in voxel_dict['coors'][~hidden].tolist()}
    assert len(shared) > 50, 'sectors with hidden and with visible points'

    before = model.student_features(*given)
    changed = [points.clone() for points in views.points]
    for points, mask in zip(changed, hidden_points(pairs), strict=True):
        points[mask, 3] += 50
    voxels = model.data_preprocessor.voxelize_points(changed, views.cell_of_point)
    changed = dataclasses.replace(views, points=changed, voxels=voxels)
    assert torch.equal(model.student_features(*model.student_input(changed)), before)


def test_every_exported_weight_is_trained_and_the_teacher_is_not(model, pairs):
    losses = model(views=pack(model, pairs))
    sum(losses.values()).backward()
    without = [name for name, p in model.student.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not without
    assert all(p.grad is None for p in model.teacher.parameters())


def test_order_of_rows_is_of_no_matter(model, pairs):
    """SegVFE takes the view of the last row for the last view; rows of tokens or of local views come as they come."""
    views = pack(model, pairs)
    backbone = model.teacher.backbone.eval()
    voxel_dict = views.voxels
    shuffled = torch.randperm(len(voxel_dict['coors']))
    with torch.no_grad():
        mixed = backbone({name: value[shuffled] for name, value in voxel_dict.items()}, views.cells, 4)
        assert_close(mixed, backbone(voxel_dict, views.cells, 4))


def test_points_outside_the_loss_grid_are_seen_but_have_no_loss_voxel(model, pairs):
    """As downstream, where all points count."""
    views = pack(model, pairs)
    backbone = model.teacher.backbone.eval()
    far = torch.tensor([[7.5, 1.0, 0.0, 9.0, 0.0], [-7.5, 7.5, 0.0, 9.0, 0.0], [0.0, 1.0, -5.5, 9.0, 0.0]])
    with_far = [torch.cat((far, points)) for points in views.points]
    cells = views.cell_of_point.split([len(points) for points in views.points])
    cell_of_point = torch.cat([torch.cat((torch.full((len(far),), -1), cell)) for cell in cells])
    voxel_dict = model.data_preprocessor.voxelize_points(with_far, cell_of_point)
    with torch.no_grad():
        found = backbone(voxel_dict, views.cells, 4)
        without = backbone(views.voxels, views.cells, 4)
    assert found.shape == without.shape and not torch.equal(found, without)
    everywhere = torch.ones_like(views.visible)
    assert len(select_voxels(voxel_dict, everywhere)['coors']) == sum(map(len, views.points))


def test_a_loss_voxel_without_points_is_an_error_and_none_at_all_is_not(model, pairs):
    views = pack(model, pairs)
    one_more = torch.cat((views.cells, views.cells[:1]))
    with pytest.raises(ValueError, match=r'1 of .* loss voxels hold no voxel'):
        model.student.backbone(views.voxels, one_more, 4)
    voxel_dict = model.data_preprocessor.voxelize_points(views.points)
    assert model.student.backbone(voxel_dict, views.cells[:0], 4).shape == (0, sum(WIDTHS.values()))


def test_local_views_go_along_and_mask_tokens_are_refused():
    model = cylinder_model(student_input=dict(type='VisibleVoxelsAndLocalViews'), terms=dict(type='WithLocalViews'))
    views = pack(model, view_pairs(LocalViews(2, crop_share=(0.1, 0.3)), n_scans=1))
    given = model.student_input(views)
    assert torch.equal(given.cells[given.voxels['loss_cell'], 0], given.voxels['coors'][:, 0])
    assert set(given.voxels['coors'][:, 0].tolist()) == set(range(4)), 'two views and two crops'
    sum(value for name, value in model(views=views).items() if name.startswith('loss')).backward()

    tokens = cylinder_model(student_input=dict(type='MaskTokens', num_columns=5), terms=dict(type='HiddenAndVisible'))
    with pytest.raises(ValueError, match='MaskTokens has num_columns=5, its voxels have 7'):
        tokens(views=pack(tokens, view_pairs(MaskTokenSites(), n_scans=1)))


def test_autocast_leaves_the_backbone_in_full_precision(model, pairs):
    views = pack(model, pairs)
    voxel_dict = views.voxels
    backbone = model.teacher.backbone.eval()
    with torch.no_grad():
        plain = backbone(voxel_dict, views.cells, 4)
        with torch.autocast('cpu', torch.bfloat16):
            assert torch.equal(backbone(voxel_dict, views.cells, 4), plain)


@pytest.fixture
def segmentor() -> torch.nn.Module:
    """mmdet3d's whole model at tiny size."""
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='Cylinder3D',
            data_preprocessor=dict(
                type='Det3DDataPreprocessor', voxel=True, voxel_type='cylindrical', voxel_layer=LAYER
            ),
            voxel_encoder=copy.deepcopy(VOXEL_ENCODER),
            backbone=copy.deepcopy(BACKBONE),
            decode_head=dict(
                type='Cylinder3DHead',
                channels=16,
                num_classes=5,
                ignore_index=4,
                loss_ce=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=False, class_weight=None, loss_weight=1.0),
                loss_lovasz=dict(type='LovaszLoss', loss_weight=1.0, reduction='none'),
            ),
            train_cfg=None,
            test_cfg=dict(mode='whole'),
        )
    )


def labelled_batch(sizes: tuple[int, ...]) -> dict:
    """Clouds whose class is a function of the place."""
    clouds, samples = [], []
    for seed, size in enumerate(sizes):
        generator = torch.Generator().manual_seed(seed)
        points = torch.rand(size, 5, generator=generator) * torch.tensor([9.0, 9, 2, 1, 0]) - 4.5
        labels = (points[:, 0] > 0).long() * 2 + (points[:, 1] > 0).long()
        clouds.append(points)
        samples.append(Det3DDataSample(gt_pts_seg=PointData(pts_semantic_mask=labels)))
    return dict(inputs=dict(points=clouds), data_samples=samples)


def test_mmdet3ds_segmentor_learns_and_predicts_on_the_cpu(segmentor):
    """Labels of voxels and features of voxels are in the same order, or nothing would be learnt."""
    optimizer = torch.optim.AdamW(segmentor.parameters(), lr=2e-2)
    losses = []
    for _ in range(15):
        data = segmentor.data_preprocessor(labelled_batch((400, 300)), True)
        terms = segmentor(**data, mode='loss')
        assert set(terms) == {'decode.loss_ce', 'decode.loss_lovasz'}
        total = sum(terms.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(total.item())
    assert losses[-1] < 0.3 * losses[0], losses
    # the statistics of BatchNorm still lag behind after so few steps: only the labels are taken as in a test
    segmentor.data_preprocessor.eval()
    batch = labelled_batch((400, 300))
    with torch.no_grad():
        predicted = segmentor(**segmentor.data_preprocessor(copy.deepcopy(batch), False), mode='predict')
    for sample, truth in zip(predicted, batch['data_samples'], strict=True):
        classes = sample.pred_pts_seg.pts_semantic_mask
        assert sample.pts_seg_logits.pts_seg_logits.shape == (5, len(classes))
        right = (classes == truth.gt_pts_seg.pts_semantic_mask).float().mean()
        assert right > 0.8, right
