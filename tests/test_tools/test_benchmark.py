"""tools/benchmark.py: a table, a record, and honest words about the GPU."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import dos_mm3d  # noqa: F401  (registers the data sets)
from dos_mm3d.engine.launch import check_data
from tests.helpers.forked import run_forked
from tools.benchmarks import ranks
from tools.benchmarks.data import write_scan
from tools.benchmarks.measure import CLEAR_REFS, compute_with, extra_peak_mib
from tools.benchmarks.parts import PARTS, Stopwatch
from tools.benchmarks.step import Job, training_config

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device('cpu')


def measured(*arguments: object) -> str:
    """What the tool prints."""
    done = run_forked('benchmark', *arguments, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_head_prints_both_forms_side_by_side(tmp_path):
    arguments = ['--points', '300', '--prototypes', '8', '16', '--channels', '4', '--repeats', '2', '--threads', '1']
    out = measured('head', *arguments, '--json', tmp_path / 'record.json')
    record = json.loads((tmp_path / 'record.json').read_text())
    assert [(row['points'], row['prototypes']) for row in record['rows'][:2]] == [(300, 8), (300, 16)]
    assert record['rows'][0]['place'] == 'CPU, 1 thread'
    assert out.count('| CPU, 1 thread | 300 |') == 2
    for row in record['rows']:
        assert row['gradient_difference'] < (0.1 if 'bfloat16' in row['place'] else 1e-4)
        assert all(len(row[form]['seconds']) == 2 for form in ('plain', 'streaming'))
    assert record['gpu'] == ('run' if torch.cuda.is_available() else 'not run')
    assert ('GPU: not run' in out) == (not torch.cuda.is_available())


@pytest.mark.skipif(not os.access(CLEAR_REFS, os.W_OK), reason='this system does not tell the peak of memory')
def test_extra_peak_memory_sees_what_is_freed_again_but_not_what_was_there():
    kept = torch.ones(2**24)
    assert extra_peak_mib(lambda: kept.add_(1), CPU) < 8
    assert extra_peak_mib(lambda: (kept + 1).sum(), CPU) == pytest.approx(64, abs=8)
    assert extra_peak_mib(lambda: kept.add_(1), CPU) < 8


def test_threads_of_numpy_do_not_spin_beside_what_is_measured():
    threads = torch.get_num_threads()
    with threadpool_limits(2, user_api='blas'):
        compute_with(1)
        pools = [pool['num_threads'] for pool in threadpool_info() if pool['user_api'] == 'blas']
        assert pools and set(pools) == {1}
    torch.set_num_threads(threads)


def test_backbones_are_measured_and_what_cannot_run_is_said(tmp_path):
    arguments = ['--sizes', 'small', '--backbones', 'pillars', 'ptv3', '--threads', '1', '--repeats', '1']
    out = measured('backbone', *arguments, '--json', tmp_path / 'record.json')
    record = json.loads((tmp_path / 'record.json').read_text())
    on_cpu = {row['label']: row for row in record['rows'] if row['place'] == 'CPU, 1 thread'}
    assert set(on_cpu) == {'pillars small', 'ptv3 small, sdpa', 'ptv3 small, flash_attn'}
    for label in ('pillars small', 'ptv3 small, sdpa'):
        row = on_cpu[label]
        assert row['points'] >= row['loss_voxels'] > 1000
        assert row['parameters'] > 1e5
        assert min(*row['forward_s'], *row['backward_s']) > 0
        assert row['extra_memory_mib'] is None or row['extra_memory_mib'] > 0
    assert 'GPU' in on_cpu['ptv3 small, flash_attn']['reason']
    assert 'ptv3 small, flash_attn, CPU, 1 thread, not run: ' in out
    assert '| ptv3 small, flash_attn | - | CPU, 1 thread | not run |' in out


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A file of 2000 points within 30 m."""
    points = np.random.default_rng(0).uniform(-30, 30, (2000, 5)) * [1, 1, 0.05, 1, 1]
    points.astype(np.float32).tofile(tmp_path / 'sweep.pcd.bin')
    return tmp_path / 'sweep.pcd.bin'


def test_a_step_is_measured_part_by_part(tmp_path, sweep):
    arguments = ['--backbones', 'minkunet', '--threads', '1', '--steps', '2', '--sweep', sweep]
    out = measured('step', *arguments, '--json', tmp_path / 'record.json')
    (row,) = json.loads((tmp_path / 'record.json').read_text())['rows']
    assert '| minkunet small | 1 | 1 |' in out
    for clock in ('wall_s', 'cpu_s'):
        assert list(row[clock]) == list(PARTS)
        assert min(row[clock].values()) > 0, 'a part that never runs is not timed where it is computed'
        assert sum(row[clock].values()) == pytest.approx(np.mean(row[f'step_{clock}']))
    assert len(row['step_wall_s']) == 2
    if os.access(CLEAR_REFS, os.W_OK):
        assert max(row['peak_mib'].values()) > 1


def test_parts_within_one_another_share_no_moment():
    watch = Stopwatch(memory=False)
    with watch.part('outer'), watch.part('inner'):
        time.sleep(0.02)
    assert watch.wall_s['inner'] >= 0.02
    assert watch.wall_s['outer'] < 0.01
    watch.start()
    assert watch.wall_s == {}


def test_the_data_path_is_measured_stage_by_stage(tmp_path, sweep):
    arguments = ['--sweep', sweep, '--repeats', '2', '--json', tmp_path / 'record.json']
    out = measured('data', *arguments)
    rows = json.loads((tmp_path / 'record.json').read_text())['rows']
    assert [(row['sweeps'], row['budget_ms']) for row in rows] == [(1, 15.0), (10, 100.0), (13, 100.0)]
    assert rows[0]['points'] == 2000
    assert 19_000 < rows[1]['points'] < 20_000, 'some of each previous sweep are within a metre of the car'
    assert all(f'| {row["points"]} | {row["sweeps"]} | CPU |' in out for row in rows)
    for row in rows:
        assert list(row['cpu_ms']) == ['load', 'views', 'mask', 'pack', 'all']
        stages = np.array([row['cpu_ms'][stage] for stage in ('load', 'views', 'mask', 'pack')])
        assert stages.shape == (4, 2)
        assert (stages > 0).all()
        np.testing.assert_allclose(stages.sum(0), row['cpu_ms']['all'])


def test_scans_a_second_are_those_of_all_ranks_and_of_the_mean_step():
    row = dict(label='one', batch_size=4, step_s={'1': [1.0, 3.0], '2': [2.0, 3.0]})
    assert ranks.cells(row) == ['one', '4', '2.00', '3.20', '1.60']


def test_the_scan_that_ranks_train_on_passes_the_checks_at_their_start(tmp_path):
    """They run through tools/train.py, which looks at the data first."""
    write_scan(tmp_path / 'scan', np.ones((50, 5), np.float32), 1)
    job = Job('minkunet', 'small', threads=1, batch_size=1)
    config = training_config(job, tmp_path / 'scan', tmp_path / 'run', 1)
    check_data(config, 'train_dataloader')
    for file in (tmp_path / 'scan').rglob('*.bin'):
        file.unlink()
    with pytest.raises((ValueError, OSError), match='scan'):
        check_data(config, 'train_dataloader')
