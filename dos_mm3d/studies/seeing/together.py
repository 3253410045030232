"""Seen sweeps whose colours, clusters, similarities and softmaps belong together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...functional.similarity import nearest_rows, principal_directions
from ...probe.softmaps import Softmaps
from ...visualization.clusters import feature_clusters
from ...visualization.features_pca import pca_colours
from ...visualization.viewed import TITLE, ViewedFeatures, ViewedSweep, Words

DIRECTIONS = 64
NEAREST = 5
REACH_PERCENT = 75.0
CLUSTERS = 10


@dataclass(frozen=True)
class SeenSweep:
    """One sweep and its features.

    Args:
        file: that it was read from.
        points: (n, 4) float32 x, y, z in metres and intensity 0-1, as the file has them; those in the encoder's range.
        n_outside: how many were not in it.
        cell_of_point: (n,) int64, row in the features.
        teacher: (m, C) float32 features of the teacher's backbone at the loss voxels; an exported file has it alone.
        student: (m, C) the student's, None of an exported file.
        labels: (n,) numbers of classes, -1 for none; None where they are not known.
    """

    file: Path
    points: Tensor
    n_outside: int
    cell_of_point: Tensor
    teacher: Tensor
    student: Tensor | None
    labels: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Chosen:
    """A point of the first sweep and what is most like it in the others.

    Args:
        row: of the point.
        cosines: of each sweep (m,) similarity of its loss voxels to that of the point.
        nearest: of each other sweep the rows of one point in each of the most similar loss voxels, most similar first.
    """

    row: int
    cosines: list[NDArray[np.floating]]
    nearest: list[NDArray[np.integer]]


class SeenTogether:
    """Sweeps and what is computed of them together.

    Args:
        sweeps: one or more.
        softmaps: over the loss voxels of all of them, None where there is no head.
        classes: names of the sweeps' labels, None where they have none.
        n_clusters: of the features.

    Attributes:
        colours: of each sweep (m, 3), principal components of all loss voxels together, so that equal colours mean
            equal features in all sweeps.
        directions: of each sweep (m, W), cosines between which are similarities.
        kept: share of the variance that W principal axes keep.
        clusters: of each sweep (m,) k-means of the directions of all, so that a cluster is the same in all sweeps.
        n_clusters: how many there are.
    """

    def __init__(
        self,
        sweeps: Sequence[SeenSweep],
        softmaps: Softmaps | None,
        classes: Sequence[str] | None = None,
        n_clusters: int = CLUSTERS,
    ) -> None:
        self.sweeps, self.softmaps, self.classes = list(sweeps), softmaps, classes
        together = torch.cat([sweep.teacher for sweep in sweeps])
        self.sizes = [len(sweep.teacher) for sweep in sweeps]
        ends = np.cumsum(self.sizes)[:-1]
        directions, self.kept = principal_directions(together, DIRECTIONS)
        clusters = feature_clusters(directions.numpy(), n_clusters)
        self.directions = directions.split(self.sizes)
        self.clusters, self.n_clusters = np.split(clusters, ends), int(clusters.max()) + 1
        self.colours = np.split(pca_colours(together.numpy()), ends)

    def chosen(self, place_m: Sequence[float]) -> Chosen:
        """The point of the first sweep that is nearest to x, y or x, y, z, and what is like it."""
        first = self.sweeps[0]
        off_m = first.points[:, : len(place_m)] - torch.tensor(place_m, dtype=torch.float32)
        row = int(off_m.norm(dim=1).argmin())
        query = self.directions[0][first.cell_of_point[row]]
        nearest = []
        for sweep, directions in zip(self.sweeps[1:], self.directions[1:]):
            cells, _ = nearest_rows(directions, query, NEAREST)
            nearest.append(points_of(sweep, cells))
        return Chosen(row, [(directions @ query).numpy() for directions in self.directions], nearest)

    def most_using(self, kind: str, column: int) -> list[NDArray[np.integer]]:
        """Of each sweep the rows of one point in each of the loss voxels that a softmap gives most, most first.

        kind: of the softmaps.  column: among their prototypes.
        """
        shares = self.softmaps.maps[kind][:, column].split(self.sizes)
        return [points_of(sweep, own.topk(min(NEAREST, len(own))).indices) for sweep, own in zip(self.sweeps, shares)]

    def reach_m(self, chosen: Chosen | None = None) -> float:
        """Half the width of pictures: most loss voxels, not most points, which are near; and all rings."""
        xy_m = []
        for sweep in self.sweeps:
            _, first = np.unique(sweep.cell_of_point.numpy(), return_index=True)
            xy_m.append(np.abs(sweep.points[first, :2].numpy()).max(1))
        reach = float(np.percentile(np.concatenate(xy_m), REACH_PERCENT))
        rings = zip(self.sweeps, [[chosen.row], *chosen.nearest] if chosen else ())
        return max([reach, *(1.05 * float(sweep.points[rows, :2].abs().max()) for sweep, rows in rings)])

    def viewed(self) -> tuple[list[ViewedSweep], Words]:
        """All of it, for the page."""
        names = {} if self.classes is None else {'label': self.classes}
        names |= {'cluster': [str(number) for number in range(self.n_clusters)]}
        prototypes = [] if self.softmaps is None else described(self.softmaps)
        sweeps = [self._viewed(i) for i in range(len(self.sweeps))]
        return sweeps, Words(TITLE, prototypes=prototypes, categories=names)

    def _viewed(self, i: int) -> ViewedSweep:
        sweep, maps = self.sweeps[i], {} if self.softmaps is None else self.softmaps.maps
        rows = sweep.cell_of_point.numpy()
        numbers = {} if self.classes is None else {'label': sweep.labels}
        return ViewedSweep(
            name=sweep.file.name,
            points=sweep.points.numpy(),
            features=ViewedFeatures(
                cell_of_point=rows,
                directions=self.directions[i].numpy(),
                colours=self.colours[i],
                softmaps={kind: both.split(self.sizes)[i].numpy() for kind, both in maps.items()},
            ),
            categories=numbers | {'cluster': self.clusters[i][rows]},
        )


def points_of(sweep: SeenSweep, cells: Tensor) -> NDArray[np.integer]:
    """The row of one point in each of some loss voxels."""
    return np.array([int((sweep.cell_of_point == cell).nonzero()[0]) for cell in cells])


def described(softmaps: Softmaps) -> list[dict[str, float]]:
    """Number and share of every prototype, for the page."""
    pairs = zip(softmaps.prototypes.tolist(), softmaps.shares.tolist())
    return [{'number': number, 'share': share} for number, share in pairs]


def both_sides(sweeps: Sequence[SeenSweep]) -> tuple[Tensor, Tensor] | None:
    """Features of teacher and student of all sweeps together, None where there is no student."""
    if any(sweep.student is None for sweep in sweeps):
        return None
    return torch.cat([s.teacher for s in sweeps]), torch.cat([s.student for s in sweeps])
