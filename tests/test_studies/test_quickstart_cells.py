"""The quickstart's cells: what is done again when something changes, what waits for what, and where it is left."""

from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.config import Config

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.studies.quickstart.cells import quickstart_cells, seconds_of, tool_cell
from dos_mm3d.studies.quickstart.choices import BACKBONES, Quickstart, Size, tiny_size
from dos_mm3d.studies.runner import Cell, Study

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands name tools and configs below it."""
    monkeypatch.chdir(ROOT)


def cells(work: Path, size: Size | None = None, *, backbone: str = 'second', seeds: int = 1) -> dict[str, Cell]:
    quickstart = Quickstart(work, BACKBONES[backbone], size or tiny_size(work), seeds)
    return {cell.name: cell for cell in quickstart_cells(quickstart)}


def changed(before: dict[str, Cell], after: dict[str, Cell]) -> set[str]:
    return {name for name, cell in after.items() if cell.key != before[name].key}


def test_the_same_inputs_are_the_same_cells(tmp_path: Path) -> None:
    assert not changed(cells(tmp_path), cells(tmp_path))


def test_another_pretraining_is_done_again_with_all_that_builds_on_it(tmp_path: Path) -> None:
    size = tiny_size(tmp_path)
    longer = replace(size, pretrain={**size.pretrain, 'max_iters': 6})
    found = changed(cells(tmp_path, size), cells(tmp_path, longer))
    assert found == {'pretrain', 'export', 'probe', 'detection_dos'}


def test_other_data_are_everything_else(tmp_path: Path) -> None:
    size = tiny_size(tmp_path)
    found = cells(tmp_path, replace(size, create=(*size.create, '--seed', '1')))
    assert changed(cells(tmp_path, size), found) == set(found)


def test_another_number_of_probes_or_seeds_leaves_pretraining_alone(tmp_path: Path) -> None:
    size = tiny_size(tmp_path)
    assert changed(cells(tmp_path, size), cells(tmp_path, replace(size, probe=('--scans', '1')))) == {'probe'}
    assert changed(cells(tmp_path), cells(tmp_path, seeds=2)) == {'detection_scratch', 'detection_dos'}


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    """Of a file, and of a file below a folder."""
    (tmp_path / 'package').mkdir()
    files = [tmp_path / 'tool.py', tmp_path / 'package' / 'inner.py']
    keys = []
    for changes in ((1, 1), (2, 1), (2, 2)):
        for file, number in zip(files, changes):
            file.write_text(f'x = {number}')
        keys.append(tool_cell('a', 'a', [], [files[0], files[1].parent], []).key)
    assert len(set(keys)) == 3
    with pytest.raises(FileNotFoundError, match=r'gone\.py'):
        tool_cell('a', 'a', [], [tmp_path / 'gone.py'], [])


@pytest.mark.parametrize('backbone', BACKBONES)
def test_what_a_cell_reads_is_written_by_one_before_it(tmp_path: Path, backbone: str) -> None:
    found = cells(tmp_path, backbone=backbone)
    written: dict[Path, str] = {path: name for name, cell in found.items() for path in cell.outputs}
    for cell in found.values():
        read = {written[Path(part)] for command in cell.commands(tmp_path) for part in command if Path(part) in written}
        assert read - {cell.name} <= before(cell), cell.name


def before(cell: Cell) -> set[str]:
    return {name for one in cell.after for name in (one.name, *before(one))}


def test_pretraining_and_the_model_from_scratch_run_side_by_side(tmp_path: Path) -> None:
    found = cells(tmp_path)
    assert found['detection_scratch'].after == found['pretrain'].after == (found['convert'],)


def trained(command: list[str]) -> Config:
    """The config that a command of tools/train.py trains."""
    options = command[command.index('--cfg-options') + 1 :]
    return load_with_overrides(Path(command[2]), dict(option.split('=', 1) for option in options))


def test_fine_tuned_models_differ_in_seed_and_weights_alone(tmp_path: Path) -> None:
    found = cells(tmp_path, seeds=2)
    read = {
        start: [trained(command) for command in found[f'detection_{start}'].commands(tmp_path)[::2]]
        for start in ('scratch', 'dos')
    }
    scratch, dos = read['scratch'][1], read['dos'][1]
    assert (scratch.load_from, dos.load_from) == (None, str(tmp_path / 'export' / 'dos_backbone.pth'))
    assert scratch.randomness == dos.randomness == {'seed': 1}
    assert dos.default_hooks.start_record == {'type': 'StartRecordHook'}
    assert read['scratch'][0].randomness == {'seed': 0}
    differing = {key for key in dos if dos[key] != scratch.get(key)}
    assert differing == {'load_from'}


def test_seconds_of_all_are_those_of_the_longest_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = dict.fromkeys(('data', 'convert', 'export'), 1.0)
    seconds |= {'pretrain': 10.0, 'detection_scratch': 30.0, 'probe': 5.0, 'detection_dos': 8.0}
    study = Study(list(cells(tmp_path).values()), tmp_path, title='quickstart')
    monkeypatch.setattr(study, 'result', lambda name: {'seconds': seconds[name]})
    assert seconds_of(study) == {'all': 32.0, **seconds}
    seconds['detection_scratch'] = 3.0
    assert seconds_of(study)['all'] == 1 + 1 + 10 + 1 + 8
