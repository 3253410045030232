"""Rows and options of the ladder change what they name, and those with a mechanism of their own take two steps."""

from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.config import Config

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.engine.hooks import CollapseMonitorHook
from dos_mm3d.errors import InputError
from dos_mm3d.studies.protocols.ladder_file import read_ladder, resolve_configs
from tests.helpers.tiny_runs import losses_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs/ablations'
LADDER = Config.fromfile(FOLDER / 'ladder.py')
ROWS, OPTIONS = ([entry.name for entry in entries] for entries in (LADDER.rows, LADDER.options))
# rows that differ in more than a number; tools/check_configs.py steps them all
MECHANISMS = (
    'naive',
    'token_jitter',
    'clustering',
    'regression',
    'softmap',
    'zipf_auto',
    'ema_prototypes',
    'no_cross_view',
    'local_views',
    'mask_ramp',
)
# what a row changes besides the head
TOKENS = ('naive', 'token_jitter')


def differences(one: dict, other: dict, prefix: str = '') -> set[str]:
    """Dotted keys at which two configs differ; lists are compared whole, the pipeline entry by entry."""
    found = set()
    for key in one.keys() | other.keys():
        a, b = one.get(key), other.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found |= differences(a, b, f'{prefix}{key}.')
        elif key == 'pipeline' and len(a) == len(b):
            found |= set().union(*(differences(x, y, f'{prefix}{key}.') for x, y in zip(a, b)))
        elif a != b:
            found.add(f'{prefix}{key}')
    return found


def what_runs(name: str) -> dict:
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    keys = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'custom_hooks', 'randomness')
    return {key: cfg[key] for key in keys}


def test_the_ladder_is_complete_and_in_the_order_of_the_issue():
    zipf = ['softmap_uniform', 'zipf_1p0', 'zipf_1p3', 'zipf_1p6', 'zipf_2p0', 'zipf_3p0', 'zipf_auto']
    assert ['naive', 'token_jitter', 'clustering', 'regression', 'softmap', *zipf] == ROWS
    assert {path.stem for path in FOLDER.glob('*.py')} == {*ROWS, *OPTIONS, 'base', 'ladder', 'ladder_minkunet'}
    seen = [None]
    for row in LADDER.rows:
        assert row.above in seen
        assert (ROOT / row.config).stem == row.name
        seen.append(row.name)
    assert all(option.above == 'zipf_1p3' for option in LADDER.options)


@pytest.mark.parametrize(
    ('name', 'above', 'changed'),
    [
        ('token_jitter', 'naive', {'train_dataloader.dataset.pipeline.jitter_std_m'}),
        ('softmap', 'softmap_uniform', {'model.head.type', 'model.head.alpha', 'model.head.n_iters'}),
        ('clustering', 'softmap', {'model.head.type', 'model.head.n_iters'}),
        ('zipf_1p0', 'softmap_uniform', {'model.head.alpha'}),
        ('zipf_3p0', 'zipf_2p0', {'model.head.alpha'}),
        ('zipf_auto', 'zipf_3p0', {'model.head.alpha'}),
        ('ema_prototypes', 'zipf_1p3', {'model.head.teacher_prototypes'}),
        ('no_cross_view', 'zipf_1p3', {'model.terms'}),
        ('block_2m', 'zipf_1p3', {'train_dataloader.dataset.pipeline.block_size_m'}),
        ('mask_ratio_80', 'zipf_1p3', {'train_dataloader.dataset.pipeline.mask_ratio'}),
    ],
)
def test_a_row_changes_what_it_is_named_for_and_nothing_else(name, above, changed):
    assert differences(what_runs(name), what_runs(above)) == changed


def test_naive_and_clustering_differ_in_what_the_student_sees():
    found = differences(what_runs('naive'), what_runs('clustering'))
    assert found == {'model.student_input', 'model.terms', 'train_dataloader.dataset.pipeline'}


