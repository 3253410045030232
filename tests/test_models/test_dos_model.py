"""What each branch sees, where features are taken, and who gets gradients."""

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.structures import SparseViews
from tests.helpers import two_rank_worker as tiny


@pytest.fixture
def model() -> torch.nn.Module:
    return tiny.tiny_model()


@pytest.fixture(scope='module')
def pairs() -> list:
    return tiny.tiny_views()


def pack(model, pairs) -> SparseViews:
    return model.data_preprocessor(dict(views=pairs))['views']


def test_views_are_packed_scan_by_scan_with_shifted_matches(model, pairs):
    views = pack(model, pairs)
    assert views.num_views == 4
    start = torch.searchsorted(views.cells[:, 0].contiguous(), torch.arange(4, dtype=torch.int32))
    a1 = pairs[1].a
    row = int(torch.nonzero(pairs[1].a_to_b >= 0)[0])
    assert torch.equal(views.cells[start[1] + row, 1:], a1.cells[row])
    partner = int(views.match[start[1] + row])
    assert int(views.cells[partner, 0]) == 3
    assert torch.equal(views.cells[partner, 1:], pairs[1].b.cells[pairs[1].a_to_b[row]])


def test_each_voxel_knows_its_loss_voxel(model, pairs):
    views = pack(model, pairs)
    found = views.cells[views.voxels['loss_cell']]
    wanted = views.voxels['coors'] // torch.tensor([1, 2, 2, 2])
    assert torch.equal(found, wanted)


def hidden_points(pairs) -> list[torch.Tensor]:
    """Mask of the points of each packed view that lie in hidden loss voxels."""
    return [~view.visible[view.cell_of_point] for view in [pair.a for pair in pairs] + [pair.b for pair in pairs]]


def test_student_is_given_exactly_the_visible_points(model, pairs):
    views = pack(model, pairs)
    seen = model.student_input(views).voxels
    kept = [points[~mask] for points, mask in zip(views.points, hidden_points(pairs), strict=True)]
    wanted = model.data_preprocessor.voxelize_points(kept)
    assert len(wanted['coors']) < 0.7 * len(views.voxels['coors'])
    for name in ('voxels', 'coors', 'num_points'):
        assert torch.equal(seen[name], wanted[name])


def test_in_a_step_the_student_gets_the_visible_points_and_the_teacher_all(model, pairs):
    views, given = pack(model, pairs), {}
    for name, branch in (('student', model.student), ('teacher', model.teacher)):
        branch.backbone.register_forward_hook(lambda _module, args, _out, name=name: given.update({name: args}))
    model(views=views)
    kept = [points[~mask] for points, mask in zip(views.points, hidden_points(pairs), strict=True)]
    wanted = dict(student=(kept, views.cells[views.visible]), teacher=(views.points, views.cells))
    for name, (points, cells) in wanted.items():
        voxels, own_cells, num_views = given[name]
        assert torch.equal(own_cells, cells)
        assert num_views == 4
        for key, value in model.data_preprocessor.voxelize_points(points).items():
            assert key == 'loss_cell' or torch.equal(voxels[key], value)


def test_what_is_hidden_cannot_change_the_students_features(model, pairs):
    views = pack(model, pairs)
    before = model.student_features(*model.student_input(views))
    changed = [points.clone() for points in views.points]
    for points, mask in zip(changed, hidden_points(pairs), strict=True):
        points[mask, 3] += 50
    voxels = model.data_preprocessor.voxelize_points(changed, views.cell_of_point)
    assert not torch.equal(voxels['voxels'], views.voxels['voxels'])
    changed = dataclasses.replace(views, points=changed, voxels=voxels)
    assert torch.equal(model.student_features(*model.student_input(changed)), before)


