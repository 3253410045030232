"""What trained models say of a config's samples, beside the truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmdet3d.registry import DATASETS, MODELS
from mmdet3d.structures import Det3DDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from numpy.typing import NDArray
from torch import nn

from ...export.loading import require_fit
from .samples import Truth, points_of, require_number, truth_of


@dataclass(frozen=True)
class Predicted:
    """One sample and what models answer to it.

    Args:
        file: of its points.
        points: (n, >= 3) x, y, z in metres and further columns.
        truth: what the data set says of it.
        classes: names of the labels.
        answers: name of a model -> what it predicts, on the CPU.
    """

    file: Path
    points: NDArray[np.floating]
    truth: Truth
    classes: tuple[str, ...]
    answers: Mapping[str, Det3DDataSample]

    def points_for_page(self) -> NDArray[np.floating]:
        """(n, 4) x, y, z and the fourth column in 0-1, as the page wants it."""
        points = np.array(self.points[:, :4])
        points[:, 3] /= max(points[:, 3].max(), 1e-6)
        return points


def load_trained(cfg: Config, checkpoint: str | Path) -> nn.Module:
    """The model of a config with all weights of a checkpoint, in eval mode, on the GPU where there is one.

    InputError where the file is not of this model.
    """
    init_default_scope('mmdet3d')
    model = MODELS.build(cfg.model)
    require_fit(model, checkpoint, complete=True)
    load_checkpoint(model, str(checkpoint), map_location='cpu')
    return model.to(get_device()).eval()


@torch.no_grad()
def predict(cfg: Config, loader: str, checkpoints: Mapping[str, Path], numbers: Sequence[int]) -> Iterator[Predicted]:
    """Samples of a loader under one trained model or more of the same config.

    InputError where a number is too high, or a file is not of the config's model.
    """
    dataset = DATASETS.build(cfg[loader].dataset)
    for number in numbers:
        require_number(dataset, number, loader)
    models = {name: load_trained(cfg, path) for name, path in checkpoints.items()}
    for number in numbers:
        sample = dataset[number]
        points, file = points_of(sample, number)
        answers = {name: model.test_step(pseudo_collate([sample]))[0].to('cpu') for name, model in models.items()}
        yield Predicted(file, points, truth_of(sample['data_samples']), tuple(dataset.metainfo['classes']), answers)
