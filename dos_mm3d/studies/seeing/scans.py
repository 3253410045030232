"""Labelled scans of a data set as teacher and student see them, as a page for a report."""

from collections.abc import Sequence
from pathlib import Path

from ...models.methods import DOS
from ...probe.features import EncoderFeatures
from ...probe.scans import ProbeScan
from ...probe.softmaps import softmaps_of
from ...spread import evenly_spread
from ...visualization.viewer import viewer_page
from .together import SeenSweep, SeenTogether, both_sides

CAPTION = (
    'Click on a point: what has similar features lights up, in both scans. Colours: principal components of the '
    "teacher's features, true classes, clusters, softmaps of the most used prototypes, and others."
)
SCANS = 2
PROTOTYPES = 8


def scans_page(model: DOS, scans: Sequence[ProbeScan], classes: Sequence[str], *, with_student: bool = True) -> str:
    """Two of the scans, evenly spread, to turn and click in.

    Args:
        model: with weights.
        scans: as its encoder sees them, columns x, y, z and what a return's strength is.
        classes: label i + 1 of a scan is classes[i].
        with_student: whether the student has weights, too; without them there are no softmaps.
    """
    sides = {'teacher': model.teacher, **({'student': model.student} if with_student else {})}
    encoders = EncoderFeatures(model, {name: branch.backbone for name, branch in sides.items()})
    sweeps = [seen_scan(scans[i], encoders, f'scan {i}') for i in evenly_spread(range(len(scans)), SCANS)]
    both = both_sides(sweeps)
    softmaps = both and softmaps_of(model, *both, most_used=PROTOTYPES)
    return viewer_page(*SeenTogether(sweeps, softmaps, [name.replace('_', ' ') for name in classes]).viewed())


def seen_scan(scan: ProbeScan, encoders: EncoderFeatures, name: str) -> SeenSweep:
    """The key frame of a scan with its classes."""
    blocks = encoders(scan)
    points = scan.points[scan.key_rows, :4].clone()
    points[:, 3] /= points[:, 3].max().clamp(min=1e-6)
    return SeenSweep(
        file=Path(name),
        points=points,
        n_outside=0,
        cell_of_point=blocks['teacher'].row_of_point,
        teacher=blocks['teacher'].values,
        student=blocks['student'].values if 'student' in blocks else None,
        labels=scan.labels.numpy() - 1,
    )