def test_features_are_those_of_the_parent_cell_in_every_stage(model, pairs):
    views = pack(model, pairs)
    backbone = model.teacher.backbone.eval()
    voxel_dict = views.voxels
    features = backbone(voxel_dict, views.cells, 4)
    voxels = backbone.voxel_encoder(voxel_dict['voxels'], voxel_dict['num_points'], voxel_dict['coors'])
    backbone.middle_encoder.return_middle_feats = True
    bird_eye, stages = backbone.middle_encoder(voxels, voxel_dict['coors'], 4)
    assert [list(stage.spatial_shape) for stage in stages] == [[21, 32, 32], [11, 16, 16], [5, 8, 8], [5, 8, 8]]
    wanted = []
    view, z, y, x = views.cells.long().unbind(1)
    for stage, factor in zip(stages, (1, 2, 4, 4), strict=True):
        depth = stage.spatial_shape[0]
        wanted.append(stage.dense()[view, :, (z // factor).clamp_max(depth - 1), y // factor, x // factor])
    dense = bird_eye.view(4, 16, 2, 8, 8)
    wanted.append(dense[view, :, (z // 4).clamp_max(4).div(2, rounding_mode='floor').clamp_max(1), y // 4, x // 4])
    assert backbone.out_channels == features.shape[1] == 8 + 16 + 16 + 16 + 16
    assert_close(features, torch.cat(wanted, dim=1))


def test_a_missing_parent_is_an_error(model, pairs):
    views = pack(model, pairs)
    stray = views.cells.clone()
    stray[0, 1:] = torch.tensor([0, 31, 31], dtype=stray.dtype)
    with pytest.raises(ValueError, match='hold no voxel'):
        model.student.backbone(views.voxels, stray, 4)


def test_a_full_voxel_buffer_is_an_error_while_training(model, pairs):
    preprocessor, points = model.data_preprocessor, pack(model, pairs).points
    wanted = preprocessor.train().voxelize_points(points)
    preprocessor.voxel_layer.max_voxels = (50, 50)
    with pytest.raises(ValueError, match='max_voxels'):
        preprocessor.voxelize_points(points)
    kept = preprocessor.eval().voxelize_points(points)
    assert len(kept['coors']) > 50, 'a frozen encoder sees every voxel of whatever it is fed'
    assert all(torch.equal(kept[name], value) for name, value in wanted.items())


def test_gradient_reaches_student_and_prototypes_only(model, pairs):
    losses = model(views=pack(model, pairs))
    sum(losses.values()).backward()
    assert set(losses) == {'loss_same', 'loss_cross'}
    assert all(p.grad is None and not p.requires_grad for p in model.teacher.parameters())
    without = [name for name, p in model.student.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not without, 'every weight that is exported is trained'
    assert model.head.prototypes.grad.abs().sum() > 0


def test_the_step_reaches_the_schedules_of_the_head(model):
    model.head.temperature_range, model.head.warmup_share = (0.04, 0.07), 0.1
    model.set_step(50, 1000)
    assert model.head.teacher_temperature == pytest.approx(0.055)


def test_the_update_moves_parameters_of_the_teacher_and_its_prototypes_towards_the_student():
    model = tiny.tiny_model(head=dict(type='ZipfSinkhornHead', channels=16, teacher_prototypes='ema'))
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter.add_(1.0)
        model.head.prototypes.add_(1.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.update_teacher(0.9)
    for name, parameter in model.teacher.named_parameters():
        assert_close(parameter, before[f'teacher.{name}'] + 0.1)
    assert_close(model.head.average, before['head.average'] + 0.1)
    for name, parameter in (
        *model.student.named_parameters(prefix='student'),
        ('head.prototypes', model.head.prototypes),
    ):
        assert torch.equal(parameter, before[name]), name


def test_teacher_head_runs_on_needed_rows_only(model, pairs):
    views = pack(model, pairs)
    rows = []
    model.teacher.projector.register_forward_hook(lambda _module, args, _out: rows.append(len(args[0])))
    model(views=views)
    partner = views.match[views.visible]
    assert rows == [len(torch.cat((views.visible.nonzero().squeeze(1), partner[partner >= 0])).unique())]
    assert rows[0] < len(views.cells)


def test_swapping_the_views_changes_nothing(model, pairs):
    from dos_mm3d.structures import ViewPair

    swapped = [ViewPair(p.b, p.a, p.b_to_a, p.a_to_b) for p in pairs]
    model.eval()
    for one, other in zip(
        model(views=pack(model, pairs)).values(), model(views=pack(model, swapped)).values(), strict=True
    ):
        assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_batchnorm_statistics_of_teacher_and_student_differ(model, pairs):
    """The student's describe masked input, the teacher's the whole view; the moving average leaves buffers alone."""
    model(views=pack(model, pairs))
    student, teacher = (b.backbone.middle_encoder.conv_input[1].running_mean for b in (model.student, model.teacher))
    assert not torch.allclose(student, teacher)
    kept = teacher.clone()
    model.update_teacher(0.5)
    assert torch.equal(teacher, kept)


def test_every_batchnorm_of_the_teacher_is_in_training_mode(model, pairs):
    """It normalises by the whole views in front of it, and its running statistics, which are exported, follow them."""
    views = pack(model, pairs)
    norms = [m for m in model.teacher.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    before = [norm.running_mean.clone() for norm in norms]
    model.train()(views=views)
    assert not any(torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, before, strict=True))
    features = model.visible_teacher
    for norm in norms:
        norm.running_mean.add_(3)
        norm.running_var.mul_(7)
    model(views=views)
    assert torch.equal(model.visible_teacher, features)


def test_terms_compare_a_loss_voxel_with_itself_and_with_its_match_in_the_other_view(model, pairs):
    views = pack(model, pairs)
    student_cells = views.cells[views.visible]
    same_a, same_b, cross_a, cross_b = model.terms(views)
    for term in (same_a, same_b):
        assert (term.name, term.weight) == ('loss_same', 0.5)
        assert torch.equal(student_cells[term.student], views.cells[term.teacher])
    for term in (cross_a, cross_b):
        assert (term.name, term.weight) == ('loss_cross', 0.5)
        own = views.visible.nonzero().squeeze(1)[term.student]
        assert torch.equal(views.match[own], term.teacher)
        assert torch.equal((student_cells[term.student, 0] + 2) % 4, views.cells[term.teacher, 0])
        assert len(term.student) > 100
    for term, view_b in ((same_a, False), (same_b, True), (cross_a, False), (cross_b, True)):
        assert ((term.cloud >= 2) == view_b).all()
        assert torch.equal(term.cloud, student_cells[term.student, 0].long())


def test_the_loss_is_that_of_the_terms(model, pairs):
    """Student rows from the masked student, teacher rows from the teacher on whole views, weights, both views added."""
    views = pack(model, pairs)
    with torch.no_grad():
        model.student.projector[2].bias.add_(0.3)  # student and teacher begin as twins
    losses = model(views=views)
    student = model.student_features(*model.student_input(views))
    every = torch.arange(len(views.cells))
    teacher, row = model.teacher_features(views, every)
    wanted = dict(loss_same=0.0, loss_cross=0.0)
    for term in model.terms(views):
        wanted[term.name] += term.weight * model.head(student[term.student], teacher[row[term.teacher]], term.cloud)
    for name, value in wanted.items():
        assert_close(losses[name], value, rtol=1e-4, atol=1e-5)
    assert not teacher.requires_grad


def test_twenty_steps_on_one_batch_reduce_the_loss(model, pairs):
    views = pack(model, pairs)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    values = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = sum(model(views=views).values())
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.8 * values[0]


def test_only_the_loss_mode_exists(model, pairs):
    with pytest.raises(ValueError, match='export'):
        model(views=pack(model, pairs), mode='predict')


def test_monitors_look_at_the_visible_teacher_points_of_all_views(model, pairs):
    views = pack(model, pairs)
    with pytest.raises(RuntimeError, match='before the first loss'):
        model.collapse_statistics()
    model(views=views)
    assert len(model.visible_teacher) == int(views.visible.sum())
    statistics = model.collapse_statistics()
    cosines = model.head.teacher_cosines(model.visible_teacher)
    share = torch.bincount(cosines.argmax(1), minlength=32) / len(cosines)
    assert statistics['largest_usage'] == pytest.approx(float(share.max()))
    assert statistics['prototypes_used'] == pytest.approx(float((share > 1 / 320).float().mean()))
    assert 0 < statistics['student_column_entropy'] <= 1
    model.visible_teacher = torch.nn.functional.normalize(torch.ones(100, 16), dim=1)
    collapsed = model.collapse_statistics()
    assert collapsed['effective_rank'] == 0
    assert collapsed['largest_usage'] == 1
    assert collapsed['usage_entropy'] == pytest.approx(0, abs=1e-6)
