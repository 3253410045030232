"""The streaming loss where it could break: sizes, extreme logits, half precision, memory, bad input."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from dos_mm3d.functional import (
    streaming_blocks,
    streaming_column_entropies,
    streaming_softmap_loss,
    streaming_softmaps,
    zipf_prior,
)
from tests.helpers.streaming_cases import (
    TEMPERATURES,
    case,
    oracle_target,
    plain_loss,
    set_block_elements,
    streamed_target,
    value_and_gradients,
)

SETTINGS = dict(n_iters=3, **TEMPERATURES)


def streaming_and_plain(student, teacher, prototypes, prior) -> tuple[list, list]:
    fixed = prototypes.clone()

    def streaming(x, q):
        return streaming_softmap_loss(x, teacher, q, prior, **SETTINGS)

    def plain(x, q):
        return plain_loss(x, teacher, q, prior, n_iters=3, teacher_prototypes=fixed)

    return value_and_gradients(streaming, student, prototypes), value_and_gradients(plain, student, prototypes)


@pytest.mark.parametrize(
    ('num_points', 'num_prototypes'), [(2, 5), (2, 1), (60_000, 16), (60_000, 1), (50, 4096), (2, 4096)]
)
def test_sizes_from_smallest_to_a_full_scan(num_points, num_prototypes):
    inputs = case(num_points, num_prototypes, dtype=torch.float32)
    streaming, plain = streaming_and_plain(*inputs, zipf_prior(num_prototypes, 1.3))
    for one, other in zip(streaming, plain):
        assert one.isfinite().all()
        assert (one - other).norm() < 1e-4 * other.norm() + 1e-7


def test_one_point_takes_everything_and_learns_nothing():
    student, teacher, prototypes = case(1, 5)
    streaming, _ = streaming_and_plain(student, teacher, prototypes, zipf_prior(5, 1.3))
    for value in streaming:
        assert_close(value, torch.zeros_like(value), atol=1e-12, rtol=0)
    assert streaming_softmaps(student, teacher, prototypes, zipf_prior(5, 1.3), **SETTINGS).target_entropy.isnan()
    with pytest.raises(ValueError, match='needs two of them'):
        streaming_column_entropies(student, teacher, prototypes, zipf_prior(5, 1.3), **SETTINGS)


@pytest.mark.parametrize('alpha', [1.3, 3.0])
@pytest.mark.parametrize(('temperature', 'elements'), [(0.02, 2**18), (0.02, 1), (0.01, 1)])
def test_extreme_logits(temperature, alpha, elements, monkeypatch):
    """+-1 / temperature, with columns that are low nearly everywhere: float32 cannot hold exp(-2 / temperature)."""
    set_block_elements(monkeypatch, elements)
    signs = torch.where(torch.rand(200, 24, generator=torch.Generator().manual_seed(2)) > 0.5, 1.0, -1.0)
    signs[:, 3] = -1.0
    signs[:, 4] = 1.0
    signs[7, 5], signs[:7, 5], signs[8:, 5] = 1.0, -1.0, -1.0
    logits, prior = signs / temperature, zipf_prior(24, alpha)
    target = streamed_target(logits, prior, n_iters=3)
    assert target.isfinite().all()
    assert_close(target.sum(0), torch.ones(24), rtol=1e-5, atol=1e-5)
    wanted = torch.from_numpy(oracle_target(logits.numpy(), prior.numpy(), 3)).float()
    assert_close(target, wanted, rtol=1e-3, atol=1e-6)


def test_extreme_logits_of_the_student():
    signs = torch.where(torch.rand(200, 24, generator=torch.Generator().manual_seed(3)) > 0.5, 1.0, -1.0)
    signs[:, 3] = -1.0
    eye, prior = torch.eye(24), zipf_prior(24, 1.3)
    settings = dict(student_temperature=0.02, teacher_temperature=0.02, n_iters=3)
    student = signs.clone().requires_grad_()
    loss = streaming_softmap_loss(student, signs.flip(0), eye, prior, **settings)
    loss.backward()
    target = torch.from_numpy(oracle_target(signs.flip(0).numpy() / 0.02, prior.numpy(), 3))
    log_map = (signs.double() / 0.02).log_softmax(0)
    assert loss.item() == pytest.approx(float((target * (target.log() - log_map)).sum(0).mean()), rel=1e-4)
    assert_close(student.grad.double() * 24 * 0.02, log_map.exp() - target, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_features_are_computed_in_float32_on_the_cpu(dtype):
    student, teacher, prototypes = case(200, 24, dtype=dtype)
    prior = zipf_prior(24, 1.3)

    def of(student, teacher, prototypes):
        def loss(x, q):
            return streaming_softmap_loss(x, teacher, q, prior, **SETTINGS)

        return value_and_gradients(loss, student, prototypes)

    half, single = of(student, teacher, prototypes), of(student.float(), teacher.float(), prototypes.float())
    assert half[0].dtype == torch.float32
    assert_close(half[0], single[0])
    assert [x.dtype for x in half[1:]] == [dtype, dtype]
    assert_close(half[1], single[1].to(dtype))
    assert_close(half[2], single[2].to(dtype))


def test_autocast_does_not_touch_the_cpu(monkeypatch):
    inputs, prior = case(200, 24, dtype=torch.float32), zipf_prior(24, 1.3)
    plain, _ = streaming_and_plain(*inputs, prior)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = value_and_gradients(
            lambda x, q: streaming_softmap_loss(x, inputs[1], q, prior, **SETTINGS), inputs[0], inputs[2]
        )
    for one, other in zip(mixed, plain):
        assert_close(one, other, rtol=0, atol=0)


def test_bfloat16_products_keep_float32_sums(monkeypatch):
    """What CUDA does under autocast, done on the CPU."""
    inputs, prior = case(2000, 24, dtype=torch.float32), zipf_prior(24, 1.3)
    _, plain = streaming_and_plain(*inputs, prior)
    mixed = streaming_blocks.Precision(torch.float32, torch.bfloat16)
    monkeypatch.setattr(streaming_blocks.Precision, 'of', lambda *_: mixed)
    streaming, _ = streaming_and_plain(*inputs, prior)
    for one, other in zip(streaming, plain):
        assert one.dtype == torch.float32
        error = ((one - other).norm() / other.norm()).item()
        assert 1e-5 < error < 0.05, error
    assert_close(streaming[0], plain[0], rtol=5e-3, atol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs CUDA; bfloat16 products are tested on the CPU above')
@pytest.mark.parametrize('half', [False, True])
def test_cuda_equals_cpu(half):
    inputs, prior = case(5000, 64, channels=32, dtype=torch.float32), zipf_prior(64, 1.3)
    cpu, _ = streaming_and_plain(*inputs, prior)
    with torch.autocast('cuda', dtype=torch.bfloat16, enabled=half):
        gpu, _ = streaming_and_plain(*(x.cuda() for x in inputs), prior.cuda())
    for one, other in zip(gpu, cpu):
        assert (one.cpu() - other).norm() < (0.05 if half else 1e-4) * other.norm()


class LargestTensor(TorchDispatchMode):
    """Elements of the largest tensor that any operation returns."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for value in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(value, torch.Tensor):
                self.elements = max(self.elements, value.numel())
        return out


