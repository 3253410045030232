"""The comparison of KITTI's metric without mmdet3d: what is made of its answer, and that it is asked once."""

import numpy as np
import pytest

from dos_mm3d.metrics.kitti import kitti_average_precision
from tests.references.kitti_metric import compare as tool
from tests.references.kitti_metric.scenes import KINDS, random_scenes


@pytest.fixture(scope='module')
def scenes() -> list:
    return random_scenes(len(KINDS), seed=3)


@pytest.fixture(scope='module')
def ours(scenes) -> list[dict]:
    return [kitti_average_precision(*scene) for scene in scenes]


def test_the_same_answer_agrees_and_a_different_one_is_found(ours):
    found = tool.largest_difference(ours, ours)
    assert found['largest'] == found['beyond_tolerance'] == 0 and found['above_zero'] > 100
    theirs = [dict(scene) for scene in ours]
    theirs[2]['KITTI/Car_BEV_AP40_hard_loose'] += 0.5
    theirs[4]['KITTI/Car_3D_AP11_easy_strict'] = None  # NaN in mmdet3d
    found = tool.largest_difference(theirs, ours)
    assert found['largest'] == pytest.approx(0.5) and found['largest_by_kind']['3D'] == 0
    assert found['largest_of']['name'] == 'KITTI/Car_BEV_AP40_hard_loose'
    assert (found['beyond_tolerance'], found['not_a_number']) == (1, 1)


def test_what_was_answered_is_not_asked_again(scenes, ours, tmp_path, monkeypatch):
    asked = []

    def answer(few: list) -> list[dict]:
        asked.append(len(few))
        return [dict(one) for one in ours[: len(few)]]

    monkeypatch.setattr(tool, 'run_official', answer)
    monkeypatch.setattr(tool, 'AT_ONCE', 4)
    first = tool.kept_official(scenes, tmp_path)
    assert tool.kept_official(scenes, tmp_path) == first and asked == [4, 2]
    scenes[5][1][0]['score'] = scenes[5][1][0]['score'] / 2
    tool.kept_official(scenes, tmp_path)
    assert asked == [4, 2, 2]


def test_scenes_hold_what_they_are_for(scenes):
    by_kind = dict(zip((kind.__name__ for kind in KINDS), scenes))
    names = np.concatenate([frame['name'] for truth, _ in scenes for frame in truth])
    assert {'Car', 'Van', 'Pedestrian', 'Cyclist', 'DontCare'} <= set(names.tolist())
    ties = np.concatenate([frame['score'] for frame in by_kind['ties'][1]])
    assert len(set(ties.tolist())) <= 4 < len(ties)
    truth, found = by_kind['sparse']
    assert len(truth[1]['name']) == len(found[2]['name']) == 0 < len(truth[0]['name'])
    heights = np.concatenate([frame['bbox'][:, 3] - frame['bbox'][:, 1] for frame in by_kind['borders'][0]])
    assert np.isin(heights, [25.0, 40.0]).any(), 'the limits themselves'
