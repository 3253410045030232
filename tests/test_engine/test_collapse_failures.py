"""When a failure is named, which one is named first, and what the message says; no runner needed."""

import pytest

from dos_mm3d.engine.hooks import CollapseMonitorHook
from dos_mm3d.engine.hooks.collapse_failures import FAILURES, Judge, advise, choose_failures, describe

HEALTHY = dict(
    column_entropy=0.6,
    feature_spread=0.9,
    effective_rank=12.0,
    cosine_std=0.2,
    prototypes_used=0.8,
    largest_usage=0.1,
    cls_marginal_entropy=0.6,
    patch_marginal_entropy=0.8,
    cls_posterior_entropy=0.4,
    patch_posterior_entropy=0.6,
)
PLANTED = {
    'constant features': dict(feature_spread=0.01),
    'rank collapse': dict(effective_rank=2.0),
    'one dominating prototype': dict(largest_usage=0.97),
    'too few prototypes': dict(prototypes_used=1 / 128),
    'uniform targets': dict(column_entropy=0.9995),
    'equal cosines': dict(cosine_std=0.001),
    'CLS marginal 0': dict(cls_marginal_entropy=0.001),
    'patch marginal 0': dict(patch_marginal_entropy=0.001),
    'CLS uniform': dict(cls_posterior_entropy=0.9999),
    'patch uniform': dict(patch_posterior_entropy=0.9999),
}
# column_entropy, feature_spread, effective_rank, cosine_std, prototypes_used, largest_usage: the extreme looks of
# configs/dos/dos_second_folder.py on kitti_object (steps 10 to 60) and of the quickstart (steps 10, 50, 110, 750)
RECORDED = [
    (0.853, 0.639, 53.172, 0.123, 0.297, 0.191),
    (0.887, 0.570, 43.386, 0.129, 0.211, 0.345),
    (0.858, 0.549, 26.836, 0.133, 0.188, 0.495),
    (0.860, 0.515, 23.083, 0.142, 0.117, 0.532),
    (0.850, 0.625, 18.643, 0.153, 0.172, 0.375),
    (0.792, 0.738, 56.032, 0.131, 0.398, 0.202),
    (0.816, 0.646, 32.978, 0.139, 0.156, 0.212),
    (0.746, 0.712, 21.637, 0.192, 0.359, 0.305),
    (0.603, 0.937, 18.875, 0.285, 0.570, 0.080),
]


def named(judge: Judge, looks: list[dict], interval: int = 10) -> list[tuple[int, list[str]]]:
    """(iteration, names) of every look at which something is named."""
    found = [(i * interval, judge.look(i * interval, look)) for i, look in enumerate(looks, start=1)]
    return [(iteration, [failure.name for failure in failures]) for iteration, failures in found if failures]


def default_judge(**changes) -> Judge:
    return Judge(FAILURES, **{**dict(patience=CollapseMonitorHook().judge.patience, warmup_iters=0), **changes})


@pytest.mark.parametrize('name', [failure.name for failure in FAILURES])
@pytest.mark.parametrize('healthy_looks', [0, 1, 23])
def test_each_failure_is_named_within_fifty_iterations_of_crossing(name, healthy_looks):
    hook = CollapseMonitorHook()
    looks = [HEALTHY] * healthy_looks + [{**HEALTHY, **PLANTED[name]}] * 6
    iteration, names = named(hook.judge, looks, hook.interval)[0]
    assert names == [name]
    # the crossing may lie anywhere after the last healthy look
    assert iteration - hook.interval * healthy_looks <= 50


def test_every_failure_is_planted():
    assert PLANTED.keys() == {failure.name for failure in FAILURES}


def test_recorded_healthy_looks_are_far_from_every_limit():
    """At least a factor of 1.6 from each, counted from the collapsed end of the statistic's range."""
    keys = tuple(HEALTHY)
    collapsed_end = dict(column_entropy=1.0, largest_usage=1.0, effective_rank=1.0)
    for row in RECORDED:
        statistics = dict(zip(keys, row))
        assert named(default_judge(), [statistics] * 30) == []
        for failure in (one for one in FAILURES if one.statistic in statistics):
            end = collapsed_end.get(failure.statistic, 0.0)
            assert abs(statistics[failure.statistic] - end) > 1.6 * abs(failure.limit - end), failure.name


def test_a_recovery_before_patience_is_used_up_is_forgiven():
    low = {**HEALTHY, 'effective_rank': 1.5}
    assert named(default_judge(), ([low] * 3 + [HEALTHY]) * 5) == []
    assert named(default_judge(), [low] * 3 + [HEALTHY] + [low] * 4) == [(80, ['rank collapse'])]


def test_causes_come_before_their_consequences():
    everything = {**HEALTHY, **{key: value for plant in PLANTED.values() for key, value in plant.items()}}
    [(_, names)] = named(default_judge(), [everything] * 4)
    assert names == list(PLANTED)


def test_warmup_delays_the_name_to_its_end_but_not_beyond():
    low = {**HEALTHY, 'effective_rank': 1.5}
    assert named(default_judge(warmup_iters=100), [low] * 11)[0] == (110, ['rank collapse'])


def test_exactly_constant_features_are_named_during_the_warmup():
    dead = {**HEALTHY, 'feature_spread': 1e-6, 'effective_rank': 0.0}
    assert named(default_judge(warmup_iters=1000), [dead] * 4) == [(40, ['constant features', 'rank collapse'])]


def test_statistics_that_a_model_does_not_give_are_not_judged():
    regression = dict(feature_spread=0.9, effective_rank=1.2)
    assert named(default_judge(), [regression] * 4) == [(40, ['rank collapse'])]
    assert named(default_judge(), [{}] * 9) == []


def test_limits_are_changed_or_lifted_by_statistic():
    failures = {f.statistic: f for f in choose_failures(dict(effective_rank=4, largest_usage=None))}
    assert failures['effective_rank'].limit == 4
    assert 'largest_usage' not in failures
    assert failures['column_entropy'].limit == 0.995
    with pytest.raises(ValueError, match=r"limits names \['rank'\]; the hook judges .*'effective_rank'"):
        choose_failures(dict(rank=4))


def test_the_message_has_name_number_limit_settings_and_all_statistics():
    statistics = {**HEALTHY, 'feature_spread': 0.0123, 'column_entropy': 0.999}
    failures = [f for f in FAILURES if f.name in ('constant features', 'uniform targets')]
    config = dict(model=dict(head=dict(teacher_temperature=[0.5, 0.5])), optim_wrapper=dict(optimizer=dict(lr=0.1)))
    message = describe(failures, statistics, config)
    assert message.startswith('constant features (feature_spread is 0.0123, healthy is at least 0.1)')
    assert 'with it uniform targets (column_entropy is 0.999, healthy is at most 0.995)' in message
    assert 'Most likely at fault: model.head.teacher_temperature = [0.5, 0.5] (lower it' in message
    assert message.index('teacher_temperature') < message.index('optim_wrapper.optimizer.lr = 0.1')
    assert all(f'{name} ' in message for name in statistics)


def test_settings_that_the_config_does_not_have_are_not_blamed():
    dominating = next(failure for failure in FAILURES if failure.statistic == 'largest_usage')
    advice = advise(dominating.settings, dict(optim_wrapper=dict(optimizer=dict(lr=0.1))))
    assert 'alpha' not in advice and 'optim_wrapper.optimizer.lr = 0.1' in advice
    assert 'model.head.alpha (lower it' in advise(dominating.settings, {}), 'nothing known: all are listed'