def test_no_tensor_of_n_x_k_is_ever_made():
    student, teacher, prototypes = case(20_000, 256, channels=16, dtype=torch.float32)
    student.requires_grad_(), prototypes.requires_grad_()
    prior = zipf_prior(256, 1.3)
    largest_block = streaming_blocks.BLOCK_ELEMENTS[streaming_blocks.block_kind(student.device)]
    with LargestTensor() as streaming:
        streaming_softmap_loss(student, teacher, prototypes, prior, **SETTINGS).backward()
    assert streaming.elements == max(student.numel(), largest_block)
    with LargestTensor() as plain:
        plain_loss(student, teacher, prototypes, prior, n_iters=3).backward()
    assert plain.elements == 20_000 * 256 > 4 * streaming.elements


def test_memory_between_forward_and_backward_is_a_few_numbers_per_prototype():
    saved = []
    student, teacher, prototypes = case(5000, 64, dtype=torch.float32)
    student.requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        streaming_softmap_loss(student, teacher, prototypes, zipf_prior(64, 1.3), **SETTINGS)
    own = [x for x in saved if all(x.data_ptr() != y.data_ptr() for y in (student, teacher, prototypes))]
    assert sum(x.numel() for x in own) == 3 * 64


def test_nan_reaches_the_loss():
    student, teacher, prototypes = case(40, 5)
    teacher[3, 2] = np.nan
    assert streaming_softmap_loss(student, teacher, prototypes, zipf_prior(5, 1.3), **SETTINGS).isnan()


P = torch.zeros(4, 8)
X = torch.zeros(6, 8)


@pytest.mark.parametrize(
    ('inputs', 'changes', 'message'),
    [
        ((X[:0], X[:0], P, zipf_prior(4, 1)), {}, 'no point'),
        ((X, X[:5], P, zipf_prior(4, 1)), {}, r'\(6, 8\) and \(5, 8\): rows have to be matched'),
        ((X[0], X[0], P, zipf_prior(4, 1)), {}, r'one shape \(N, D\), got \(8,\)'),
        ((X, X, P[:, :7], zipf_prior(4, 1)), {}, r'wanted prototypes \(K, D\).*got \(4, 7\)'),
        ((X, X, P[:0], zipf_prior(4, 1)[:0]), {}, 'at least one prototype'),
        ((X, X, P, zipf_prior(3, 1)), {}, r'wanted prior \(K,\) = \(4,\), got \(3,\)'),
        ((X, X, P, zipf_prior(4, 1)), dict(n_iters=1), 'n_iters must be >= 2'),
        ((X, X, P, None), {}, 'belong together'),
        ((X, X, P, zipf_prior(4, 1)), dict(student_temperature=0.0), 'student_temperature must be positive'),
        ((X, X, P, zipf_prior(4, 1)), dict(teacher_prototypes=P[:3]), r'wanted teacher_prototypes .*got \(3, 8\)'),
    ],
)
def test_bad_input_is_named(inputs, changes, message):
    with pytest.raises(ValueError, match=message):
        streaming_softmap_loss(*inputs, **{**SETTINGS, **changes})
