"""Pictures show what they are given."""

import base64
import html
import re

import numpy as np
import pytest
import torch
from mmdet3d.structures import LiDARInstance3DBoxes
from mmengine.structures import InstanceData

from dos_mm3d.structures import View
from dos_mm3d.studies.quickstart.report import bullets
from dos_mm3d.studies.runner.markdown import markdown_table
from dos_mm3d.studies.runner.report_html import page_here, picture, render_page
from dos_mm3d.visualization.boxes_bev import draw_boxes_from_above, outlines, surest
from dos_mm3d.visualization.curves import draw_losses, draw_monitors, draw_prototype_usage
from dos_mm3d.visualization.features_pca import (
    draw_features_from_above,
    draw_views_from_above,
    frame_around,
    one_per_cell,
    pca_colours,
)
from dos_mm3d.visualization.style import to_png, write_png

PNG = b'\x89PNG\r\n\x1a\n'


@pytest.fixture
def features() -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.exponential(size=(500, 6)) * [5, 3, 2, 0.5, 0.3, 0.1]


def test_colours_do_not_change_when_feature_space_is_turned(features: np.ndarray) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))
    np.testing.assert_allclose(pca_colours(features @ turn + 7), pca_colours(features), atol=1e-6)


def test_colours_separate_what_is_separate() -> None:
    features = np.repeat(np.eye(8)[:2] * 10, 50, axis=0) + np.random.default_rng(0).normal(size=(100, 8)) * 0.01
    colours = pca_colours(features)
    assert abs(colours[:50, 0].mean() - colours[50:, 0].mean()) > 0.9
    assert colours.min() >= 0
    assert colours.max() <= 1


def test_crowded_places_do_not_outvote_the_rest() -> None:
    generator = np.random.default_rng(0)
    xy = np.concatenate((generator.uniform(0, 0.4, (5000, 2)), generator.uniform(-20, 20, (300, 2))))
    rows = one_per_cell(xy, cell_m=0.5, reach_m=15)
    assert len(np.unique(np.floor(xy[rows] / 0.5), axis=0)) == len(rows)
    assert np.abs(xy[rows]).max() < 15
    features = np.concatenate((generator.normal(size=(5000, 1)) * 0.01, xy[5000:, :1]))
    assert np.ptp(pca_colours(features, rows)[5000:, 0]) > 0.9


def test_missing_directions_are_grey() -> None:
    colours = pca_colours(np.linspace(0, 1, 50)[:, None])
    np.testing.assert_array_equal(colours[:, 1:], 0.5)
    assert np.ptp(colours[:, 0]) == pytest.approx(1)


def test_usage_is_sorted_and_prior_is_drawn_as_given() -> None:
    prior = np.arange(1, 9) ** -1.3
    prior /= prior.sum()
    usage = np.array([0, 0.5, 0.1, 0, 0.2, 0.1, 0.05, 0.05])
    axis = draw_prototype_usage(usage, prior).axes[0]
    lines = {line.get_label().split()[0]: line for line in axis.get_lines()}
    np.testing.assert_allclose(lines['Zipf'].get_ydata(), prior)
    np.testing.assert_allclose(lines['share'].get_ydata(), [0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
    assert '2 of 8 prototypes without a point' in lines['share'].get_label()
    assert (axis.get_xscale(), axis.get_yscale()) == ('log', 'log')


def test_curves_carry_units_and_values() -> None:
    series = {'step': [10, 20], 'value': [2.0, 1.0]}
    figure = draw_losses({'loss': series}, series)
    np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), [2.0, 1.0])
    assert 'nat' in figure.axes[0].get_ylabel()
    monitors = draw_monitors({'effective_rank': series, 'cosine_std': series, 'time': series})
    assert [axis.get_title(loc='left') for axis in monitors.axes if axis.get_visible()] == [
        'Effective rank of the head',
        'Spread of the cosines to the prototypes',
    ]
    with pytest.raises(ValueError, match='no collapse monitor'):
        draw_monitors({'loss': series})


