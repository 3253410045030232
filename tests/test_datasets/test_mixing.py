"""Shares of the members of a joint data set: exact in each pass, random within."""

import numpy as np
import pytest
from scipy.stats import chisquare

from dos_mm3d.datasets.mixing import draws_per_pass, member_order, pass_schedule


def test_without_weights_each_frame_once():
    assert draws_per_pass([5, 7, 1]) == [5, 7, 1]


@pytest.mark.parametrize(
    ('n_frames', 'weights', 'wanted'),
    [
        ([60, 30, 10], [1, 1, 2], [25, 25, 50]),
        ([3, 4], [1, 1], [4, 3]),  # 3.5 each: the first one gets the half
        ([5, 5], [1, 2], [3, 7]),  # 3.33 and 6.67
        ([1000, 1], [1e-3, 1], [1, 1000]),
        ([2, 2], [1, 1e-9], [4, 0]),
    ],
)
def test_weights_are_met_to_the_nearest_draw(n_frames, weights, wanted):
    assert draws_per_pass(n_frames, weights) == wanted


def test_rounding_never_loses_a_draw_nor_moves_a_share_by_more_than_one():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n_frames = rng.integers(1, 500, rng.integers(1, 6)).tolist()
        weights = rng.uniform(0.01, 5, len(n_frames)).tolist()
        draws = draws_per_pass(n_frames, weights)
        assert sum(draws) == sum(n_frames)
        assert np.abs(np.array(draws) - np.array(weights) / sum(weights) * sum(n_frames)).max() < 1


def test_a_pass_counts_each_members_draws_in_order():
    members, before = pass_schedule(3, 5, (4, 0, 6))
    assert np.bincount(members, minlength=3).tolist() == [4, 0, 6]
    seen = [0, 0, 0]
    for member, count in zip(members, before):
        assert count == seen[member]
        seen[member] += 1


def test_members_come_mixed_in_the_shares_of_the_weights():
    """The first tenth of many passes, against the weights."""
    draws = draws_per_pass([200, 50, 150], [5, 2, 1])
    early = np.concatenate([pass_schedule(seed, 0, tuple(draws))[0][:40] for seed in range(50)])
    assert chisquare(np.bincount(early, minlength=3), 2000 * np.array([5, 2, 1]) / 8).pvalue > 0.01
    late = np.concatenate([pass_schedule(seed, 3, tuple(draws))[0][-40:] for seed in range(50)])
    assert chisquare(np.bincount(late, minlength=3), 2000 * np.array([5, 2, 1]) / 8).pvalue > 0.01


def test_an_order_is_not_the_schedules_permutation():
    members = pass_schedule(5, 2, (30, 20))[0]
    assert not np.array_equal(np.repeat([0, 1], (30, 20))[member_order(5, 0, 2, 50)], members)


def test_orders_differ_between_passes_seeds_and_members():
    orders = {
        tuple(member_order(seed, member, number, 50)) for seed in (0, 1) for member in (0, 1) for number in (0, 1)
    }
    assert len(orders) == 8
    assert all(sorted(order) == list(range(50)) for order in orders)
    schedules = {tuple(pass_schedule(seed, number, (20, 20))[0]) for seed in (0, 1) for number in (0, 1)}
    assert len(schedules) == 4
