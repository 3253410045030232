"""What the student is given, which rows are compared: mask tokens, same view, local views."""

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.datasets.transforms import LocalViews, MaskTokenSites
from tests.helpers import two_rank_worker as tiny

CLUSTERING = dict(type='ClusteringHead', channels=16, num_prototypes=32)
TOKENS = dict(student_input=dict(type='MaskTokens', num_columns=5), terms=dict(type='HiddenAndVisible'))
LOCAL = dict(student_input=dict(type='VisibleVoxelsAndLocalViews'), terms=dict(type='WithLocalViews'))


def pack(model, pairs):
    return model.data_preprocessor(dict(views=pairs))['views']


@pytest.fixture(scope='module')
def token_pairs() -> list:
    return tiny.tiny_views(MaskTokenSites())


@pytest.fixture(scope='module')
def moved_pairs() -> list:
    return tiny.tiny_views(MaskTokenSites(jitter_std_m=0.3))


@pytest.fixture(scope='module')
def local_pairs() -> list:
    return tiny.tiny_views(LocalViews(2, crop_share=(0.1, 0.3)))


@pytest.fixture
def token_model() -> torch.nn.Module:
    return tiny.tiny_model(head=CLUSTERING, **TOKENS)


def student_output(model, views) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss voxels and projected features of the student."""
    given = model.student_input(views)
    return given.cells, model.student_features(*given)


def with_other_hidden_content(model, views):
    """The same sites and joins; intensity and place within the voxel of the hidden points changed."""
    points = []
    for number, cloud in enumerate(views.points):
        mine = views.cells[:, 0] == number
        cells = ((cloud[:, :3].flip(1) - torch.tensor([-5, -6.4, -6.4])) / 0.4).floor().int()
        hidden = {tuple(cell.tolist()) for cell in views.cells[mine & ~views.visible][:, 1:]}
        mask = torch.tensor([tuple(cell.tolist()) in hidden for cell in cells])
        points.append(torch.where(mask[:, None], cloud + torch.tensor([0, 0, 0, 70.0, 0.2]), cloud))
    voxels = model.data_preprocessor.voxelize_points(points, views.cell_of_point)
    return dataclasses.replace(views, points=points, voxels=voxels)


def test_student_with_tokens_is_given_all_voxels_and_no_hidden_content(token_model, token_pairs):
    views = pack(token_model, token_pairs)
    full, given = views.voxels, token_model.student_input(views)
    assert {tuple(c.tolist()) for c in given.voxels['coors']} == {tuple(c.tolist()) for c in full['coors']}
    assert {tuple(c.tolist()) for c in given.cells} == {tuple(c.tolist()) for c in views.cells}
    tokens = given.voxels['voxels'][-len(views.tokens.voxels) :]
    assert torch.equal(tokens[:, 0], token_model.student_input.token.expand(len(tokens), -1))
    assert not tokens[:, 1:].any()
    cells, features = student_output(token_model, views)
    changed = with_other_hidden_content(token_model, views)
    assert not all(torch.equal(a, b) for a, b in zip(changed.points, views.points))
    assert torch.equal(student_output(token_model, changed)[1], features)
    assert len(features) == len(cells) == len(views.cells)


@pytest.mark.parametrize('parts', [{}, TOKENS, LOCAL], ids=['visible', 'tokens', 'local views'])
def test_each_voxel_of_the_student_lies_in_the_loss_voxel_that_it_names(parts, token_pairs, local_pairs):
    model = tiny.tiny_model(**parts)
    given = model.student_input(pack(model, local_pairs if parts is LOCAL else token_pairs))
    parents = given.voxels['coors'].clone()
    parents[:, 1:] //= 2
    assert torch.equal(given.cells[given.voxels['loss_cell']], parents.to(given.cells))


def test_where_the_tokens_stand_is_what_leaks(token_model, token_pairs):
    """The student's features, at visible and at hidden places, follow the sites of the tokens; DOS has none."""
    views = pack(token_model, token_pairs)
    kept = torch.arange(len(views.tokens.voxels)) % 2 == 0
    rows, cell_of_voxel = views.tokens.cell_of_voxel[kept].unique(return_inverse=True)
    tokens = dataclasses.replace(
        views.tokens, voxels=views.tokens.voxels[kept], cell_of_voxel=cell_of_voxel, cells=views.tokens.cells[rows]
    )
    fewer = dataclasses.replace(views, tokens=tokens)
    token_model.eval()
    count = int(views.visible.sum())
    all_sites, half = (student_output(token_model, v)[1][:count] for v in (views, fewer))
    assert not torch.allclose(all_sites, half, atol=1e-4)
    observable = tiny.tiny_model(head=CLUSTERING).eval()
    one, other = (student_output(observable, v)[1] for v in (views, with_other_hidden_content(observable, fewer)))
    assert torch.equal(one, other)


def test_tokens_are_learnt_and_weights_add_up_to_one_a_view(token_model, token_pairs):
    views = pack(token_model, token_pairs)
    losses = token_model(views=views)
    assert list(losses) == ['loss_hidden_same', 'loss_hidden_cross', 'loss_same', 'loss_cross']
    sum(losses.values()).backward()
    assert token_model.student_input.token.grad.abs().sum() > 0
    assert 'student_input.token' in token_model.state_dict()
    for parts in (TOKENS, {}, dict(terms=dict(type='SameView'))):
        terms = tiny.tiny_model(**parts).terms(views)
        assert sum(pairs.weight for pairs in terms) == 2, 'two views'


