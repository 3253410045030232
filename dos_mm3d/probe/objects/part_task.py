"""Parts of objects: points labelled, scored by instance and class mIoU."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError
from ...metrics.part_iou import part_miou, shape_iou
from .classifiers import Judged
from .features import BATCH
from .fitting import Batch, FitRecipe, fit
from .inputs import DrawnClouds, FedObjects, ObjectInput, feed, in_order
from .tasks import ObjectTask, judged


class PartTask:
    """Parts of the objects of a task.

    Args:
        task: whose sets have parts.
        fed: how clouds are fed, augmentation included.
        device: of model and batches.
        workers: that prepare clouds beside the training.
    """

    def __init__(self, task: ObjectTask, fed: ObjectInput, device: torch.device, workers: int = 0) -> None:
        if task.train.parts_of_class is None or task.scored.parts_of_class is None:
            raise InputError(
                f'the objects ({task.train.source.get("format")}) have no parts; wanted a prepared ShapeNetPart, or an '
                'embedded set with parts'
            )
        self.task, self.fed, self.device, self.workers = task, fed, device, workers
        self.parts = [task.train.parts_of_class[name] for name in task.train.classes]
        self.num_parts = 1 + max(part for parts in self.parts for part in parts)

    def batches(self, clouds: DrawnClouds, batches: list[list[int]]) -> Iterator[tuple[FedObjects, Tensor, Tensor]]:
        """What is fed, the category (R,) of the objects, the parts (R, N) of the points that are fed."""
        for positions, (crops, category, rows) in zip(batches, clouds.loader(batches, self.workers)):
            whole = [torch.from_numpy(clouds.objects.parts(clouds.rows[position])) for position in positions]
            parts = torch.stack([of_cloud[chosen] for of_cloud, chosen in zip(whole, rows)])
            yield feed(crops, self.device), category.to(self.device), parts.to(self.device)

    def clouds(self, which: str, fed: ObjectInput, seed: int = 0) -> DrawnClouds:
        """Of 'stay', 'out' or 'scored'."""
        task = self.task
        if which == 'scored':
            return DrawnClouds(task.scored, task.scored_rows, fed, seed=seed)
        return DrawnClouds(task.train, task.train_rows[getattr(task, which)], fed, seed=seed)

    def train(self, model: nn.Module, recipe: FitRecipe, *, seed: int, keep: Path | None = None) -> Judged:
        """Fit a model (FedObjects, category) -> logits (R, N, parts); `last` and `best` are (M, 2) float64: of
        each object the IoU at the points that are fed, and the category."""
        clouds = self.clouds('stay', self.fed, seed)

        def passes(epoch: int, batches: list[list[int]]) -> Iterator[Batch]:
            clouds.epoch = epoch
            for fed, category, parts in self.batches(clouds, batches):
                yield (fed, category), parts

        def validate(model: nn.Module) -> float:
            ious, categories = self.score(model, 'out')
            return part_miou(ious, categories)[0]

        model = model.to(self.device)
        fitted = fit(
            model,
            passes,
            len(clouds),
            recipe,
            seed=seed,
            validate=validate if len(self.task.out) else None,
            keep=keep,
        )
        return judged(model, fitted, lambda model: torch.stack(self.score(model, 'scored'), 1).numpy())

    @torch.no_grad()
    def score(self, model: nn.Module, which: str) -> tuple[Tensor, Tensor]:
        """IoU (M,) and category (M,), float64, of the objects of a part of the task; model in eval mode."""
        clouds = self.clouds(which, self.fed.plain)
        ious, categories = [], []
        for fed, category, parts in self.batches(clouds, in_order(len(clouds), BATCH)):
            logits = model(fed, category).float()
            for one, of_class, truth in zip(logits, category.tolist(), parts):
                ious.append(shape_iou(one, truth, self.parts[of_class]))
                categories.append(of_class)
        return torch.tensor(ious, dtype=torch.float64), torch.tensor(categories, dtype=torch.float64)

    def most_common(self) -> Judged:
        """Every point is of the part that most training points of its class are of: what no model may fall below."""
        counts = np.zeros((len(self.parts), self.num_parts), np.int64)
        for row, label in zip(self.task.train_rows, self.task.train_labels):
            counts[label] += np.bincount(self.task.train.parts(row), minlength=self.num_parts)
        logits = torch.from_numpy(counts).to(self.device)
        found = self.score(_Constant(logits).eval(), 'scored')
        return Judged(torch.stack(found, 1).numpy(), None)


class _Constant(nn.Module):
    """The same logits (classes, parts) at every point of a class."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, fed: FedObjects, category: Tensor) -> Tensor:
        return self.logits[category][:, None].expand(-1, fed.points.shape[1], -1)
