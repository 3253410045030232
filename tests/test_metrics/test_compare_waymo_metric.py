"""The comparison of the Waymo metric without the official op: how it is asked for, and what is made of its answer."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.metrics.waymo import waymo_detection_metrics
from dos_mm3d.metrics.waymo.metrics import detection_counts
from tests.references.waymo_metric import compare as tool
from tests.references.waymo_metric import seconds as benchmark
from tests.references.waymo_metric.scenes import KINDS, random_scenes


@pytest.fixture(scope='module')
def ours():
    scenes = random_scenes(3, seed=0)
    return [waymo_detection_metrics(*scene) for scene in scenes], [detection_counts(*scene) for scene in scenes]


def answer(metrics, counts):
    """What the official op would write if it said the same."""
    values = np.array([list(scene.values()) for scene in metrics])
    by_level = [[[shard[:, [0, 1, 1 + level]] for level in (1, 2)] for shard in scene] for scene in counts]
    counts = np.array(by_level).reshape(len(metrics), -1, 101, 3)
    return {'names': np.array(list(metrics[0])), 'ap': values[..., 0], 'aph': values[..., 1], 'counts': counts}


def test_the_same_answer_agrees(ours, capsys):
    record = tool.compared(answer(*ours), *ours)
    assert record['largest_difference'] == {'AP': 0, 'APH': 0}
    assert tool.report({**record, 'scenes': 3}, Path('record.json')) == 0
    assert '3 scenes: AP differs by at most 0.0e+00' in capsys.readouterr().out
    json.dumps(record)


def test_one_different_value_is_found_and_named(ours, capsys):
    official = answer(*ours)
    official['aph'][1, 5] += 0.002
    official['counts'][0, 7, 3, 1] += 4
    record = tool.compared(official, *ours)
    rows = list(record['largest_difference_by_breakdown'].values())
    assert [round(row['APH'], 9) for row in rows].index(0.002) == 5
    assert [row['count'] for row in rows].index(4) == 7
    assert tool.report({**record, 'scenes': 3}, Path('record.json')) == 1
    assert 'DOES NOT AGREE' in capsys.readouterr().out


def test_other_names_are_refused(ours):
    official = answer(*ours)
    official['names'] = official['names'][::-1]
    with pytest.raises(ValueError, match='wanted the official'):
        tool.compared(official, *ours)


def test_a_missing_environment_is_explained(tmp_path):
    with pytest.raises(ValueError, match='no such file') as error:
        tool.check_environment(tmp_path / 'python')
    assert 'pip install --no-deps waymo-open-dataset-tf-2-12-0' in str(error.value)
    (tmp_path / 'python').write_text('#!/bin/sh\necho Traceback >&2\necho ModuleNotFoundError: no op >&2\nexit 1\n')
    (tmp_path / 'python').chmod(0o755)
    with pytest.raises(ValueError, match='cannot import the official op: ModuleNotFoundError: no op'):
        tool.check_environment(tmp_path / 'python')


def test_scenes_repeat_and_hold_what_they_promise():
    scenes, again = random_scenes(len(KINDS), seed=3), random_scenes(len(KINDS), seed=3)
    for scene, same in zip(scenes, again):
        for side, other in zip(scene, same):
            assert all(np.array_equal(side[name], other[name]) for name in side)
    by_kind = {kind.__name__: scene for kind, scene in zip(KINDS, scenes)}
    assert len(np.unique(by_kind['ties'][0]['score'])) < len(by_kind['ties'][0]['score'])
    frames = [set(side['frame']) for side in by_kind['empty']]
    assert frames[0] != frames[1]
    assert (by_kind['degenerate'][1]['box'][:, 3:6] <= 0.01).any()


def test_the_benchmark_records_each_number_of_threads(capsys):
    record = benchmark.run(Namespace(frames=20, ground_truths=5, predictions=9, threads=[1, 2]))
    assert [row['threads'] for row in record['rows']] == [1, 2]
    assert record['predictions'] == 180
    assert capsys.readouterr().out.count('s of CPU') == 2
