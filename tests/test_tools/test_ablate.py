"""tools/ablate.py: mistakes are one sentence; the real tools run two rows end to end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dos_mm3d.studies.protocols.ladder_file import Ladder
from tests.helpers.in_process import tool_in_process
from tests.helpers.ladder_fakes import small_ladder

ROOT = Path(__file__).resolve().parents[2]
MISTAKES = {
    'no file': ('nowhere.py', (), ['nowhere.py', 'no such ladder file']),
    'no ladder': ('a.py', (), ['a.py', 'no `rows`']),
    'unknown row': ('ladder.py', ('--rows', 'a', 'z'), ['no row z', 'wanted some of a, b, c']),
    'no data': ('ladder.py', ('--cfg-options', 'data_root=gone/'), ['gone/nuscenes_infos_train.pkl', 'create_data']),
    'no scenes': (
        'ladder.py',
        ('--cfg-options', 'data_root={world}/'),
        ['2 training sequences leave none for validation', '--split test'],
    ),
    'seed': ('ladder.py', ('--cfg-options', 'randomness.seed=3'), ['randomness.seed', '--seeds']),
    'bad row': ("rows = [dict(name='a')]", (), ['got the row', 'config=...']),
    'bad name': ("rows = [dict(name='../a', config='a.py', title='', above=None)]", (), ["'../a'", 'letters']),
    'bad above': ("rows = [dict(name='a', config='{a}', title='', above='z')]", (), ["compared with 'z'"]),
    'no config': ("rows = [dict(name='a', config='gone.py', title='', above=None)]", (), ['gone.py: no such config']),
    'twice': ("rows = [dict(name='a', config='{a}', title='', above=None)] * 2", (), ['a occurs more than once']),
}


@pytest.fixture
def ladder(tmp_path: Path) -> Ladder:
    """Of three rows, in the test's folder."""
    return small_ladder(tmp_path, tmp_path / 'data')


@pytest.fixture
def ablate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run tools/ablate.py in this process, which it leaves in the folder where it was."""
    return tool_in_process('ablate', monkeypatch)


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
    one, two = (row['entries'] for row in record['rows'] if row['kind'] == 'pretrained')
    assert {cell['status'] for cell in record['cells']} == {'finished'}
    assert two['difference']['mean'] == 0, 'the same config and seed twice'
    assert one['effective_rank']['mean'] > 1
    written = (tmp_path / 'out/ladder_test.json').stat().st_mtime_ns
    with pytest.raises(SystemExit):
        ablate(*arguments, *sizes, '--cfg-options', *options)
    assert (tmp_path / 'out/ladder_test.json').stat().st_mtime_ns == written
