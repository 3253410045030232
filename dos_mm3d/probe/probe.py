"""The linear probe: which points it is trained on, in which draws, for which rows, and how these are scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..datasets.nuscenes.classes import IGNORE
from ..functional.logistic_regression import LinearLayer, ProbeRecipe, choose_points, fit_linear
from ..metrics.confusion import confusion_matrix
from ..progress import progress_bar
from .features import Extractor
from .linear_probe import FeatureBlock, predict
from .scans import ProbeScan


@dataclass(frozen=True)
class ProbeSettings:
    """The numbers of a linear probe: by default three draws of 20 labelled scans.

    Args:
        scans_per_draw: labelled scans that one layer is trained on.
        n_draws: draws of the labelled scans, one layer for each.
        points_per_class: at most so many training points of one class in one scan; each then stands for several, which
            its weight says, so that the cross entropy stays that of all points while rare classes are not thinned out.
        seed: of the draws and of the choice of points.
        recipe: how a layer is fitted.
    """

    scans_per_draw: int = 20
    n_draws: int = 3
    points_per_class: int = 100
    seed: int = 0
    recipe: ProbeRecipe = field(default_factory=ProbeRecipe)


@dataclass(frozen=True)
class TrainingPoints:
    """The chosen points of one scan.

    Args:
        features: name of a block -> (p, C) float32.
        labels: (p,) int64, from 0.
        weights: (p,) float32, the number of points that each stands for.
    """

    features: dict[str, Tensor]
    labels: Tensor
    weights: Tensor


def draw_scans(n_scans: int, settings: ProbeSettings) -> list[list[int]]:
    """`n_draws` lists of scan numbers, sorted, without repetition inside a draw; all scans where there are too few."""
    generator = np.random.default_rng(settings.seed)
    size = min(settings.scans_per_draw, n_scans)
    return [sorted(generator.choice(n_scans, size, replace=False).tolist()) for _ in range(settings.n_draws)]


def gather_training(
    scans: Sequence[ProbeScan], wanted: Sequence[int], extract: Extractor, settings: ProbeSettings
) -> dict[int, TrainingPoints]:
    """Features of the chosen points of every wanted scan, by scan number."""
    gathered = {}
    for number in progress_bar(wanted, 'probe: features of training scans', unit='scan'):
        scan = scans[number]
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + number)
        chosen, weights = choose_points(
            scan.labels, per_class=settings.points_per_class, ignored=IGNORE, generator=generator
        )
        features = {name: block.at_points(chosen) for name, block in extract(scan).items()}
        gathered[number] = TrainingPoints(features, scan.labels[chosen] - 1, weights)
    return gathered


def fit_rows(
    training: Mapping[int, TrainingPoints],
    draws: Sequence[Sequence[int]],
    rows: Mapping[str, Sequence[str]],
    recipe: ProbeRecipe,
    *,
    n_classes: int,
) -> dict[str, list[LinearLayer]]:
    """One layer per row and draw. rows: name -> names of the blocks that are concatenated."""
    layers: dict[str, list[LinearLayer]] = {name: [] for name in rows}
    for name, draw in progress_bar(list(product(rows, draws)), 'probe: fitting', unit='fit'):
        layers[name].append(_fit_draw([training[number] for number in draw], rows[name], recipe, n_classes))
    return layers


def _fit_draw(
    parts: Sequence[TrainingPoints], blocks: Sequence[str], recipe: ProbeRecipe, n_classes: int
) -> LinearLayer:
    features = torch.cat([torch.cat([part.features[block] for block in blocks], dim=1) for part in parts])
    labels = torch.cat([part.labels for part in parts])
    weights = torch.cat([part.weights for part in parts])
    return fit_linear(features, labels, weights, n_classes=n_classes, recipe=recipe)


def score_rows(
    scans: Sequence[ProbeScan],
    extract: Extractor,
    rows: Mapping[str, Sequence[str]],
    layers: Mapping[str, Sequence[LinearLayer]],
    *,
    n_classes: int,
) -> dict[str, list[NDArray[np.int64]]]:
    """Confusion matrices (classes, classes) per row and draw over all scans, one scan in memory at a time."""
    n = n_classes
    totals = {name: [np.zeros((n, n), np.int64) for _ in layers[name]] for name in rows}
    for number in progress_bar(range(len(scans)), 'probe: test scans', unit='scan'):
        scan = scans[number]
        known = scan.labels != IGNORE
        truth = (scan.labels[known] - 1).numpy()
        blocks = {name: _only(block, known) for name, block in extract(scan).items()}
        for name, names in rows.items():
            predictions = predict([blocks[block] for block in names], layers[name])
            for total, predicted in zip(totals[name], predictions):
                total += confusion_matrix(truth, predicted.numpy(), n_classes=n)
    return totals


def _only(block: FeatureBlock, keep: Tensor) -> FeatureBlock:
    return FeatureBlock(block.values, block.row_of_point[keep])


def run_probe(
    train_scans: Sequence[ProbeScan],
    test_scans: Sequence[ProbeScan],
    extract: Extractor,
    rows: Mapping[str, Sequence[str]],
    settings: ProbeSettings,
    *,
    draws: Sequence[Sequence[int]],
    n_classes: int,
) -> dict[str, list[NDArray[np.int64]]]:
    """Train every row on every draw of the training scans and test it on all test scans: confusion matrices.

    draws: lists of scan numbers (:func:`draw_scans`).  n_classes: labels are 1 to n_classes, 0 is ignored.
    """
    wanted = sorted({number for draw in draws for number in draw})
    training = gather_training(train_scans, wanted, extract, settings)
    layers = fit_rows(training, draws, rows, settings.recipe, n_classes=n_classes)
    return score_rows(test_scans, extract, rows, layers, n_classes=n_classes)
