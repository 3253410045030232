"""Heads besides Zipf-Sinkhorn, the estimated exponent and its resume, and what the monitors are told."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from dos_mm3d.functional import balanced_assignment, clustering_loss, column_entropy, softmap_kl, zipf_prior
from dos_mm3d.functional.sinkhorn import zipf_sinkhorn
from dos_mm3d.functional.streaming_blocks import Precision
from dos_mm3d.models.heads import ClusteringHead, DistillationHead, RegressionHead, SoftmapHead, ZipfSinkhornHead
from dos_mm3d.models.heads.zipf_exponent import ZipfExponent

D, K, N = 16, 8, 50
PROTOTYPE_HEADS = dict(clustering=ClusteringHead, softmap=SoftmapHead, zipf=ZipfSinkhornHead)


def unit(count: int, seed: int, channels: int = D) -> torch.Tensor:
    return F.normalize(torch.randn(count, channels, generator=torch.Generator().manual_seed(seed)), dim=1)


def make(name: str, **settings) -> torch.nn.Module:
    torch.manual_seed(0)
    return PROTOTYPE_HEADS[name](D, num_prototypes=K, **settings)


def wanted_loss(name: str, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """From logits (N, K), by the functions that hold the matrix."""
    if name == 'clustering':
        return clustering_loss(student, balanced_assignment(teacher, n_iters=3))
    target = teacher.softmax(0) if name == 'softmap' else zipf_sinkhorn(teacher, zipf_prior(K, 1.3), n_iters=3)
    return softmap_kl(student, target)


@pytest.mark.parametrize('scope', ['cloud', 'batch'])
@pytest.mark.parametrize('name', PROTOTYPE_HEADS)
def test_loss_is_that_of_the_cosines_in_its_scope(name, scope):
    head = make(name, scope=scope)
    with torch.no_grad():
        head.prototypes.mul_(torch.arange(1, K + 1)[:, None])  # their lengths mean nothing
    student, teacher = unit(N, 1), unit(N, 2)
    cloud = torch.tensor([0] * 20 + [1] * 29 + [2])  # a cloud of one point is left out
    cosines = [features @ F.normalize(head.prototypes, dim=1).T for features in (student, teacher)]
    parts = [slice(0, 20), slice(20, 49)] if scope == 'cloud' else [slice(None)]
    wanted = [wanted_loss(name, cosines[0][part] / 0.1, cosines[1][part] / 0.04) for part in parts]
    assert_close(head(student, teacher, cloud), torch.stack(wanted).mean())


@pytest.mark.parametrize('name', PROTOTYPE_HEADS)
def test_gradient_reaches_student_and_prototypes_only(name):
    head = make(name)
    student, teacher = unit(N, 1).requires_grad_(), unit(N, 2).requires_grad_()
    head(student, teacher, torch.zeros(N, dtype=torch.int64)).backward()
    assert student.grad.abs().sum() > 0
    assert head.prototypes.grad.abs().sum() > 0
    assert teacher.grad is None


class Difference(DistillationHead):
    """The simplest head: what the contract promises, it does not do itself."""

    def loss(self, student, teacher, cloud_index):
        return (student - teacher).square().sum()


def test_every_head_is_handed_a_teacher_without_gradient_in_full_precision():
    student, teacher = unit(N, 1).half().requires_grad_(), unit(N, 2).half().requires_grad_()
    loss = Difference()(student, teacher, torch.zeros(N, dtype=torch.int64))
    loss.backward()
    assert loss.dtype == torch.float32
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None


def test_teacher_prototypes_shared_or_ema():
    shared, own = (make('zipf', teacher_prototypes=kind) for kind in ('shared', 'ema'))
    features = unit(N, 1)
    for head in (shared, own):
        before = head.teacher_cosines(features)
        with torch.no_grad():
            head.prototypes.neg_()
        moved = not torch.allclose(head.teacher_cosines(features), before)
        assert moved == (head is shared)
        head.update_teacher(0.0)
        assert_close(head.teacher_cosines(features), -before)
    assert 'average' in own.state_dict()
    assert 'average' not in shared.state_dict()


@pytest.mark.parametrize('kind', ['shared', 'ema'])
def test_the_teachers_cosines_have_no_gradient(kind):
    head = make('zipf', teacher_prototypes=kind)
    assert not head.teacher_cosines(unit(N, 2).requires_grad_()).requires_grad


@pytest.mark.parametrize('name', PROTOTYPE_HEADS)
def test_too_few_points_give_no_loss_and_no_nan(name):
    head = make(name)
    for count in (0, 1):
        point = torch.ones(count, D, requires_grad=True)
        loss = head(point, point, torch.zeros(count, dtype=torch.int64))
        loss.backward()
        assert loss.item() == 0
    assert head.prototypes.grad.abs().sum() == 0, 'connected, so that ranks agree on which gradients there are'


@pytest.mark.parametrize(
    ('step', 'temperature'), [(0, 0.04), (25, 0.0475), (50, 0.055), (100, 0.07), (101, 0.07), (550, 0.07), (999, 0.07)]
)
def test_teacher_temperature_warms_up_in_its_share_of_the_run_and_stays(step, temperature):
    head = make('softmap', teacher_temperature=(0.04, 0.07), warmup_share=0.1)
    head.set_step(step, 1000)
    assert head.teacher_temperature == pytest.approx(temperature)
    student, teacher, prototypes = unit(N, 1), unit(N, 2), F.normalize(head.prototypes, dim=1)
    wanted = softmap_kl(student @ prototypes.T / 0.1, (teacher @ prototypes.T / temperature).softmax(0))
    assert_close(head(student, teacher, torch.zeros(N, dtype=torch.int64)), wanted)


def columns(name: str, student: torch.Tensor, teacher: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Softmaps (N, K) of student and target whose entropies the monitor is to see."""
    if name == 'clustering':
        rows = student.softmax(1), balanced_assignment(teacher, n_iters=3)
        return tuple(assignment / assignment.sum(0) for assignment in rows)
    if name == 'softmap':
        return student.softmax(0), teacher.softmax(0)
    return student.softmax(0), zipf_sinkhorn(teacher, zipf_prior(K, 1.3), n_iters=3)


