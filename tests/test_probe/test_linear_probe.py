"""The linear probe on planted features, where the answer is known."""

import numpy as np
import pytest
import torch

from dos_mm3d.datasets.nuscenes.classes import CLASSES
from dos_mm3d.functional.logistic_regression import ProbeRecipe, fit_linear
from dos_mm3d.metrics.confusion import miou_percent
from dos_mm3d.probe.linear_probe import FeatureBlock, predict
from dos_mm3d.probe.probe import ProbeSettings, draw_scans, run_probe
from dos_mm3d.probe.scans import ProbeScan

RECIPE = ProbeRecipe(class_balance=0.5, weight_decay=1e-5, max_iter=60)
N_PLANTED = 5


def planted_scan(seed: int, *, shuffled: bool = False) -> ProbeScan:
    """400 points of 5 classes; columns 0 .. 4 of the points hold the class, one-hot, with noise far below the gap."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, N_PLANTED + 1, (400,), generator=generator)
    points = torch.nn.functional.one_hot(labels, N_PLANTED + 1)[:, 1:].float() * torch.tensor([1, 3, 0.1, 50, 7.0])
    points += 0.01 * torch.rand(points.shape, generator=generator)
    if shuffled:
        labels = labels[torch.randperm(len(labels), generator=generator)]
    return ProbeScan(points, torch.arange(400), labels)


def raw_block(scan: ProbeScan) -> dict[str, FeatureBlock]:
    return {'raw': FeatureBlock(scan.points, scan.key_rows)}


def probe(train: list[ProbeScan], test: list[ProbeScan], settings: ProbeSettings) -> list[np.ndarray]:
    """Confusion matrices of the raw columns, one for each draw."""
    draws = draw_scans(len(train), settings)
    return run_probe(train, test, raw_block, {'raw': ['raw']}, settings, draws=draws, n_classes=len(CLASSES))['raw']


def probe_miou(*, shuffled: bool) -> float:
    scans = [planted_scan(seed, shuffled=shuffled) for seed in range(6)]
    tests = [planted_scan(seed, shuffled=shuffled) for seed in range(10, 14)]
    settings = ProbeSettings(scans_per_draw=4, n_draws=2, points_per_class=50, recipe=RECIPE)
    confusions = probe(scans, tests, settings)
    assert (confusions[0].sum(1) == 0).sum() == len(CLASSES) - N_PLANTED, 'classes that are not there'
    return float(np.mean([miou_percent(matrix) for matrix in confusions]))


def test_separable_classes_are_separated() -> None:
    assert probe_miou(shuffled=False) == pytest.approx(100)


def test_permuted_labels_are_at_chance() -> None:
    # guessing among five equal classes has IoU (1 / 25) / (1/5 + 1/5 - 1/25) = 11 %
    assert probe_miou(shuffled=True) < 16


def test_test_points_do_not_move_the_layer() -> None:
    scans = [planted_scan(seed) for seed in range(3)]
    settings = ProbeSettings(scans_per_draw=3, n_draws=1, points_per_class=50, recipe=RECIPE)
    near, far = planted_scan(20), planted_scan(21)
    alone = probe(scans, [near], settings)[0]
    shifted = ProbeScan(far.points + 1000, far.key_rows, far.labels)
    both = probe(scans, [near, shifted], settings)[0]
    only_far = probe(scans, [shifted], settings)[0]
    assert np.array_equal(both, alone + only_far)


def test_class_without_training_points_is_never_predicted() -> None:
    labels = torch.tensor([0, 2] * 50)
    features = torch.randn(100, 2)
    layer = fit_linear(features, labels, torch.ones(100), n_classes=4, recipe=RECIPE)
    predicted = predict([FeatureBlock(torch.randn(1000, 2), torch.arange(1000))], [layer])[0]
    assert set(predicted.tolist()) <= {0, 2}
    assert torch.isinf(layer.bias).tolist() == [False, True, False, True]


def test_prediction_at_shared_rows_equals_prediction_at_points() -> None:
    generator = torch.Generator().manual_seed(2)
    voxels = FeatureBlock(torch.randn(7, 3, generator=generator), torch.randint(0, 7, (50,), generator=generator))
    points = FeatureBlock(torch.randn(50, 2, generator=generator), torch.arange(50))
    labels = torch.randint(0, 4, (50,), generator=generator)
    dense = torch.cat((voxels.at_points(torch.arange(50)), points.values), dim=1)
    layers = [fit_linear(dense, labels.roll(k), torch.ones(50), n_classes=4, recipe=RECIPE) for k in range(2)]
    for layer, predicted in zip(layers, predict([voxels, points], layers)):
        assert torch.equal(predicted, (dense @ layer.weight + layer.bias).argmax(1))


def test_draws_differ_and_repeat() -> None:
    settings = ProbeSettings(scans_per_draw=20, n_draws=3)
    draws = draw_scans(48, settings)
    assert [len(set(draw)) for draw in draws] == [20] * 3
    assert draws[0] != draws[1] != draws[2]
    assert draws == draw_scans(48, settings)
    assert draw_scans(5, settings) == [[0, 1, 2, 3, 4]] * 3