def boxes(n: int) -> LiDARInstance3DBoxes:
    """4 m long, 2 m wide, in a row ahead at 0 m, 10 m, ..., heading to the left."""
    return LiDARInstance3DBoxes(np.array([[10.0 * i, 0, 0, 4, 2, 1.5, np.pi / 2] for i in range(n)]).reshape(-1, 7))


def detected(scores: list[float]) -> InstanceData:
    return InstanceData(bboxes_3d=boxes(len(scores)), scores_3d=torch.tensor(scores))


def test_outlines_begin_front_left() -> None:
    outline, ahead = outlines(boxes(1))
    np.testing.assert_allclose(outline, [[-1, 2], [-1, -2], [1, -2], [1, 2], [-1, 2]], atol=1e-6)
    np.testing.assert_allclose(ahead, [[0, 0], [0, 2]], atol=1e-6)


def test_as_many_predictions_as_true_boxes_in_the_picture() -> None:
    figure = draw_boxes_from_above(
        np.zeros((3, 2)), boxes(3), {'a': detected([0.9, 0.1, 0.8, 1.0])}, reach_m=25
    )  # the fourth prediction lies at 30 m
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ['3 true boxes (line points ahead)', '3 surest predictions, score at least 0.10']
    found = surest(detected([0.9, 0.1, 0.8, 1.0]), 2)
    torch.testing.assert_close(found.scores_3d, torch.tensor([0.9, 1.0]))
    assert found.bboxes_3d.gravity_center[:, 0].tolist() == [0, 30]


def test_no_prediction_at_all_still_draws(tmp_path) -> None:
    figure = draw_boxes_from_above(np.zeros((3, 2)), boxes(2), {'a': detected([])}, reach_m=25)
    assert write_png(figure, tmp_path / 'p' / 'a.png').read_bytes().startswith(PNG)


def test_page_holds_everything_and_loads_nothing() -> None:
    figure = draw_features_from_above(np.zeros((2, 2)), {'a': np.zeros((2, 3)), 'b': np.ones((2, 3))}, reach_m=5)
    table = markdown_table(('a_b_c', 'b'), [('x < y', '1')])
    inner = '<p class="x">here</p>'
    parts = [table, picture(figure, 'seen "from" above'), bullets(['5 > 4']), page_here('scan & more', 'a page')]
    page = render_page('Title', '\n\n'.join(parts), {'scan & more': inner})
    embedded = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert [base64.b64decode(data) for data in embedded] == [to_png(figure)]
    assert page.count('src=') == 1
    assert html.unescape(re.search('srcdoc="([^"]*)"', page)[1]) == inner
    assert 'http' not in page
    assert 'x &lt; y</td>' in page and '<th>a_b_c</th>' in page and '<li>5 &gt; 4</li>' in page


def test_a_crop_fills_its_picture() -> None:
    """Most of it is inside, in the middle, and a point far away does not make it small."""
    crop = np.random.default_rng(0).uniform((10, -4), (30, 4), (1000, 2))
    middle_m, reach_m = frame_around(np.vstack((crop, [[-500, 0]])))
    np.testing.assert_allclose(middle_m, [20, 0], atol=0.5)
    assert 8 < reach_m < 11


def test_the_student_is_shown_visible_voxels_only_and_a_point_has_one_colour() -> None:
    raw = torch.rand(40, 4, generator=torch.Generator().manual_seed(0)) * 20 - 10
    cells = torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32)
    rows = torch.arange(10, 40)
    cell_of_point = (rows % 3 == 0).long()
    view = View(raw[rows] + 1, rows, cells, cell_of_point, visible=torch.tensor([True, False]))
    whole, masked = (axis.collections[0] for axis in draw_views_from_above(raw, {'View a': view}).axes)
    kept = (cell_of_point == 0).numpy()
    np.testing.assert_allclose(whole.get_offsets(), raw[rows, :2].numpy() + 1)
    np.testing.assert_allclose(masked.get_offsets(), whole.get_offsets()[kept])
    np.testing.assert_allclose(masked.get_facecolors(), whole.get_facecolors()[kept])
