"""A ladder runs, goes on after an end, tells what collapsed, and says in one sentence what is wrong with its input.

Pretraining and probing are small scripts here, but for the last test, which runs the real tools on a tiny world."""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.config import Config

from dos_mm3d.engine.hooks.collapse_monitor import CollapseMonitorHook
from dos_mm3d.evaluation.ladder import LadderSettings, run_ladder
from dos_mm3d.evaluation.ladder_cells import make_cell, resolve_config, write_config
from dos_mm3d.evaluation.ladder_children import Children, locked
from dos_mm3d.evaluation.ladder_file import Ladder, read_ladder
from dos_mm3d.evaluation.ladder_jobs import Commands, LadderError, describe_failure
from dos_mm3d.evaluation.ladder_run import duration, fraction_done, seconds_left
from dos_mm3d.evaluation.lidarseg_classes import CLASSES
from dos_mm3d.evaluation.probe import Protocol

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
data_root = '{data}/'
max_iters = 10
scale = {scale}
model = dict(backbone=dict(type='B'), data_preprocessor=dict(voxel_layer=dict(voxel_size=[0.2, 0.2, 0.2])))
train_dataloader = dict(dataset=dict(data_root=data_root, num_sweeps=2), batch_size=(1, 2))
train_cfg = dict(max_iters=max_iters)
default_hooks = dict(logger=dict(interval=10))
"""
LADDER = """
_above = dict(a=None, b='a')
rows = [dict(name=n, config=r'{folder}/' + n + '.py', title='row ' + n, above=a) for n, a in _above.items()]
options = [dict(name='c', config=r'{folder}/c.py', title='option c', above='b')]
"""
FAKE_TRAIN = """
import json, pathlib, sys, time
config, work_dir, calls, behaviour = map(pathlib.Path, sys.argv[1:])
name = work_dir.parent.name.rsplit('_', 2)[0]
with open(calls, 'a') as file:
    file.write(f'train {name} {"again" if work_dir.exists() else "new"}\\n')
work_dir.mkdir(exist_ok=True)
do = json.loads(behaviour.read_text()).get(name)
if do == 'sleep':
    time.sleep(60)
if do == 'collapse':
    sys.exit('error: pretraining has collapsed at iteration 7: constant features. Lower the rate.')
if do == 'fail':
    sys.exit('error: no room left')
logs = work_dir / 'run' / 'vis_data'
logs.mkdir(parents=True, exist_ok=True)
scalar = dict(loss=1.5, time=2.0, effective_rank=9.0, alpha=1.25, step=3)
(logs / 'scalars.json').write_text(json.dumps(scalar))
for step in (2, 3):
    (work_dir / f'iter_{step}.pth').touch()
(work_dir / 'last_checkpoint').write_text(str(work_dir / 'iter_3.pth'))
"""
FAKE_PROBE = """
import json, sys
out, calls, names, classes = sys.argv[1:5]
with open(calls, 'a') as file:
    file.write(f'probe {sys.argv[5]}\\n')
def row(miou):
    return dict(miou=miou, sd=0.5, draws=[miou], per_class=dict.fromkeys(classes.split(), miou))
rows = {name: row(float(20 + i)) for i, name in enumerate(names.split())}
if sys.argv[5] == 'baselines':
    points = dict.fromkeys(classes.split(), 5)
    rows = dict(rows=rows, class_points=points, split=dict(scored_scans=1, classes_absent=[]))
open(out, 'w').write(json.dumps(dict(found=rows, seconds=1.0)))
"""
BASELINES = 'raw pillars handcrafted random random_raw random_raw_handcrafted'


class Fakes:
    """Stands in for the tools: what each row's pretraining shall do, and what was called."""

    def __init__(self, folder: Path) -> None:
        self.calls_file, self.behaviour_file = folder / 'calls.txt', folder / 'behaviour.json'
        self.calls_file.touch()
        self.behave()

    def behave(self, **rows: str) -> None:
        """row_seedN='collapse' | 'fail' | 'sleep'; everything else goes well."""
        self.behaviour_file.write_text(json.dumps(rows))

    def take_calls(self) -> list[str]:
        """What was called since the last time."""
        calls = self.calls_file.read_text().splitlines()
        self.calls_file.write_text('')
        return calls

    def commands(self) -> Commands:
        def python(script: str, *arguments: object) -> list[str]:
            return [sys.executable, '-c', script, *map(str, arguments)]

        def probe(name: str, rows: str, out: Path) -> list[str]:
            return python(FAKE_PROBE, out, self.calls_file, rows, ' '.join(CLASSES), name)

        return Commands(
            train=lambda config, work: python(FAKE_TRAIN, config, work, self.calls_file, self.behaviour_file),
            probe_cell=lambda cell, checkpoint, out: probe(cell.name, 'teacher student', out),
            probe_baselines=lambda config, out: probe('baselines', BASELINES, out),
        )