def test_hidden_rows_are_compared_with_what_the_teacher_sees_there(token_model, token_pairs):
    views = pack(token_model, token_pairs)
    cells, _ = student_output(token_model, views)
    terms = {}
    for pairs in token_model.terms(views):
        terms.setdefault(pairs.name, []).append(pairs)
    for name in ('loss_hidden_same', 'loss_same'):
        for pairs in terms[name]:
            assert torch.equal(cells[pairs.student], views.cells[pairs.teacher])
            assert (views.visible[pairs.teacher] == (name == 'loss_same')).all()
            assert torch.equal(pairs.cloud, cells[pairs.student, 0].long())
    for name in ('loss_hidden_cross', 'loss_cross'):
        for pairs in terms[name]:
            assert torch.equal((cells[pairs.student, 0] + 2) % 4, views.cells[pairs.teacher, 0])
    seen = torch.cat([pairs.teacher for pairs in terms['loss_hidden_same'] + terms['loss_same']])
    assert torch.equal(seen.sort().values, torch.arange(len(views.cells)))


def test_moved_tokens_train_too(token_model, moved_pairs):
    views = pack(token_model, moved_pairs)
    _, features = student_output(token_model, views)
    assert len(features) == int(views.visible.sum()) + len(views.tokens.cells)
    losses = token_model(views=views)
    assert all(torch.isfinite(value) and value > 0 for value in losses.values())


def test_a_pipeline_that_does_not_fit_is_named(token_model):
    views = pack(token_model, tiny.tiny_views())
    with pytest.raises(ValueError, match='MaskTokenSites'):
        token_model(views=views)
    with pytest.raises(ValueError, match='LocalViews'):
        tiny.tiny_model(**LOCAL)(views=views)


def test_same_view_alone_is_the_whole_of_its_weight(local_pairs):
    both, same = tiny.tiny_model(), tiny.tiny_model(terms=dict(type='SameView'))
    views = pack(both, local_pairs)
    losses, alone = both(views=views), same(views=views)
    assert list(alone) == ['loss_same']
    assert_close(alone['loss_same'], 2 * losses['loss_same'])


def test_local_views_leave_the_other_terms_and_add_their_own(local_pairs):
    model = tiny.tiny_model(**LOCAL)
    views = pack(model, local_pairs)
    cells, features = student_output(model, views)
    assert len(features) == int(views.visible.sum()) + len(views.local.cells)
    terms = model.terms(views)
    plain = tiny.tiny_model().terms(views)
    for one, other in zip(terms, plain, strict=False):
        assert one.name == other.name
        assert torch.equal(one.student, other.student)
        assert torch.equal(one.teacher, other.teacher)
    extra = terms[len(plain) :]
    assert [pairs.name for pairs in extra] == ['loss_local'] * 2
    for pairs, view in zip(extra, (0, 2), strict=True):
        crop = cells[pairs.student, 0] - 4
        assert (crop >= 0).all()
        assert torch.equal(views.cells[pairs.teacher, 0], crop // 2 + view), 'two crops a scan, each in its own'
        assert torch.equal(pairs.cloud, cells[pairs.student, 0].long())


def test_teacher_runs_once_on_the_views_and_its_head_on_needed_rows(local_pairs):
    model = tiny.tiny_model(**LOCAL)
    views = pack(model, local_pairs)
    clouds, rows = [], []
    model.teacher.backbone.register_forward_hook(lambda _module, args, _out: clouds.append(args[2]))
    model.teacher.projector.register_forward_hook(lambda _module, args, _out: rows.append(len(args[0])))
    losses = model(views=views)
    assert clouds == [4], 'one pass over four views, no local one'
    needed = [views.visible.nonzero().squeeze(1), *(pairs.teacher for pairs in model.terms(views))]
    assert rows == [len(torch.cat(needed).unique())]
    sum(losses.values()).backward()
    assert losses['loss_local'] > 0


def test_the_student_sees_a_local_view_as_if_it_were_alone(local_pairs):
    """In one pass with the rest; BatchNorm in eval mode, so that nothing but the sites of a cloud can mix."""
    model = tiny.tiny_model(**LOCAL).eval()
    views = pack(model, local_pairs)
    cells, features = student_output(model, views)
    mine = views.local.cells[:, 0] == 1
    sizes = [len(points) for points in views.local.points]
    rows = views.local.cell_of_point.split(sizes)[1] - int(mine.nonzero()[0])
    alone = model.data_preprocessor.voxelize_points(views.local.points[1:2], rows)
    own_cells = views.local.cells[mine] * torch.tensor([0, 1, 1, 1], dtype=torch.int32)
    wanted = model.student_features(alone, own_cells, 1)
    assert_close(features[cells[:, 0] == 5], wanted, rtol=1e-4, atol=1e-5)


def test_auto_is_logged_and_not_trained(local_pairs):
    model = tiny.tiny_model(head=dict(type='ZipfSinkhornHead', channels=16, num_prototypes=32, alpha='auto'))
    views = pack(model, local_pairs)
    losses = model(views=views)
    total, logged = model.parse_losses(losses)
    assert_close(total, losses['loss_same'] + losses['loss_cross'])
    assert logged['alpha'] == model.head.exponent.alpha.float()
    assert float(model.head.exponent.weight) == pytest.approx(0.02), 'one look a step'
    assert not losses['alpha'].requires_grad


def test_regression_gives_the_monitors_what_it_has(local_pairs):
    model = tiny.tiny_model(head=dict(type='RegressionHead', channels=16, hidden_channels=32))
    sum(model(views=pack(model, local_pairs)).values()).backward()
    assert set(model.collapse_statistics()) == {'feature_spread', 'effective_rank'}
    assert all(p.grad is None for p in model.teacher.parameters())