def test_the_base_follows_the_quickstart_and_an_override_of_the_budget():
    quickstart = load_with_overrides(ROOT / 'configs/dos/dos_second_synthetic.py', dict(max_iters=40))
    row = load_with_overrides(FOLDER / 'zipf_1p3.py', dict(max_iters=40))
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        assert row[key] == quickstart[key], key
    assert differences(row.model, quickstart.model) <= {'head.alpha'}
    hooks, wanted = ({hook.type: hook for hook in cfg.custom_hooks} for cfg in (row, quickstart))
    assert hooks.pop('CollapseMonitorHook').on_collapse == 'warn', 'a collapse is a result here'
    wanted.pop('CollapseMonitorHook')
    assert hooks == wanted
    ramp = load_with_overrides(FOLDER / 'mask_ramp.py', dict(max_iters=1000, batch_size=4))
    assert ramp.train_dataloader.dataset.pipeline[1].ramp_draws == 200


def test_over_minkunet_the_reference_is_its_own_pretraining_and_rows_differ_as_they_did():
    ladder = read_ladder(FOLDER / 'ladder_minkunet.py')
    assert ladder.reference.name == 'zipf_1p3' and {row.name for row in ladder.rows} < {*ROWS}
    assert all((ROOT / row.config).stem == row.name and not row.is_option for row in ladder.rows)
    few = replace(ladder, rows=(ladder.row('zipf_1p3'), ladder.row('naive')))
    found = resolve_configs(few, 40, {'data_root': 'data/other'})
    own = load_with_overrides(
        ROOT / 'configs/dos/dos_minkunet_synthetic.py', dict(max_iters=40, data_root='data/other')
    )
    for key in ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        assert found['zipf_1p3'][key] == own[key], key
    rows = ({key: row[key] for key in ('model', 'train_dataloader')} for row in found.values())
    wanted = {'model.student_input', 'model.terms', 'model.head.type', 'model.head.alpha'}
    assert differences(*rows) == {*wanted, 'train_dataloader.dataset.pipeline'}
    command_line = resolve_configs(few, 40, {'train_dataloader.dataset.num_sweeps': 2})
    assert command_line['naive']['train_dataloader']['dataset']['num_sweeps'] == 2
    with pytest.raises(InputError, match=r'loss_stride: .*ladder_minkunet\.py has model\.backbone of its own'):
        resolve_configs(few, 40, {'model.backbone.loss_stride': 4})


def test_what_a_ladder_puts_into_a_place_that_no_row_has_is_refused():
    ladder = read_ladder(FOLDER / 'ladder_minkunet.py')
    few = replace(ladder, rows=(ladder.row('zipf_1p3'),), overrides={'model.bakbone': {'type': 'MinkUNetAdapter'}})
    with pytest.raises(InputError, match='bakbone'):
        resolve_configs(few, 40, {})


@pytest.fixture
def no_decoration(monkeypatch):
    """Neither the config's text laid out nor curves drawn: three quarters of the time of a run of two steps."""
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
    monkeypatch.setattr(CollapseMonitorHook, 'draw', lambda *_: None)


@pytest.mark.parametrize('name', MECHANISMS)
def test_two_steps_at_tiny_size(name, synthetic_nuscenes, tiny_pretraining, no_decoration):
    runner = tiny_pretraining(FOLDER / f'{name}.py', synthetic_nuscenes)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    assert len(losses_of(runner)) == 2
    after = runner.model.state_dict()
    conv = 'backbone.middle_encoder.conv_out.0.weight'
    moved = [
        f'student.{conv}',
        f'teacher.{conv}',
        'head.predictor.0.weight' if name == 'regression' else 'head.prototypes',
    ]
    moved += ['student_input.token'] if name in TOKENS else []
    moved += ['head.exponent.alpha', 'head.prior'] if name == 'zipf_auto' else []
    moved += ['head.average'] if name == 'ema_prototypes' else []
    assert not [key for key in moved if after[key].equal(before[key])]
    assert runner.message_hub.get_scalar('train/effective_rank').current() > 1
    if name == 'zipf_auto':
        assert runner.message_hub.get_scalar('train/alpha').current() == pytest.approx(
            float(after['head.exponent.alpha'])
        )
