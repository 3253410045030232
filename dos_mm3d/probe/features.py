"""Blocks of features at the key-frame points of a scan: encoders, raw input, hand-crafted statistics."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..models.methods import DOS
from ..structures import Grid
from .linear_probe import FeatureBlock
from .pretrained import device_of
from .scans import ProbeScan

PILLAR_SIZES_M = (0.5, 1.0, 2.0, 4.0)
STATISTICS = ('log count', 'lowest z', 'highest minus z', 'mean z', 'sd z', 'mean intensity', 'sd intensity')
Extractor = Callable[[ProbeScan], dict[str, FeatureBlock]]
"""A scan to its blocks of features at the key-frame points, by name."""


class EncoderFeatures:
    """Features of frozen backbones at the loss voxels of the key-frame points, one block for each backbone.

    Args:
        model: the pretraining model, whose preprocessor voxelises; all run where its parameters are.
        backbones: name -> `LossVoxelBackbone`; all are put into eval mode and share one voxelisation of the scan.
    """

    def __init__(self, model: DOS, backbones: Mapping[str, nn.Module]) -> None:
        self.preprocessor, self.grid = model.data_preprocessor.eval(), model.grid
        self.device = device_of(model)
        self.backbones = {name: backbone.eval().to(self.device) for name, backbone in backbones.items()}

    @torch.no_grad()
    def __call__(self, scan: ProbeScan) -> dict[str, FeatureBlock]:
        points = scan.points.to(self.device)
        cells, cell_of_point = key_cells(self.grid, scan)
        voxels = self.preprocessor.voxelize_points([points], cell_of_point.to(self.device))
        return {
            name: FeatureBlock(backbone(voxels, cells.to(self.device), 1).cpu(), cell_of_point[scan.key_rows])
            for name, backbone in self.backbones.items()
        }


def key_cells(grid: Grid, scan: ProbeScan) -> tuple[Tensor, Tensor]:
    """Loss voxels (m, 4) int32 [0, z, y, x] that key-frame points lie in, and the row in them of every point of the
    scan, (N,) int64, -1 where it lies in none of them."""
    inside, cells, row = grid.occupied(scan.points)
    cell_of_point = torch.full((len(scan.points),), -1)
    cell_of_point[inside] = row
    kept = cell_of_point[scan.key_rows].unique()
    renumbered = torch.full((len(cells) + 1,), -1)  # the last one is what -1 reads
    renumbered[kept] = torch.arange(len(kept))
    return nn.functional.pad(cells[kept], (1, 0)), renumbered[cell_of_point]


def raw_features(scan: ProbeScan) -> dict[str, FeatureBlock]:
    """`raw`: the input columns of each point, x, y, z, intensity, time lag."""
    values = scan.points[scan.key_rows]
    return {'raw': FeatureBlock(values, torch.arange(len(values)))}


def pillar_features(scan: ProbeScan) -> dict[str, FeatureBlock]:
    """`pillars`: 28 hand-crafted statistics of the pillars around each point, over all that the encoder sees."""
    values = torch.from_numpy(pillar_statistics(scan.points.numpy(), scan.key_rows.numpy()))
    return {'pillars': FeatureBlock(values, torch.arange(len(values)))}


def pillar_statistics(points: NDArray[np.float32], query: NDArray[np.int64]) -> NDArray[np.float32]:
    """Statistics of the pillar around each queried point, over all points given.

    points: (N, >= 4) x, y, z in metres and intensity.  query: (n,) rows of the points asked for.
    Returns (n, 7 * number of sizes): per size the columns of `STATISTICS`; z in metres, sd is the population's.
    """
    if points.ndim != 2 or points.shape[1] < 4:
        raise ValueError(f'points must be (N, >= 4) x, y, z, intensity, got {points.shape}')
    per_size = [_statistics_of_one_size(points, query, size) for size in PILLAR_SIZES_M]
    return np.concatenate(per_size, axis=1).astype(np.float32)


def _statistics_of_one_size(points: NDArray, query: NDArray, size_m: float) -> NDArray[np.float64]:
    """(n, 7) float64 statistics for pillars of size_m x size_m metres, anchored at the origin."""
    cell = np.floor(points[:, :2].astype(np.float64) / size_m).astype(np.int64)
    cell -= cell.min(0)
    _, pillar = np.unique(cell[:, 0] * (cell[:, 1].max() + 1) + cell[:, 1], return_inverse=True)
    count = np.bincount(pillar).astype(np.float64)
    z = points[:, 2].astype(np.float64)
    lowest, highest = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    np.minimum.at(lowest, pillar, z)
    np.maximum.at(highest, pillar, z)
    asked = pillar[query]
    columns = [np.log(count)[asked], lowest[asked], highest[asked] - z[query]]
    for values in (z, points[:, 3].astype(np.float64)):
        mean = np.bincount(pillar, values) / count
        # a second pass, so that the variance cannot cancel
        variance = np.bincount(pillar, (values - mean[pillar]) ** 2 / count[pillar])
        columns += [mean[asked], np.sqrt(variance)[asked]]
    return np.stack(columns, axis=1)


def extractor_of(blocks: Collection[str], encoders: EncoderFeatures | None) -> Extractor:
    """The extractor of the blocks that are asked for: `raw`, `pillars`, and all that the encoders give."""
    by_hand = {'raw': raw_features, 'pillars': pillar_features}
    extractors = [extract for name, extract in by_hand.items() if name in blocks]
    extractors += [] if encoders is None else [encoders]
    return lambda scan: {name: block for extract in extractors for name, block in extract(scan).items()}
