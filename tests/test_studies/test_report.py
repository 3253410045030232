"""The report's sentences follow its numbers; records are read as the tools leave them."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pyquaternion import Quaternion

from dos_mm3d.files import nan_to_none, read_json, write_json
from dos_mm3d.studies.quickstart.pictures import predicted_boxes, true_boxes
from dos_mm3d.studies.quickstart.results import conclusions, finetune_table, probe_table
from dos_mm3d.studies.runner.scalars import read_scalars, training_summary
from dos_mm3d.studies.runner.start_record import StartRecordHook, unfair


def made_up_report(dos: float, *, seeds: tuple[float, ...] = (0.01,)) -> dict:
    """seeds: gains in mAP and NDS, as fractions."""
    miou = dict.fromkeys(('raw', 'random', 'random_raw', 'handcrafted', 'dos', 'dos_raw', 'pillars'), 20.0) | {
        'dos': dos
    }
    probe = [{'name': name, 'entries': {'miou': {'mean': value, 'sd_draws': 1.0}}} for name, value in miou.items()]
    rows = []
    for kind, gains in (('scratch', (0.0,) * len(seeds)), ('pretrained', seeds)):
        values = {f'seed {i}': 20 + 100 * gain for i, gain in enumerate(gains)}
        entries = {
            'l_mAP': {'mean': 20.0, 'values': values, 'per_class': {'car': 40.0}},
            'l_NDS': {'mean': 30.0, 'values': values},
        }
        rows.append({'kind': kind, 'entries': entries})
    columns = [{'name': 'l_mAP', 'title': 'mAP'}, {'name': 'l_NDS', 'title': 'NDS'}]
    finetune = {'protocol': 'detection', 'columns': columns, 'rows': rows, 'seeds': len(seeds)}
    return {'probe': {'rows': probe}, 'finetune': finetune, 'model': 'CenterPoint'}


def test_conclusions_say_what_the_numbers_say() -> None:
    better, worse = conclusions(made_up_report(30.0)), conclusions(made_up_report(12.5))
    assert 'DOS beats random initialisation: 30.0 against 20.0 mIoU (+10.0 points)' in better[0]
    assert 'DOS does not beat' in worse[0]
    assert '(-7.5 points)' in worse[0]


@pytest.mark.parametrize(
    ('seeds', 'words'),
    [
        ((0.01,), 'a gain at this size'),
        ((-0.01,), 'no gain at this size'),
        ((0.01, 0.02, 0.03), 'all seeds agree'),
        ((0.01, -0.02, 0.03), 'disagree in sign'),
    ],
)
def test_detection_is_not_oversold(seeds: tuple[float, ...], words: str) -> None:
    sentence = conclusions(made_up_report(30.0, seeds=seeds))[-1]
    assert words in sentence
    assert ('One seed, which' in sentence) == (len(seeds) == 1)


def test_table_gives_the_gain_over_random_and_raw() -> None:
    report = made_up_report(30.0)
    lines = probe_table(report).splitlines()
    assert '| DOS (teacher) | 30.0 ± 1.0 | +10.0 |' in lines
    assert len(lines) == 2 + 6, 'rows of the protocol that the quickstart does not show are left out'
    assert finetune_table(report).splitlines()[-1] == '| CenterPoint from DOS weights | 0.200 | 0.300 | 0.400 |'


def test_json_is_whole_strict_and_round_trips(tmp_path: Path) -> None:
    path = tmp_path / 'a' / 'report.json'
    write_json(path, {'x': [1.5, None]})
    assert read_json(path) == {'x': [1.5, None]}
    with pytest.raises(ValueError, match='JSON'):
        write_json(path, {'x': math.nan})
    assert read_json(path) == {'x': [1.5, None]}, 'a failed write damaged the file'
    assert [file.name for file in path.parent.iterdir()] == ['report.json']
    assert nan_to_none({'a': [math.nan, 1], 'b': (math.inf,)}) == {'a': [None, 1], 'b': [None]}
    with pytest.raises(FileNotFoundError, match='no such file'):
        read_json(tmp_path / 'none.json')


def test_scalars_of_a_resumed_run_are_joined(tmp_path: Path) -> None:
    for start, steps in (('20260101_000000', (10, 20, 30)), ('20260102_000000', (30, 40))):
        folder = tmp_path / start / 'vis_data'
        folder.mkdir(parents=True)
        value = 1.0 if start.startswith('20260101') else 2.0
        lines = [json.dumps({'loss': value, 'time': 0.5, 'effective_rank': 9.0, 'step': step}) for step in steps]
        (folder / 'scalars.json').write_text('\n'.join([*lines, '{"loss": 3.0, "st']))
    scalars = read_scalars(tmp_path)
    assert scalars['loss'] == {'step': [10, 20, 30, 40], 'value': [1.0, 1.0, 2.0, 2.0]}
    summary = training_summary(tmp_path)
    assert (summary['steps'], summary['loss_first'], summary['loss_last']) == (40, 1.0, 2.0)
    assert summary['seconds'] == pytest.approx(40 * 0.5)
    assert summary['monitors'] == {'effective_rank': 9.0}


class FakeRunner:
    def __init__(self, model: torch.nn.Module, work_dir: Path) -> None:
        self.model, self.work_dir = model, str(work_dir)


def record_start(work_dir: Path, *, encoder: float, head: float, points: float) -> dict:
    model = torch.nn.ModuleDict({'pts_middle_encoder': torch.nn.Linear(1, 1), 'pts_bbox_head': torch.nn.Linear(1, 1)})
    torch.nn.init.constant_(model['pts_middle_encoder'].weight, encoder)
    torch.nn.init.constant_(model['pts_bbox_head'].weight, head)
    torch.nn.init.zeros_(model['pts_middle_encoder'].bias)
    torch.nn.init.zeros_(model['pts_bbox_head'].bias)
    hook, runner = StartRecordHook(['pts_middle_encoder.']), FakeRunner(model, work_dir)
    hook.before_train(runner)
    torch.nn.init.zeros_(model['pts_bbox_head'].weight)  # what training does later is no part of the start
    hook.after_train_iter(runner, 0, {'inputs': {'points': [torch.full((3, 5), points)]}})
    hook.after_train(runner)
    return read_json(work_dir / 'start.json')


@pytest.mark.parametrize(
    ('change', 'found'),
    [({}, []), ({'head': 2}, ['initial head']), ({'encoder': 1}, ['initial encoder (it is the same)'])],
)
def test_a_fair_pair_differs_in_the_encoder_only(tmp_path: Path, change: dict, found: list[str]) -> None:
    a = record_start(tmp_path / 'a', encoder=1, head=1, points=1)
    b = record_start(tmp_path / 'b', **{'encoder': 2, 'head': 1, 'points': 1, **change})
    assert unfair(a, b) == found


def test_inputs_are_told_apart(tmp_path: Path) -> None:
    one, other = (record_start(tmp_path / str(points), encoder=1, head=1, points=points) for points in (1, 2))
    assert one['inputs'] != other['inputs']


def pose(yaw_rad: float, translation: list[float]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Quaternion(axis=[0, 0, 1], radians=yaw_rad).rotation_matrix
    matrix[:3, 3] = translation
    return matrix


def test_predictions_come_back_from_the_global_frame(tmp_path: Path) -> None:
    """A box written to the devkit's format lies on the true box that it was made from."""
    lidar2ego, ego2global = pose(0.3, [1, 0, 1.8]), pose(-1.1, [400, 900, 0])
    true = {'bbox_3d': [10, -4, -1, 4.5, 1.9, 1.6, 0.7], 'bbox_label_3d': 0, 'num_lidar_pts': 9}
    info = {
        'token': 't',
        'ego2global': ego2global.tolist(),
        'lidar_points': {'lidar2ego': lidar2ego.tolist()},
        'instances': [true, {**true, 'num_lidar_pts': 0}],
    }
    lidar2global = ego2global @ lidar2ego
    centre = lidar2global @ [10, -4, -0.2, 1]  # half the height above the middle of the bottom
    turn = Quaternion(matrix=lidar2global[:3, :3]) * Quaternion(axis=[0, 0, 1], radians=0.7)
    box = {'translation': centre[:3].tolist(), 'size': [1.9, 4.5, 1.6], 'rotation': turn.elements.tolist()}
    results = {'results': {'t': [{**box, 'detection_score': 0.5, 'detection_name': 'car'}]}}
    write_json(tmp_path / 'results.json', results)
    truth, predicted = true_boxes(info), predicted_boxes(tmp_path / 'results.json', info)
    assert len(truth) == 1, 'a box without a point is left out'
    torch.testing.assert_close(predicted.bboxes_3d.corners, truth.corners, rtol=0, atol=1e-4)
