"""The quickstart's cells: what is done again when something changes, what waits for what, and where it is left."""

from dataclasses import replace
from pathlib import Path

import pytest

from dos_mm3d.cli import run_protocol
from dos_mm3d.files import write_json
from dos_mm3d.studies.quickstart.cells import quickstart_cells, require_finished, tool_cell
from dos_mm3d.studies.quickstart.choices import BACKBONES, Quickstart, Size, tiny_size
from dos_mm3d.studies.runner import Cell

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


@pytest.mark.parametrize('place', [Path('/somewhere/else'), Path('work_dirs/here')])
def test_a_moved_folder_has_the_same_cells(tmp_path: Path, place: Path) -> None:
    """Neither it nor the interpreter that runs the tools is part of what decides the numbers."""
    found = cells(place)
    assert not changed(cells(tmp_path), found)
    assert all(str(tmp_path) not in str(cell.commands(place)) for cell in found.values())


def test_another_pretraining_is_done_again_with_all_that_builds_on_it(tmp_path: Path) -> None:
    size = tiny_size(tmp_path)
    longer = replace(size, pretrain={**size.pretrain, 'max_iters': 6})
    found = changed(cells(tmp_path, size), cells(tmp_path, longer))
    assert found == {'pretrain', 'export', 'linear_probe', 'detection'}


def test_other_data_are_everything_else(tmp_path: Path) -> None:
    size = tiny_size(tmp_path)
    found = cells(tmp_path, replace(size, create=(*size.create, '--seed', '1')))
    assert changed(cells(tmp_path, size), found) == set(found)


def test_another_number_of_probes_or_seeds_leaves_pretraining_alone(tmp_path: Path) -> None:
    size = tiny_size(tmp_path)
    assert changed(cells(tmp_path, size), cells(tmp_path, replace(size, probe=('--scans', '1')))) == {'linear_probe'}
    assert changed(cells(tmp_path), cells(tmp_path, seeds=2)) == {'detection'}


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    """Of a file, and of a file below a folder."""
    (tmp_path / 'package').mkdir()
    files = [tmp_path / 'tool.py', tmp_path / 'package' / 'inner.py']
    quickstart = Quickstart(tmp_path, BACKBONES['second'], Size())
    keys = []
    for changes in ((1, 1), (2, 1), (2, 2)):
        for file, number in zip(files, changes):
            file.write_text(f'x = {number}')
        keys.append(tool_cell(quickstart, 'a', 'a', [], [files[0], files[1].parent], []).key)
    assert len(set(keys)) == 3
    with pytest.raises(FileNotFoundError, match=r'gone\.py'):
        tool_cell(quickstart, 'a', 'a', [], [tmp_path / 'gone.py'], [])


@pytest.mark.parametrize('backbone', BACKBONES)
def test_what_a_cell_reads_is_written_by_one_before_it(tmp_path: Path, backbone: str) -> None:
    found = cells(tmp_path, backbone=backbone)
    written: dict[Path, str] = {path: name for name, cell in found.items() for path in cell.outputs}
    for cell in found.values():
        read = {written[Path(part)] for command in cell.commands(tmp_path) for part in command if Path(part) in written}
        assert read - {cell.name} <= before(cell), cell.name


def before(cell: Cell) -> set[str]:
    return {name for one in cell.after for name in (one.name, *before(one))}


@pytest.mark.parametrize('backbone', BACKBONES)
def test_the_protocols_understand_their_commands(tmp_path: Path, backbone: str) -> None:
    found = cells(tmp_path, backbone=backbone, seeds=2)
    parsed = [run_protocol.parse_args(cell.commands(tmp_path)[0][4:]) for cell in [*found.values()][-2:]]
    for args in parsed:
        assert args.checkpoint == [str(tmp_path / 'pretrain' / 'iter_4.pth')]
        assert (args.split, args.data_root) == ('test', [f'synthetic={tmp_path / "data"}'])
    probe, finetune = parsed
    assert (probe.scans, probe.draws, probe.bn_scans) == (2, 2, 2)
    assert (finetune.seeds, finetune.workers, str(finetune.cfg_options['max_iters'])) == (2, 2, '2')
    assert finetune.downstream == BACKBONES[backbone].finetune_config
    assert getattr(finetune, 'shares', []) == [], 'the labels of the config'


def test_a_protocol_that_lost_a_cell_is_not_finished(tmp_path: Path) -> None:
    lost = {'name': 'dos_0', 'status': 'failed', 'message': 'no room left'}
    write_json(tmp_path / 'record.json', {'cells': [{'name': 'fixed', 'status': 'finished'}, lost]})
    with pytest.raises(ValueError, match='dos_0 failed: no room left'):
        require_finished(tmp_path / 'record.json')