@pytest.fixture
def ladder(tmp_path: Path) -> Ladder:
    """Rows a and b and an option c, and info files, of which nothing here reads more than the bytes."""
    data = tmp_path / 'data'
    data.mkdir()
    for split in ('train', 'val'):
        (data / f'nuscenes_infos_{split}.pkl').write_bytes(split.encode())
    for name in 'abc':
        (tmp_path / f'{name}.py').write_text(CONFIG.format(data=data, scale=ord(name)))
    (tmp_path / 'ladder.py').write_text(LADDER.format(folder=tmp_path))
    return read_ladder(tmp_path / 'ladder.py')


@pytest.fixture
def fakes(tmp_path: Path) -> Fakes:
    return Fakes(tmp_path)


@pytest.fixture
def settings(ladder: Ladder, tmp_path: Path) -> LadderSettings:
    rows = ladder.select(None, options=False)
    return LadderSettings(ladder, rows, tmp_path / 'out', 2, 1, 3, 'test', workers=2, again=True)


def test_finished_cells_are_not_run_again(settings: LadderSettings, fakes: Fakes) -> None:
    record = run_ladder(settings, fakes.commands())
    cells = [f'{row}_seed{seed}' for row in 'ab' for seed in (0, 1)]
    assert sorted(fakes.take_calls()) == sorted(
        [f'train {cell} new' for cell in cells]
        + [f'probe {cell.replace("_seed", " seed ")}' for cell in cells]
        + ['probe baselines']
    )
    assert record['complete']
    assert (record['steps'], record['rows'][1]['mean'], record['options'][0]['mean']) == (3, 20.0, None)
    assert run_ladder(settings, fakes.commands())['rows'] == record['rows']
    assert fakes.take_calls() == []
    with_option = replace(settings, rows=settings.ladder.select(None, options=True))
    record = run_ladder(with_option, fakes.commands())
    assert fakes.take_calls() == ['train c_seed0 new', 'probe c seed 0']
    assert record['options'][0]['difference'] == {'mean': 0.0, 'low': None, 'high': None, 'n': 1, 'verdict': '-'}
    for name in ('ladder_test.json', 'ladder_test.md', 'ladder_test.png'):
        assert (settings.out / name).is_file()


def test_a_cell_is_one_whole_record(settings: LadderSettings, fakes: Fakes) -> None:
    run_ladder(settings, fakes.commands())
    (path,) = settings.out.glob('cells/b_seed1_*/test.json')
    cell = json.loads(path.read_text())
    wanted = {'status': 'finished', 'row': 'b', 'seed': 1, 'steps': 3, 'split': 'test', 'loss_last': 1.5}
    assert {key: cell[key] for key in wanted} == wanted
    assert cell['seconds'] == {'pretrain': 6.0, 'probe': 1.0}
    assert cell['monitors'] == {'effective_rank': 9.0}
    assert cell['last_scalars']['alpha'] == 1.25, 'what only one method logs is kept too'
    assert {'config_hash', 'data_hash', 'commit', 'versions', 'machine', 'protocol'} <= set(cell)
    assert [file.name for file in (path.parent / 'run').glob('*.pth')] == ['iter_3.pth'], 'one checkpoint a cell'


