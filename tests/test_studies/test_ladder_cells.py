"""What a ladder is made of: the configs of its cells, and the message of one that collapsed."""

from pathlib import Path

import pytest
from mmengine.config import Config

from dos_mm3d.engine.hooks.collapse_monitor import CollapseMonitorHook
from dos_mm3d.studies.protocols.ladder_file import resolve_config
from dos_mm3d.studies.runner.cell import describe_failure
from dos_mm3d.studies.runner.config_file import write_config
from tests.helpers.ladder_fakes import FakeLadder

ROOT = Path(__file__).resolve().parents[2]


def test_seeds_steps_and_last_log_line_are_in_the_config(ladder: FakeLadder, tmp_path: Path) -> None:
    pairs = ladder.protocol(seeds=5, steps=15, overrides={'scale': 3}).pairs['a']
    cells = [pairs[seed][0] for seed in (0, 4)]
    assert cells[0].key != cells[1].key
    for cell, seed in zip(cells, (0, 4)):
        cell.prepare(tmp_path)
        config = Config.fromfile(tmp_path / 'config.py')
        assert (config.train_cfg.max_iters, config.scale, config.randomness.seed) == (15, 3, seed)
        assert config.default_hooks.logger.interval == 5
        assert config.default_hooks.checkpoint.max_keep_ckpts == 1, 'a ladder has many cells'
    with pytest.raises(ValueError, match=r'written\.py: .* limit holds'):
        write_config(tmp_path / 'written.py', {'limit': float('inf')})


def test_a_written_config_is_the_resolved_one(tmp_path: Path) -> None:
    path = ROOT / 'configs/dos/dos_second_synthetic.py'
    config = resolve_config(path, steps=7, overrides={'data_root': f'{tmp_path / "data"}/'})
    write_config(tmp_path / 'config.py', config)
    assert Config.fromfile(tmp_path / 'config.py').to_dict() == config
    assert config['param_scheduler'][0]['total_steps'] == 7


def test_a_config_that_ignores_max_iters_is_named(ladder: FakeLadder) -> None:
    path = ladder.ladder.row('a').config
    text = path.read_text().replace('max_iters=max_iters', 'max_iters=10')
    path.write_text(f'{text}param_scheduler = [dict(end=max_iters)]\n')
    with pytest.raises(ValueError, match=r'a\.py: trains 10 steps whatever max_iters is'):
        resolve_config(path, steps=3, overrides={})


def test_what_the_monitor_raises_is_understood(tmp_path: Path) -> None:
    """The hook's own message, as tools/train.py prints it."""

    class Runner:
        iter, work_dir, log_dir, cfg = 41, tmp_path, tmp_path, {}

        class model:
            state_dict = staticmethod(dict)

        class visualizer:
            close = staticmethod(lambda: None)

    with pytest.raises(RuntimeError) as stop:
        CollapseMonitorHook().after_train_iter(Runner, 0, outputs={'loss': float('nan')})
    found = describe_failure(1, f'some lines\nerror: {stop.value}\n', tmp_path / 'log')
    assert (found['status'], found['step']) == ('collapsed', 42)
