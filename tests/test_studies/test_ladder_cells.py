"""What a ladder is made of: the configs of its cells, and the message of one that collapsed."""

from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.config import Config

from dos_mm3d.engine.hooks.collapse_monitor import CollapseMonitorHook
from dos_mm3d.studies.ablation.cells import pretrain_cell, resolve_config
from dos_mm3d.studies.ablation.ladder_file import Ladder
from dos_mm3d.studies.runner.cell import describe_failure
from dos_mm3d.studies.runner.config_file import write_config

ROOT = Path(__file__).resolve().parents[2]


def test_seeds_steps_and_last_log_line_are_in_the_config(ladder: Ladder, tmp_path: Path) -> None:
    config = resolve_config(ladder.row('a'), steps=15, overrides={'scale': 3})
    cells = [pretrain_cell(ladder.row('a'), config, seed) for seed in (0, 4)]
    assert (config['train_cfg']['max_iters'], config['scale']) == (15, 3)
    assert config['default_hooks']['logger']['interval'] == 5
    assert cells[0].key != cells[1].key
    for cell, seed in zip(cells, (0, 4)):
        cell.prepare(tmp_path)
        assert Config.fromfile(tmp_path / 'config.py').randomness.seed == seed
    with pytest.raises(ValueError, match=r'written\.py: .* limit holds'):
        write_config(tmp_path / 'written.py', {'limit': float('inf')})


def test_a_written_config_is_the_resolved_one(ladder: Ladder, tmp_path: Path) -> None:
    row = replace(ladder.row('a'), config=ROOT / 'configs/dos/dos_second_synthetic.py')
    config = resolve_config(row, steps=7, overrides={'data_root': f'{tmp_path / "data"}/'})
    write_config(tmp_path / 'config.py', config)
    assert Config.fromfile(tmp_path / 'config.py').to_dict() == config
    assert config['param_scheduler'][0]['total_steps'] == 7


def test_a_config_that_ignores_max_iters_is_named(ladder: Ladder) -> None:
    row = ladder.row('a')
    row.config.write_text(row.config.read_text().replace('max_iters=max_iters', 'max_iters=10'))
    with pytest.raises(ValueError, match=r'a\.py: trains 10 steps whatever max_iters is'):
        resolve_config(row, steps=3, overrides={})


def test_what_the_monitor_raises_is_understood(tmp_path: Path) -> None:
    """The hook's own message, as tools/train.py prints it."""

    class Loss:
        def detach(self) -> float:
            return float('nan')

    class Runner:
        iter, work_dir, log_dir, cfg = 41, tmp_path, tmp_path, {}

        class model:
            state_dict = staticmethod(dict)

        class visualizer:
            close = staticmethod(lambda: None)

    with pytest.raises(RuntimeError) as stop:
        CollapseMonitorHook().after_train_iter(Runner, 0, outputs={'loss': Loss()})
    found = describe_failure(1, f'some lines\nerror: {stop.value}\n', tmp_path / 'log')
    assert (found['status'], found['step']) == ('collapsed', 42)