def test_another_config_is_run_and_the_old_one_found_again(settings: LadderSettings, fakes: Fakes) -> None:
    run_ladder(settings, fakes.commands())
    fakes.take_calls()
    config = settings.ladder.row('b').config
    before = config.read_text()
    config.write_text(before.replace('scale = 98', 'scale = 99'))
    run_ladder(settings, fakes.commands())
    trained = sorted(call for call in fakes.take_calls() if 'train' in call)
    assert trained == ['train b_seed0 new', 'train b_seed1 new']
    run_ladder(replace(settings, overrides={'scale': 7}), fakes.commands())
    assert len(fakes.take_calls()) == 8, 'an override is another config; the baselines do not depend on it'
    config.write_text(before)
    run_ladder(settings, fakes.commands())
    assert fakes.take_calls() == []


def test_another_split_or_protocol_needs_no_pretraining(
    settings: LadderSettings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('dos_mm3d.evaluation.ladder.require_split', lambda config, split: None)
    run_ladder(replace(settings, split='validation'), fakes.commands())
    fakes.take_calls()
    run_ladder(settings, fakes.commands())
    probes = [f'probe {row} seed {seed}' for row in 'ab' for seed in (0, 1)] + ['probe baselines']
    assert sorted(fakes.take_calls()) == sorted(probes)
    run_ladder(replace(settings, protocol=Protocol(n_draws=2)), fakes.commands())
    assert sorted(fakes.take_calls()) == sorted(probes), 'another protocol is another probe of the same checkpoints'


def test_interruption_keeps_what_is_finished_and_ends_what_runs(settings: LadderSettings, fakes: Fakes) -> None:
    fakes.behave(b_seed0='sleep', b_seed1='sleep')
    start = time.perf_counter()

    def ctrl_c(number: int, frame: object) -> None:
        if fakes.calls_file.read_text().count('train b') == 2:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ctrl_c)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2, 0.1)
        with pytest.raises(KeyboardInterrupt):
            run_ladder(settings, fakes.commands())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.perf_counter() - start < 30, 'the sleeping children were waited for'
    fakes.take_calls()
    fakes.behave()
    record = run_ladder(settings, fakes.commands())
    assert sorted(call for call in fakes.take_calls() if 'train' in call) == [
        'train b_seed0 again',
        'train b_seed1 again',
    ]
    assert record['complete']


def test_collapsed_and_failed_cells_are_recorded_and_retried_on_request(
    settings: LadderSettings, fakes: Fakes, capsys: pytest.CaptureFixture
) -> None:
    fakes.behave(b_seed0='collapse', b_seed1='fail')
    record = run_ladder(settings, fakes.commands())
    assert 'b seed 0: collapsed at step 7' in capsys.readouterr().out
    collapsed, failed = record['rows'][1]['cells']
    assert (collapsed['status'], collapsed['step']) == ('collapsed', 7)
    assert 'constant features' in collapsed['message']
    assert (failed['status'], 'no room left' in failed['message']) == ('failed', True)
    assert 'pretrain.log' in failed['message']
    assert 'seed 0 collapsed at step 7; seed 1 failed' in (settings.out / 'ladder_test.md').read_text()
    fakes.take_calls()
    fakes.behave()
    assert run_ladder(settings, fakes.commands())['rows'] == record['rows']
    assert fakes.take_calls() == [], 'not retried silently'
    record = run_ladder(replace(settings, retry_failed=True), fakes.commands())
    calls = [call for call in fakes.take_calls() if 'train' in call]
    assert sorted(calls) == ['train b_seed0 new', 'train b_seed1 again'], 'a collapsed run starts anew'
    assert [cell['status'] for cell in record['rows'][1]['cells']] == ['finished', 'finished']


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
    assert describe_failure(-9, '', tmp_path / 'log')['message'].startswith('was ended by signal 9')


def test_failing_baselines_end_the_ladder(settings: LadderSettings, fakes: Fakes) -> None:
    broken = replace(
        fakes.commands(), probe_baselines=lambda config, out: [sys.executable, '-c', 'raise SystemExit("error: gone")']
    )
    with pytest.raises(LadderError, match=r'baselines: .*probe\.log.*gone'):
        run_ladder(settings, broken)


def test_the_test_split_is_reported_once(settings: LadderSettings, fakes: Fakes) -> None:
    once = replace(settings, again=False)
    run_ladder(once, fakes.commands())
    with pytest.raises(FileExistsError, match=r'ladder_test\.json.*--again'):
        run_ladder(once, fakes.commands())
    run_ladder(settings, fakes.commands())


