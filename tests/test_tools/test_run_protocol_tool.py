"""The command line of tools/run_protocol.py: mistakes are one sentence, pairs run end to end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config

from tests.helpers.in_process import tool_in_process

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run tools/run_protocol.py in this process, which it leaves in the folder where it was."""
    return tool_in_process('run_protocol', monkeypatch)


ROOTS = ('--data-root', 'synthetic={world}')
MISTAKES = {
    'data set': (('linear_probe', '--dataset', 'once'), ["no data set 'once'", 'semantickitti']),
    'no data': (
        ('linear_probe', '--dataset', 'synthetic', '--data-root', 'synthetic=gone'),
        ['gone/nuscenes_infos_train.pkl', 'create_synthetic', '--data-root synthetic=PATH'],
    ),
    'no checkpoint': (('few_shot', '--dataset', 'synthetic', *ROOTS), ['few_shot needs --checkpoint PATH']),
    'missing checkpoint': (
        ('linear_probe', '--dataset', 'synthetic', *ROOTS, '--checkpoint', 'gone.pth'),
        ['gone.pth: no such checkpoint file'],
    ),
    'something else': (
        ('linear_probe', '--dataset', 'synthetic', *ROOTS, '--checkpoint', '{other}'),
        ['other.pth: not a checkpoint of configs/dos/dos_second_synthetic.py', 'student and teacher'],
    ),
    'data root of what': (
        ('linear_probe', '--dataset', 'synthetic', '--data-root', '{world}'),
        ['of which data set?', 'Wanted D='],
    ),
    'pairs of what': (('cross_domain', '--checkpoint', '{other}'), ['Wanted --dataset D, or --checkpoint D=PATH']),
}  # fmt: skip


@pytest.mark.parametrize('case', sorted(MISTAKES))
def test_a_mistake_is_one_sentence(
    tool: Callable[..., None], tmp_path: Path, synthetic_nuscenes: Path, capsys: pytest.CaptureFixture, case: str
) -> None:
    arguments, wanted = MISTAKES[case]
    other = tmp_path / 'other.pth'
    torch.save({'state_dict': {'pts_bbox_head.weight': torch.zeros(2)}}, other)
    arguments = [argument.format(world=synthetic_nuscenes, other=other) for argument in arguments]
    with pytest.raises(SystemExit) as stop:
        tool(*arguments, '--out', tmp_path / 'out')
    (message,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    assert stop.value.code == 1
    assert all(part in message for part in wanted), message
    assert not (tmp_path / 'out').exists()


@pytest.mark.slow
def test_pairs_end_to_end(
    tool: Callable[..., None], tmp_path: Path, synthetic_nuscenes: Path, synthetic_semantickitti: Path
) -> None:
    """The real cells on two tiny worlds with untrained checkpoints, then again without any work."""
    worlds = {'synthetic': synthetic_nuscenes, 'synthetic_semantickitti': synthetic_semantickitti}
    sources = []
    for name, config in (
        ('synthetic', 'dos_second_synthetic'),
        (list(worlds)[1], 'dos_second_synthetic_semantickitti'),
    ):
        model = MODELS.build(Config.fromfile(ROOT / f'configs/dos/{config}.py').model)
        torch.save({'state_dict': model.state_dict()}, tmp_path / f'{name}.pth')
        sources += [f'{name}={tmp_path / name}.pth', f'{name}={ROOT / "configs/dos" / config}.py']
    arguments = ['cross_domain', '--checkpoint', *sources[::2], '--config', *sources[1::2], '--data-root']
    arguments += [f'{name}={root}' for name, root in worlds.items()]
    sizes = ('--seeds', 1, '--scans', 1, '--draws', 1, '--bn-scans', 1, '--scored-scans', 1, '--split', 'test')
    tool(*arguments, *sizes, '--out', tmp_path / 'out')
    record = json.loads((tmp_path / 'out/cross_domain_synthetic_synthetic_semantickitti_test.json').read_text())
    assert record['complete']
    assert all(cell['status'] == 'finished' for cell in record['cells'])
    entries = {row['name']: row['entries'] for row in record['rows']}
    assert all(set(found) == set(worlds) for found in entries.values())
    bold = {(name, column) for name, found in entries.items() for column in found if found[column].get('in_domain')}
    assert bold == {(f'{kind}_{name}', name) for kind in ('dos', 'dos_adapted') for name in worlds}
    logs = {path: path.stat().st_mtime_ns for path in tmp_path.glob('out/cells/*/log')}
    tool(*arguments, *sizes, '--out', tmp_path / 'out', '--again')
    assert logs == {path: path.stat().st_mtime_ns for path in tmp_path.glob('out/cells/*/log')}


@pytest.mark.parametrize(
    ('arguments', 'wanted'),
    [(['nonsense'], 'linear_probe'), (['few_shot', '--dataset', 'synthetic', '--shots', '0'], '--shots must be')],
)
def test_unknown_protocols_and_sizes(
    tool: Callable[..., None], capsys: pytest.CaptureFixture, arguments: list[str], wanted: str
) -> None:
    with pytest.raises(SystemExit):
        tool(*arguments)
    assert wanted in capsys.readouterr().err
