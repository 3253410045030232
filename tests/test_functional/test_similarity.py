"""Directions keep the cosines of centred features; the nearest rows are those."""

import pytest
import torch
from torch.nn import functional as F

from dos_mm3d.functional.similarity import nearest_rows, principal_directions


def test_all_axes_change_no_cosine() -> None:
    features = torch.rand(40, 6, generator=torch.Generator().manual_seed(0)) + 5
    directions, kept = principal_directions(features, 64)
    wanted = F.normalize(features - features.mean(0), dim=1)
    torch.testing.assert_close(directions @ directions.T, wanted @ wanted.T, atol=1e-5, rtol=0)
    assert (directions.shape, kept) == ((40, 6), pytest.approx(1))


def test_few_axes_keep_the_largest_variances() -> None:
    features = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10, 5])
    directions, kept = principal_directions(features, 2)
    assert directions.shape == (500, 2)
    assert kept == pytest.approx(125 / 126, abs=0.01)


def test_nearest_rows_come_most_similar_first() -> None:
    directions = F.normalize(torch.tensor([[0.0, 1], [1, 1], [1, 0], [-1, 0]]), dim=1)
    rows, cosines = nearest_rows(directions, directions[2], 3)
    assert rows.tolist() == [2, 1, 0]
    torch.testing.assert_close(cosines, torch.tensor([1, 0.5**0.5, 0]))
    assert len(nearest_rows(directions, directions[2], 9)[0]) == 4


@pytest.mark.parametrize('shape, width', [((4,), 2), ((4, 2), 0)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...], width: int) -> None:
    with pytest.raises(ValueError, match='wanted features'):
        principal_directions(torch.zeros(shape), width)