def test_a_child_that_outlives_its_ladder_keeps_the_folder(tmp_path: Path) -> None:
    with locked(tmp_path) as lock:
        children = Children(lock)
        process = children._start([sys.executable, '-c', 'import time; time.sleep(60)'], subprocess.DEVNULL)
    with pytest.raises(BlockingIOError, match=f'in use.*{process.pid}'), locked(tmp_path):
        pass
    children.end()
    assert process.poll() is not None
    with locked(tmp_path):
        pass


def test_children_run_on_one_thread(tmp_path: Path) -> None:
    script = 'import os; print(os.environ["OMP_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"])'
    with locked(tmp_path) as lock:
        status, output = Children(lock).run([sys.executable, '-c', script], tmp_path / 'log')
    assert (status, output) == (0, '1 PASSIVE\n')


def test_time_left() -> None:
    assert seconds_left([], [(5.0, 0.01)], waiting=3, workers=2) is None
    assert seconds_left([], [(30.0, 0.5), (30.0, 0.0)], waiting=3, workers=2) == (30 + 30 + 3 * 60) / 2
    assert seconds_left([100.0, 50.0], [(70.0, 0.0), (90.0, 0.0)], waiting=2, workers=2) == (5 + 2 * 75) / 2
    assert seconds_left([100.0], [(40.0, 0.9)], waiting=0, workers=2) == 60
    assert [duration(seconds) for seconds in (40, 700, 8000)] == ['40 s', '12 min', '2 h 13 min']


def test_progress_is_read_from_the_log(tmp_path: Path) -> None:
    log = tmp_path / 'log'
    assert fraction_done(log) == 0
    log.write_text('\n$ train\nIter(train) [290/300]  lr: 1\n\n$ train --resume\nIter(train) [ 30/300]  lr: 1\nother')
    assert fraction_done(log) == 0.1


def test_seeds_steps_and_last_log_line_are_in_the_config(ladder: Ladder, tmp_path: Path) -> None:
    config = resolve_config(ladder.row('a'), steps=15, overrides={'scale': 3})
    cells = [make_cell(ladder.row('a'), config, seed, tmp_path) for seed in (0, 4)]
    assert (config['train_cfg']['max_iters'], config['scale']) == (15, 3)
    assert config['default_hooks']['logger']['interval'] == 5
    assert [cell.config['randomness']['seed'] for cell in cells] == [0, 4]
    assert cells[0].config_hash != cells[1].config_hash
    write_config(tmp_path / 'written.py', cells[1].config)
    assert "'seed': 4" in (tmp_path / 'written.py').read_text()
    with pytest.raises(ValueError, match=r'written\.py: .* limit holds'):
        write_config(tmp_path / 'written.py', {'limit': float('inf')})


def test_a_written_config_is_the_resolved_one(ladder: Ladder, tmp_path: Path) -> None:
    row = replace(ladder.row('a'), config=ROOT / 'configs/dos/dos_second_synthetic.py')
    config = resolve_config(row, steps=7, overrides={'data_root': f'{tmp_path / "data"}/'})
    cell = make_cell(row, config, 2, tmp_path)
    write_config(cell.config_file, cell.config)
    assert Config.fromfile(cell.config_file).to_dict() == cell.config
    assert cell.config['param_scheduler'][0]['total_steps'] == 7


MISTAKES = {
    'no file': ('nowhere.py', (), ['nowhere.py', 'no such ladder file']),
    'no ladder': ('a.py', (), ['a.py', 'no `rows`']),
    'unknown row': ('ladder.py', ('--rows', 'a', 'z'), ['no row z', 'wanted some of a, b, c']),
    'no data': ('ladder.py', ('--cfg-options', 'data_root=gone/'), ['gone/nuscenes_infos_train.pkl', 'create_data']),
    'no scenes': (
        'ladder.py',
        ('--cfg-options', 'data_root={world}/'),
        ['2 training scenes leave none for validation', '--split test'],
    ),
    'seed': ('ladder.py', ('--cfg-options', 'randomness.seed=3'), ['randomness.seed', '--seeds']),
    'bad row': ("rows = [dict(name='a')]", (), ['got the row', 'config=...']),
    'bad name': ("rows = [dict(name='../a', config='a.py', title='', above=None)]", (), ["'../a'", 'letters']),
    'bad above': ("rows = [dict(name='a', config='{a}', title='', above='z')]", (), ["compared with 'z'"]),
    'no config': ("rows = [dict(name='a', config='gone.py', title='', above=None)]", (), ['gone.py: no such config']),
    'twice': ("rows = [dict(name='a', config='{a}', title='', above=None)] * 2", (), ['a occurs more than once']),
}


