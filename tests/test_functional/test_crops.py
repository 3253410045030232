"""Crops: the box's norm, counts, and what is drawn."""

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional.crops import CropDraw, crop_rows, draw_crop, random_rotation


@pytest.fixture
def cloud() -> torch.Tensor:
    return torch.randn(200, 3, generator=torch.Generator().manual_seed(0))


def test_the_points_nearest_in_the_box_are_kept(cloud):
    draw = CropDraw(random_rotation(torch.Generator().manual_seed(1)), torch.tensor([1.0, 0.5, 2.0]), 13, 0.3)
    rows = crop_rows(cloud, draw, min_points=1)
    difference = (cloud - cloud[13]).double()
    distance = torch.stack([(draw.rotation.T @ one * draw.scales).abs().max() for one in difference])
    assert rows.tolist() == sorted(distance.argsort()[:60].tolist()) and 13 in rows


def test_an_unturned_box_keeps_what_lies_in_it():
    line = torch.tensor([[float(x), 0, 0] for x in range(10)] + [[0, float(y), 0] for y in range(1, 10)])
    draw = CropDraw(torch.eye(3), torch.tensor([1.0, 4.0, 0.25]), 0, 8 / 19)
    # along y a step counts four times: x = 0..6 and y = 1 are the nearest eight
    assert crop_rows(line, draw, min_points=1).tolist() == [0, 1, 2, 3, 4, 5, 6, 10]


def test_ties_go_to_the_first_rows():
    draw = CropDraw(torch.eye(3), torch.ones(3), 4, 0.5)
    assert crop_rows(torch.zeros(6, 3), draw, min_points=1).tolist() == [0, 1, 2]


def test_the_smallest_number_of_points_counts(cloud):
    draw = CropDraw(torch.eye(3), torch.ones(3), 0, 0.1)
    assert len(crop_rows(cloud, draw, min_points=64)) == 64
    assert len(crop_rows(cloud, draw, min_points=20)) == 20
    assert len(crop_rows(cloud, draw._replace(share=1.0), min_points=20)) == 200
    with pytest.raises(ValueError, match='201 points was asked of 200'):
        crop_rows(cloud, draw, min_points=201)


def test_draws_repeat_and_stay_in_their_ranges():
    def drawn(seed: int) -> list[CropDraw]:
        generator = torch.Generator().manual_seed(seed)
        return [draw_crop(50, share=(0.05, 0.4), aspect=(0.33, 3.0), generator=generator) for _ in range(200)]

    first, again = drawn(0), drawn(0)
    for one, other in zip(first, again):
        assert torch.equal(one.rotation, other.rotation) and torch.equal(one.scales, other.scales)
        assert one[2:] == other[2:]
        assert_close(one.scales.prod(), torch.ones((), dtype=torch.float64))
        assert_close(one.rotation @ one.rotation.T, torch.eye(3, dtype=torch.float64))
        assert_close(torch.linalg.det(one.rotation), torch.ones((), dtype=torch.float64))
        assert 0.05 <= one.share < 0.4 and 0 <= one.centre < 50
        assert 1 in one.scales and 0.33 <= (one.scales.max() ** 2) ** (1 if one.scales.max() > 1 else -1) <= 3.04
    # uniform over rotations: the first axis has no preferred direction, E = 0, variance 1/3 along each
    axes = torch.stack(
        [random_rotation(generator) for generator in [torch.Generator().manual_seed(2)] for _ in range(2000)]
    )
    assert axes[:, :, 0].mean(0).abs().max() < 4 * (1 / 3 / 2000) ** 0.5
    assert_close(axes[:, :, 0].square().mean(0), torch.full((3,), 1 / 3).double(), atol=0.03, rtol=0)
    assert len({one.centre for one in first}) > 30
