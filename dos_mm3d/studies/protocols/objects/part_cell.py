"""A cell of the protocol on parts of objects."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from ....functional.shape_descriptors import shape_descriptor
from ....metrics.part_iou import part_miou
from ....probe.objects.networks import DescribedParts, EncoderParts, PointNetParts
from ....probe.objects.part_task import PartTask
from .recipes import DROP_PATH
from .request import KEEP, Request


def parts(request: Request) -> dict[str, Any]:
    """Instance and class mIoU of the last and of the best state, and the mIoU of every class."""
    task = request.task()
    part_task = PartTask(task, request.fed, request.device, request.workers)
    if request.kind == 'most_common':
        judged = part_task.most_common()
    else:
        torch.manual_seed(request.seed)
        model = network_of(request, part_task)
        judged = part_task.train(model, request.recipe, seed=request.seed, keep=request.folder / KEEP)
    return {
        'labelled': len(task.train_rows),
        'held_out': len(task.out),
        'scored': len(task.scored_rows),
        'facts': dict(judged.facts),
        **{name: scores(found, task.train.classes) for name, found in judged.states.items()},
    }


def network_of(request: Request, task: PartTask) -> nn.Module:
    """By the kind of network. A random encoder is frozen under its head, one from scratch or pretrained is trained."""
    sizes = len(task.parts), task.num_parts
    if request.kind == 'pointnet':
        return PointNetParts(*sizes)
    if request.kind == 'descriptors':
        return DescribedParts(*sizes, shape_descriptor)
    return EncoderParts(request.encoder(), *sizes, drop_path=0.0 if request.kind == 'random' else DROP_PATH)


def scores(found: NDArray, classes: tuple[str, ...]) -> dict[str, Any]:
    """found: (M, 2), IoU and category of each object."""
    ious, categories = torch.from_numpy(found).unbind(1)
    instance, of_class = part_miou(ious, categories)
    by_class = {
        name: 100 * float(ious[categories == number].mean()) if (categories == number).any() else None
        for number, name in enumerate(classes)
    }
    return {'values': {'instance': 100 * instance, 'class': 100 * of_class}, 'per_class': by_class}