@pytest.fixture
def ablate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run tools/ablate.py in this process, which it leaves in the folder where it was."""
    from dos_mm3d.engine import launch

    spec = importlib.util.spec_from_file_location('tool_ablate', ROOT / 'tools' / 'ablate.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*arguments: object) -> None:
        monkeypatch.chdir(Path.cwd())
        monkeypatch.setattr(sys, 'argv', ['ablate.py', *map(str, arguments)])
        handler = signal.getsignal(signal.SIGTERM)
        try:
            launch.run_tool(module.main)
        finally:
            signal.signal(signal.SIGTERM, handler)

    return call


@pytest.mark.parametrize('case', sorted(MISTAKES))
def test_a_mistake_is_one_sentence(
    ladder: Ladder,
    ablate: Callable[..., None],
    tmp_path: Path,
    synthetic_nuscenes: Path,
    capsys: pytest.CaptureFixture,
    case: str,
) -> None:
    content, arguments, wanted = MISTAKES[case]
    arguments = [argument.format(world=synthetic_nuscenes) for argument in arguments]
    path = tmp_path / content
    if content.startswith('rows'):
        path = tmp_path / 'wrong.py'
        path.write_text(content.replace('{a}', str(tmp_path / 'a.py')))
    with pytest.raises(SystemExit) as stop:
        ablate(path, '--out', tmp_path / 'out', '--steps', 3, *arguments)
    (message,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    assert stop.value.code == 1
    assert all(part in message for part in wanted), message


def test_a_config_that_ignores_max_iters_is_named(ladder: Ladder) -> None:
    row = ladder.row('a')
    row.config.write_text(row.config.read_text().replace('max_iters=max_iters', 'max_iters=10'))
    with pytest.raises(ValueError, match=r'a\.py: trains 10 steps whatever max_iters is'):
        resolve_config(row, steps=3, overrides={})


def test_rows_of_different_length_are_refused(settings: LadderSettings, fakes: Fakes) -> None:
    row = settings.ladder.row('a')
    row.config.write_text(row.config.read_text().replace('max_iters = 10', 'max_iters = 11'))
    with pytest.raises(ValueError, match=r"different numbers of steps .*'a': 11, 'b': 10"):
        run_ladder(replace(settings, steps=None), fakes.commands())


@pytest.mark.slow
def test_two_rows_end_to_end(ablate: Callable[..., None], tmp_path: Path, synthetic_nuscenes: Path) -> None:
    """The real tools: two rows, one seed, two steps, then again without any work."""
    config = ROOT / 'configs/dos/dos_second_synthetic.py'
    rows = [dict(name=n, config=str(config), title=n, above=a) for n, a in (('one', None), ('two', 'one'))]
    (tmp_path / 'ladder.py').write_text(f'rows = {rows!r}')
    arguments = (tmp_path / 'ladder.py', '--out', tmp_path / 'out', '--seeds', 1, '--steps', 2, '--split', 'test')
    options = (f'data_root={synthetic_nuscenes}/', 'train_dataloader.dataset.pipeline.0.max_points=4000')
    sizes = ('--scans', 2, '--draws', 1, '--bn-scans', 1)
    ablate(*arguments, *sizes, '--cfg-options', *options)
    record = json.loads((tmp_path / 'out/ladder_test.json').read_text())
    assert record['complete']
    one, two = record['rows']
    assert (one['cells'][0]['status'], two['cells'][0]['status']) == ('finished', 'finished')
    assert two['difference']['mean'] == 0, 'the same config and seed twice'
    assert one['monitors']['effective_rank'] > 1
    written = (tmp_path / 'out/ladder_test.json').stat().st_mtime_ns
    with pytest.raises(SystemExit):
        ablate(*arguments, *sizes, '--cfg-options', *options)
    assert (tmp_path / 'out/ladder_test.json').stat().st_mtime_ns == written
