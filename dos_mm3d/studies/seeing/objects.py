"""Objects of a prepared set as an encoder of AsymDSD sees them, as a page for a report."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import pad

from ...datasets.objects import ObjectSet
from ...models.backbones import PatchEncoder
from ...probe.objects.inputs import DrawnClouds, FedObjects, ObjectInput, feed
from ...spread import evenly_spread
from ...visualization.viewer import viewer_page
from .together import SeenSweep, SeenTogether

TITLE = 'Features of objects'
CAPTION = (
    'Click on a point: patches with similar features light up, in both objects; others are chosen above each. Colours: '
    'principal components of the features of patches, clusters of these, the class.'
)
OBJECTS = 8


@torch.no_grad()
def objects_page(encoder: PatchEncoder, objects: ObjectSet, fed: ObjectInput) -> str:
    """Some objects, evenly spread over the set, whose points have the features of the patch with the nearest centre.

    Args:
        encoder: with weights.
        objects: with classes.
        fed: sizes of what the encoder is fed.
    """
    clouds = DrawnClouds(objects, evenly_spread(range(len(objects)), OBJECTS), fed.plain)
    encoder.eval()
    sweeps = []
    for position, row in enumerate(clouds.rows):
        ((crops, labels, _),) = clouds.loader([[position]])
        seen = feed(crops, torch.device('cpu'))
        tokens = encoder(*encoder.embed(seen.patches, seen.centres)).patches[0].float()
        sweeps.append(_seen(seen, tokens, int(labels), f'{objects.classes[int(labels)]}, object {row}'))
    viewed, words = SeenTogether(sweeps, None, objects.classes).viewed()
    return viewer_page(viewed, replace(words, title=TITLE, reach_percent=100))


def _seen(fed: FedObjects, tokens: torch.Tensor, label: int, name: str) -> SeenSweep:
    points = fed.points[0].float()
    return SeenSweep(
        file=Path(name.replace('/', ' or ')),
        points=pad(points, (0, 1)),
        n_outside=0,
        cell_of_point=torch.cdist(points, fed.centres[0].float()).argmin(1),
        teacher=tokens,
        student=None,
        labels=np.full(len(points), label),
    )