@pytest.mark.parametrize('name', PROTOTYPE_HEADS)
def test_statistics_are_those_of_the_last_term_and_of_the_given_features(name):
    head = make(name)
    assert 'column_entropy' not in head.statistics(unit(N, 2)), 'no term yet'
    student, teacher, cloud = unit(N, 1).requires_grad_(), unit(N, 2), torch.zeros(N, dtype=torch.int64)
    head(teacher, unit(N, 3), cloud)
    head(student, teacher, cloud)
    prototypes = F.normalize(head.prototypes.detach(), dim=1)
    with torch.no_grad():
        head.prototypes.add_(1.0)  # the optimiser's step between the loss and the look
    maps = columns(name, student.detach() @ prototypes.T / 0.1, teacher @ prototypes.T / 0.04)
    statistics = head.statistics(teacher)
    assert_close(statistics['student_column_entropy'], column_entropy(maps[0]), rtol=1e-4, atol=1e-5)
    assert_close(statistics['column_entropy'], column_entropy(maps[1]), rtol=1e-4, atol=1e-5)
    assert_close(statistics['cosine_std'], head.teacher_cosines(teacher).std())
    assert not any(value.requires_grad for value in statistics.values()), 'they would hold the graph of a step'
    assert set(statistics) == {
        'cosine_std', 'prototypes_used', 'usage_entropy', 'largest_usage', 'student_column_entropy', 'column_entropy'
    }  # fmt: skip


@pytest.mark.parametrize('name', PROTOTYPE_HEADS)
def test_constant_features_show_as_entropy_one(name):
    head = make(name)
    constant = unit(1, 3).expand(N, D)
    head(constant, constant, torch.zeros(N, dtype=torch.int64))
    statistics = head.statistics(constant)
    assert float(statistics['column_entropy']) == pytest.approx(1, abs=1e-5)
    assert float(statistics['largest_usage']) == 1


def test_regression_is_zero_where_the_predictor_hits_and_needs_no_prototypes():
    torch.manual_seed(0)
    head = RegressionHead(D, 32)
    student, teacher = unit(N, 1).requires_grad_(), unit(N, 2).requires_grad_()
    cloud = torch.zeros(N, dtype=torch.int64)
    assert_close(head(student, head.predictor(student), cloud), torch.tensor(0.0), rtol=0, atol=1e-6)
    predicted, target = head.predictor(student).detach(), teacher.detach()
    loss = head(student, teacher, cloud)
    assert_close(loss.detach(), (predicted - target).square().sum(1).mean())
    loss.backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in head.predictor.parameters())
    assert head.statistics(teacher) == {}
    empty = torch.zeros(0, D, requires_grad=True)
    assert head(empty, empty, torch.zeros(0, dtype=torch.int64)).item() == 0


@pytest.mark.parametrize(
    'head', [make('zipf'), make('clustering'), RegressionHead(D, 32)], ids=['zipf', 'clustering', 'regression']
)
def test_heads_are_in_full_precision_under_autocast(head):
    student, teacher, cloud = unit(N, 1), unit(N, 2), torch.zeros(N, dtype=torch.int64)
    wanted = head(student, teacher, cloud)
    with torch.autocast('cpu', torch.bfloat16):
        assert (student @ teacher.T).dtype == torch.bfloat16, 'autocast is on'
        assert torch.equal(head(student, teacher, cloud), wanted)


