"""Predicted beside true classes of a segmentor's samples, for the page."""

from collections.abc import Sequence

from ...visualization.viewed import ViewedSweep, Words
from .predictions import Predicted

TITLE = 'Predicted and true classes'
TRUE = 'true'


def viewed_segmentations(samples: Sequence[Predicted]) -> tuple[list[ViewedSweep], Words]:
    """Every sample once, its points coloured by the truth or by what one of the models predicts.

    The samples have a class for every point, and answers of the same models.
    """
    names = [name.replace('_', ' ') for name in samples[0].classes]
    kinds = (TRUE, *samples[0].answers)
    return [_viewed(one) for one in samples], Words(TITLE, categories=dict.fromkeys(kinds, names))


def _viewed(one: Predicted) -> ViewedSweep:
    found = {name: answer.pred_pts_seg.pts_semantic_mask.numpy() for name, answer in one.answers.items()}
    return ViewedSweep(one.file.name, one.points_for_page(), categories={TRUE: one.truth.labels, **found})
