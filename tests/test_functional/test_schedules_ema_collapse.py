"""Schedules at 0, 1, mid, last, last + 1; the moving average; statistics at their extremes."""

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional import (
    column_entropy,
    cosine_ramp,
    effective_rank,
    ema_update_,
    feature_spread,
    linear_warmup,
    prototype_usage,
    used_share,
)


@pytest.mark.parametrize(('step', 'value'), [(0, 0.99), (50, 0.9945), (100, 0.999), (101, 0.999), (10**6, 0.999)])
def test_cosine_ramp(step, value):
    assert cosine_ramp(step, 101, 0.99, 0.999) == pytest.approx(value)


def test_cosine_ramp_is_flat_at_both_ends():
    first = cosine_ramp(1, 1001, 0.0, 1.0) - cosine_ramp(0, 1001, 0.0, 1.0)
    middle = cosine_ramp(501, 1001, 0.0, 1.0) - cosine_ramp(500, 1001, 0.0, 1.0)
    assert first < 0.01 * middle


@pytest.mark.parametrize(('step', 'value'), [(0, 0.04), (1, 0.043), (5, 0.055), (10, 0.07), (11, 0.07)])
def test_linear_warmup(step, value):
    assert linear_warmup(step, 10, 0.04, 0.07) == pytest.approx(value)


def test_no_warmup_starts_at_the_end_value():
    assert linear_warmup(0, 0, 0.04, 0.07) == 0.07


def test_ema_keeps_the_share_that_its_name_says():
    teacher, student = [torch.full((3,), 10.0)], [torch.full((3,), 20.0)]
    ema_update_(teacher, student, momentum=0.9)
    assert_close(teacher[0], torch.full((3,), 11.0))
    assert_close(student[0], torch.full((3,), 20.0))
    ema_update_(teacher, student, momentum=1.0)
    assert_close(teacher[0], torch.full((3,), 11.0))


def test_ema_refuses_strangers():
    with pytest.raises(ValueError, match='twins'):
        ema_update_([torch.zeros(1)], [], momentum=0.9)
    with pytest.raises(ValueError, match='momentum'):
        ema_update_([], [], momentum=1.5)


def test_column_entropy_is_1_for_uniform_and_0_for_one_hot_maps():
    assert column_entropy(torch.full((50, 4), 0.02)).item() == pytest.approx(1, abs=1e-5)
    onehot = torch.zeros(50, 4)
    onehot[3] = 1
    assert column_entropy(onehot).item() == 0


def test_effective_rank_counts_equal_directions():
    basis = torch.linalg.qr(torch.randn(32, 32, generator=torch.Generator().manual_seed(0)))[0]
    points = torch.cat((basis[:6], -basis[:6])).repeat(20, 1)
    assert effective_rank(points).item() == pytest.approx(6, rel=1e-3)
    assert effective_rank(torch.ones(100, 8)).item() == 0


def test_effective_rank_ignores_rotation_and_offset():
    features = torch.randn(200, 8, generator=torch.Generator().manual_seed(1)) * torch.arange(1.0, 9.0)
    rotation = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(2)))[0]
    assert_close(effective_rank(features @ rotation + 3), effective_rank(features), rtol=1e-4, atol=1e-4)


def test_feature_spread_at_its_extremes():
    isotropic = torch.nn.functional.normalize(
        torch.randn(20_000, 16, generator=torch.Generator().manual_seed(3)), dim=1
    )
    assert feature_spread(isotropic).item() == pytest.approx(1, abs=0.02)
    assert feature_spread(isotropic[:1].expand(100, -1)).item() == pytest.approx(0, abs=1e-6)


def test_prototype_usage_counts_largest_cosines():
    cosines = torch.eye(4)[[0, 0, 0, 1]]
    usage = prototype_usage(cosines)
    assert usage.tolist() == [0.75, 0.25, 0, 0]
    assert used_share(usage).item() == 0.5
