"""What a cell of a protocol on objects is asked, as its file has it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device

from ....models.backbones import PatchEncoder
from ....probe.objects.fitting import FitRecipe, Stage
from ....probe.objects.inputs import ObjectInput
from ....probe.objects.networks import build_encoder
from ....probe.objects.tasks import ObjectTask, task_of
from .sources import load_encoder

KEEP = 'training.pth'
"""In the folder of a cell: what an interrupted training goes on from."""


class Request:
    """What a cell is asked.

    Args:
        content: of the request's file.
        folder: of the cell.
    """

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        self.content, self.folder = content, folder
        self.device = torch.device(get_device())
        fed = content['fed']
        self.fed = ObjectInput(**{**fed, 'scale': fed['scale'] and tuple(fed['scale'])})
        self.how: str = content['how']
        self.pools = tuple(content['pools'])
        self.kind: str = content['network']['kind']
        self.seed: int = content['seed']
        self.workers: int = content['load_workers']
        found = content.get('recipe')
        self.recipe = found and FitRecipe(**{**found, 'stages': tuple(Stage(**stage) for stage in found['stages'])})

    def task(self) -> ObjectTask:
        """The classification of the whole set."""
        sizes = {key: self.content[key] for key in ('percent', 'share_seed', 'held_out_percent')}
        return task_of(self.content['root'], self.content['split'], **sizes)

    def encoder(self) -> PatchEncoder:
        """Pretrained, or with the start of its seed."""
        config = self.content['network']['encoder']
        if self.kind == 'checkpoint':
            return load_encoder(Path(self.content['checkpoint']), config)
        return build_encoder(config, self.seed)