def test_products_are_what_autocast_asks_for_where_the_head_is_called(monkeypatch):
    """On a GPU bfloat16: here the CPU answers as one does. Inside the head autocast is off, and rows are widened."""

    def of_a_gpu(*tensors):
        half = torch.is_autocast_enabled('cpu') or any(x.dtype == torch.bfloat16 for x in tensors)
        return Precision(torch.float32, torch.bfloat16 if half else torch.float32)

    monkeypatch.setattr(Precision, 'of', of_a_gpu)
    head, student, teacher, cloud = make('zipf'), unit(N, 1), unit(N, 2), torch.zeros(N, dtype=torch.int64)
    plain = head(student, teacher, cloud)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = head(student, teacher, cloud)
    assert mixed != plain and mixed.dtype == torch.float32
    assert_close(mixed, plain, rtol=1e-2, atol=0)
    assert_close(head(student.bfloat16(), teacher.bfloat16(), cloud), mixed, rtol=0, atol=0)
    assert torch.equal(head(student, teacher, cloud), plain)


def planted_features(head, alpha: float, count: int, seed: int) -> torch.Tensor:
    """Noisy copies of the head's prototypes, prototype k as often as rank k of a Zipf law says."""
    generator = torch.Generator().manual_seed(seed)
    number = len(head.prototypes)
    nearest = torch.multinomial(zipf_prior(number, alpha), count, replacement=True, generator=generator).flip(0)
    centres = F.normalize(head.prototypes.detach(), dim=1)[(number - 1) - nearest]
    return F.normalize(centres + 0.5 * unit(count, seed + 1000, centres.shape[1]), dim=1)


@pytest.mark.parametrize('alpha', [0.0, 0.5, 1.0, 1.3, 1.6, 2.0, 3.0])
@pytest.mark.parametrize('num_prototypes', [128, 1024])
def test_auto_finds_the_planted_exponent_and_uses_it(num_prototypes, alpha):
    """20 steps of 4000 points, four a prototype at K = 1024: the noise of one step is as large as its signal."""
    torch.manual_seed(0)
    head = ZipfSinkhornHead(32, alpha='auto', num_prototypes=num_prototypes)
    for step in range(20):
        head.observe(planted_features(head, alpha, 4000, step))
    found = float(head.log_values()['alpha'])
    assert found == pytest.approx(alpha, abs=0.15)
    assert 0 <= found <= 3, 'the stated range'
    assert_close(head.prior, zipf_prior(num_prototypes, found))


def test_auto_looks_while_training_only_and_fixed_heads_never():
    auto, fixed = ZipfSinkhornHead(D, alpha='auto', num_prototypes=K), make('zipf')
    for head in (auto.eval(), fixed):
        before = head.prior.clone()
        head.observe(planted_features(head, 3.0, 100, 0))
        assert torch.equal(head.prior, before)
    assert fixed.log_values() == {}
    assert 'exponent.alpha' not in fixed.state_dict()


def test_auto_goes_on_exactly_after_a_resume():
    torch.manual_seed(0)
    straight = ZipfSinkhornHead(D, alpha='auto', num_prototypes=K)
    for step in range(3):
        straight.observe(planted_features(straight, 1.3, 200, step))
    resumed = ZipfSinkhornHead(D, alpha='auto', num_prototypes=K)
    resumed.load_state_dict(straight.state_dict())
    assert torch.equal(resumed.prior, straight.prior)
    for head in (straight, resumed):
        for step in range(3, 6):
            head.observe(planted_features(head, 1.3, 200, step))
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert straight.log_values()['alpha'] == resumed.log_values()['alpha']


def test_a_step_without_points_changes_nothing():
    exponent = ZipfExponent(K)
    exponent.update(torch.tensor([0, 0, 3]))
    before = {name: value.clone() for name, value in exponent.state_dict().items()}
    exponent.update(torch.zeros(0, dtype=torch.int64))
    assert all(torch.equal(value, before[name]) for name, value in exponent.state_dict().items())


@pytest.mark.parametrize(
    ('wrong', 'words'),
    [(dict(alpha='automatic'), "'auto'"), (dict(alpha=-1.0), 'alpha must be'), (dict(scope='world'), 'scope')],
)
def test_settings_that_mean_nothing_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        ZipfSinkhornHead(D, num_prototypes=K, **wrong)


@pytest.mark.parametrize(('alpha', 'followed'), [(1.6, True), ('auto', False)])
def test_a_stated_exponent_holds_whatever_a_checkpoint_was_trained_with(alpha, followed):
    """One that is estimated goes on from the checkpoint."""
    head, saved = make('zipf', alpha=alpha), make('zipf', alpha=1.3 if followed else 'auto')
    saved.prior.copy_(zipf_prior(K, 0.5))
    head.load_state_dict(saved.state_dict())
    assert_close(head.prior, zipf_prior(K, 1.6 if followed else 0.5))
