"""tools/visualize_detections.py, from a config and a detector's weights to pictures and the page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample, LiDARInstance3DBoxes
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import save_checkpoint
from mmengine.structures import InstanceData

from dos_mm3d.studies.seeing.detections import by_name, viewed_boxes, viewed_detections
from dos_mm3d.studies.seeing.predictions import Predicted
from dos_mm3d.studies.seeing.samples import Truth
from tests.helpers.in_process import tool_in_process

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/centerpoint/centerpoint_small_synthetic.py'
BOX = LiDARInstance3DBoxes(torch.tensor([[5.0, 1, -2, 4, 2, 1.5, 0.5]]))


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained."""
    init_default_scope('mmdet3d')
    cfg = Config.fromfile(CONFIG)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('run') / 'iter_5.pth'
    meta = {'iter': 5, 'cfg': cfg.pretty_text}
    save_checkpoint({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': meta}, str(path))
    return path


def test_boxes_stand_on_their_centres_with_class_and_score() -> None:
    (plain,) = viewed_boxes(BOX, np.array([1]), ['car', 'bus'])
    assert (plain.box, plain.text, plain.score) == ((5, 1, -1.25, 4, 2, 1.5, 0.5), 'bus', None)
    (scored,) = viewed_boxes(BOX, np.array([-1]), ['car', 'bus'], [0.123456])
    assert (scored.text, scored.score) == ('other 0.12', 0.1235)


def test_every_detector_has_a_scan_of_its_own_in_the_page() -> None:
    found = InstanceData(bboxes_3d=BOX, labels_3d=torch.tensor([0]), scores_3d=torch.tensor([0.9]))
    truth = Truth(None, BOX, np.array([0]))
    answer = Det3DDataSample(pred_instances_3d=found)
    one = Predicted(Path('a.bin'), np.full((3, 5), 2.0, np.float32), truth, ('car',), {'x': answer, 'y': answer})
    sweeps, words = viewed_detections([one], 0.4)
    assert [sweep.name for sweep in sweeps] == ['a.bin, x', 'a.bin, y']
    assert [[box.text for box in group] for group in sweeps[0].boxes] == [['car'], ['car 0.90']]
    assert (sweeps[0].points[:, 3] == 1).all() and (one.points[:, 3] == 2).all()
    assert words.score == 0.4


def test_checkpoints_of_one_name_are_told_apart() -> None:
    a, b, c = (Path('a/iter_5.pth'), Path('b/iter_9.pth'), Path('b/iter_5.pth'))
    assert by_name([a, b]) == {'iter_5': a, 'iter_9': b}
    assert by_name([a, c]) == {'a/iter_5.pth': a, 'b/iter_5.pth': c}


def test_pictures_and_page(checkpoint, synthetic_nuscenes, tmp_path, monkeypatch, capsys) -> None:
    visualize = tool_in_process('visualize_detections', monkeypatch)
    options = ['--cfg-options', f'data_root={synthetic_nuscenes}/']
    visualize(CONFIG, checkpoint, f'--out-dir={tmp_path}', '--num=1', '--position=1', '--score=0.2', *options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['000001_boxes.png', 'detections.html']
    text = (tmp_path / 'detections.html').read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    (sweep,) = data['sweeps']
    said = re.search(r'(\d+) true boxes; score at least 0.2: iter_5 (\d+)', capsys.readouterr().out)
    true, predicted = sweep['boxes']
    assert len(true) == int(said[1]) > 0
    assert sum(box['score'] >= 0.2 for box in predicted) == int(said[2])
    assert data['score'] == 0.2


@pytest.mark.parametrize(
    ('config', 'more', 'said'),
    [
        (CONFIG, ['--num=0'], '--num 0: wanted 1 or more'),
        (CONFIG, ['--score=2'], 'wanted a number from 0 to 1'),
        (ROOT / 'configs/dos/dos_second_synthetic.py', [], 'has no test_dataloader'),
    ],
)
def test_what_cannot_be_done_is_said(config, more, said, checkpoint, tmp_path, monkeypatch, capsys) -> None:
    visualize = tool_in_process('visualize_detections', monkeypatch)
    with pytest.raises(SystemExit, match='1'):
        visualize(config, checkpoint, f'--out-dir={tmp_path}', *more)
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
