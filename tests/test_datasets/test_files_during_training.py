"""A file that goes bad while loader workers read is one sentence that names it, for whatever reason it is bad."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from dos_mm3d.datasets import stream
from dos_mm3d.datasets.folder import FolderSweeps
from dos_mm3d.datasets.stream import StreamSampler
from dos_mm3d.engine import launch, loops
from dos_mm3d.structures import Grid
from tests.helpers.sweep_files import make_sweep

PIPELINE = [dict(type='TwoViews'), dict(type='BlockMask'), dict(type='PackViews')]
GRID = Grid([-51.2, -51.2, -5.0, 51.2, 51.2, 3.0], [0.2, 0.2, 0.2], 4)


def folder_of(root: Path, change: Callable[[np.ndarray], np.ndarray] = lambda sweep: sweep) -> FolderSweeps:
    """Four sweeps, and the data set that trains on them."""
    for i in range(4):
        change(make_sweep(2000, i)[:, :4]).astype(np.float32).tofile(root / f'{i}.bin')
    dataset = FolderSweeps(str(root), PIPELINE)
    dataset.grid = GRID
    return dataset


def message_of(dataset: FolderSweeps) -> str:
    """What a user sees of an epoch that a worker reads."""
    loader = DataLoader(dataset, 2, sampler=StreamSampler(dataset, seed=0), num_workers=1, collate_fn=list)
    with pytest.raises(Exception) as error:
        for _, _ in zip(range(2), loader):
            pass
    message = launch.message_for_user(error.value)
    assert message is not None, f'a traceback: {error.value!r}'
    return message


@pytest.mark.parametrize('why', ['gone', 'a folder', 'cut off', 'no numbers', 'empty', 'a dead link'])
def test_a_file_that_goes_bad_is_named_in_one_sentence(tmp_path, why):
    dataset = folder_of(tmp_path)
    path = tmp_path / '2.bin'
    whole = path.read_bytes()
    path.unlink()
    if why == 'a folder':
        path.mkdir()
    elif why == 'a dead link':
        path.symlink_to(tmp_path / 'nowhere')
    elif why != 'gone':
        path.write_bytes({'cut off': whole[:-3], 'no numbers': b'\xff' * 3200, 'empty': b''}[why])
    message = message_of(dataset)
    assert message.startswith(f'{path}: ') and '\n' not in message and 'Traceback' not in message


def test_a_disk_that_fails_is_named_with_the_file(tmp_path, monkeypatch):
    dataset = folder_of(tmp_path)

    def fails(path: str, options: object) -> None:
        raise OSError(5, 'Input/output error')

    monkeypatch.setitem(__import__('dos_mm3d.datasets.readers.sweep', fromlist=['READERS']).READERS, '.bin', fails)
    message = message_of(dataset)
    assert str(tmp_path) in message and '.bin: cannot be read (Input/output error)' in message


@pytest.mark.parametrize(
    ('scale', 'shift'), [(1, (3000, 0, 0)), (1000, (0, 0, 0)), (1, (0, 0, -99))], ids=['frame', 'millimetres', 'height']
)
def test_sweeps_that_lie_outside_the_range_are_named_with_their_extent(tmp_path, scale, shift):
    message = message_of(folder_of(tmp_path, lambda sweep: np.c_[sweep[:, :3] * scale + shift, sweep[:, 3]]))
    assert message.startswith(str(tmp_path)) and 'no point of view a lies in the range' in message
    assert 'Check units and sensor frame' in message and '\n' not in message


def test_fewer_sweeps_than_a_step_has_are_said_once(tmp_path, monkeypatch, tiny_pretraining):
    folder_of(tmp_path)
    lines: list[str] = []
    monkeypatch.setattr(loops, 'print_log', lambda message, logger, level=logging.INFO: lines.append(message))
    config = Path(__file__).resolve().parents[2] / 'configs/dos/dos_second_folder.py'
    runner = tiny_pretraining(config, tmp_path, options={'batch_size': 5})
    runner.build_train_loop(runner._train_loop)
    assert sum('4 sweeps for steps of 5' in line for line in lines) == 1


@pytest.mark.parametrize(('scale', 'said'), [(1, 0), (10, 1), (0.01, 0)])
def test_a_unit_that_leaves_some_points_in_the_range_is_said_once(tmp_path, monkeypatch, scale, said):
    dataset = folder_of(tmp_path, lambda sweep: np.c_[sweep[:, :3] * scale, sweep[:, 3]])
    lines: list[str] = []
    monkeypatch.setattr(stream, 'print_log', lambda message, logger, level=logging.INFO: lines.append(message))
    dataset.warn_if_out_of_range()
    assert sum('lie in the range that is trained on' in line for line in lines) == said, lines


def test_more_columns_than_the_points_have_are_refused_before_training(tmp_path):
    dataset = folder_of(tmp_path, lambda sweep: sweep[:, :4])
    dataset.require_columns(['x [m]', 'y [m]', 'z [m]', 'intensity 0-1'])
    with pytest.raises(ValueError, match=r'names 5 columns \(a, b, c, d, e\), and the points of FolderSweeps have 4'):
        dataset.require_columns('abcde')
