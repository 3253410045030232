"""What is written of seen sweeps: pictures, coloured points, one page to turn and click in, a recording for Rerun."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...errors import InputError
from ...files import check_output, holds_picture
from ...visualization.features_pca import Panel, add_legend, draw_panels
from ...visualization.labelled import class_colours
from ...visualization.point_ply import coloured_ply, holds_features
from ...visualization.rerun_file import holds_recording, rerun_recording
from ...visualization.shades import heat, shown_share
from ...visualization.style import to_png
from ...visualization.viewed import TITLE
from ...visualization.viewer import holds_page, viewer_page
from .together import Chosen, SeenTogether

NAMES = ('features.png', 'softmaps.png', 'features.html', 'features.rrd')
UNLABELLED_ON_DARK = (0.35, 0.38, 0.42)


def feature_files(
    seen: SeenTogether, folder: Path, chosen: Chosen | None, *, n_prototypes: int, rerun: bool
) -> dict[Path, bytes | None]:
    """What is written into a folder; None for what an older call may have left, and is no longer right.

    n_prototypes: whose softmaps are drawn.  rerun: whether a recording is made, too.
    """
    features, softmaps, page, recording = (folder / name for name in NAMES)
    viewed = seen.viewed()
    return {
        features: to_png(draw_features(seen, chosen)),
        softmaps: None if seen.softmaps is None else to_png(draw_softmaps(seen, n_prototypes)),
        page: viewer_page(*viewed).encode(),
        recording: rerun_recording(*viewed, n_softmaps=n_prototypes) if rerun else None,
        **{path: ply_of(seen, i, chosen) for i, path in enumerate(ply_paths(folder, [s.file for s in seen.sweeps]))},
    }


def draw_features(seen: SeenTogether, chosen: Chosen | None) -> Figure:
    """A row of pictures, one for each sweep: principal components; where a point is chosen the similarity to it, rings
    around it and what is most like it; clusters; classes, where they are known."""
    panels = [*_component_panels(seen), *_similarity_panels(seen, chosen), *_category_panels(seen)]
    figure = draw_panels(panels, n_columns=len(seen.sweeps), reach_m=seen.reach_m(chosen))
    if seen.classes is not None:
        add_legend(figure, dict(zip(seen.classes, class_colours(len(seen.classes)))))
    return figure


def _component_panels(seen: SeenTogether) -> Iterator[Panel]:
    for i, sweep in enumerate(seen.sweeps):
        yield _panel(seen, f'{sweep.file.name}: principal components', i, seen.colours[i])


def _similarity_panels(seen: SeenTogether, chosen: Chosen | None) -> Iterator[Panel]:
    for i in range(len(seen.sweeps) if chosen else 0):
        rows = np.array([chosen.row]) if i == 0 else chosen.nearest[i - 1]
        title = 'similarity to the ringed point' if i == 0 else f'similarity; rings: the {len(rows)} most similar'
        yield _panel(seen, title, i, heat(np.maximum(chosen.cosines[i], 0)), rows)


def _category_panels(seen: SeenTogether) -> Iterator[Panel]:
    for i in range(len(seen.sweeps)):
        yield _panel(seen, f'{seen.n_clusters} clusters', i, class_colours(seen.n_clusters)[seen.clusters[i]])
    if seen.classes is None:
        return
    colours = np.vstack((class_colours(len(seen.classes)), UNLABELLED_ON_DARK))  # -1 is the last one
    for sweep in seen.sweeps:
        yield Panel('classes of the label file', sweep.points[:, :2].numpy(), colours[sweep.labels])


def draw_softmaps(seen: SeenTogether, n_prototypes: int) -> Figure:
    """The first prototypes, one a row, on the first sweep: teacher, teacher after Zipf-Sinkhorn, student; rings around
    the places that get most. InputError where there is no head."""
    if seen.softmaps is None:
        raise InputError('there is no head, hence no softmap')
    panels = []
    for column, number in enumerate(seen.softmaps.prototypes[:n_prototypes].tolist()):
        for kind, maps in seen.softmaps.maps.items():
            own = maps[:, column]
            shown = heat(shown_share(own.numpy(), own.max().numpy())[: seen.sizes[0]])
            panels.append(_panel(seen, f'prototype {number}: {kind}', 0, shown, seen.most_using(kind, column)[0]))
    return draw_panels(panels, n_columns=len(seen.softmaps.maps), reach_m=seen.reach_m())


def ply_of(seen: SeenTogether, i: int, chosen: Chosen | None) -> bytes:
    """Sweep i with its PCA colours, its intensity and cluster, and where they are known class and similarity."""
    sweep = seen.sweeps[i]
    rows = sweep.cell_of_point.numpy()
    scalars = {'intensity': sweep.points[:, 3].numpy(), 'cluster': seen.clusters[i][rows]}
    if sweep.labels is not None:
        scalars['label'] = sweep.labels
    if chosen:
        scalars['similarity'] = chosen.cosines[i][rows]
    return coloured_ply(sweep.points[:, :3].numpy(), seen.colours[i][rows], scalars)


def _panel(
    seen: SeenTogether, title: str, i: int, of_cells: NDArray, ringed: NDArray[np.integer] | None = None
) -> Panel:
    sweep = seen.sweeps[i]
    xy_m = sweep.points[:, :2].numpy()
    marks = () if ringed is None else (xy_m[ringed],)
    return Panel(title, xy_m, of_cells[sweep.cell_of_point.numpy()], *marks)


def ply_paths(folder: Path, files: Sequence[Path]) -> list[Path]:
    """A .ply file for each sweep, numbered, so that sweeps of one name in several folders are kept apart."""
    return [folder / f'{i}_{file.name.split(".")[0]}.ply' for i, file in enumerate(files)]


def check_files(folder: Path, inputs: Sequence[Path]) -> None:
    """OutputExistsError, before the work, where something else than an older result has the name of one."""
    ours = {'.png': holds_picture, '.rrd': holds_recording, '.html': holds_page(TITLE), '.ply': holds_features}
    for path in (*(folder / name for name in NAMES), *ply_paths(folder, inputs)):
        check_output(path, *inputs, ours=ours[path.suffix])
