"""Triton's kernels of the softmap loss against the torch form and the float64 oracle, in Triton's interpreter.

Rows, prototypes and channels end inside a block; shares of the rows have different numbers of blocks, or none."""

import os

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.errors import InputError
from dos_mm3d.functional import streaming_fused, streaming_softmaps, zipf_prior
from dos_mm3d.functional.streaming_blocks import BlockLogits, Precision
from tests.helpers.streaming_cases import TEMPERATURES, case, oracle_loss, oracle_target, unit_rows

N, K, D = 70, 40, 40
SINKHORN = dict(n_iters=3, **TEMPERATURES)

pytest.importorskip('triton', reason='Triton is not installed: its kernels are not tested')
if os.environ.get('TRITON_INTERPRET') != '1':
    pytest.skip(
        'the kernels are tested with TRITON_INTERPRET=1, set before Triton is imported', allow_module_level=True
    )


def values(student, teacher, prototypes, prior, **settings) -> list[torch.Tensor]:
    """Loss, entropies, and the gradients of three times the loss."""
    student, prototypes = student.clone().requires_grad_(), prototypes.clone().requires_grad_()
    found = streaming_softmaps(student, teacher, prototypes, prior, **settings)
    (3 * found.loss).backward()
    return [*(value.detach() for value in found), student.grad, prototypes.grad]


@pytest.fixture
def fused(monkeypatch):
    """Let the kernels run, in blocks of 32; returns what to call for the torch form again."""
    monkeypatch.setitem(streaming_fused.BLOCKS, 'BN', 32)
    monkeypatch.setitem(streaming_fused.BLOCKS, 'BK', 32)
    monkeypatch.setattr(streaming_fused, 'SPLIT', 2)
    monkeypatch.setattr(streaming_fused, 'can_fuse', lambda logits: True)
    return lambda: monkeypatch.setattr(streaming_fused, 'can_fuse', lambda logits: False)


def single(*tensors: torch.Tensor) -> list[torch.Tensor]:
    return [tensor.float() for tensor in tensors]


@pytest.mark.parametrize('n_iters', [None, 3])
def test_equals_the_torch_form_in_float64(fused, n_iters):
    inputs, own = case(N, K, D), unit_rows(9, K, D)
    prior = None if n_iters is None else zipf_prior(K, 1.3)
    settings = SINKHORN | dict(n_iters=n_iters)
    got = values(*single(*inputs), prior, **settings, teacher_prototypes=own.float())
    fused()
    wanted = values(*inputs, prior, **settings, teacher_prototypes=own)
    for one, other in zip(got, wanted):
        assert one.dtype == torch.float32
        assert (one.double() - other).norm() < 1e-5 * other.norm()


def test_equals_the_oracle(fused):
    student, teacher, prototypes = case(N, K, D)
    prior = zipf_prior(K, 1.3)
    target = oracle_target((teacher @ prototypes.T).numpy() / TEMPERATURES['teacher_temperature'], prior.numpy(), 3)
    wanted = oracle_loss((student @ prototypes.T).numpy() / TEMPERATURES['student_temperature'], target)
    got = streaming_softmaps(*single(student, teacher, prototypes), prior, **SINKHORN).loss
    assert got.item() == pytest.approx(wanted, rel=1e-5)


def test_large_logits_few_points_and_one_prototype(fused):
    """Sums in linear space would overflow; one of two shares of the rows is empty."""
    student, teacher, prototypes = (7 * x for x in case(5, 1, 3))
    got = values(*single(student, teacher, prototypes), zipf_prior(1, 1.3), **SINKHORN)
    fused()
    for one, other in zip(got, values(student, teacher, prototypes, zipf_prior(1, 1.3), **SINKHORN)):
        assert_close(one.double(), other.double(), rtol=1e-4, atol=1e-5)


def test_half_products_have_float32_sums(fused):
    """float16, as the interpreter of Triton 3.6 multiplies the bits of bfloat16 as whole numbers."""
    inputs = case(N, K, D)
    half = Precision(torch.float32, torch.float16)
    got = values(*single(*inputs), zipf_prior(K, 1.3), **SINKHORN, precision=half)
    fused()
    for one, other in zip(got, values(*inputs, zipf_prior(K, 1.3), **SINKHORN)):
        assert one.dtype == torch.float32
        assert 1e-6 < (one.double() - other).norm() / other.norm() < 0.01


def test_what_is_not_finite_stays_so(fused):
    student, teacher, prototypes = single(*case(N, K, D))
    teacher[7, 3] = float('nan')
    assert streaming_softmaps(student, teacher, prototypes, zipf_prior(K, 1.3), **SINKHORN).loss.isnan()


def test_the_torch_form_is_taken_where_the_kernels_are_not_for(monkeypatch):
    features, prototypes = single(unit_rows(0, N, D), unit_rows(1, K, D))
    logits = BlockLogits(features, prototypes, 0.1, Precision(torch.float32, torch.float32))
    assert streaming_fused.has_triton()
    assert not streaming_fused.can_fuse(logits), 'a CPU'
    monkeypatch.setenv('DOS_SOFTMAP', 'tritn')
    with pytest.raises(InputError, match="DOS_SOFTMAP=tritn: wanted 'torch'"):
        streaming_fused.can_fuse(logits)
