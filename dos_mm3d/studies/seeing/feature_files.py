"""What is written of seen sweeps: pictures, coloured points, one page to turn and click in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from ...files import check_output, holds_picture
from ...functional.similarity import nearest_rows, principal_directions
from ...probe.softmaps import Softmaps
from ...visualization.features_pca import Panel, draw_panels, pca_colours
from ...visualization.point_ply import COMMENT, coloured_ply
from ...visualization.style import to_png
from ...visualization.viewer import TITLE, ViewedSweep, shown_share, viewer_page
from .sweeps import SeenSweep

DIRECTIONS = 64
NEAREST = 5
REACH_PERCENT = 75.0
NAMES = ('features.png', 'softmaps.png', 'features.html')


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
    """Sweeps whose colours, similarities and softmaps belong together.

    Args:
        sweeps: one or more.
        softmaps: over the loss voxels of all of them, None where there is no head.

    Attributes:
        colours: of each sweep (m, 3), principal components of all loss voxels together, so that equal colours mean
            equal features in all sweeps.
        directions: of each sweep (m, W), cosines between which are similarities.
        kept: share of the variance that W principal axes keep.
    """

    def __init__(self, sweeps: Sequence[SeenSweep], softmaps: Softmaps | None) -> None:
        self.sweeps, self.softmaps = list(sweeps), softmaps
        together = torch.cat([sweep.teacher for sweep in sweeps])
        self.sizes = [len(sweep.teacher) for sweep in sweeps]
        directions, self.kept = principal_directions(together, DIRECTIONS)
        self.directions = directions.split(self.sizes)
        self.colours = np.split(pca_colours(together.numpy()), np.cumsum(self.sizes)[:-1])

    def chosen(self, place_m: Sequence[float]) -> Chosen:
        """The point of the first sweep that is nearest to x, y or x, y, z, and what is like it."""
        first = self.sweeps[0]
        off_m = first.points[:, : len(place_m)] - torch.tensor(place_m, dtype=torch.float32)
        row = int(off_m.norm(dim=1).argmin())
        query = self.directions[0][first.cell_of_point[row]]
        nearest = []
        for sweep, directions in zip(self.sweeps[1:], self.directions[1:]):
            cells, _ = nearest_rows(directions, query, NEAREST)
            nearest.append(np.array([int((sweep.cell_of_point == cell).nonzero()[0]) for cell in cells]))
        return Chosen(row, [(directions @ query).numpy() for directions in self.directions], nearest)

    def draw_features(self, chosen: Chosen | None) -> Figure:
        """PCA colours of every sweep in a row; below them the similarity to the chosen point, rings around it and what
        is most like it."""
        panels = [
            self._panel(f'{sweep.file.name}: principal components', i, own)
            for i, (sweep, own) in enumerate(zip(self.sweeps, self.colours))
        ]
        for i, sweep in enumerate(self.sweeps if chosen else ()):
            rows = np.array([chosen.row]) if i == 0 else chosen.nearest[i - 1]
            marks = sweep.points[rows, :2].numpy()
            title = 'similarity to the ringed point' if i == 0 else f'similarity; rings: the {len(rows)} most similar'
            panels.append(self._panel(title, i, heat(np.maximum(chosen.cosines[i], 0)), marks))
        return draw_panels(panels, n_columns=len(self.sweeps), reach_m=self.reach_m(chosen))

    def draw_softmaps(self, n_prototypes: int) -> Figure:
        """The first prototypes, one a row, on the first sweep: teacher, teacher after Zipf-Sinkhorn, student."""
        if self.softmaps is None:
            raise InputError('there is no head, hence no softmap')
        panels = []
        for column, number in enumerate(self.softmaps.prototypes[:n_prototypes].tolist()):
            for kind, maps in self.softmaps.maps.items():
                own = maps[:, column]
                shown = heat(shown_share(own.numpy(), own.max().numpy())[: self.sizes[0]])
                panels.append(self._panel(f'prototype {number}: {kind}', 0, shown))
        return draw_panels(panels, n_columns=len(self.softmaps.maps), reach_m=self.reach_m())

    def ply(self, i: int, chosen: Chosen | None) -> bytes:
        """Sweep i with its PCA colours and intensity, and where a point is chosen the similarity to it."""
        sweep = self.sweeps[i]
        rows = sweep.cell_of_point.numpy()
        scalars = {'intensity': sweep.points[:, 3].numpy()}
        if chosen:
            scalars['similarity'] = chosen.cosines[i][rows]
        return coloured_ply(sweep.points[:, :3].numpy(), self.colours[i][rows], scalars)

    def page(self) -> str:
        """All of it to turn and click in."""
        maps = {} if self.softmaps is None else self.softmaps.maps
        split = {kind: both.split(self.sizes) for kind, both in maps.items()}
        viewed = [
            ViewedSweep(
                name=sweep.file.name,
                points=sweep.points.numpy(),
                cell_of_point=sweep.cell_of_point.numpy(),
                directions=self.directions[i].numpy(),
                colours=self.colours[i],
                softmaps={kind: parts[i].numpy() for kind, parts in split.items()},
            )
            for i, sweep in enumerate(self.sweeps)
        ]
        return viewer_page(viewed, [] if self.softmaps is None else described(self.softmaps))

    def files(self, folder: Path, chosen: Chosen | None, n_prototypes: int) -> dict[Path, bytes | None]:
        """What is written into a folder; None for what an older call may have left, and is no longer right."""
        features, softmaps, page = (folder / name for name in NAMES)
        drawn = None if self.softmaps is None else to_png(self.draw_softmaps(n_prototypes))
        return {
            features: to_png(self.draw_features(chosen)),
            softmaps: drawn,
            page: self.page().encode(),
            **{path: self.ply(i, chosen) for i, path in enumerate(ply_paths(folder, [s.file for s in self.sweeps]))},
        }

    def reach_m(self, chosen: Chosen | None = None) -> float:
        """Half the width of the pictures: most loss voxels, not most points, which are near; and all rings."""
        xy_m = []
        for sweep in self.sweeps:
            _, first = np.unique(sweep.cell_of_point.numpy(), return_index=True)
            xy_m.append(np.abs(sweep.points[first, :2].numpy()).max(1))
        reach = float(np.percentile(np.concatenate(xy_m), REACH_PERCENT))
        rings = zip(self.sweeps, [[chosen.row], *chosen.nearest] if chosen else ())
        return max([reach, *(1.05 * float(sweep.points[rows, :2].abs().max()) for sweep, rows in rings)])

    def _panel(self, title: str, i: int, of_cells: NDArray, marks: NDArray | None = None) -> Panel:
        xy_m, rows = self.sweeps[i].points[:, :2].numpy(), self.sweeps[i].cell_of_point.numpy()
        return Panel(title, xy_m, of_cells[rows], *(() if marks is None else (marks,)))


def heat(shares: NDArray[np.floating]) -> NDArray[np.floating]:
    """(m,) numbers from 0 to 1 -> (m, 3) colours, brighter is more, and on a dark ground 0 is still seen."""
    return matplotlib.colormaps['magma'](0.15 + 0.85 * shares)[:, :3]


def described(softmaps: Softmaps) -> list[dict[str, float]]:
    """Number and share of every prototype, for the page."""
    pairs = zip(softmaps.prototypes.tolist(), softmaps.shares.tolist())
    return [{'number': number, 'share': share} for number, share in pairs]


def ply_paths(folder: Path, files: Sequence[Path]) -> list[Path]:
    """A .ply file for each sweep, numbered, so that sweeps of one name in several folders are kept apart."""
    return [folder / f'{i}_{file.name.split(".")[0]}.ply' for i, file in enumerate(files)]


def check_files(folder: Path, inputs: Sequence[Path]) -> None:
    """OutputExistsError, before the work, where something else than an older result has the name of one."""
    for path in (*(folder / name for name in NAMES), *ply_paths(folder, inputs)):
        ours = holds_picture if path.suffix == '.png' else _holds_features
        check_output(path, *inputs, ours=ours)


def _holds_features(path: Path) -> bool:
    """Whether a page or a .ply file was written here: the beginning says so."""
    with open(path, 'rb') as file:
        beginning = file.read(1000)
    return f'<title>{TITLE}</title>'.encode() in beginning or f'comment {COMMENT}'.encode() in beginning


def softmaps_parts(sweeps: Sequence[SeenSweep]) -> tuple[Tensor, Tensor] | None:
    """Features of teacher and student of all sweeps together, None where there is no student."""
    if any(sweep.student is None for sweep in sweeps):
        return None
    return torch.cat([s.teacher for s in sweeps]), torch.cat([s.student for s in sweeps])
