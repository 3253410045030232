"""tools/browse_dataset.py draws views, boxes and labels without a screen, and says in one line what it cannot draw."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.structures import LiDARInstance3DBoxes

from dos_mm3d.structures import Grid, View, ViewPair
from dos_mm3d.visualization.labelled import class_colours, draw_labelled
from dos_mm3d.visualization.view_pairs import centres_m, draw_pair, kinds_of
from tests.helpers.forked import run_forked
from tests.helpers.in_process import tool_in_process

ROOT = Path(__file__).resolve().parents[2]
DOS, DETECTOR = 'configs/dos/dos_second_synthetic.py', 'configs/centerpoint/centerpoint_small_synthetic.py'
SEGMENTOR = 'configs/segmentation/minkunet_small_synthetic.py'
FEW = ['--cfg-options', 'labelled_scenes=1']


@pytest.fixture
def pair() -> ViewPair:
    """One loss voxel of each kind in view a; view b is the same, moved by 2 m along x."""
    cells = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 3, 2]], dtype=torch.int32)
    rows = torch.arange(3)
    points = torch.tensor([[0.5, 0.5, 0.5], [1.5, 0.5, 0.5], [2.5, 3.5, 0.5]])
    a = View(points, rows, cells, rows, visible=torch.tensor([False, True, True]))
    b = View(points + torch.tensor([2.0, 0, 0]), rows, cells + torch.tensor([0, 0, 2]), rows, visible=rows >= 0)
    return ViewPair(a, b, torch.tensor([0, 1, -1]), torch.tensor([0, 1, -1]))


def test_kinds_places_and_lines_of_loss_voxels(pair: ViewPair) -> None:
    grid = Grid((0, 0, 0, 8, 8, 1), (0.5, 0.5, 0.5), 2)
    np.testing.assert_allclose(centres_m(pair.a.cells, grid), [[0.5, 0.5], [1.5, 0.5], [2.5, 3.5]])
    assert kinds_of(pair.a, pair.a_to_b).tolist() == [0, 1, 2]
    left, _, lines = draw_pair(pair, grid).axes
    squares = [collection.get_paths()[0].vertices.mean(0) for collection in left.collections]
    assert 'View a: 3 points, 3 loss voxels, 67% visible' in left.get_title(loc='left')
    assert len(squares) == 3
    assert lines.get_title(loc='left') == 'visible in a, with a partner in b: 1 of 1'
    np.testing.assert_allclose(lines.collections[-1].get_segments()[0][0], [1.5, 0.5])


def test_points_and_boxes_have_the_colour_of_their_class() -> None:
    boxes = LiDARInstance3DBoxes(torch.tensor([[0.0, 0, 0, 4, 2, 1, 0], [5, 0, 0, 4, 2, 1, 0]]))
    points, labels = np.zeros((3, 3)), np.array([1, 0, 255])
    figure = draw_labelled(points, ['car', 'tree'], labels=labels, boxes=boxes, box_labels=np.array([0, -1]), reach_m=9)
    shown, outlined = figure.axes[0].collections
    np.testing.assert_allclose(shown.get_facecolors()[:2, :3], class_colours(2)[[1, 0]])
    np.testing.assert_allclose(outlined.get_colors()[[0, 2], :3], class_colours(2)[[0, 0]])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['car', 'tree']


@pytest.mark.parametrize(
    ('config', 'more', 'pictures'),
    [
        (DOS, ['--position=1', '--num=2'], ['000001_pairs', '000001_views', '000002_pairs', '000002_views']),
        (DETECTOR, FEW, ['000000_labels']),
        (DETECTOR, ['--split=test', *FEW], ['000000_labels']),
        (SEGMENTOR, FEW, ['000000_labels']),
        (SEGMENTOR, ['--split=test', *FEW], ['000000_labels']),
    ],
)
def test_pictures_of_a_config(config, more, pictures, synthetic_nuscenes, tmp_path, monkeypatch, capsys) -> None:
    options = more if '--cfg-options' in more else [*more, '--cfg-options']
    browse = tool_in_process('browse_dataset', monkeypatch)
    browse(ROOT / config, f'--output-dir={tmp_path}', *options, f'data_root={synthetic_nuscenes}/')
    assert sorted(path.stem for path in tmp_path.iterdir()) == pictures
    assert all(path.stat().st_size > 20_000 for path in tmp_path.iterdir())
    said = capsys.readouterr().out
    assert ('visible of a with a partner' in said) == (config == DOS)


@pytest.mark.parametrize(
    ('config', 'more', 'said'),
    [
        (DOS, ['--position', '-1'], '--position -1: wanted 0 or more'),
        (DOS, ['--num', '0'], '--num 0: wanted 1 or more'),
        (DOS, ['--split', 'val'], 'has no val_dataloader'),
    ],
)
def test_what_cannot_be_drawn_is_said(config, more, said, tmp_path, monkeypatch, capsys) -> None:
    with pytest.raises(SystemExit, match='1'):
        tool_in_process('browse_dataset', monkeypatch)(ROOT / config, f'--output-dir={tmp_path}', *more)
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_replaced(synthetic_nuscenes, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / '000000_views.png').write_text('mine')
    browse = tool_in_process('browse_dataset', monkeypatch)
    with pytest.raises(SystemExit, match='1'):
        browse(ROOT / DOS, f'--output-dir={tmp_path}', '--cfg-options', f'data_root={synthetic_nuscenes}/')
    assert 'no older result of this kind' in capsys.readouterr().err
    assert (tmp_path / '000000_views.png').read_text() == 'mine'


def test_frames_of_a_detector_are_drawn_and_cut_in_a_process_that_has_no_runner(synthetic_nuscenes, tmp_path):
    """Which would say that steps of pipelines are mmdet3d's."""
    root = f'data_root={synthetic_nuscenes}/'
    result = run_forked('browse_dataset', DETECTOR, '--output-dir', tmp_path / 'seen', *FEW, root)
    assert result.returncode == 0, result.stderr
    assert list((tmp_path / 'seen').glob('*.png'))
    small = 'configs/centerpoint/centerpoint_small_synthetic.py'  # two kinds of data sets, and a test loader alone
    crops = ['object_crops', '--config', small, '--out-dir', tmp_path / 'crops', '--workers', 1]
    result = run_forked('create_data', *crops, '--cfg-options', root, 'labelled_scenes=2')
    assert result.returncode == 0, result.stderr
    assert (tmp_path / 'crops/val.json').is_file()
